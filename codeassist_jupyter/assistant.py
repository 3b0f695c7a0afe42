"""The assistant: from a question to a streamed answer, in five steps.

Knows nothing of IPython, of HTTP, or of how an answer is shown.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from . import citations, prompt, security, window
from .chat import Chat
from .config import Settings, home
from .errors import CodeAssistError, ContextOverflow, UsageError
from .host.client import HostClient
from .prompt import Built
from .types import (
    PARTS,
    Context,
    Done,
    Event,
    Exchange,
    Failed,
    Priority,
    Sampling,
    Source,
    Sources,
    Speed,
    Text,
    Usage,
)
from .window import Budget, Journal, Past, Turn

ALL, NOTHING = frozenset(PARTS), frozenset[str]()  # what of a question stays out
# What an unmeasured machine of two cores does with the default model; set-up measures the real one.
_UNMEASURED = Speed(60.0, 10.0, 2, 2)
_MAX_QUESTION = 200_000  # characters
# The journal may hold this many times what the latency budget allows to be read anew.
_JOURNAL_FACTOR = 3
_SOURCES_SHARE = 0.3  # of what may be read anew
_RESUMED_SHARE = 0.25  # of that, for the last turns of the conversation that is gone on with
_RECALLED = 10  # older turns for a question, beside those that the journal has
_MOST_RECALLED = 100


@dataclass(frozen=True, slots=True)
class Question:
    """What the user asked and how to answer; `settings` are already merged for this question.

    `facts` are (label, text) that come last before it. `instruction` is ours, and stands after the
    text. An `aside` brings no sources, and neither it nor its answer is remembered. `without` names
    the PARTS that stay out. With `rewrite` it takes the place of the exchange of that number and of
    all after it.
    """

    text: str
    settings: Settings
    without: frozenset[str] = NOTHING
    rewrite: int = 0
    kernel_busy: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    instruction: str = ""
    aside: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(slots=True)
class Answer:
    """An answer as bound by `-o NAME`; grows while it streams.

    `conversation` and `number` say where it is kept, `not_kept` why it is not.
    """

    text: str = ""
    sources: tuple[Source, ...] = ()
    usage: Usage | None = None
    stopped: str = ""
    left_out: tuple[str, ...] = ()
    conversation: str = ""
    number: int = 0
    not_kept: str = ""

    @property
    def code(self) -> str:
        """The Python code of the answer: its fenced blocks, one blank line between them."""
        return code_of(self.text)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that is being answered, what was sent for it, and when."""

    question: Question
    answer: Answer
    built: Built
    at: float


