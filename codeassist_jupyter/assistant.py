"""The assistant: from a question to a streamed answer, in five steps.

Knows nothing of IPython, of HTTP, or of how an answer is shown.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from . import citations, prompt, security
from .config import Settings, home
from .errors import ContextOverflow, UsageError
from .host.client import HostClient
from .prompt import Built
from .window import Budget, Journal, Turn
from .types import Context, Done, Event, Failed, Hit, Sampling, Source, Sources, Speed, Text, Usage

# What an unmeasured machine of two cores does with the default model; set-up measures the real one.
_UNMEASURED = Speed(40.0, 10.0, 2, 2)
_MAX_QUESTION = 200_000  # characters
# The journal may hold this many times what the latency budget allows to be read anew.
_JOURNAL_FACTOR = 3
_SOURCES_SHARE = 0.3  # of what may be read anew


@dataclass(frozen=True, slots=True)
class Question:
    """What the user asked and how to answer; `settings` are already merged for this question."""

    text: str
    settings: Settings
    use_context: bool = True
    kernel_busy: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(slots=True)
class Answer:
    """An answer as bound by `-o NAME`; grows while it streams."""

    text: str = ""
    sources: tuple[Source, ...] = ()
    usage: Usage | None = None
    stopped: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The Python code of the answer: its fenced blocks, one blank line between them."""
        return code_of(self.text)


class Assistant:
    """One chat: remembers its journal.

    `capture` resolves a question's references and gathers its context; `retrieve` finds the places
    of the project that may answer it.
    """

    def __init__(
        self,
        client: HostClient,
        capture: Callable[[str], tuple[str, Context]],
        retrieve: Callable[[str], tuple[Hit, ...]] = lambda _: (),
    ) -> None:
        self._client = client
        self._capture = capture
        self._retrieve = retrieve
        self._lock = threading.Lock()
        self.journal = Journal()

    def ask(self, question: Question, answer: Answer) -> Iterator[Event]:
        """Stream the events of one answer and collect them in `answer`.

        Raises UsageError, ModelMissing and HostError before anything was shown.
        """
        text = checked(question.text)
        self._client.require_model(question.settings.engine, question.settings.model)
        context = Context()
        if question.use_context:
            text, context = self._capture(text)
            fresh = self._budget(question.settings).fresh
            hits = citations.select(self._retrieve(text), int(fresh * _SOURCES_SHARE))
            context = replace(context, hits=hits)
            answer.sources = citations.sources(context.hits)
            if answer.sources:
                yield Sources(answer.sources)
        built = self._build(question, text, context)
        events = self._send(question, built)
        try:
            first = next(events)
        except ContextOverflow as exc:
            # The guess of the token count was too low for this text: cut by what it really was.
            shrink = 0.9 * exc.limit / max(exc.tokens, 1)
            built = self._build(question, text, context, shrink)
            events = self._send(question, built)
            first = next(events)
        yield from self._collect(question, built, itertools.chain([first], events), answer)

    def reset(self) -> None:
        """Begin a new chat."""
        with self._lock:
            self.journal = Journal()

    def _build(self, question: Question, text: str, context: Context, shrink: float = 1.0) -> Built:
        settings = question.settings
        budget = self._budget(settings, shrink)
        journal = self.journal if question.use_context else Journal()
        return prompt.build(
            text, settings.format, context, journal, budget, security.fence_key(home())
        )

    def _budget(self, settings: Settings, shrink: float = 1.0) -> Budget:
        """Tokens by this machine's measured speed, and by what the context can hold."""
        speed = self._client.speed(settings.model) or _UNMEASURED
        room = max(256, settings.context_length - settings.max_tokens)
        fresh = min(room, int(settings.latency_budget_s * speed.prefill_tokens_per_s))
        total = min(room, fresh * _JOURNAL_FACTOR)
        return Budget(int(fresh * shrink), int(total * shrink))

    def _send(self, question: Question, built: Built) -> Iterator[Event]:
        settings = question.settings
        sampling = Sampling(
            max_tokens=settings.max_tokens,
            temperature=settings.temperature,
            seed=settings.seed,
            json_schema={} if settings.format == "json" else None,
        )
        return self._client.chat(
            built.prompt.messages,
            sampling=sampling,
            model=settings.model,
            engine=settings.engine,
            kernel_busy=question.kernel_busy,
            request_id=question.id,
        )

    def _collect(
        self, question: Question, built: Built, events: Iterator[Event], answer: Answer
    ) -> Iterator[Event]:
        answer.left_out = built.left_out
        try:
            for event in events:
                if isinstance(event, Text):
                    answer.text += event.text
                elif isinstance(event, Done):
                    answer.usage, answer.stopped = event.usage, event.reason
                elif isinstance(event, Failed):
                    answer.stopped = "failed"
                yield event
        finally:
            if question.use_context and answer.text:
                turn = Turn(question.text, built.sent, answer.text)
                self._remember(built.journal, turn, question.settings.history_turns)

    def _remember(self, told: Journal, turn: Turn, limit: int) -> None:
        with self._lock:
            turns = (*told.turns, turn)
            if len(turns) > 2 * max(limit, 1):  # in blocks, so that the prefix seldom changes
                turns = turns[-max(limit, 1) :]
            self.journal = Journal(turns, told.cells, told.variables)


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
