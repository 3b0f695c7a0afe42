"""Whether a cited place still says what it said: it is read again at answer time."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from .. import security
from ..types import Chunk
from .chunk import chunk as cut
from .parse import Document, parse

Verdict = Literal["verified", "moved", "changed", "gone"]


def verify(root: Path, chunk: Chunk) -> Verdict:
    """Read the place of a chunk again: is its text there, elsewhere in the file, or nowhere?"""
    path = root / chunk.path
    if not security.may_read(path, root):
        return "gone"
    try:
        document = parse(chunk.path, path.read_bytes())
    except OSError:
        return "gone"
    if chunk.text == _lines(_source(document, chunk), chunk.start_line, chunk.end_line):
        return "verified"
    if _place(chunk) in map(_place, cut(document)):  # a part of one very long line
        return "verified"
    return "moved" if chunk.text in document.text else "changed"


def _place(chunk: Chunk) -> tuple[object, ...]:
    return chunk.text, chunk.start_line, chunk.end_line, chunk.cell, chunk.cell_id


def _source(document: Document, chunk: Chunk) -> str:
    """The text that the chunk's lines count in: its cell's, or the document's."""
    if chunk.cell is None:
        return document.text
    for unit in document.units:
        if unit.cell_id == chunk.cell_id and unit.cell == chunk.cell:
            return "\n" * (unit.start_line - 1) + unit.text
    return ""


def _lines(text: str, start: int, end: int) -> str:
    return "\n".join(text.split("\n")[start - 1 : end])
