"""OpenAI Responses by the SDK `openai`."""

import json

import openai

from expected import DESCRIPTION, MODEL, SCHEMA, Outcome
from vendors.openai_chat import ERROR, client, retry_after, status  # noqa: F401: what a vendor has, the same here
from vendors.openai_chat import STREAM_ERRORS as CHAT_STREAM_ERRORS

NAME = "openai-responses"
FINISH, FINISH_CALLS = "completed", "completed"
TOOLS = [{"type": "function", "name": "get_weather", "description": DESCRIPTION, "parameters": SCHEMA, "strict": False}]


class StreamFailed(Exception):
    """The SDK gives a failure in a stream as an event."""


STREAM_ERRORS = (*CHAT_STREAM_ERRORS, StreamFailed)


def send(sdk, said: list, streamed: bool, **more) -> tuple[Outcome, list]:
    """The outcome, and the items to repeat in the next call."""
    if not streamed:
        answer = sdk.responses.create(model=MODEL, input=said, **more)
    else:
        # The SDK's own collector is stricter than its events: it wants every item announced.
        text, arguments = "", ""
        with sdk.responses.stream(model=MODEL, input=said, **more) as events:
            for event in events:
                if event.type in ("error", "response.failed"):
                    raise StreamFailed(str(event))
                if event.type == "response.output_text.delta":
                    text += event.delta
                if event.type == "response.function_call_arguments.delta":
                    arguments += event.delta
            answer = events.get_final_response()
        if text != answer.output_text:
            raise AssertionError(f"the deltas make {text!r}, the answer is {answer.output_text!r}")
        whole = "".join(item.arguments for item in answer.output if item.type == "function_call")
        if arguments != whole:
            raise AssertionError(f"the deltas make {arguments!r}, the arguments are {whole!r}")
    calls = [(item.name, json.loads(item.arguments)) for item in answer.output if item.type == "function_call"]
    outcome = Outcome(answer.output_text, calls, answer.status, answer.usage.model_dump(exclude_none=True))
    # The collector adds its own field.
    return outcome, [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output]


def ask(sdk, prompt: str, streamed: bool) -> Outcome:
    return send(sdk, [{"role": "user", "content": prompt}], streamed)[0]


def ask_with_tool(sdk, prompt: str, streamed: bool):
    asked = [{"role": "user", "content": prompt}]
    outcome, items = send(sdk, asked, streamed, tools=TOOLS)

    def answer_tool(result: str) -> Outcome:
        [call] = items
        reply = {"type": "function_call_output", "call_id": call["call_id"], "output": result}
        return send(sdk, [*asked, *items, reply], streamed, tools=TOOLS)[0]

    return outcome, answer_tool


def usage(tokens) -> dict:
    return {
        "input_tokens": tokens.prompt,
        "output_tokens": tokens.completion,
        "total_tokens": tokens.total,
        "input_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.written},
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }
