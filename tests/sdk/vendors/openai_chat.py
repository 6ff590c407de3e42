"""OpenAI chat completions and embeddings by the SDK `openai`."""

import json

import httpx2
import openai

from expected import DESCRIPTION, KEY, MODEL, SCHEMA, Outcome

NAME = "openai"
FINISH, FINISH_CALLS = "stop", "tool_calls"
ERROR = openai.RateLimitError
# A stream's JSON is the caller's affair in this SDK: what json raises comes through.
STREAM_ERRORS = (openai.APIError, httpx2.TransportError, json.JSONDecodeError)
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": DESCRIPTION, "parameters": SCHEMA}}]


def client(base: str):
    return openai.OpenAI(api_key=KEY, base_url=f"{base}/v1", max_retries=0)


def send(sdk, messages: list, streamed: bool, **more) -> tuple[Outcome, dict]:
    """The outcome, and the message to repeat in the next call."""
    if not streamed:
        answer = sdk.chat.completions.create(model=MODEL, messages=messages, **more)
        [choice], usage = answer.choices, answer.usage
        message, finish = choice.message.model_dump(exclude_none=True), choice.finish_reason
    else:
        options = {"stream_options": {"include_usage": True}, **more}
        message, finish, usage = {"role": "assistant", "content": ""}, None, None
        for chunk in sdk.chat.completions.create(model=MODEL, messages=messages, stream=True, **options):
            usage = chunk.usage or usage
            for choice in chunk.choices:
                finish = choice.finish_reason or finish
                message["content"] += choice.delta.content or ""
                for part in choice.delta.tool_calls or []:
                    calls = message.setdefault("tool_calls", [])
                    if part.index == len(calls):
                        function = {"name": part.function.name, "arguments": ""}
                        calls.append({"id": part.id, "type": part.type, "function": function})
                    calls[part.index]["function"]["arguments"] += part.function.arguments
    functions = [call["function"] for call in message.get("tool_calls", [])]
    calls = [(function["name"], json.loads(function["arguments"])) for function in functions]
    return Outcome(message["content"], calls, finish, usage.model_dump(exclude_none=True)), message


def ask(sdk, prompt: str, streamed: bool) -> Outcome:
    return send(sdk, [{"role": "user", "content": prompt}], streamed)[0]


def ask_with_tool(sdk, prompt: str, streamed: bool):
    asked = [{"role": "user", "content": prompt}]
    outcome, message = send(sdk, asked, streamed, tools=TOOLS)

    def answer_tool(result: str) -> Outcome:
        [call] = message["tool_calls"]
        reply = {"role": "tool", "tool_call_id": call["id"], "content": result}
        return send(sdk, [*asked, message, reply], streamed, tools=TOOLS)[0]

    return outcome, answer_tool


def usage(tokens) -> dict:
    return {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.total,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.written},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def status(error) -> int:
    return error.status_code


def retry_after(error) -> str:
    return error.response.headers["retry-after"]


def embed(sdk, texts: list) -> list:
    answer = sdk.embeddings.create(model=MODEL, input=texts)
    return [entry.embedding for entry in answer.data]
