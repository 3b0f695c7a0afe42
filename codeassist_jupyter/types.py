"""Values that cross rooms: prompts, events, usage, and the contract every engine meets.

Knows nothing of HTTP, IPython or any model library.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]
Priority = Literal["interactive", "background"]
StopReason = Literal["stop", "length", "cancelled", "repetition"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat; `content` is plain text, never a rendered template."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What an engine is asked: the chat so far, the last message being the question."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Infill:
    """Code before and after a gap that the engine is to fill (fill-in-the-middle)."""

    prefix: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an engine continues a prompt; temperature 0 is greedy and deterministic.

    `json_schema` constrains the answer to JSON of that schema ({} means any JSON object).
    """

    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    json_schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it was executed: `number` is its In[n]; output and error are text, bounded."""

    number: int
    source: str
    output: str = ""
    error: str = ""


PARTS = ("cells", "variables", "sources", "chat")  # of a question, each of which can stay out


@dataclass(frozen=True, slots=True)
class Context:
    """What the assistant may know beside the question; everything in it is data, not instruction.

    `cells` in run order; `variables` maps names to descriptions; `attachments` are (label, text)
    that belong to this question only, such as the objects it names in braces; `hits` are places
    of the project that may answer it.
    """

    cells: tuple[Cell, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[tuple[str, str], ...] = ()
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A place an answer may cite, as shown to the user; `package` as in Chunk."""

    id: int
    path: str
    start_line: int | None = None
    end_line: int | None = None
    cell: int | None = None
    name: str | None = None
    package: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost; times in milliseconds, rates in tokens per second.

    `prompt_tokens` includes `cached_tokens`; `context_length` is that of the engine. `slower` says
    how many times the usual time this machine took for as many tokens; 0 where that is not known.
    """

    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    ttft_ms: float
    tokens_per_s: float
    prefill_tokens_per_s: float = 0.0
    context_length: int = 0
    slower: float = 0.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Event: what the answer may cite; comes before any text."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """Event: the prompt is being read; `done` of `total` tokens are."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Text:
    """Event: the next piece of the answer; any transport can carry it (engine.text.clean)."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """Event: the answer is over; always the last one unless `Failed` is."""

    reason: StopReason
    usage: Usage


@dataclass(frozen=True, slots=True)
class Failed:
    """Event: the answer broke off; `code` names one of our error classes."""

    code: str
    message: str
    hint: str


Event = Sources | Progress | Text | Done | Failed


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast this machine runs one model, as set-up measured it; rates in tokens per second."""

    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    prefill_threads: int
    decode_threads: int


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an engine can do; `context_length` in tokens."""

    context_length: int
    can_infill: bool = False
    prefix_cache: bool = False
    parallel: int = 1


@dataclass(slots=True)
class Request:
    """One job for an engine; setting `cancel` ends it within one batch."""

    prompt: Prompt | Infill
    sampling: Sampling = field(default_factory=Sampling)
    priority: Priority = "interactive"
    kernel_busy: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)


class Engine(Protocol):
    """A language model: the contract that one parametrised test holds every engine to.

    `generate` yields Progress and Text events and ends with exactly one Done or Failed; it raises
    a CodeAssistError only before the first event. Both methods may be called from any thread.
    """

    @property
    def model(self) -> str: ...

    @property
    def abilities(self) -> Abilities: ...

    def generate(self, request: Request) -> Iterator[Event]: ...

    def count_tokens(self, text: str) -> int: ...

    def close(self) -> None: ...


ChunkKind = Literal["module", "class", "function", "method", "cell", "section", "text"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit that is indexed and cited: a symbol, a notebook cell, a section or a run of text.

    `path` is relative to the project root, with forward slashes. Lines are 1-based and inclusive;
    in a notebook they count within the cell `cell` (0-based, all cells counted) of id `cell_id`.
    `header` is what is embedded (path, class, split name, parameters, first docstring line).
    `package` is the title and version of the installed package that the place belongs to; its
    path is then relative to the folder that the package lies in. Of the project's own it is "".
    `output` is what a cell printed or raised, up to 2,000 characters, as the file has it.
    """

    id: str
    path: str
    kind: ChunkKind
    name: str
    language: str
    start_line: int
    end_line: int
    header: str
    text: str
    cell: int | None = None
    cell_id: str | None = None
    output: str = ""
    package: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package that a notebook imports; `name` is what the import says.

    `title` is how people call it (scikit-learn for sklearn, Python for its own modules). `path` is
    its folder or its only file; where that cannot be read it is "" and `reason` says why.
    """

    name: str
    version: str
    title: str
    path: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.title} {self.version}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers a query; scores compare within one query only, higher is better."""

    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat that is kept; of one project and, where the front end names it, one notebook.

    `project` is the root folder, `notebook` the file's path or ""; times in seconds since 1970.
    `turns` counts its questions; `summary` tells the first `summary_upto` of them.
    """

    id: str
    title: str
    project: str
    notebook: str
    created: float
    updated: float
    turns: int = 0
    bookmarked: bool = False
    summary: str = ""
    summary_upto: int = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question with its answer, as they are kept.

    `number` counts from 1 within the conversation; 0 is one that was not saved yet. `stopped` is
    a StopReason, "failed", or "unreadable" for a damaged record, whose texts are empty. `feedback`
    is -1, 0 or 1; `inserted` says that its code was taken.
    """

    question: str
    answer: str
    model: str = ""
    sources: tuple[Source, ...] = ()
    usage: Usage | None = None
    stopped: str = "stop"
    asked_at: float = 0.0
    number: int = 0
    feedback: int = 0
    bookmarked: bool = False
    pinned: bool = False
    inserted: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """What the store says once an exchange is on disk; the summary as in Conversation."""

    number: int
    title: str
    summary: str = ""
    summary_upto: int = 0


@dataclass(frozen=True, slots=True)
class Remembered:
    """An exchange found again; scores compare within one search only, higher is better."""

    conversation: Conversation
    exchange: Exchange
    score: float


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code of an answer that is kept for use again; `uses` counts how often it was taken."""

    id: str
    code: str
    language: str
    tags: tuple[str, ...]
    uses: int
    conversation: str
    number: int
    created: float
