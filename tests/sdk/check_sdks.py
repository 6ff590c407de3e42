"""Calls the fake vendor with each vendor's own SDK and compares what the SDK gives with what the fake was told.

The fake runs with script.json beside this file. Prints a line for each check, `ok VENDOR CHECK` or
`FAILED VENDOR CHECK: WHY`; exits with 1 if any failed. Needs what requirements.txt names.
"""

import argparse
import os
import sys
import urllib.request

# Nobody else is to be asked, and no setting of this machine counts.
for name in [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith(("AWS_", "GOOGLE_"))]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

from expected import AFTER_TOOL, CALL, HELLO, TEXT, WEATHER, Outcome, Tokens
from vendors import (
    anthropic_messages,
    azure_openai,
    bedrock_converse,
    gemini_api,
    ollama_chat,
    openai_chat,
    openai_responses,
    vertex_ai,
)

VENDORS = [
    openai_chat,
    openai_responses,
    azure_openai,
    anthropic_messages,
    gemini_api,
    vertex_ai,
    ollama_chat,
    bedrock_converse,
]


def fail(base: str, order: str) -> None:
    """Tells the fake what fails from now on, e.g. `1/1:429:2`; an empty order is nothing."""
    request = urllib.request.Request(f"{base}/_fail", data=order.encode(), method="POST")
    urllib.request.urlopen(request, timeout=10).read()


def equal(what: str, given: object, expected: object) -> None:
    """Raises if the two differ."""
    if given != expected:
        raise AssertionError(f"{what} is {given!r}, not {expected!r}")


def compare(vendor, given: Outcome, prompt: str, text: str, calls: list) -> None:
    """Compares an outcome with what the script says and what the vendor reports for it."""
    equal("text", given.text, text)
    equal("tool calls", given.calls, calls)
    equal("finish reason", given.finish, vendor.FINISH_CALLS if calls else vendor.FINISH)
    if prompt:
        equal("usage", given.usage, vendor.usage(Tokens.of(prompt, text)))


def talks(vendor, client, streamed: bool) -> None:
    """A text."""
    compare(vendor, vendor.ask(client, HELLO, streamed), HELLO, TEXT, [])


def calls_tool(vendor, client, streamed: bool) -> None:
    """A tool call, and the answer to its result."""
    first, answer_tool = vendor.ask_with_tool(client, WEATHER, streamed)
    compare(vendor, first, WEATHER, "", [CALL])
    compare(vendor, answer_tool("sunny"), "", AFTER_TOOL, [])


def is_limited(vendor, client, base: str) -> None:
    """Status 429 is the SDK's own error for it, with the time to wait."""
    fail(base, "1/1:429:2")
    try:
        vendor.ask(client, HELLO, False)
    except vendor.ERROR as error:
        equal("status", vendor.status(error), 429)
        if "told to fail with 429" not in str(error):
            raise AssertionError(f"the message is lost: {error}") from error
        if hasattr(vendor, "retry_after"):
            equal("Retry-After", vendor.retry_after(error), "2")
    else:
        raise AssertionError("no error came")
    finally:
        fail(base, "")


def breaks(vendor, client, base: str, order: str) -> None:
    """A stream that breaks in the given way is an error of the SDK."""
    fail(base, order)
    try:
        vendor.ask(client, HELLO, True)
    except vendor.STREAM_ERRORS as error:
        if order.endswith("error-event") and "told to fail half-way" not in str(error):
            raise AssertionError(f"the message is lost: {error!r}") from error
    else:
        raise AssertionError("no error came")
    finally:
        fail(base, "")


def embeds(vendor, client) -> None:
    """The same vector of length 1 for the same text, another one for another."""
    one, again, other = vendor.embed(client, ["one", "one", "other"])
    equal("dimensions", len(one), 8)
    equal("the same text's vector", again, one)
    if one == other or abs(sum(number * number for number in one) - 1) > 1e-4:
        raise AssertionError(f"no vectors of length 1: {one}, {other}")


def checks(vendor, base: str):
    """The checks of a vendor: name and what to run."""
    client = vendor.client(base)
    yield "plain", lambda: talks(vendor, client, False)
    yield "streamed", lambda: talks(vendor, client, True)
    yield "tool", lambda: calls_tool(vendor, client, False)
    yield "tool-streamed", lambda: calls_tool(vendor, client, True)
    yield "rate-limit", lambda: is_limited(vendor, client, base)
    yield "error-event", lambda: breaks(vendor, client, base, "1/1:error-event")
    yield "cut", lambda: breaks(vendor, client, base, "1/1:cut")
    yield "malformed", lambda: breaks(vendor, client, base, "1/1:malformed")
    if hasattr(vendor, "embed"):
        yield "embedding", lambda: embeds(vendor, client)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", metavar="BASE_URL", help="http://ADDRESS:PORT of the fake")
    parser.add_argument("--cached-tokens", type=int, default=0, help="as the fake was told")
    parser.add_argument("--cache-written-tokens", type=int, default=0, help="as the fake was told")
    parser.add_argument("--reasoning-tokens", type=int, default=0, help="as the fake was told")
    options = parser.parse_args()
    base = options.base.rstrip("/")
    Tokens.details = (options.cached_tokens, options.cache_written_tokens, options.reasoning_tokens)
    failed = 0
    for vendor in VENDORS:
        for name, check in checks(vendor, base):
            try:
                check()
                print(f"ok {vendor.NAME} {name}", flush=True)
            except Exception as error:  # whatever an SDK raises is this check's failure
                failed += 1
                why = " ".join(f"{type(error).__name__}: {error}".split())
                print(f"FAILED {vendor.NAME} {name}: {why}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