class Assistant:
    """One chat: remembers its journal.

    `capture` resolves a question's references and gathers its context; `retrieve` finds the places
    of the project that may answer it, and notes on them; `chat` keeps what was said, None keeps
    nothing.
    """

    def __init__(
        self,
        client: HostClient,
        capture: Callable[[str], tuple[str, Context]],
        retrieve: Callable[[str], Context] = lambda _: Context(),
        chat: Chat | None = None,
    ) -> None:
        self._client = client
        self._capture = capture
        self._retrieve = retrieve
        self._chat = chat
        self._lock = threading.RLock()
        self._asked: dict[str, _Asked] = {}
        self._resumed = False
        self.journal = Journal()

    def ask(self, question: Question, answer: Answer) -> Iterator[Event]:
        """Stream the events of one answer and collect them in `answer`.

        Raises UsageError, ModelMissing and HostError before anything was shown.
        """
        at = time.time()
        text = checked(question.text)
        self._client.require_model(question.settings.engine, question.settings.model)
        text, context, past = self._gather(question, text)
        answer.sources = citations.sources(context.hits)
        if answer.sources:
            yield Sources(answer.sources)
        built = self._build(question, text, context, past)
        events = self._send(question, built)
        try:
            first = next(events)
        except ContextOverflow as exc:
            # The guess of the token count was too low for this text: cut by what it really was.
            shrink = 0.9 * exc.limit / max(exc.tokens, 1)
            built = self._build(question, text, context, past, shrink)
            events = self._send(question, built)
            first = next(events)
        self._asked[question.id] = _Asked(question, answer, built, at)
        try:
            yield from _collected(built, itertools.chain([first], events), answer)
        finally:
            self.keep(question)

    def preview(self, question: Question) -> Built:
        """What a question would send, without sending it."""
        text, context, past = self._gather(question, question.text)
        return self._build(question, text, context, past)

    def prefill(self, question: Question) -> None:
        """Let the engine read what `question` would send, so that its answer begins at once.

        Returns when it was read; `HostClient.cancel` with the question's id ends it before.
        """
        text, context, past = self._gather(question, question.text)
        built = self._build(question, text, context, past)
        for _ in self._send(question, built, "background", max_tokens=1):
            pass

    def note(self, text: str, answer: Answer, settings: Settings) -> None:
        """Remember and save a question whose answer came about otherwise than by `ask`."""
        with self._lock:
            exchange = replace(_exchange(text, answer, settings, time.time()), stopped="stop")
            self._save(exchange, answer, settings)
            turn = Turn(text, text, answer.text, answer.number)
            self.journal = replace(self.journal, turns=(*self.journal.turns, turn))

    def keep(self, question: Question) -> None:
        """Remember and save the answer to `question` as it stands, once; on disk on return.

        A store that fails costs a line in the answer, never the answer.
        """
        with self._lock:
            asked = self._asked.pop(question.id, None)
            if asked is None or not asked.answer.text or question.aside:
                return
            answer = asked.answer
            exchange = _exchange(question.text, answer, question.settings, asked.at)
            self._save(exchange, answer, question.settings, question.rewrite)
            if "chat" in question.without:
                self.journal = window.allowed(self.journal, NOTHING, question.rewrite)
                return
            told = asked.built.journal
            turn = Turn(
                question.text,
                asked.built.sent,
                answer.text,
                answer.number,
                recalled=asked.built.told.turns,
            )
            self.journal = replace(told, turns=(*told.turns, turn))

    def mark_important(self, number: int) -> None:
        """Let a turn outlast others in the journal."""
        with self._lock:
            turns = (
                replace(turn, important=True) if turn.number == number else turn
                for turn in self.journal.turns
            )
            self.journal = replace(self.journal, turns=tuple(turns))

    def reset(self) -> None:
        """Begin a new chat."""
        with self._lock:
            self._resumed = True
            self.journal = Journal()
            if self._chat is not None:
                self._chat.begin()

    def resume(self) -> None:
        """Go on with the conversation that the chat was turned to."""
        with self._lock:
            self._resumed = False
            self.journal = Journal()

    def _gather(self, question: Question, text: str) -> tuple[str, Context, Past]:
        """The question with its references resolved, its context, and what is remembered for it."""
        without, context = question.without, Context()
        if without != ALL:
            text, context = self._capture(text)
        context = replace(
            context,
            cells=() if "cells" in without else context.cells,
            variables={} if "variables" in without else context.variables,
            attachments=context.attachments + question.facts,
        )
        if question.aside:
            return text, context, Past()
        past = Past() if "chat" in without else self._past(question, text)
        if "sources" in without:
            return text, context, past
        fresh = self._budget(question.settings).fresh
        room = int(fresh * _SOURCES_SHARE)
        found = self._retrieve(text)
        hits = citations.select(found.hits, room)
        notes = citations.beside(found.attachments, hits, room)
        context = replace(context, hits=hits, attachments=context.attachments + notes)
        return text, context, past

    def _past(self, question: Question, text: str) -> Past:
        settings, before = question.settings, question.rewrite
        if self._chat is None or settings.keep_history == "off":
            return Past()
        with self._lock:
            if not self._resumed:
                self._resumed = True
                if not self.journal.turns:
                    tokens = int(self._budget(settings).fresh * _RESUMED_SHARE)
                    last = settings.history_turns
                    kept = self._chat.resume(last) if last else ()
                    self.journal = window.resumed(kept, tokens, last)
            # As many more as the journal has: those are found, too, and may drop out of it.
            k = min(_RECALLED + len(self.journal.numbers), _MOST_RECALLED)
        found = self._chat.recall(text, k, before)
        current = self._chat.conversation
        if current is None or (before and current.summary_upto >= before):
            return Past(found)
        return Past(found, current.summary)

    def _save(
        self, exchange: Exchange, answer: Answer, settings: Settings, instead_of: int = 0
    ) -> None:
        if self._chat is None or settings.keep_history == "off":
            return
        try:
            answer.conversation, answer.number = self._chat.save(exchange, instead_of)
        except CodeAssistError as exc:
            answer.not_kept = f"{exc.message} {exc.hint}".strip()

    def _build(
        self, question: Question, text: str, context: Context, past: Past, shrink: float = 1.0
    ) -> Built:
        settings = question.settings
        budget = self._budget(settings, shrink)
        journal = window.allowed(self.journal, question.without, question.rewrite)
        key = security.fence_key(home())
        text = "\n".join(part for part in (text, question.instruction) if part)
        return prompt.build(text, settings.format, context, journal, budget, key, past)

    def _budget(self, settings: Settings, shrink: float = 1.0) -> Budget:
        """Tokens by this machine's measured speed, and by what the context can hold."""
        speed = self._client.speed(settings.model) or _UNMEASURED
        room = max(256, settings.context_length - settings.max_tokens)
        fresh = min(room, int(settings.latency_budget_s * speed.prefill_tokens_per_s))
        total = min(room, fresh * _JOURNAL_FACTOR)
        turns = 2 * max(settings.history_turns, 1)
        return Budget(int(fresh * shrink), int(total * shrink), turns)

    def _send(
        self,
        question: Question,
        built: Built,
        priority: Priority = "interactive",
        max_tokens: int = 0,
    ) -> Iterator[Event]:
        settings = question.settings
        sampling = Sampling(
            max_tokens=max_tokens or settings.max_tokens,
            temperature=settings.temperature,
            seed=settings.seed,
            json_schema={} if settings.format == "json" else None,
        )
        return self._client.chat(
            built.prompt.messages,
            sampling=sampling,
            model=settings.model,
            engine=settings.engine,
            priority=priority,
            kernel_busy=question.kernel_busy,
            request_id=question.id,
        )


