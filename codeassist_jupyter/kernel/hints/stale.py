"""Cells that were edited but not run, told from the saved notebook and what this kernel ran.

The notebook on disk may be older than what ran: only what was saved after the run counts.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .. import exceptions, frames
from ..frames import Entry
from .scene import Hint, Scene

_LARGEST = 1_000_000  # bytes of a notebook, which may hold outputs


class _Cell(NamedTuple):
    number: int  # from 1, as one counts on the page
    id: str
    source: str


def edited(scene: Scene) -> Hint | None:
    """A function on the traceback whose cell says something else by now."""
    called = [
        entry
        for entry in scene.entries
        if entry.place == "cell" and entry.cell in scene.executions and _is_function(entry)
    ]
    for entry in called[-3:]:
        hint = _run_without(scene, entry) or _saved_otherwise(scene, entry)
        if hint is not None:
            return hint
    return None


def _is_function(entry: Entry) -> bool:
    return entry.code.co_name.isidentifier()


def _run_without(scene: Scene, entry: Entry) -> Hint | None:
    """The cell was run again with another text that did not get as far as this function."""
    if entry.cell is None:
        return None
    cell_id = scene.executions[entry.cell].cell_id
    later = [n for n, e in scene.executions.items() if n > entry.cell and e.cell_id == cell_id]
    if not later:
        return None
    old, new = (
        _definition(_ran(scene, entry.cell), entry),
        _definition(_ran(scene, later[-1]), entry),
    )
    if old is None or new is None or old == new:
        return None
    text = (
        f"`{entry.code.co_name}` is still that of In [{entry.cell}]: "
        f"its cell was edited, but In [{later[-1]}] did not define it anew"
    )
    return Hint(text, (), "stale")


def _saved_otherwise(scene: Scene, entry: Entry) -> Hint | None:
    """The notebook was saved after the run with another definition."""
    path = _notebook()
    if path is None or entry.cell is None:
        return None
    ran = scene.executions[entry.cell]
    try:
        if path.stat().st_mtime <= ran.at:
            return None
    except OSError:
        return None
    cell = next((c for c in _cells(path) if c.id == ran.cell_id), None)
    old = _definition(_ran(scene, entry.cell), entry)
    new = _definition(cell.source, entry) if cell is not None else None
    if cell is None or old is None or new is None or old == new:
        return None
    name = entry.code.co_name
    text = f"`{name}()` was edited in cell {cell.number}, but that cell has not been run since"
    return Hint(text, (), "stale")


def not_run(scene: Scene) -> Hint | None:
    """A name that a cell of the notebook defines which this kernel has not run."""
    name = exceptions.field(scene.error, NameError, "name")
    path = _notebook()
    if type(name) is not str or path is None or "UnboundLocalError" in scene.kinds:
        return None
    history = scene.shell.history_manager
    ran = set(history.input_hist_raw) if history is not None else set()
    ran = {source.strip() for source in ran if type(source) is str}
    found = [c for c in _cells(path) if c.source.strip() not in ran and name in _defined(c.source)]
    if len(found) != 1:
        return None
    text = f"`{name}` is defined in cell {found[0].number}, which has not been run in this kernel"
    return Hint(text, (), "stale")


def _notebook() -> Path | None:
    """The notebook of this kernel, as far as the front end names it."""
    name = os.environ.get("JPY_SESSION_NAME", "")
    return Path(name) if name.endswith(".ipynb") else None


def _cells(path: Path) -> Iterator[_Cell]:
    """Yield the code cells of a saved notebook; nothing of a large or broken one."""
    try:
        if path.stat().st_size > _LARGEST:
            return
        cells: Any = json.loads(path.read_text(encoding="utf-8")).get("cells", [])
    except (OSError, ValueError, AttributeError, RecursionError):
        return
    for number, cell in enumerate(cells if isinstance(cells, list) else [], 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            text = "".join(source) if isinstance(source, list) else str(source)
            yield _Cell(number, str(cell.get("id", "")), text)


def _ran(scene: Scene, number: int) -> str:
    history = scene.shell.history_manager
    sources = history.input_hist_raw if history is not None else []
    return sources[number] if 0 < number < len(sources) else ""


def _definition(source: str, entry: Entry) -> str | None:
    """How a function or method is defined in a source, without comments and blanks."""
    tree = frames.tree_of(source, 1)
    names = [part for part in entry.code.co_qualname.split(".") if part != "<locals>"]
    place: Any = tree
    for name in names:
        body = getattr(place, "body", [])
        place = next((n for n in body if getattr(n, "name", None) == name), None)
    return ast.dump(place) if isinstance(place, ast.AST) and place is not tree else None


def _defined(source: str) -> set[str]:
    """The names that a cell binds at its top."""
    tree = frames.tree_of(source, 1)
    found: set[str] = set()
    for node in tree.body if tree is not None else []:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).split(".")[0] for a in node.names}
    return found
