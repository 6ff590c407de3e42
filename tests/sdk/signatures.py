"""Prints random HTTP requests with the signature that botocore gives each: N lines of JSON from SEED.

Each line has `method`, `url` (as sent: path and query are percent-encoded once), `headers` (name and value pairs, all
of which are signed, beside host, x-amz-date and, with a session token, x-amz-security-token), `body` (text, UTF-8),
`access_key`, `secret_key`, `session_token` (or null), `region`, `service`, `time` (seconds since 1970), and the result:
`x_amz_date` and `authorization`, and `canonical_request` to see where another signer differs.

Half of the URLs are what boto3 makes of a model id; the others have odd characters everywhere.
"""

import argparse
import datetime
import json
import random
import string
import sys
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from vendors import bedrock_converse

MODELS = [
    "anthropic.claude-3-5-sonnet-20240620-v1:0",
    "us.anthropic.claude-sonnet-4-20250514-v1:0",
    "meta.llama3-1-8b-instruct-v1:0:128k",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-haiku-20240307-v1:0",
    "arn:aws:bedrock:eu-west-3:123456789012:provisioned-model/abc123def456",
    "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:imported-model/a1b2c3d4e5f6",
]
REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1"]
# What a path, query or body may have beside letters and digits.
ODD = "-_.~!*'()@$&=+,;:/?#[]% \"<>|\\^`{}äß€漢😀"
UNRESERVED = "-_.~"


class Sent(Exception):
    """Carries the request that boto3 was about to send."""


def model_url(endpoint: str, session_token: str | None, model: str, streamed: bool) -> str:
    """The URL to which boto3 sends a call of this model."""

    def stop(request, **_):
        raise Sent(request.url)

    sdk = bedrock_converse.client(endpoint, session_token)
    sdk.meta.events.register("before-send.bedrock-runtime", stop)
    call = sdk.converse_stream if streamed else sdk.converse
    try:
        call(modelId=model, messages=[{"role": "user", "content": [{"text": "hello"}]}])
    except Sent as sent:
        return sent.args[0]
    raise RuntimeError("boto3 sent nothing")


def word(rng: random.Random, longest: int, alphabet: str = string.ascii_letters + string.digits + ODD) -> str:
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(1, longest)))


def odd_url(rng: random.Random, endpoint: str) -> str:
    """A URL of random segments and parameters, encoded as SigV4 wants a query: all but the unreserved characters."""
    segments = []
    while len(segments) < rng.randint(1, 4):
        # Segments of dots alone mean other folders; no signer is asked to resolve them.
        segment = word(rng, 12)
        if segment.strip("."):
            segments.append(urllib.parse.quote(segment, safe=UNRESERVED))
    pairs = []
    for _ in range(rng.randint(0, 5)):
        # Few different names, so that some come twice.
        name = rng.choice(["a", "A", "b", "key", word(rng, 6)])
        value = rng.choice(["", word(rng, 10)])
        pairs.append(f"{urllib.parse.quote(name, safe=UNRESERVED)}={urllib.parse.quote(value, safe=UNRESERVED)}")
    query = "?" + "&".join(pairs) if pairs else ""
    slash = rng.choice(["", "/"])
    return f"{endpoint}/{'/'.join(segments)}{slash}{query}"


def headers(rng: random.Random) -> list:
    """Header names and values, some with more blanks than the signature has."""
    chosen = [["Content-Type", "application/json"]]
    if rng.random() < 0.5:
        chosen.append(["Accept", rng.choice(["application/json", "application/vnd.amazon.eventstream"])])
    if rng.random() < 0.5:
        name, value = word(rng, 8, string.ascii_letters), word(rng, 5, string.ascii_letters)
        chosen.append([f"X-Amzn-Bedrock-{name}", f"  {value}   b  "])
    if rng.random() < 0.3:
        chosen.append(["X-Custom", word(rng, 20, string.ascii_letters + string.digits + "-_.~!*'()@$&=+,;:/?")])
    rng.shuffle(chosen)
    return chosen


class Signer(botocore.auth.SigV4Auth):
    """Keeps what it signed."""

    def canonical_request(self, request):
        self.canonical = super().canonical_request(request)
        return self.canonical


def sign(line: dict) -> dict:
    """The same with what botocore makes of it."""
    moment = datetime.datetime.fromtimestamp(line["time"], datetime.timezone.utc).replace(tzinfo=None)
    # The signer reads the clock by this name.
    botocore.auth.get_current_datetime = lambda *_: moment
    request = botocore.awsrequest.AWSRequest(
        method=line["method"], url=line["url"], headers=dict(line["headers"]), data=line["body"].encode()
    )
    credentials = botocore.credentials.Credentials(line["access_key"], line["secret_key"], line["session_token"])
    signer = Signer(credentials, line["service"], line["region"])
    signer.add_auth(request)
    return {
        **line,
        "x_amz_date": request.headers["X-Amz-Date"],
        "authorization": request.headers["Authorization"],
        "canonical_request": signer.canonical,
    }


def draw(rng: random.Random) -> dict:
    """A request that is not yet signed."""
    region = rng.choice(REGIONS)
    endpoint = rng.choice([f"https://bedrock-runtime.{region}.amazonaws.com", "http://127.0.0.1:8080"])
    session_token = rng.choice([None, word(rng, 60, string.ascii_letters + string.digits + "+/=")])
    if rng.random() < 0.5:
        method, url = "POST", model_url(endpoint, session_token, rng.choice(MODELS), rng.random() < 0.5)
    else:
        method, url = rng.choice(["POST", "POST", "GET", "PUT", "DELETE"]), odd_url(rng, endpoint)
    return {
        "method": method,
        "url": url,
        "headers": headers(rng),
        "body": "" if method == "GET" else json.dumps({"text": word(rng, 200)}, ensure_ascii=rng.random() < 0.5),
        "access_key": "AKIA" + word(rng, 16, string.ascii_uppercase + string.digits),
        "secret_key": word(rng, 40, string.ascii_letters + string.digits + "+/"),
        "session_token": session_token,
        "region": region,
        "service": "bedrock",
        "time": rng.randint(1_400_000_000, 2_000_000_000),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", metavar="N", type=int, help="how many lines")
    parser.add_argument("seed", metavar="SEED", type=int, help="the same seed gives the same lines")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    for _ in range(options.n):
        # The clock of the URL's own signature does not matter: only the URL of that request is used.
        json.dump(sign(draw(rng)), sys.stdout, ensure_ascii=False)
        print()


if __name__ == "__main__":
    main()
