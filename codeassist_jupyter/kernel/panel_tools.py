"""What the side panel looks up: places, variables, names after an @, and questions worth asking."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .. import citations, security
from ..errors import CodeAssistError, UsageError
from ..protocol import Request
from . import context, describe, execution
from .comm import Reply
from .peek import loaded, type_name

if TYPE_CHECKING:
    from .panel import Panel

_HITS = 20
_SNIPPET = 400  # characters
_MOST_VARIABLES = 200
_VARIABLE_CHARS = 300
_COMPLETIONS = 20
_MENTIONED = 6_000  # characters of what one mention adds to a question
_MOST_MENTIONS = 20
_MOST_PROMPTS = 4
_MANY_CELLS = 3
_WAIT_S = 5.0  # for an index that is being built


def search(panel: Panel, request: Request, reply: Reply) -> None:
    """The places that `%assist search` lists."""
    query = request.fields["query"].strip()
    if not query:
        raise UsageError("there is nothing to search for", "Write some words.")
    found = panel.session.index.search(query, _HITS, _WAIT_S)
    hits = [
        {
            "label": citations.place(source),
            "path": citations.link(source, found.root),
            "line": source.start_line if source.cell is None else None,
            "cell": source.cell,
            "name": security.clean(source.name or "", 200),
            "snippet": security.clean(hit.chunk.text.strip(), _SNIPPET),
        }
        for source, hit in zip(citations.sources(found.hits), found.hits, strict=True)
    ]
    reply.send("found", hits=hits, confident=found.confident, complete=found.complete)


def variables(panel: Panel, _: Request, reply: Reply) -> None:
    """The user's variables, a line each."""
    shell = panel.session.shell
    described = describe.describe_all(dict(shell.user_ns), shell.user_ns_hidden)
    listed = [
        {
            "name": security.clean(name, 200),
            "text": security.clean(text.removeprefix(f"{name}: "), _VARIABLE_CHARS),
        }
        for name, text in list(described.items())[:_MOST_VARIABLES]
    ]
    reply.send("variables", variables=listed)


def complete(panel: Panel, request: Request, reply: Reply) -> None:
    """What an @ and a few letters may mean: variables first, then files and symbols."""
    text = request.fields["text"].strip()
    mine = [(name, value) for name, value in _own(panel) if text.casefold() in name.casefold()]
    mine.sort(key=lambda one: (not one[0].casefold().startswith(text.casefold()), one[0]))
    items = [
        {"kind": "variable", "name": name, "detail": security.clean(type_name(value), 100)}
        for name, value in mine[: _COMPLETIONS // 2]
    ]
    try:
        root, found = panel.session.index.names(text, _COMPLETIONS)
    except CodeAssistError:  # the variables are worth showing all the same
        root, found = "", []
    for one in found:
        shown = one["name"] if one["kind"] == "symbol" else os.path.relpath(Path(root, one["name"]))
        detail = security.clean(one["detail"], 200)
        items.append({"kind": one["kind"], "name": security.clean(shown, 500), "detail": detail})
    reply.send("completions", items=items[:_COMPLETIONS])


def suggest(panel: Panel, _: Request, reply: Reply) -> None:
    """Questions that the notebook's state suggests, the most pressing first."""
    prompts = [
        {"label": security.clean(label, 100), "text": security.clean(text, 300)}
        for label, text in _suggested(panel)
    ]
    reply.send("suggestions", prompts=prompts[:_MOST_PROMPTS])


HANDLERS: dict[str, Callable[[Panel, Request, Reply], None]] = {
    "search": search,
    "variables": variables,
    "complete": complete,
    "suggest": suggest,
}


def mentioned(panel: Panel, mentions: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """What mentions stand for, as (label, text); raises UsageError for unknown ones."""
    if len(mentions) > _MOST_MENTIONS:
        raise UsageError(f"{len(mentions)} things are mentioned", f"{_MOST_MENTIONS} at most.")
    return tuple(_READERS[kind](panel, name) for kind, name in dict.fromkeys(mentions))


def _variable(panel: Panel, name: str) -> tuple[str, str]:
    text = context.describe_one(panel.session.shell, name)
    if text is None:
        raise _unknown("variable", name)
    return name, text


def _file(panel: Panel, name: str) -> tuple[str, str]:
    path = _readable(panel, "file", name)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as exc:
        raise UsageError(f"{name} cannot be read: {exc.strerror}", "Check the file.") from exc
    return name, _cut(text)


def _notebook(panel: Panel, name: str) -> tuple[str, str]:
    cells = execution.saved_cells(_readable(panel, "notebook", name))
    return name, _cut("\n\n".join(f"cell {one.place}:\n{one.source}" for one in cells))


def _symbol(panel: Panel, name: str) -> tuple[str, str]:
    found = panel.session.index.search(name, _HITS, _WAIT_S)
    for hit in found.hits:
        chunk = hit.chunk
        if chunk.name and f".{chunk.name}".endswith(f".{name}"):
            return f"{name} ({chunk.path}:{chunk.start_line})", _cut(chunk.text)
    raise _unknown("symbol", name)


_READERS: dict[str, Callable[[Panel, str], tuple[str, str]]] = {
    "variable": _variable,
    "file": _file,
    "notebook": _notebook,
    "symbol": _symbol,
}


def _readable(panel: Panel, kind: str, name: str) -> Path:
    """A file of the project, by its way from the current folder."""
    root, _ = panel.session.index.names("", 1)
    path = Path(panel.session.project.folder, name)
    if not security.may_read(path, Path(root)) or not path.is_file():
        raise _unknown(kind, name)
    return path


def _unknown(kind: str, name: str) -> UsageError:
    shown = security.clean(name, 100)
    return UsageError(f"there is no {kind} {shown!r} that may be read", "Choose one after an @.")


def _cut(text: str) -> str:
    if len(text) <= _MENTIONED:
        return text
    return f"{text[:_MENTIONED]}\n[… cut here: {len(text)} characters in all]"


def _own(panel: Panel) -> Iterator[tuple[str, Any]]:
    """The user's variables, by name."""
    hidden = panel.session.shell.user_ns_hidden
    for name, value in list(panel.session.shell.user_ns.items()):
        if type(name) is not str or name.startswith("_") or hidden.get(name, hidden) is value:
            continue
        if not security.secret_name(name):
            yield name, value


def _suggested(panel: Panel) -> Iterator[tuple[str, str]]:
    session = panel.session
    if session.last_failure is not None:
        yield f"Fix the {session.last_failure.post_mortem.failures[0].type}", "/fix"
    turns = session.assistant.journal.turns
    asked = " ".join(turn.question for turn in turns)
    frame = loaded("pandas", "DataFrame")
    own = list(_own(panel))
    for name, value in own:
        if frame is not None and type(value) is frame and name not in asked:
            yield f"Describe {name}", f"What is in @{name}, and what stands out?"
            break
    for name, value in own:
        if type(value) is FunctionType and value.__doc__ is None and name not in asked:
            yield f"Document {name}()", f"Write a docstring for @{name}."
            break
    if not turns and len(context.cells(session.shell)) >= _MANY_CELLS:
        yield "Explain this notebook", "What does this notebook do, step by step?"
