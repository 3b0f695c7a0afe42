"""The cells of open notebooks as they stand in the editor, saved or not: searchable at once.

They live in memory only and hide the saved form of the same cell.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import Literal

from ..types import Chunk
from .chunk import chunk
from .lexical import Lexical
from .parse import parse
from .roster import Roster
from .store import Entry, entry_of

# The manifest counts from 1 and never comes this far.
FIRST_NUMBER = 1 << 60


class Overlay:
    """Cells by (notebook, cell id); they join the roster of the index under high numbers."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._lexical = Lexical()
        self._cells: dict[tuple[str, str], tuple[int, ...]] = {}
        self._put_at: dict[tuple[str, str], int] = {}
        self._chunks: dict[int, Chunk] = {}
        self._numbers = count(FIRST_NUMBER)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._cells)

    def put(
        self,
        path: str,
        cell_id: str,
        source: str,
        cell: int | None = None,
        heading: str = "",
        kind: str = "code",
    ) -> list[Entry]:
        """Replace the text of one cell; searchable on return. An empty source stays hidden.

        `path` is that of the notebook relative to the root, or any name while it has none;
        `heading` is the text of the headings above the cell; `kind` is "code" or "markdown".
        """
        chunks = _chunks(path, cell_id, source, cell, heading, kind)
        with self._lock:
            stale = self._cells.get((path, cell_id), ())
            fresh = {next(self._numbers): chunk for chunk in chunks}
            entries = [entry_of(no, chunk) for no, chunk in fresh.items()]
            self._lexical.change(stale, fresh)
            self._chunks.update(fresh)
            self._roster.add(entries)
            self._cells[path, cell_id] = tuple(fresh)
            self._put_at[path, cell_id] = time.time_ns()
            self._forget(stale)
        return entries

    def drop(self, path: str, cell_id: str | None = None) -> None:
        """Forget one cell, or all cells of a notebook that was closed."""
        with self._lock:
            self._drop([p for p in self._cells if p[0] == path and cell_id in (None, p[1])])

    def saved(self, path: str, mtime_ns: int) -> None:
        """Forget the cells that their notebook, saved at that time, holds in no older form."""
        with self._lock:
            self._drop([p for p in self._cells if p[0] == path and self._put_at[p] <= mtime_ns])

    def hides(self, entry: Entry) -> bool:
        """Tell whether an entry is the saved form of an open cell."""
        return (
            entry.no < FIRST_NUMBER
            and entry.cell_id is not None
            and (entry.path, entry.cell_id) in self._cells
        )

    def verify(self, chunk: Chunk) -> Literal["verified", "changed"] | None:
        """Whether an open cell still says what a chunk says; None if no such cell is open."""
        numbers = self._cells.get((chunk.path, chunk.cell_id or ""))
        if numbers is None:
            return None
        texts = {found.text for found in self.chunks(numbers).values()}
        return "verified" if chunk.text in texts else "changed"

    def search(self, text: str, limit: int, like: Lexical) -> dict[int, float]:
        return self._lexical.search(text, limit, like) if self._cells else {}

    def chunks(self, numbers: Iterable[int]) -> dict[int, Chunk]:
        return {no: self._chunks[no] for no in numbers if no in self._chunks}

    def _drop(self, places: Iterable[tuple[str, str]]) -> None:
        stale = [no for place in places for no in self._cells.pop(place)]
        if stale:
            self._lexical.change(stale, {})
            self._forget(stale)

    def _forget(self, numbers: Iterable[int]) -> None:
        self._roster.remove(numbers)
        for no in numbers:
            self._chunks.pop(no, None)


def _chunks(
    path: str, cell_id: str, source: str, cell: int | None, heading: str, kind: str
) -> list[Chunk]:
    """Cut a cell as the saved notebook would be: parsed as a notebook of one heading and it."""
    if not source.strip():
        return []
    above = {"cell_type": "markdown", "id": "heading", "metadata": {}, "source": f"# {heading}"}
    body: dict[str, object] = {"cell_type": kind, "id": cell_id, "metadata": {}, "source": source}
    if kind == "code":
        body |= {"outputs": [], "execution_count": None}
    notebook = {"cells": [above, body], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    name = path if path.endswith(".ipynb") else f"{path}.ipynb"
    document = parse(name, json.dumps(notebook).encode())
    return [
        replace(c, path=path, cell=cell, cell_id=cell_id)
        for c in chunk(document)
        if c.cell_id == cell_id
    ]
