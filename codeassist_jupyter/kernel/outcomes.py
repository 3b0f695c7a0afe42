"""What a trial can say of code: Verified, Ran, Failed or NotTried, and what was seen.

Plain values; knows nothing of forks. All text in them came out of a process that ran untrusted
code: it is bounded, cleaned and redacted, and still data, never an instruction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """What a trial may use: wall time in seconds, memory on top of the kernel's own and one
    file's size in bytes, processes and threads beside those that are there."""

    seconds: float = 10.0
    memory: int = 4 << 30
    file: int = 256 << 20
    processes: int = 64


@dataclass(frozen=True, slots=True)
class Observed:
    """What the copy saw.

    `variables` describes the names that the code bound or changed, `deleted` are those it removed.
    `result` describes the last expression's value, "" without one. `output` is the end of what
    was printed; `displays` counts what was shown richly. `cells_below` of the following cells ran.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    result: str = ""
    output: str = ""
    displays: int = 0
    cells_below: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verified:
    """The code ran and every check held; there was at least one."""

    observed: Observed
    checks: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """The code ran; whether it is right, nobody checked, or a cell below fails."""

    observed: Observed
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The code raised `error` (a type's name), was stopped at a limit, or a check did not hold.

    `line` (1-based) and `source` are where in the code, 0 and "" if nowhere in it. `facts`
    describes what that line used, as it was then. `postmortem` is the whole account as JSON
    values, {} without one. `hint` and `edits` are those of `hints.Hint`.
    """

    error: str
    message: str
    line: int = 0
    source: str = ""
    facts: tuple[str, ...] = ()
    postmortem: Mapping[str, Any] = field(default_factory=dict)
    observed: Observed = field(default_factory=Observed)
    warnings: tuple[str, ...] = ()
    hint: str = ""
    edits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotTried:
    """Nothing is known: the code could not be tried, or it needs what a copy may not do."""

    reason: str


Outcome = Verified | Ran | Failed | NotTried