def _exchange(text: str, answer: Answer, settings: Settings, at: float) -> Exchange:
    return Exchange(
        text,
        answer.text,
        answer.usage.model if answer.usage is not None else settings.model,
        answer.sources,
        answer.usage,
        answer.stopped or "cancelled",
        at,
    )


def _collected(built: Built, events: Iterator[Event], answer: Answer) -> Iterator[Event]:
    answer.left_out = built.left_out
    for event in events:
        if isinstance(event, Text):
            answer.text += event.text
        elif isinstance(event, Done):
            answer.usage, answer.stopped = event.usage, event.reason
        elif isinstance(event, Failed):
            answer.stopped = "failed"
        yield event


def checked(text: str) -> str:
    """The question, cleaned; raises UsageError where there is none or it is far too long."""
    if len(text) > _MAX_QUESTION:
        raise UsageError(
            f"the question has {len(text)} characters; {_MAX_QUESTION} at most",
            "Put the data into a variable and name it in braces: {df}.",
        )
    cleaned = security.clean(text).strip()
    if not cleaned:
        raise UsageError("the question is empty", "Write it after %assist, or below %%assist.")
    return cleaned


_PYTHON = {"", "python", "python3", "py", "ipython", "ipython3"}


def code_of(text: str) -> str:
    """The Python blocks of a Markdown text, one blank line between them; "" if there are none."""
    from markdown_it import MarkdownIt  # not at the top: it takes 30 ms

    tokens = MarkdownIt("commonmark").parse(text)
    blocks = [token for token in tokens if token.type == "fence"]
    python = [b for b in blocks if (b.info.split() or [""])[0].lower() in _PYTHON]
    return "\n\n".join(block.content.rstrip() for block in python)
