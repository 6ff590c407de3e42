"""What script.json makes the fake say, and what is counted for it."""

import dataclasses
import typing

MODEL = "fake-model-1"
KEY = "fake-key"
HELLO = "Say hello, please."
TEXT = "hello, world"
WEATHER = "What is the weather like?"
CALL = ("get_weather", {"city": "Paris"})
AFTER_TOOL = "It is sunny in Paris."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
DESCRIPTION = "Weather of a city."


@dataclasses.dataclass
class Outcome:
    """What an SDK gave: text, tool calls (name and arguments), finish reason, and the usage as the SDK has it."""

    text: str
    calls: list
    finish: object
    usage: dict


@dataclasses.dataclass
class Tokens:
    """Tokens of one call: of the prompt neither read from nor written to a cache, and of the text of the answer."""

    fresh: int
    text: int
    details: typing.ClassVar[tuple] = (0, 0, 0)

    @classmethod
    def of(cls, prompt: str, text: str) -> "Tokens":
        """A quarter of the bytes each, at least 1."""
        return cls(max(len(prompt) // 4, 1), max(len(text) // 4, 1))

    @property
    def cached(self) -> int:
        return self.details[0]

    @property
    def written(self) -> int:
        return self.details[1]

    @property
    def reasoning(self) -> int:
        return self.details[2]

    @property
    def prompt(self) -> int:
        """All of the prompt."""
        return self.fresh + self.cached + self.written

    @property
    def completion(self) -> int:
        """All of the answer."""
        return self.text + self.reasoning

    @property
    def total(self) -> int:
        return self.prompt + self.completion
