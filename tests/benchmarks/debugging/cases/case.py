"""What a broken notebook is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """Cells that ran, the cell that raises, and how to tell whether it was mended.

    `check` is run after the mended cell and raises unless it did what was meant. `fix` is one right
    answer, there to prove the check. `live` says that neither the cells nor the traceback hold what
    the fix needs: the values have to be looked at.
    """

    name: str
    broken: str
    fix: str
    check: str
    cells: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    live: bool = False
