"""Walks a traceback from the user's cell inwards: whose frame it is, and the source it ran.

Reads files of the project and of installed packages as text; imports and runs nothing.
"""

from __future__ import annotations

import ast
import linecache
import sysconfig
import textwrap
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from .. import security

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

FIRST = 40  # frames of a traceback that are looked at, from the cell inwards
_LAST = 60  # and from the failure outwards
_LARGEST = 2_000_000  # bytes of a file that is read
_PARSED = 60_000  # characters of source that are parsed
_MARKS = ("pyproject.toml", ".git", "setup.py")  # where a project begins
_TOOLS = {"site-packages", "dist-packages"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One live frame of a traceback; never kept beyond the hook.

    `place` is "cell", "project" or "library"; `cell` the number of the execution, if it is one.
    """

    frame: FrameType
    lasti: int
    line: int
    place: str
    label: str
    cell: int | None = None

    @property
    def code(self) -> CodeType:
        return self.frame.f_code


def walk(shell: InteractiveShell, top: TracebackType | None) -> tuple[list[Entry], int]:
    """The frames from the user's first one inwards, and how many were left out in the middle."""
    head: list[TracebackType] = []
    tail: deque[TracebackType] = deque(maxlen=_LAST)
    count, step = 0, top
    while step is not None:
        (head if len(head) < FIRST else tail).append(step)
        count, step = count + 1, step.tb_next
    judge = _Judge(shell)
    entries = [judge.entry(step) for step in (*head, *tail)]
    users = [n for n, entry in enumerate(entries) if entry.place != "library"]
    return entries[users[0] :] if users else entries[-1:], count - len(head) - len(tail)


class _Judge:
    """Tells the user's files from those of packages, each file once."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._root = project_root()
        paths = sysconfig.get_paths()
        self._tools = tuple({paths["stdlib"], paths["purelib"], paths["platlib"]})
        self._known: dict[str, tuple[str, str, int | None]] = {}

    def entry(self, step: TracebackType) -> Entry:
        name = step.tb_frame.f_code.co_filename
        if name not in self._known:
            self._known[name] = self._judge(name)
        place, label, cell = self._known[name]
        return Entry(step.tb_frame, step.tb_lasti, step.tb_lineno or 0, place, label, cell)

    def _judge(self, name: str) -> tuple[str, str, int | None]:
        cell = cell_number(self._shell, name)
        if cell is not None:
            return "cell", f"In [{cell}]", cell
        if name.startswith(("<", *self._tools)) or _TOOLS & set(Path(name).parts):
            return "library", name, None
        path = Path(name)
        try:
            inside = path.absolute().relative_to(self._root)
            if not path.is_file():  # compiled modules name files that only their makers have
                return "library", name, None
        except (ValueError, OSError):
            return "library", name, None
        return "project", inside.as_posix(), None


def project_root() -> Path:
    """The folder of the project around the current one; that one itself if nothing marks any."""
    try:
        here = Path.cwd()
    except OSError:  # it was deleted
        return Path("/nonexistent")
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in _MARKS):
            return folder
    return here


def cell_number(shell: InteractiveShell, filename: str) -> int | None:
    """Which execution a code's file name stands for; None if it is no cell."""
    found = shell.compile.format_code_name(filename)
    number = found[1].removeprefix("In[").removesuffix("]") if found else ""
    return int(number) if number.isdigit() else None


def source_of(entry: Entry) -> list[str]:
    """The lines of the file or cell that a frame ran; [] where they cannot or may not be read."""
    return lines_of(entry.code.co_filename, is_cell=entry.place == "cell")


def lines_of(filename: str, is_cell: bool) -> list[str]:
    """The lines of a cell, from IPython's cache, or of a file that may be read."""
    if is_cell:
        cached: Any = linecache.cache.get(filename)
        return list(cached[2]) if cached and len(cached) == 4 else []
    path = Path(filename)
    try:
        if path.stat().st_size > _LARGEST or not security.may_read(path, path.parent):
            return []
        return path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    except (OSError, ValueError):
        return []


def position(code: CodeType, lasti: int) -> tuple[int, int, int, int] | None:
    """Line, end line, column and end column (in bytes) of the instruction that failed."""
    found = next(islice(code.co_positions(), max(lasti, 0) // 2, None), None)
    if found is None or None in found:
        return None
    line, end_line, column, end_column = found
    return (line or 0, end_line or 0, column or 0, end_column or 0)


def parsed(entry: Entry, lines: list[str]) -> ast.Module | None:
    """The syntax tree around a frame's line, with the line numbers of its file.

    Of a long file only the function is parsed; None where that does not work.
    """
    source = "".join(lines)
    first = 1
    if len(source) > _PARSED or entry.place != "cell":
        if entry.code.co_name.startswith("<"):
            return tree_of(source, 1) if len(source) <= _PARSED else None
        first = entry.code.co_firstlineno
        source = textwrap.dedent("".join(lines[first - 1 : _last_line(entry.code)]))
    return tree_of(source, first) if len(source) <= _PARSED else None


def tree_of(source: str, first_line: int) -> ast.Module | None:
    try:
        return ast.increment_lineno(ast.parse(source), first_line - 1)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _last_line(code: CodeType) -> int:
    own = max((end for _, end, _, _ in code.co_positions() if end), default=code.co_firstlineno)
    return max([own, *(_last_line(c) for c in code.co_consts if type(c) is CodeType)])


def statement_at(tree: ast.AST, line: int) -> ast.stmt | None:
    """The innermost statement on a line."""
    found = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            found = node  # ast.walk goes from outside inwards
    return found


def own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement without those of the statements inside it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop(0)
        yield node
        waiting += [c for c in ast.iter_child_nodes(node) if not isinstance(c, ast.stmt)]


def plain_names(namespace: object, wanted: set[str]) -> dict[str, Any]:
    """Some names of a frame's namespace; none of one that is more than a dict."""
    if type(namespace) is not dict:
        return {}
    return {k: v for k, v in list(namespace.items()) if type(k) is str and k in wanted}


def visible(frame: FrameType, wanted: set[str]) -> Mapping[str, Any]:
    """What these names mean in a frame: its locals before its globals."""
    return plain_names(frame.f_globals, wanted) | plain_names(frame.f_locals, wanted)


_HEADER = 60  # lines that a signature may take
_DOC = 40


def documented(code: CodeType) -> tuple[str, str]:
    """Signature and first paragraph of the docstring of a function, as its file has them."""
    lines = _part_of_file(code)
    start = next((n for n, ln in enumerate(lines) if ln.lstrip().startswith(_DEF)), None)
    if start is None:
        return "", ""
    for end in range(start, min(start + _HEADER, len(lines))):
        if not lines[end].split("#")[0].rstrip().endswith(":"):
            continue
        tree = tree_of(textwrap.dedent("".join(lines[start : end + 1]).rstrip() + " pass"), 1)
        if tree is not None and isinstance(tree.body[0], ast.FunctionDef | ast.AsyncFunctionDef):
            node = tree.body[0]
            return f"{node.name}({ast.unparse(node.args)})", _first_paragraph(lines[end + 1 :])
    return "", ""


_DEF = ("def ", "async def ")


def _part_of_file(code: CodeType) -> list[str]:
    """The lines of a function's head; the rest of a large file is not read."""
    first = code.co_firstlineno - 1
    try:
        with Path(code.co_filename).open(encoding="utf-8", errors="replace") as file:
            return list(islice(file, first, first + _HEADER + _DOC))
    except (OSError, ValueError):
        return []


def _first_paragraph(lines: list[str]) -> str:
    text = "".join(lines).lstrip()
    text = text[1:] if text[:1] in "rRuU" else text
    quote = text[:3]
    if quote not in ('"""', "'''"):
        return ""
    body = textwrap.dedent(text[3:].partition(quote)[0]).strip()
    return " ".join(body.split("\n\n")[0].split())
