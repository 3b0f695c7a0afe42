"""The search for a fix: computed edits and the model take turns until a candidate runs.

Knows neither the kernel nor the model, only what trying and asking give back. The model never sees
its failed attempts as history, for it repeats them: each round it gets the latest attempt as if
that were the cell that failed, with its own facts.
"""

from __future__ import annotations

import ast
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from . import suspects
from .outcomes import Failed, NotTried, Outcome, Ran, Verified

_DEPTH = 4  # computed edits in a row
_ROUNDS = 4
_TEMPERATURES = (0.0, 0.4, 0.7, 0.9)


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell that fails: its text, what was true when it did, and what is known about it."""

    source: str
    error: str
    facts: str
    hint: str = ""
    edits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the model answered: its code ("" if none), and its words."""

    code: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A candidate and what became of it; `flags` say why it may be no fix although it ran."""

    code: str
    outcome: Outcome
    flags: tuple[str, ...] = ()
    explanation: str = ""
    computed: bool = False

    @property
    def is_good(self) -> bool:
        return isinstance(self.outcome, Verified | Ran) and not self.flags

    @property
    def rank(self) -> int:
        """How good it is; the higher, the better."""
        if isinstance(self.outcome, Verified):
            return 3 if self.flags else 6
        if isinstance(self.outcome, Ran):
            return 2 if self.flags else 5
        return 1 if isinstance(self.outcome, NotTried) else 0


@dataclass(slots=True)
class Search:
    """One search; `attempts` grows while `run` yields. `stop` ends it between two attempts.

    `attempt` tries code in a copy of the kernel; `ask` gets a broken cell and a temperature;
    `plain` turns magics into Python; `replaced` is the text that code would take the place of.
    """

    broken: Broken
    attempt: Callable[[str], Outcome]
    ask: Callable[[Broken, float], Proposal]
    plain: Callable[[str], str]
    replaced: Callable[[str], str]
    seconds: float
    attempts: list[Attempt] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    @property
    def best(self) -> Attempt | None:
        """The best attempt; among equals the first."""
        return max(self.attempts, key=lambda attempt: attempt.rank, default=None)

    def run(self) -> Iterator[Attempt]:
        """Yield each attempt as it was tried; ends at the first good one or with the budget."""
        deadline = time.monotonic() + self.seconds
        self._seen = {_shape(self.plain(self.broken.source))}
        yield from self._computed(self.broken, _DEPTH, "")
        current, turn = self.broken, 0
        while turn < _ROUNDS and not self._is_over():
            proposal = self.ask(current, _TEMPERATURES[turn])
            turn += 1
            if not self._is_new(proposal.code):
                continue
            tried = self._try(proposal.code, proposal.explanation)
            yield tried
            following = self._next(tried)
            if following is not None:
                yield from self._computed(following, _DEPTH, proposal.explanation)
                retry = _is_syntax(following) and not _is_syntax(current)
                current = following if retry or self._moved_on(following, current) else current
            if time.monotonic() > deadline:
                return

    def _computed(self, broken: Broken, depth: int, explanation: str) -> Iterator[Attempt]:
        """Follow the edits that hints determine, and those for what comes to light then."""
        for edit in broken.edits if depth else ():
            if self._is_over():
                return
            if not self._is_new(edit):
                continue
            words = "\n".join(part for part in (explanation, broken.hint) if part)
            tried = self._try(edit, words, computed=True)
            yield tried
            following = self._next(tried)
            if following is not None and self._moved_on(following, broken):
                yield from self._computed(following, depth - 1, words)

    def _try(self, code: str, explanation: str, computed: bool = False) -> Attempt:
        outcome = self.attempt(code)
        flags: tuple[str, ...] = ()
        if isinstance(outcome, Ran | Verified) and not computed:
            flags = suspects.suspicions(self.plain(self.replaced(code)), self.plain(code))
        tried = Attempt(code, outcome, flags, explanation, computed)
        self.attempts.append(tried)
        return tried

    def _is_over(self) -> bool:
        """A good one is there, or nothing can be tried and something is proposed."""
        return any(a.is_good or isinstance(a.outcome, NotTried) for a in self.attempts)

    def _is_new(self, code: str) -> bool:
        shape = _shape(self.plain(code)) if code.strip() else ""
        if not shape or shape in self._seen:
            return False
        self._seen.add(shape)
        return True

    def _next(self, tried: Attempt) -> Broken | None:
        """A failed attempt as a broken cell of its own."""
        if not isinstance(tried.outcome, Failed):
            return None
        failed = tried.outcome
        error = f"{failed.error}: {failed.message}"
        return Broken(tried.code, error, told(failed), failed.hint, failed.edits)

    @staticmethod
    def _moved_on(following: Broken, before: Broken) -> bool:
        """Whether another error came to light: the same one again means that nothing was won."""
        return following.error != before.error and not _is_syntax(following)


def _is_syntax(broken: Broken) -> bool:
    return broken.error.startswith(("SyntaxError", "IndentationError"))


def told(failed: Failed) -> str:
    """A failed attempt's facts as a prompt says them."""
    from .postmortem import PostMortem, render

    if failed.postmortem:
        with contextlib.suppress(KeyError, TypeError):  # the code that ran there may forge it
            return render(PostMortem.from_dict(failed.postmortem))
    at = f"line {failed.line}: {failed.source.strip()}\n" if failed.line else ""
    values = "\n".join(failed.facts)
    return f"{at}Raised: {failed.error}: {failed.message}\n{values}".strip()


def _shape(python: str) -> str:
    """A text by which two cells that do the same are known; its own text if it is not Python."""
    try:
        return ast.dump(ast.parse(python))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return python.strip()


def summary(attempts: Sequence[Attempt]) -> str:
    """In a few words how many were tried, and how they came about."""
    computed = sum(attempt.computed for attempt in attempts)
    asked = len(attempts) - computed
    parts = [f"{computed} computed"] * bool(computed) + [f"{asked} by the model"] * bool(asked)
    return f"{len(attempts)} tried: {' and '.join(parts)}" if attempts else "nothing was tried"
