"""Reads lines of JSON in FILE, each a request as a server got it (`method`, `url`, `headers` by name in small letters, `body`), and
says for each whether botocore gives it the same signature: `ok` or `FAILED` and both signatures. Exit 1 if any failed.

The keys are AKIAFAKE and fake-secret; the region and the headers that are signed stand in the request itself.
"""

import json
import sys

import botocore.auth
import botocore.awsrequest
import botocore.credentials


def signature(request: dict) -> tuple[str, str]:
    sent = request["headers"]
    parts = dict(part.strip().split("=", 1) for part in sent["authorization"].split(" ", 1)[1].split(","))
    region, service = parts["Credential"].split("/")[2:4]
    own = {"host", "x-amz-date", "x-amz-security-token"}
    headers = {name: sent[name] for name in parts["SignedHeaders"].split(";") if name not in own}
    made = botocore.awsrequest.AWSRequest(
        method=request["method"], url=request["url"], headers=headers, data=request["body"].encode()
    )
    signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials("AKIAFAKE", "fake-secret"), service, region)
    made.context["timestamp"] = sent["x-amz-date"]
    made.headers["X-Amz-Date"] = sent["x-amz-date"]
    text = signer.string_to_sign(made, signer.canonical_request(made))
    return signer.signature(text, made), parts["Signature"]


def main() -> int:
    failed = 0
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            theirs, ours = signature(json.loads(line))
            failed += theirs != ours
            print("ok" if theirs == ours else f"FAILED botocore {theirs}, ours {ours}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
