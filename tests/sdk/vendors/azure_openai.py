"""Azure OpenAI by the SDK `openai`: other paths, another header, the same messages."""

import openai

from expected import KEY
from vendors.openai_chat import (  # noqa: F401: what a vendor has, the same here
    ERROR,
    FINISH,
    FINISH_CALLS,
    STREAM_ERRORS,
    ask,
    ask_with_tool,
    embed,
    retry_after,
    status,
    usage,
)

NAME = "azure"


def client(base: str):
    return openai.AzureOpenAI(
        api_key=KEY, azure_endpoint=base, azure_deployment="fake deployment", api_version="2024-10-21", max_retries=0
    )
