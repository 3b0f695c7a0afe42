"""Sources of an answer: how they stand in the prompt, and which of them the answer cites."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from . import security
from .types import Chunk, Hit, Source

_CITED = re.compile(r"\[(\d{1,2})\]")
_MARKUP = re.compile(r"([\\`*_\[\]<>$~&#|!])")
_SOURCE_CHARS = 900  # of one chunk; the head says most
_CHARS_PER_TOKEN = 3
_PLACE_CHARS = 200  # a cell is named by all it defines

INSTRUCTION = (
    "\nAnswer from the sources above where they help, and end each sentence that rests on one with"
    " its number in brackets, like this [1]."
)


def select(hits: Sequence[Hit], tokens: int) -> tuple[Hit, ...]:
    """The best hits that fit into `tokens`; the first one always."""
    chosen: list[Hit] = []
    for hit in hits:
        tokens -= _tokens(hit)
        if chosen and tokens < 0:
            break
        chosen.append(hit)
    return tuple(chosen)


def beside(
    notes: Sequence[tuple[str, str]], hits: Sequence[Hit], tokens: int
) -> tuple[tuple[str, str], ...]:
    """The whole lines of (label, text) notes for which `hits` leave room among `tokens`."""
    room = (tokens - sum(map(_tokens, hits))) * _CHARS_PER_TOKEN
    fitting: list[tuple[str, str]] = []
    for label, text in notes:
        lines: list[str] = []
        for line in text.split("\n"):
            room -= len(line) + 1
            if room < 0:
                break
            lines.append(line)
        if lines:
            fitting.append((label, "\n".join(lines)))
    return tuple(fitting)


def sources(hits: Sequence[Hit]) -> tuple[Source, ...]:
    """Number the hits as they may be cited, from 1."""
    return tuple(_source(number, hit.chunk) for number, hit in enumerate(hits, 1))


def attachments(hits: Sequence[Hit]) -> tuple[tuple[str, str], ...]:
    """(label, text) of each hit for the prompt, the label carrying its number."""
    return tuple(
        (f"source {number} {place(source)}", hit.chunk.text[:_SOURCE_CHARS])
        for number, (source, hit) in enumerate(zip(sources(hits), hits, strict=True), 1)
    )


def cited(text: str) -> set[int]:
    """Numbers that the prose of an answer cites; brackets in code are no citations."""
    from markdown_it import MarkdownIt  # not at the top: it takes 30 ms

    # Without link definitions: "[1]: clean.py" is how some models list their sources.
    tokens = MarkdownIt("commonmark").disable("reference").parse(text)
    inline = (child for token in tokens for child in token.children or ())
    prose = "\n".join(child.content for child in inline if child.type == "text")
    return {int(number) for number in _CITED.findall(prose)}


def place(source: Source) -> str:
    """`etl/clean.py:41–68 · normalize_names`, `eda.ipynb · cell 12`, in one clean line.

    Of a package: `pandas 3.1.1 · pandas.merge (pandas/core/reshape/merge.py:147–390)`.
    """
    where = source.path
    if source.cell is not None:
        where += f" · cell {source.cell + 1}"
    elif source.start_line is not None:
        where += f":{source.start_line}–{source.end_line}"
    shown = f"{where} · {source.name}" if source.name else where
    if source.package:
        shown = f"{source.package} · {source.name} ({where})"
    return " ".join(security.clean(shown, _PLACE_CHARS).split())


def link(source: Source, root: str) -> str:
    """The way from the current folder to a file of the project at `root`; "" if there is none."""
    try:
        path = Path(root) / source.path
        return os.path.relpath(path) if root and not source.package and path.is_file() else ""
    except (OSError, ValueError):  # a folder that is gone, another drive
        return ""


@dataclass(frozen=True, slots=True)
class Cited:
    """A source that an answer cites, what reading it again showed, and a link that opens it.

    `link` is a path relative to the notebook; empty where there is no file to open.
    """

    source: Source
    verdict: str
    link: str

    def __str__(self) -> str:
        mark = "" if self.verdict == "verified" else f" ({self.verdict})"
        return f"[{self.source.id}] {place(self.source)}{mark}"


def listing(found: Sequence[Cited]) -> str:
    """Markdown list of what an answer cites; the only links in it are ours, to project files."""
    lines = []
    for item in found:
        mark = "" if item.verdict == "verified" else f" ({item.verdict})"
        name = _MARKUP.sub(r"\\\1", place(item.source))
        shown = f"[{name}]({quote(item.link)})" if item.link else name
        lines.append(f"\\[{item.source.id}\\] {shown}{mark}")
    return "  \n".join(lines)


def _tokens(hit: Hit) -> int:
    return min(len(hit.chunk.text), _SOURCE_CHARS) // _CHARS_PER_TOKEN


def _source(number: int, chunk: Chunk) -> Source:
    return Source(
        number,
        chunk.path,
        chunk.start_line,
        chunk.end_line,
        chunk.cell,
        chunk.name or None,
        chunk.package,
    )
