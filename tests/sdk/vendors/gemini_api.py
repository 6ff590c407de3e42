"""Gemini with an API key by the SDK `google-genai`."""

import httpx
import httpx2
from google import genai
from google.genai import errors, types

from expected import DESCRIPTION, KEY, MODEL, SCHEMA, Outcome

NAME = "gemini"
FINISH, FINISH_CALLS = "STOP", "STOP"
ERROR = errors.ClientError
# The SDK takes whichever of the two clients is there.
STREAM_ERRORS = (
    errors.APIError,
    errors.UnknownApiResponseError,
    httpx.TransportError,
    httpx2.TransportError,
    ValueError,
)
DECLARATION = types.FunctionDeclaration(name="get_weather", description=DESCRIPTION, parameters_json_schema=SCHEMA)
CONFIG = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=[DECLARATION])],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)
COUNTS = (
    "prompt_token_count",
    "candidates_token_count",
    "total_token_count",
    "cached_content_token_count",
    "thoughts_token_count",
)


def options(base: str):
    return types.HttpOptions(base_url=base, retry_options=types.HttpRetryOptions(attempts=1))


def client(base: str):
    return genai.Client(api_key=KEY, http_options=options(base))


def send(sdk, contents: list, streamed: bool, config=None):
    """The outcome and the model's content to repeat in the next call."""
    asked = {"model": MODEL, "contents": contents, "config": config}
    if streamed:
        chunks = list(sdk.models.generate_content_stream(**asked))
    else:
        chunks = [sdk.models.generate_content(**asked)]
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
    text = "".join(part.text or "" for part in parts)
    calls = [(part.function_call.name, part.function_call.args) for part in parts if part.function_call]
    last = chunks[-1]
    usage = {name: getattr(last.usage_metadata, name) or 0 for name in COUNTS}
    outcome = Outcome(text, calls, last.candidates[0].finish_reason.value, usage)
    return outcome, types.Content(role="model", parts=parts)


def user(part) -> types.Content:
    return types.Content(role="user", parts=[part])


def ask(sdk, prompt: str, streamed: bool) -> Outcome:
    return send(sdk, [user(types.Part(text=prompt))], streamed)[0]


def ask_with_tool(sdk, prompt: str, streamed: bool):
    asked = [user(types.Part(text=prompt))]
    outcome, content = send(sdk, asked, streamed, CONFIG)

    def answer_tool(result: str) -> Outcome:
        reply = types.Part.from_function_response(name="get_weather", response={"result": result})
        return send(sdk, [*asked, content, user(reply)], streamed, CONFIG)[0]

    return outcome, answer_tool


def usage(tokens) -> dict:
    return {
        "prompt_token_count": tokens.prompt,
        "candidates_token_count": tokens.text,
        "total_token_count": tokens.total,
        "cached_content_token_count": tokens.cached,
        "thoughts_token_count": tokens.reasoning,
    }


def status(error) -> int:
    if error.status != "RESOURCE_EXHAUSTED":
        raise AssertionError(f"the status is {error.status}")
    return error.code


def embed(sdk, texts: list) -> list:
    answer = sdk.models.embed_content(model=MODEL, contents=texts)
    return [embedding.values for embedding in answer.embeddings]
