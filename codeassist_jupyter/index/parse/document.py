"""What every parser returns: a document and the units found in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from ...types import ChunkKind


@dataclass(frozen=True, slots=True)
class Unit:
    """A symbol, a notebook cell, a section or a run of text, with what its syntax says of it.

    Lines are 1-based and inclusive; in a notebook they count within the cell. A class or module
    spans its members too; `text` is always the lines start_line..end_line.

    `name` is qualified within its file (`Cleaner.normalize`). `signature` is what stands before
    the body. The `docstring` of a code cell is the prose of the Markdown cell just above it.
    `imports` holds (local name, dotted target, line), `calls` (dotted callee as written, first
    line; ".name" when the receiver is an expression). `defines` are names bound here, `uses` names
    read but not bound here (before). `complexity` is McCabe's. `cuts` holds (line, depth) of the
    statements of units that are too long for one chunk: where the syntax lets them be split.
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
    In a notebook `text` is the cells' sources with a blank line between them; in a PDF it is the
    text of the pages, and lines count in that.
    """

    path: str
    language: str
    text: str
    units: tuple[Unit, ...] = ()
    note: str = ""


# Units longer than this many characters get `cuts`; the chunker decides whether it uses them.
LONG_UNIT = 1200


def module_name(path: str) -> str:
    """Dotted name of a source file: `etl/__init__.py` is etl, `web/app.ts` is web.app."""
    parts = PurePosixPath(path).with_suffix("").parts
    if len(parts) > 1 and parts[-1] in ("__init__", "index"):
        parts = parts[:-1]
    return ".".join(parts)


def text_unit(text: str) -> tuple[Unit, ...]:
    """The whole text as one unit without structure; none if it is blank."""
    if not text.strip():
        return ()
    return (Unit("text", "", 1, text.rstrip("\n").count("\n") + 1, text.rstrip("\n")),)
