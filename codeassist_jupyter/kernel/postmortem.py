"""What was true when a cell failed: frames, failing lines and the values they used, as plain facts.

Runs no code of the user, takes at most about 50 ms, and keeps no frame: a PostMortem is strings and
numbers, so it can go through a pipe (`dataclasses.asdict`, `PostMortem.from_dict`). Failures of
other threads do not fail a cell and are not seen.
"""

from __future__ import annotations

import ast
import builtins
import sys
import time
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import security
from . import describe, exceptions, frames, references
from .frames import Entry
from .peek import is_a, is_one_of, module_dict
from .watch import Execution

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_BUDGET_S = 0.05
_FRAMES = 8  # of one exception
_VALUES = 8  # of one frame
_VALUE = 600  # characters of one
_AROUND = 2  # lines before and after the failing one
_LINE = 300
_MESSAGE = 2000
_SOURCE = 8000
_RENDERED = 8000


@dataclass(frozen=True, slots=True)
class Frame:
    """One call on the way to the failure; `place` is "cell", "project" or "library".

    `where` is `In [3]`, a path in the project, or a module with its version. `lines` are those
    around the failing one, numbered, with `>` before it. Of a library call `signature` and `doc`
    are set instead. `values` are descriptions of what the line used.
    """

    place: str
    where: str
    function: str
    line: int
    failing: str = ""
    lines: str = ""
    values: tuple[tuple[str, str], ...] = ()
    signature: str = ""
    doc: str = ""
    cell_id: str = ""
    repeated: int = 0  # how many further frames are like this one


