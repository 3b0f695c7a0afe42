"""What a request may say: OpenAI's names and a few of our own; anything else is refused."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..errors import SchemaInvalid
from ..types import Infill, Message, Priority, Prompt, Request, Sampling

_MAX_SCHEMA_CHARS = 100_000  # a grammar made from more would take minutes to compile

Text = Annotated[str, Field(max_length=50_000_000)]
Stop = Annotated[str, Field(min_length=1, max_length=500)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Name = Annotated[str, Field(min_length=1, max_length=300)]


class Strict(BaseModel):
    """A request: what it does not name is refused, and no number is infinite or NaN."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ChatMessage(Strict):
    role: Literal["system", "user", "assistant"]
    content: Text


class StreamOptions(Strict):
    include_usage: bool = False


class JsonSchema(Strict):
    name: Name = "answer"
    description: str | None = None
    # the OpenAI name, which BaseModel has taken
    body: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    def schema_asked(self) -> dict[str, Any] | None:
        """Give the schema for Sampling; raises SchemaInvalid for one that is missing or huge."""
        if self.type == "text":
            return None
        if self.type == "json_object":
            return {}
        if self.json_schema is None:
            raise SchemaInvalid("response_format json_schema needs a json_schema")
        if len(json.dumps(self.json_schema.body)) > _MAX_SCHEMA_CHARS:
            raise SchemaInvalid(f"the JSON schema has more than {_MAX_SCHEMA_CHARS:,} characters")
        return self.json_schema.body


class _Job(Strict):
    model: Name | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int = Field(1024, ge=1, le=131_072)
    temperature: float = Field(0.0, ge=0.0, le=2.0)
    seed: int = Field(0, ge=0, lt=2**32)
    stop: Stop | Annotated[list[Stop], Field(max_length=16)] = Field(default_factory=list)
    n: Literal[1] = 1
    user: Name | None = None
    engine: Name | None = None
    priority: Priority = "interactive"
    kernel_busy: bool = False
    request_id: Id = Field(default_factory=lambda: uuid.uuid4().hex)

    def sampling(self, json_schema: dict[str, Any] | None = None) -> Sampling:
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
        return Sampling(self.max_tokens, self.temperature, self.seed, stop, json_schema)


class ChatRequest(_Job):
    messages: list[ChatMessage] = Field(min_length=1, max_length=10_000)
    response_format: ResponseFormat | None = None

    def job(self) -> Request:
        """Make the engine's request; raises SchemaInvalid."""
        schema = self.response_format.schema_asked() if self.response_format else None
        messages = tuple(Message(turn.role, turn.content) for turn in self.messages)
        return Request(Prompt(messages), self.sampling(schema), self.priority, self.kernel_busy)


class CompletionRequest(_Job):
    prompt: Text
    suffix: Text = ""

    def job(self) -> Request:
        """Make the engine's request."""
        infill = Infill(self.prompt, self.suffix)
        return Request(infill, self.sampling(), self.priority, self.kernel_busy)


class CancelRequest(Strict):
    id: Id
