"""One cell in the copy: how its code is read, run, and what is said of its failure.

Runs only in the forked copy, where the user's code may be called. Knows nothing of the report.
"""

from __future__ import annotations

import ast
import dataclasses
import errno
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

from . import describe, hints, postmortem, sandbox
from .peek import is_a, plain_name

NO_INPUT = "there is nobody to answer input()"
_OWN = str(Path(__file__).with_name("trial"))  # how the paths of these modules begin
_MOST_NAMES = 20
_MOST_TEXT = 2000
_CUT_OFF = {errno.EPERM, errno.EACCES, errno.EBADF, errno.ENOTSOCK, errno.EXDEV}
# How libraries that wrap the system's error word it.
_CUT_OFF_WORDS = (
    "permission denied", "operation not permitted", "not a socket", "readonly database",
    "unable to open database file", "name resolution", "bad file descriptor", "disk i/o error",
)  # fmt: skip


class Cell:
    """One cell's code: read as IPython reads it, run in the namespace of the copy.

    `source` is `raw` with its magics turned into Python; `tree` is empty until it was read.
    """

    def __init__(self, shell: Any, raw: str) -> None:
        self.shell, self.raw = shell, raw
        self.filename = ""
        self.tree = ast.Module(body=[], type_ignores=[])
        self.source = raw

    def names(self) -> set[str]:
        """The names it uses; none if it cannot be read."""
        try:
            self.read()
        except Exception:  # noqa: BLE001 - running it will say what is wrong
            return set()
        return {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}

    def read(self) -> None:
        """Parse it. Raises SyntaxError, and whatever the user's own transformers raise."""
        self.source = self.shell.transform_cell(self.raw)
        self.filename = self.shell.compile.cache(
            self.source, self.shell.execution_count, raw_code=self.raw
        )
        self.tree = self.shell.compile.ast_parse(self.source, self.filename)

    async def run(self) -> Any:
        """Run it; return the value of its last line if that is an expression to be shown."""
        self.read()
        tree = self.shell.transform_ast(self.tree)
        last = tree.body[-1] if tree.body else None
        shown = isinstance(last, ast.Expr) and not self.source.rstrip().endswith(";")
        body = tree.body[:-1] if shown else tree.body
        if body:
            await self._evaluate(ast.Module(body=body, type_ignores=[]), "exec")
        if not shown or not isinstance(last, ast.Expr):
            return None
        value = await self._evaluate(ast.Expression(last.value), "eval")
        if value is not None:
            self.shell.user_ns["_"] = value
        return value

    async def _evaluate(self, tree: ast.AST, mode: str) -> Any:
        with self.shell.compile.extra_flags(ast.PyCF_ALLOW_TOP_LEVEL_AWAIT):
            code: CodeType = self.shell.compile(tree, self.filename, mode)
        # Only in the forked copy, whose namespace this is.
        value = eval(code, self.shell.user_global_ns, self.shell.user_ns)
        return await value if code.co_flags & inspect.CO_COROUTINE else value


def failed(cell: Cell, exc: BaseException) -> dict[str, Any]:
    """The exception, where in the cell it arose, and what that line used."""
    sandbox.use_reserve()
    BaseException.with_traceback(exc, _from_code(exc.__traceback__))
    line, facts = _place(cell, exc)
    raw = cell.raw.split("\n")
    # IPython drops empty lines at the beginning.
    line += next((n for n, text in enumerate(raw) if text.strip()), 0) if line else 0
    return {
        "error": plain_name(type(exc)),
        "message": _words(exc),
        "line": line,
        "source": raw[line - 1] if 0 < line <= len(raw) else "",
        "facts": facts,
        "cut_off": _cut_off(exc),
    }


def account(cell: Cell, exc: BaseException) -> dict[str, Any]:
    """The post-mortem, the hint and its edits: what a search for a fix goes on with."""
    found: dict[str, Any] = {}
    try:
        found["postmortem"] = dataclasses.asdict(postmortem.capture(cell.shell, exc, cell.raw))
        hint = hints.hint_for(cell.shell, exc, cell.raw)
        if hint is not None:
            found |= {"hint": hint.text, "edits": list(hint.edits)}
    except Exception:  # noqa: BLE001 - what we know already is reported at any rate
        return found
    return found


def _words(exc: BaseException) -> str:
    try:
        return str(exc)[:_MOST_TEXT]
    except BaseException:  # noqa: BLE001 - the user's __str__, which may do anything
        return "(its message cannot be read)"


def _place(cell: Cell, exc: BaseException) -> tuple[int, list[str]]:
    """The line of the cell at which it failed, 0 if none, and what that line used."""
    in_cell = [
        trace
        for trace in _frames(exc.__traceback__)
        if trace.tb_frame.f_code.co_filename == cell.filename
    ]
    if not in_cell:
        return (exc.lineno or 0) if isinstance(exc, SyntaxError) else 0, []
    frame, line = in_cell[-1].tb_frame, in_cell[-1].tb_lineno
    values = {**frame.f_globals, **frame.f_locals}
    names = [name for name in _names_at(cell.tree, line) if name in values]
    return line, [
        describe.describe(name, values[name])
        for name in names[:_MOST_NAMES]
        if is_data(values[name])
    ]


def _from_code(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without our own frames at its beginning."""
    return next(
        (t for t in _frames(trace) if not t.tb_frame.f_code.co_filename.startswith(_OWN)), None
    )


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _names_at(tree: ast.Module, line: int) -> list[str]:
    """The names in the innermost statement at a line; of a compound one, those on that line."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    if not around:
        return []
    inner = around[-1]  # ast.walk goes outside in
    whole = not hasattr(inner, "body")
    names = (n for n in ast.walk(inner) if isinstance(n, ast.Name) and (whole or n.lineno == line))
    return list(dict.fromkeys(node.id for node in names))


def _cut_off(exc: BaseException | None) -> dict[str, str]:
    """What the code wanted that the sandbox refuses; {} if the failure is its own."""
    links = 0
    while exc is not None and links < 20:
        text = _words(exc)
        if isinstance(exc, OSError) and exc.errno in _CUT_OFF:
            path = exc.filename if isinstance(exc.filename, str) else ""
            return {"what": text, "path": os.path.realpath(path) if path else ""}
        if isinstance(exc, EOFError) and text == NO_INPUT:
            return {"what": NO_INPUT, "path": ""}
        if any(words in text.lower() for words in _CUT_OFF_WORDS):
            return {"what": text, "path": ""}
        exc, links = exc.__cause__ or exc.__context__, links + 1
    return {}


def is_data(value: object) -> bool:
    """Whether a value is worth a description: modules are not."""
    return not is_a(value, ModuleType)
