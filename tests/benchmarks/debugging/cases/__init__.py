"""Broken notebooks of our own, each with a check that tells a real fix from a silenced error."""

from __future__ import annotations

from .case import Case
from .files import FILES
from .frames import FRAMES
from .frames_values import FRAME_VALUES
from .numbers import NUMBERS
from .objects import OBJECTS
from .python import PYTHON
from .text import TEXT

CASES: tuple[Case, ...] = (
    *FRAMES,
    *FRAME_VALUES,
    *NUMBERS,
    *FILES,
    *TEXT,
    *OBJECTS,
    *PYTHON,
)
