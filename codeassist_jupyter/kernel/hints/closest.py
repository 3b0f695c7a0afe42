"""The one name that was meant, if there is no doubt. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MOST = 5000  # names that are compared
_LONGEST = 80


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` must be a misspelling of; None if none or more than one could be.

    Same letters but for case, blanks and punctuation; else one edit, or two in a long name. Names
    that differ in their digits are different names.
    """
    names = [k for k in dict.fromkeys(known) if k != name and len(k) <= _LONGEST][:_MOST]
    if not name.strip() or len(name) > _LONGEST:
        return None
    plain = _plain(name)
    alike = [k for k in names if plain and _plain(k) == plain]
    if alike:
        return alike[0] if len(alike) == 1 else None
    allowed = 0 if len(plain) < 4 else 1 if len(plain) < 7 else 2
    digits = re.sub(r"\D", "", name)
    near = [
        (distance, k)
        for k in names
        if re.sub(r"\D", "", k) == digits
        and (distance := edits(plain, _plain(k), allowed)) <= allowed
    ]
    near.sort()
    if not near or (len(near) > 1 and near[0][0] == near[1][0]):
        return None
    return near[0][1]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def edits(one: str, other: str, most: int) -> int:
    """How many letters were added, left out, changed or swapped; more than `most` is `most` + 1."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    above = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, above = above, row
    return above[-1]
