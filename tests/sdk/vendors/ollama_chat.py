"""Ollama by the SDK `ollama`."""

import httpx
import ollama

from expected import DESCRIPTION, MODEL, SCHEMA, Outcome

NAME = "ollama"
FINISH, FINISH_CALLS = "stop", "stop"
ERROR = ollama.ResponseError
STREAM_ERRORS = (ollama.ResponseError, httpx.TransportError, ValueError)
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": DESCRIPTION, "parameters": SCHEMA}}]


def client(base: str):
    return ollama.Client(host=base)


def send(sdk, messages: list, streamed: bool, **more) -> tuple[Outcome, dict]:
    """The outcome, and the message to repeat in the next call."""
    answer = sdk.chat(model=MODEL, messages=messages, stream=streamed, **more)
    chunks = list(answer) if streamed else [answer]
    text = "".join(chunk.message.content or "" for chunk in chunks)
    calls = [call for chunk in chunks for call in chunk.message.tool_calls or []]
    last = chunks[-1]
    if not last.done or any(chunk.done for chunk in chunks[:-1]) or last.total_duration <= 0:
        raise AssertionError("not the last chunk alone is the last")
    usage = {"prompt_eval_count": last.prompt_eval_count, "eval_count": last.eval_count}
    named = [(call.function.name, dict(call.function.arguments)) for call in calls]
    message = {"role": "assistant", "content": text, "tool_calls": calls}
    return Outcome(text, named, last.done_reason, usage), message


def ask(sdk, prompt: str, streamed: bool) -> Outcome:
    return send(sdk, [{"role": "user", "content": prompt}], streamed)[0]


def ask_with_tool(sdk, prompt: str, streamed: bool):
    asked = [{"role": "user", "content": prompt}]
    outcome, message = send(sdk, asked, streamed, tools=TOOLS)

    def answer_tool(result: str) -> Outcome:
        reply = {"role": "tool", "tool_name": "get_weather", "content": result}
        return send(sdk, [*asked, message, reply], streamed, tools=TOOLS)[0]

    return outcome, answer_tool


def usage(tokens) -> dict:
    return {"prompt_eval_count": tokens.prompt, "eval_count": tokens.completion}


def status(error) -> int:
    return error.status_code


def embed(sdk, texts: list) -> list:
    return [list(vector) for vector in sdk.embed(model=MODEL, input=texts).embeddings]
