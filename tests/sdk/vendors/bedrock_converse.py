"""Bedrock Converse by the SDK `boto3`."""

import json

import boto3
import botocore.config
import botocore.exceptions
import urllib3.exceptions

from expected import DESCRIPTION, SCHEMA, Outcome

NAME = "bedrock"
FINISH, FINISH_CALLS = "end_turn", "tool_use"
ERROR = botocore.exceptions.ClientError
# Of an event that is not JSON this SDK makes an empty one, in which the caller misses a key.
STREAM_ERRORS = (
    KeyError,
    botocore.exceptions.ClientError,
    botocore.exceptions.BotoCoreError,
    urllib3.exceptions.HTTPError,
    ValueError,
)
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
TOOLS = {"tools": [{"toolSpec": {"name": "get_weather", "description": DESCRIPTION, "inputSchema": {"json": SCHEMA}}}]}


def client(base: str, session_token: str | None = None):
    config = botocore.config.Config(retries={"total_max_attempts": 1})
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=base,
        region_name="us-east-1",
        aws_access_key_id="AKIAFAKE",
        aws_secret_access_key="fake-secret",
        aws_session_token=session_token,
        config=config,
    )


def collect(events) -> tuple[dict, str, dict]:
    """The message, stop reason and usage that a stream amounts to."""
    content, finish, usage, role = {}, None, None, None
    for event in events:
        [(kind, data)] = event.items()
        if kind == "messageStart":
            role = data["role"]
        elif kind == "contentBlockStart":
            content[data["contentBlockIndex"]] = {"toolUse": {**data["start"]["toolUse"], "input": ""}}
        elif kind == "contentBlockDelta":
            block, delta = content.setdefault(data["contentBlockIndex"], {}), data["delta"]
            if "text" in delta:
                block["text"] = block.get("text", "") + delta["text"]
            else:
                block["toolUse"]["input"] += delta["toolUse"]["input"]
        elif kind == "contentBlockStop":
            block = content[data["contentBlockIndex"]]
            if "toolUse" in block:
                block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
        elif kind == "messageStop":
            finish = data["stopReason"]
        elif kind == "metadata":
            usage = data["usage"]
    return {"role": role, "content": [content[index] for index in sorted(content)]}, finish, usage


def send(sdk, messages: list, streamed: bool, **more) -> tuple[Outcome, dict]:
    """The outcome, and the message to repeat in the next call."""
    if streamed:
        answer = sdk.converse_stream(modelId=MODEL, messages=messages, **more)
        message, finish, usage = collect(answer["stream"])
    else:
        answer = sdk.converse(modelId=MODEL, messages=messages, **more)
        message, finish, usage = answer["output"]["message"], answer["stopReason"], answer["usage"]
    text = "".join(block.get("text", "") for block in message["content"])
    uses = [block["toolUse"] for block in message["content"] if "toolUse" in block]
    return Outcome(text, [(use["name"], use["input"]) for use in uses], finish, usage), message


def ask(sdk, prompt: str, streamed: bool) -> Outcome:
    return send(sdk, [{"role": "user", "content": [{"text": prompt}]}], streamed)[0]


def ask_with_tool(sdk, prompt: str, streamed: bool):
    asked = [{"role": "user", "content": [{"text": prompt}]}]
    outcome, message = send(sdk, asked, streamed, toolConfig=TOOLS)

    def answer_tool(result: str) -> Outcome:
        [block] = message["content"]
        reply = {"toolResult": {"toolUseId": block["toolUse"]["toolUseId"], "content": [{"text": result}]}}
        said = [*asked, message, {"role": "user", "content": [reply]}]
        return send(sdk, said, streamed, toolConfig=TOOLS)[0]

    return outcome, answer_tool


def usage(tokens) -> dict:
    return {
        "inputTokens": tokens.fresh,
        "outputTokens": tokens.completion,
        "totalTokens": tokens.total,
        "cacheReadInputTokens": tokens.cached,
        "cacheWriteInputTokens": tokens.written,
    }


def status(error) -> int:
    if error.response["Error"]["Code"] != "ThrottlingException":
        raise AssertionError(f"the code is {error.response['Error']['Code']}")
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def retry_after(error) -> str:
    return error.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"]
