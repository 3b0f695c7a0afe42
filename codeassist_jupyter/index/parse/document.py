"""What every parser returns: a document and the units found in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...types import ChunkKind


@dataclass(frozen=True, slots=True)
class Unit:
    """A symbol, a notebook cell, a section or a run of text, with what its syntax says of it.

    Lines are 1-based and inclusive; in a notebook they count within the cell. A class or module
    spans its members too; `text` is always the lines start_line..end_line.

    `name` is qualified within its file (`Cleaner.normalize`). `signature` is the part between the
    name and the body. `imports` holds (local name, dotted target, line), `calls` (dotted callee as
    written, first line). `defines` and `uses` are names bound here and names read but not bound
    here. `complexity` is McCabe's. `cuts` holds (line, depth) of statements inside units that are
    too long for one chunk: where the syntax lets them be split.
    """

    kind: ChunkKind
    name: str
    start_line: int
    end_line: int
    text: str
    signature: str = ""
    docstring: str = ""
    decorators: tuple[str, ...] = ()
    imports: tuple[tuple[str, str, int], ...] = ()
    calls: tuple[tuple[str, int], ...] = ()
    bases: tuple[str, ...] = ()
    complexity: int = 0
    defines: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    heading: tuple[str, ...] = ()
    cell: int | None = None
    cell_id: str | None = None
    language: str = ""
    output: str = ""
    cuts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file; without units, `note` says why it cannot be searched.

    With units, `note` says what was lost (broken syntax, unreadable pages); empty is all well.
    In a notebook `text` is the cells' sources, a blank line between them; in a PDF the text of
    the pages, and lines count in that.
    """

    path: str
    language: str
    text: str
    units: tuple[Unit, ...] = field(default=())
    note: str = ""
