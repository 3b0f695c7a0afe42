"""Names in a project that begin like what somebody types: files, notebooks and symbols."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from .roster import Roster

_SYMBOLS = ("class", "function", "method")
_WORD = re.compile(r"[\W_]")


class Name(NamedTuple):
    """`kind` is file, notebook or symbol; `detail` is the path of a symbol, else ""."""

    kind: str
    name: str
    detail: str = ""


def names_like(roster: Roster, text: str, k: int) -> list[Name]:
    """The `k` names that match best: at their beginning, at a word's, inside; in any case."""
    wanted = text.casefold()
    ranked = []
    for name in _all(roster):
        rank = _rank(name.name.casefold(), wanted)
        if rank is not None:
            ranked.append((rank, len(name.name), name))
    return [name for _, _, name in sorted(ranked)[:k]]


def _all(roster: Roster) -> Iterable[Name]:
    for path in roster.paths():
        yield Name("notebook" if path.endswith(".ipynb") else "file", path)
    seen = set()
    for entry in roster.entries():
        if entry.kind in _SYMBOLS and entry.name and entry.name not in seen:
            seen.add(entry.name)
            yield Name("symbol", entry.name, entry.path)


def _rank(name: str, wanted: str) -> int | None:
    """How well a name begins; None if the text is not in it."""
    at = name.find(wanted)
    if at < 0:
        return None
    last = re.split(r"[/.]", name.removesuffix(".py").removesuffix(".ipynb"))[-1]
    if at == 0 or last.startswith(wanted):
        return 0
    return 1 if _WORD.match(name[at - 1]) else 2
