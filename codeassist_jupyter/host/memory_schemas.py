"""What a request about conversations may say; anything else is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..index.discover import find_root
from ..memory import records
from ..types import Exchange
from .schemas import Id, Name, Strict, Text

_MAX_FOUND = 100


def _root(folder: str) -> str:
    """The project that a folder belongs to, as for the index; of one that is gone, itself."""
    path = Path(folder)
    return str(find_root(path)) if path.is_absolute() and path.is_dir() else folder


Place = Annotated[str, Field(max_length=4096)]
Project = Annotated[Place, AfterValidator(_root)]
Words = Annotated[str, Field(max_length=100_000)]
Number = Annotated[int, Field(ge=1, le=10**9)]
Count = Annotated[int, Field(ge=0, le=10**12)]
Milliseconds = Annotated[float, Field(ge=0.0, le=1e12)]


class BeginRequest(Strict):
    id: Id
    project: Project
    notebook: Place


class ListRequest(Strict):
    project: Project = ""
    notebook: Place = ""
    limit: int = Field(50, ge=1, le=10_000)


class ExchangesRequest(Strict):
    conversation: Id
    last: int = Field(0, ge=0, le=10**9)
    before: int = Field(0, ge=0, le=10**9)


class SourceSaved(Strict):
    id: int
    path: Annotated[str, Field(max_length=10_000)]
    start_line: int | None = None
    end_line: int | None = None
    cell: int | None = None
    name: Annotated[str, Field(max_length=10_000)] | None = None
    package: Annotated[str, Field(max_length=300)] = ""


class UsageSaved(Strict):
    model: Annotated[str, Field(max_length=300)]
    prompt_tokens: Count
    cached_tokens: Count
    completion_tokens: Count
    ttft_ms: Milliseconds
    tokens_per_s: float
    prefill_tokens_per_s: float = 0.0
    context_length: Count = 0
    slower: float = 0.0


class ExchangeSaved(Strict):
    question: Text
    answer: Text
    model: Annotated[str, Field(max_length=300)] = ""
    sources: list[SourceSaved] = Field(default_factory=list, max_length=1000)
    usage: UsageSaved | None = None
    stopped: Literal["stop", "length", "cancelled", "repetition", "failed", "unreadable", ""] = (
        "stop"
    )
    asked_at: float = Field(0.0, ge=0.0, le=1e11)
    number: int = Field(0, ge=0, le=10**9)
    feedback: int = Field(0, ge=-1, le=1)
    bookmarked: bool = False
    pinned: bool = False
    inserted: bool = False

    def exchange(self) -> Exchange:
        return records.exchange(self.model_dump())


class SaveRequest(Strict):
    conversation: Id
    token: Id
    exchange: ExchangeSaved
    instead_of: int = Field(0, ge=0, le=10**9)


class RecallRequest(Strict):
    conversation: Id
    question: Text
    before: int = Field(ge=0, le=10**9)
    k: int = Field(ge=1, le=_MAX_FOUND)


class HistorySearchRequest(Strict):
    text: Annotated[str, Field(min_length=1, max_length=100_000)]
    project: Project = ""
    k: int = Field(10, ge=1, le=_MAX_FOUND)


class MarkRequest(Strict):
    conversation: Id
    number: Number
    feedback: Annotated[int, Field(ge=-1, le=1)] | None = None
    bookmarked: bool | None = None
    pinned: bool | None = None
    inserted: bool | None = None


class RenameRequest(Strict):
    conversation: Id
    title: Name


class BookmarkRequest(Strict):
    conversation: Id
    on: bool


class ForgetRequest(Strict):
    project: Project = ""
    conversation: Id | Literal[""] = ""


class LoadRequest(Strict):
    lines: list[Text] = Field(max_length=1000)


class UnlockRequest(Strict):
    passphrase: Annotated[str, Field(min_length=1, max_length=10_000)]


class Empty(Strict):
    """A request without anything to say."""


class SnippetsRequest(Strict):
    text: Words = ""
    language: Annotated[str, Field(max_length=300)] = ""
    tag: Annotated[str, Field(max_length=300)] = ""


class SnippetRequest(Strict):
    snippet: Id


class TagRequest(Strict):
    snippet: Id
    tags: list[Name] = Field(max_length=100)


class ConversationLine(Strict):
    """A line of an export; the counts in it say nothing here."""

    id: Id
    title: Annotated[str, Field(max_length=10_000)]
    project: Place
    notebook: Place
    created: float
    updated: float
    turns: int
    bookmarked: bool
    summary: Text
    summary_upto: int


class SnippetLine(Strict):
    id: Id
    code: Text
    language: Annotated[str, Field(max_length=300)]
    tags: list[Name] = Field(max_length=100)
    uses: int = Field(ge=0, le=10**9)
    conversation: Id | Literal[""]
    number: int
    created: float


class ExportLine(Strict):
    """One of: the head, a conversation, an exchange of it, a snippet."""

    format: Literal["codeassist-conversations"] | None = None
    version: Literal[1] | None = None
    conversation: ConversationLine | None = None
    of: Id | None = None
    exchange: ExchangeSaved | None = None
    snippet: SnippetLine | None = None
