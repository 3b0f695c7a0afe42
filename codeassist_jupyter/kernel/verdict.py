"""What was seen of a candidate, in words that promise no more."""

from __future__ import annotations

from .. import security
from .outcomes import Failed, NotTried, Outcome, Ran, Verified
from .repair import Attempt

STATUS = {Verified: "verified", Ran: "ran", Failed: "failed", NotTried: "not_tried"}

_SHOWN = 4  # variables that a verdict describes
_WIDTH = 160  # characters of one
_PART = 600  # characters of one part of a verdict


def verdict(attempt: Attempt) -> str:
    """One line: what became of it, what it made, and what speaks against it."""
    outcome = attempt.outcome
    if isinstance(outcome, NotTried):
        return f"Not tried: {outcome.reason}."
    if isinstance(outcome, Failed):
        return f"It still fails in a copy of your kernel: {outcome.error}: {outcome.message}"
    parts = [f"Ran in a copy of your kernel in {outcome.observed.seconds:.2g} s"]
    if isinstance(outcome, Verified):
        parts[0] = f"Verified in a copy of your kernel: {'; '.join(outcome.checks)}"
    parts += list(map(_now, list(outcome.observed.variables.items())[:_SHOWN]))
    if below := outcome.observed.cells_below:
        parts.append(f"the {below} cells below ran too" if below > 1 else "the cell below ran too")
    parts += outcome.warnings
    if attempt.flags:
        parts.append(f"**but look at it: {'; '.join(attempt.flags)}**")
    elif isinstance(outcome, Ran):
        parts.append(
            'whether it is right, nobody checked: --expect "…" does, or /fix … in the panel'
        )
    return " · ".join(security.clean(part, _PART) for part in parts)


def brief(outcome: Outcome) -> str:
    """A few words for the status line."""
    if isinstance(outcome, Failed):
        return f"{outcome.error}: {outcome.message}"[:80]
    return STATUS[type(outcome)]


def _now(item: tuple[str, str]) -> str:
    """A variable after the trial, in one line."""
    name, text = item
    lines = text.splitlines()
    shown = lines[0].removeprefix(f"{name}: ")
    return f"`{name}` is now {shown[:_WIDTH]}{' …' if len(shown) > _WIDTH else ''}"