@dataclass(frozen=True, slots=True)
class Failure:
    """One exception; `link` says how it belongs to the one before: cause, context or member."""

    type: str
    message: str
    link: str = ""
    frames: tuple[Frame, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PostMortem:
    """A failed cell; `failures` begins with what was raised, then what led to it."""

    source: str
    cell: int
    failures: tuple[Failure, ...]
    cell_id: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PostMortem:
        """Make one of what `dataclasses.asdict` gave, also after JSON."""
        return cls(
            data["source"], data["cell"], tuple(map(_failure, data["failures"])), data["cell_id"]
        )


def _failure(data: Mapping[str, Any]) -> Failure:
    calls = tuple(
        Frame(**{**frame, "values": tuple((name, text) for name, text in frame["values"])})
        for frame in data["frames"]
    )
    return Failure(**{**data, "frames": calls, "notes": tuple(data["notes"])})


def capture(
    shell: InteractiveShell,
    exception: BaseException,
    cell_source: str,
    executions: Mapping[int, Execution] | None = None,
) -> PostMortem:
    """The facts of a failure; `executions` says which cell each number was."""
    executions = executions or {}
    writer = _Writer(shell, executions)
    failures: tuple[Failure, ...] = ()
    for link in exceptions.chain(exception):
        failure = writer.failure(*link)
        if not failures or (failure.type, failure.message) != (
            failures[0].type,
            failures[0].message,
        ):
            failures += (failure,)  # a library often raises the same again
    number = shell.execution_count
    for frame in failures[0].frames[:1]:
        if frame.place == "cell":
            number = int(frame.where[4:-1])
    source = writer.safe(cell_source, _SOURCE)
    return PostMortem(source, number, failures, _cell_id(executions, number))


def _cell_id(executions: Mapping[int, Execution], number: int | None) -> str:
    known = executions.get(number) if number is not None else None
    return known.cell_id if known is not None else ""


class _Writer:
    """Puts live frames into words, until the time is up; then only their places."""

    def __init__(self, shell: InteractiveShell, executions: Mapping[int, Execution]) -> None:
        self._shell = shell
        self._executions = executions
        self._deadline = time.thread_time() + _BUDGET_S
        self._secrets = list(_secrets(shell.user_ns))

    def safe(self, text: str, limit: int) -> str:
        near = security.clean(text, 4 * limit)
        return security.clean(security.redact(near, self._secrets), limit)

    def failure(self, error: BaseException, link: str) -> Failure:
        entries, omitted = frames.walk(self._shell, exceptions.traceback_of(error))
        for entry in entries:
            self._secrets += _secrets(entry.frame.f_locals) if entry.place != "library" else ()
        calls = list(self._syntax(error))
        if not calls or any(entry.place != "library" for entry in entries):
            calls += self._frames(entries, omitted)
        return Failure(
            self.safe(exceptions.type_of(error), _LINE),
            self.safe(exceptions.message(error), _MESSAGE),
            link,
            tuple(calls),
            tuple(self.safe(note, _LINE) for note in exceptions.notes(error)),
        )

    def _frames(self, entries: list[Entry], omitted: int) -> list[Frame]:
        runs = _folded(entries, omitted)
        if len(runs) > _FRAMES:
            runs = [*runs[:2], *runs[2 - _FRAMES :]]
        # From the failure outwards, so that the time is spent where it matters.
        return [self._frame(entry, repeated) for entry, repeated in runs[::-1]][::-1]

    def _frame(self, entry: Entry, repeated: int) -> Frame:
        name = security.clean(entry.code.co_qualname, _LINE)
        if entry.place == "library":
            late = time.thread_time() > self._deadline
            signature, doc = ("", "") if late else frames.documented(entry.code)
            return Frame(
                "library",
                _module(entry),
                name,
                entry.line,
                signature=self.safe(signature, 2 * _LINE),
                doc=self.safe(doc, 2 * _LINE),
                repeated=repeated,
            )
        lines = frames.source_of(entry)
        failing = lines[entry.line - 1].strip() if 0 < entry.line <= len(lines) else ""
        return Frame(
            entry.place,
            entry.label,
            name,
            entry.line,
            self.safe(failing, _LINE),
            self._around(lines, entry.line),
            self._values(entry, lines),
            cell_id=_cell_id(self._executions, entry.cell),
            repeated=repeated,
        )

    def _around(self, lines: list[str], line: int) -> str:
        first = max(line - _AROUND, 1)
        shown = [
            f"{'>' if number == line else ' '} {number:>3} {text.rstrip()[:_LINE]}"
            for number, text in enumerate(lines[first - 1 : line + _AROUND], first)
        ]
        return self.safe("\n".join(shown), 6 * _LINE)

    def _values(self, entry: Entry, lines: list[str]) -> tuple[tuple[str, str], ...]:
        if time.thread_time() > self._deadline:
            return ()
        tree = frames.parsed(entry, lines)
        statement = frames.statement_at(tree, entry.line) if tree is not None else None
        if statement is None:
            return ()
        paths, wanted = _read_by(statement)
        names = frames.visible(entry.frame, wanted)
        found: dict[str, str] = {}
        for path in paths:
            if len(found) == _VALUES or time.thread_time() > self._deadline:
                break
            try:
                value = references.resolve(names, path)
            except LookupError:
                continue
            if not _is_scenery(path, value):
                found[path] = self.safe(describe.describe(path, value), _VALUE)
        return tuple(found.items())

    def _syntax(self, error: BaseException) -> Iterator[Frame]:
        """The place of a syntax error, which has no frame of its own."""
        line = exceptions.field(error, SyntaxError, "lineno")
        text = exceptions.field(error, SyntaxError, "text")
        filename = exceptions.field(error, SyntaxError, "filename")
        if type(line) is not int or type(filename) is not str:
            return
        number = frames.cell_number(self._shell, filename)
        lines = frames.lines_of(filename, number is not None)
        shown = self._around(lines, line) or (text if type(text) is str else "")
        where = f"In [{number}]" if number is not None else filename
        failing = self.safe(text.strip() if type(text) is str else "", _LINE)
        place = "project" if number is None else "cell"
        yield Frame(place, self.safe(where, _LINE), "", line, failing, self.safe(shown, 6 * _LINE))


def _folded(entries: list[Entry], omitted: int) -> list[tuple[Entry, int]]:
    """Library frames become the one that the user called; equal frames in a row become one."""
    runs: list[tuple[Entry, int]] = []
    for number, entry in enumerate(entries):
        left_out = omitted if number == frames.FIRST else 0
        if runs and entry.place == "library" and runs[-1][0].place == "library":
            if runs[-1][0].code.co_name in _WRAPPERS:  # a decorator's, not what was called
                runs[-1] = (entry, 0)
        elif runs and _same(runs[-1][0], entry):
            runs[-1] = (entry, runs[-1][1] + 1 + left_out)
        else:
            runs.append((entry, left_out))
    return runs


_WRAPPERS = ("wrapper", "wrapped", "inner", "_inner", "new_method", "new_func")


def _same(one: Entry, other: Entry) -> bool:
    return one.code is other.code and one.line == other.line


def _secrets(namespace: object) -> Iterator[str]:
    """Values of variables whose names say that they are secret."""
    if type(namespace) is dict:
        for name, value in list(namespace.items()):
            if type(name) is str and type(value) is str and security.secret_name(name):
                yield value


def _is_scenery(path: str, value: object) -> bool:
    """Modules, classes and the functions of libraries say nothing about a failure."""
    if type(value) is types.FunctionType:
        return "." in path or hasattr(builtins, path)
    return is_one_of(type(value), _SCENERY) or is_a(value, type)


_SCENERY = (types.ModuleType, types.BuiltinFunctionType, types.MethodDescriptorType)


def _read_by(statement: ast.stmt) -> tuple[list[str], set[str]]:
    """What a statement reads: names, attributes and items as written, and the names alone."""
    nodes = [
        node
        for node in frames.own_nodes(statement)
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
        and isinstance(node.ctx, ast.Load)
    ]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        names.add(statement.target.id)
        nodes.append(statement.target)
    return list(dict.fromkeys(ast.unparse(node) for node in nodes[:40])), names


def _module(entry: Entry) -> str:
    """The module of a library's frame, with the version of its package."""
    names = frames.plain_names(entry.frame.f_globals, {"__name__"})
    name = names.get("__name__")
    if type(name) is not str:
        return entry.label
    package = sys.modules.get(name.partition(".")[0])
    version = None
    if package is not None and type(package) is types.ModuleType:
        version = module_dict(package).get("__version__")
    return f"{name} ({version})" if type(version) is str else name


def render(post_mortem: PostMortem) -> str:
    """The facts as a prompt says them: what led there first, what was raised and seen last."""
    parts = [_told(failure) for failure in reversed(post_mortem.failures)]
    return security.clean("\n\n".join(parts), _RENDERED)


_LINKS = {
    "": "Raised",
    "cause": "The cause of what follows",
    "context": "Raised before, while this was handled the next came",
    "member": "One of the group's exceptions",
}


def _told(failure: Failure) -> str:
    """One exception: its frames from the cell inwards, its message, then the values."""
    lines = []
    for frame in failure.frames:
        lines.append(_heading(frame))
        lines += [frame.lines] if frame.lines else []
        lines += [f"  {text}" for text in (frame.signature, frame.doc) if text]
    lines.append(f"{_LINKS[failure.link]}: {failure.type}: {failure.message}".rstrip(": "))
    lines += [f"note: {note}" for note in failure.notes]
    values = {text: None for frame in failure.frames for _, text in frame.values}
    if values:
        lines += ["Values then:", *values]
    return "\n".join(lines)


def _heading(frame: Frame) -> str:
    inside = f", in {frame.function}" if frame.function not in ("", "<module>") else ""
    again = f" ({frame.repeated} more like it)" if frame.repeated else ""
    if frame.place == "library":
        return f"called {frame.where}{inside}{again}"
    return f"{frame.where}, line {frame.line}{inside}{again}"
