"""Anthropic Messages by the SDK `anthropic`."""

import anthropic
import httpx2

from expected import DESCRIPTION, KEY, MODEL, SCHEMA, Outcome

NAME = "anthropic"
FINISH, FINISH_CALLS = "end_turn", "tool_use"
ERROR = anthropic.RateLimitError
STREAM_ERRORS = (anthropic.APIError, httpx2.TransportError, ValueError)
TOOLS = [{"name": "get_weather", "description": DESCRIPTION, "input_schema": SCHEMA}]


def client(base: str):
    return anthropic.Anthropic(api_key=KEY, base_url=base, max_retries=0)


def send(sdk, messages: list, streamed: bool, **more):
    """The outcome and the message as the SDK has it."""
    asked = {"model": MODEL, "max_tokens": 100, "messages": messages, **more}
    if not streamed:
        answer = sdk.messages.create(**asked)
    else:
        with sdk.messages.stream(**asked) as stream:
            pieces = "".join(stream.text_stream)
            answer = stream.get_final_message()
        whole = "".join(block.text for block in answer.content if block.type == "text")
        if pieces != whole:
            raise AssertionError(f"the deltas make {pieces!r}, the message is {whole!r}")
    text = "".join(block.text for block in answer.content if block.type == "text")
    calls = [(block.name, block.input) for block in answer.content if block.type == "tool_use"]
    return Outcome(text, calls, answer.stop_reason, answer.usage.model_dump(exclude_none=True)), answer


def ask(sdk, prompt: str, streamed: bool) -> Outcome:
    return send(sdk, [{"role": "user", "content": prompt}], streamed)[0]


def ask_with_tool(sdk, prompt: str, streamed: bool):
    asked = [{"role": "user", "content": prompt}]
    outcome, answer = send(sdk, asked, streamed, tools=TOOLS)

    def answer_tool(result: str) -> Outcome:
        [block] = answer.content
        reply = {"type": "tool_result", "tool_use_id": block.id, "content": result}
        said = [*asked, {"role": "assistant", "content": answer.content}, {"role": "user", "content": [reply]}]
        return send(sdk, said, streamed, tools=TOOLS)[0]

    return outcome, answer_tool


def usage(tokens) -> dict:
    return {
        "input_tokens": tokens.fresh,
        "output_tokens": tokens.completion,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation_input_tokens": tokens.written,
        "cache_creation": {"ephemeral_5m_input_tokens": tokens.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens_details": {"thinking_tokens": tokens.reasoning},
    }


def status(error) -> int:
    return error.status_code


def retry_after(error) -> str:
    return error.response.headers["retry-after"]
