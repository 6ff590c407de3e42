"""Gemini on Vertex AI by the SDK `google-genai`, with a service account whose tokens the fake gives."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google import genai
from google.oauth2 import service_account

from vendors.gemini_api import (  # noqa: F401: what a vendor has, the same here
    ERROR,
    FINISH,
    FINISH_CALLS,
    STREAM_ERRORS,
    ask,
    ask_with_tool,
    embed,
    options,
    status,
    usage,
)

NAME = "vertex"


def client(base: str):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "fake@fake.iam.gserviceaccount.com",
        "private_key": key.private_bytes(*form).decode(),
        "token_uri": f"{base}/token",
    }
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    credentials = service_account.Credentials.from_service_account_info(account, scopes=scopes)
    place = {"vertexai": True, "project": "fake-project", "location": "us-central1"}
    return genai.Client(**place, credentials=credentials, http_options=options(base))
