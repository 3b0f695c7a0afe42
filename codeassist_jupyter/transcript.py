"""Conversations in words: lists of them, their text, Markdown and notebooks to export. Pure.

A model wrote the answers, so all that is shown or exported is cleaned, and Markdown sanitized.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import security
from .errors import UsageError
from .types import Conversation, Exchange, Remembered, Snippet

_LINE = 100  # characters of what is told in one line
_CODE_LINES = 6


def line_of(text: str) -> str:
    """The first line of a text that says something, cleaned and bounded."""
    lines = (line.strip() for line in security.clean(text, 2000).splitlines())
    return next((line for line in lines if line), "")[:_LINE]


def listing(conversations: Sequence[Conversation], current: str = "") -> str:
    """One line for each: number, date, turns, bookmark, title, notebook; `current` is marked."""
    lines = []
    for number, one in enumerate(conversations, 1):
        here = ">" if one.id == current else " "
        star = "★ " if one.bookmarked else ""
        turns = "1 turn" if one.turns == 1 else f"{one.turns} turns"
        where = f"  ({line_of(Path(one.notebook).name)})" if one.notebook else ""
        lines.append(
            f"{number:>3}{here} {_date(one.updated)}  {turns:>9}  {star}{line_of(one.title)}{where}"
        )
    return "\n".join(lines)


def found(hits: Sequence[Remembered]) -> str:
    """Each hit with its date, question, first line of the answer, and the begin of its code."""
    lines = []
    for number, hit in enumerate(hits, 1):
        exchange = hit.exchange
        marks = "".join([" ★" * exchange.bookmarked, " +1" * (exchange.feedback > 0)])
        lines.append(
            f"{number:>3}  {_date(exchange.asked_at)}  {line_of(exchange.question)}{marks}"
        )
        prose = _prose(exchange.answer)
        lines += [f"       {prose}"] if prose else []
        code = security.clean(_first_code(exchange.answer), 4000).splitlines()
        lines += [f"       | {line[:_LINE]}" for line in code[:_CODE_LINES]]
        lines += ["       | …"] if len(code) > _CODE_LINES else []
    return "\n".join(lines)


def snippets(shown: Sequence[Snippet]) -> str:
    """One line for each: number, language, uses, tags, first line of the code."""
    lines = []
    for number, one in enumerate(shown, 1):
        tags = " ".join(f"#{line_of(tag)}" for tag in one.tags)
        uses = "1 use" if one.uses == 1 else f"{one.uses} uses"
        parts = [f"{number:>3}  {line_of(one.language) or 'code':<8}{uses:>8}", tags]
        lines.append("  ".join(part for part in [*parts, line_of(one.code)] if part))
    return "\n".join(lines)


def text(exchanges: Sequence[Exchange]) -> str:
    """Questions and answers as plain text."""
    parts = []
    for one in exchanges:
        marks = "".join([" ★" * one.bookmarked, " (pinned)" * one.pinned])
        head = f"[{one.number}] {_date(one.asked_at)}{marks}"
        if one.stopped == "unreadable":
            parts.append(f"{head}\nThis record is damaged and cannot be read.")
            continue
        asked = security.clean(one.question.strip()).replace("\n", "\n> ")
        parts.append(f"{head}\n> {asked}\n\n{security.clean(one.answer.strip())}")
    return "\n\n".join(parts)


def export(path: Path, conversation: Conversation, exchanges: Sequence[Exchange]) -> None:
    """Write a conversation as Markdown or as a notebook, by the suffix of `path`.

    Raises UsageError for another suffix, for a file that exists, and where writing fails.
    """
    renderers = {".md": markdown, ".ipynb": notebook}
    if path.suffix not in renderers:
        raise UsageError(f"cannot export to {path.name}", "Name a file that ends in .md or .ipynb.")
    content = renderers[path.suffix](conversation, exchanges)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError as exc:
        raise UsageError(
            f"{path} exists already", "Name another file; none is ever overwritten."
        ) from exc
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}", "Check the path.") from exc


def markdown(conversation: Conversation, exchanges: Sequence[Exchange]) -> str:
    """The conversation as one Markdown document."""
    parts = [_title(conversation)]
    for one in exchanges:
        parts += [_asked(one), security.sanitize(one.answer.strip())]
    return "\n\n".join(parts) + "\n"


def notebook(conversation: Conversation, exchanges: Sequence[Exchange]) -> str:
    """The conversation as a notebook (nbformat 4.5): Python of the answers in code cells."""
    cells = [_cell("markdown", _title(conversation))]
    for one in exchanges:
        cells.append(_cell("markdown", _asked(one)))
        cells += [_cell(kind, source) for kind, source in _blocks(one.answer)]
    for number, cell in enumerate(cells, 1):
        cell["id"] = f"codeassist-{number}"
    document = {
        "cells": cells,
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _title(conversation: Conversation) -> str:
    title = security.sanitize(line_of(conversation.title) or "Conversation")
    return f"# {title}\n\n{_date(conversation.created)}"


def _asked(exchange: Exchange) -> str:
    """The question as a quotation, under the date."""
    asked = security.sanitize(exchange.question.strip()).replace("\n", "\n> ")
    if exchange.stopped == "unreadable":
        asked = "(this record is damaged and cannot be read)"
    return f"**{_date(exchange.asked_at)}**\n\n> {asked}"


def _cell(kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _blocks(answer: str) -> list[tuple[str, str]]:
    """An answer as (cell type, source): its top-level Python blocks are code, the rest is not."""
    from markdown_it import MarkdownIt  # not at the top: it takes 30 ms

    lines = security.clean(answer).split("\n")
    blocks, start = [], 0
    for token in MarkdownIt("commonmark").parse("\n".join(lines)):
        named = token.type == "fence" and (token.info.split() or [""])[0].lower() in _PYTHON
        if named and token.level == 0 and token.map is not None:
            blocks.append(("markdown", "\n".join(lines[start : token.map[0]])))
            blocks.append(("code", token.content.rstrip("\n")))
            start = token.map[1]
    blocks.append(("markdown", "\n".join(lines[start:])))
    return [
        (kind, security.sanitize(source.strip()) if kind == "markdown" else source)
        for kind, source in blocks
        if source.strip()
    ]


_PYTHON = {"python", "python3", "py", "ipython", "ipython3"}


def _prose(answer: str) -> str:
    """The first line of an answer outside its code."""
    kinds = (source for kind, source in _blocks(answer[:20_000]) if kind == "markdown")
    return line_of(next(kinds, ""))


def _first_code(answer: str) -> str:
    return next((source for kind, source in _blocks(answer[:20_000]) if kind == "code"), "")


def _date(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return "(no date)"
