"""A fault that lies in a file of the project: its function, how a change is tried, and written.

A change is tried by giving the function in the copy of the kernel its new code; the file itself
is written only when the user applies the fix.
"""

from __future__ import annotations

import ast
import os
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import security
from ..errors import NotAllowed, UsageError
from .frames import project_root

if TYPE_CHECKING:
    from .postmortem import PostMortem

_LARGEST = 2_000_000  # bytes of a file
_LONGEST = 6000  # characters of a function that is shown to the model

# Runs in the copy of the kernel, before the cell: whoever holds the function gets its new code.
_PATCH = """\
def _codeassist_patch(path, name, source):
    import os, sys, types
    for module in list(sys.modules.values()):
        if os.path.realpath(getattr(module, "__file__", None) or "") == path:
            found = module
            for part in name.split("."):
                found = vars(found)[part]
            found = getattr(found, "__func__", found)
            made = {{}}
            exec(compile(source, path, "exec"), vars(module), made)
            new = made[name.rpartition(".")[2]]
            found.__code__, found.__defaults__ = new.__code__, new.__defaults__
            found.__kwdefaults__ = new.__kwdefaults__
            return
    raise ImportError("no module was loaded from " + path)
_codeassist_patch({path!r}, {name!r}, {source!r}); del _codeassist_patch
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A function of a file: `name` as `f` or `Class.f`, `source` without its indentation.

    `first` and `last` are its lines, 1-based, decorators included.
    """

    path: Path
    shown: str
    name: str
    source: str
    first: int
    last: int
    indent: str


def at_fault(facts: PostMortem) -> Target | None:
    """The function of the project in which the failure arose; None if that was a cell."""
    users = [frame for frame in facts.failures[0].frames if frame.place != "library"]
    if not users or users[-1].place != "project":
        return None
    root = project_root()
    path = root / users[-1].where
    if not security.may_read(path, root):
        return None
    # What a function defines inside itself, such as a generator, belongs to it.
    name = users[-1].function.partition(".<locals>")[0]
    return _function(path, users[-1].where, name, users[-1].line)


def _function(path: Path, shown: str, name: str, line: int) -> Target | None:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None
    lines = text.splitlines()
    for owner, node in _functions(tree):
        qualified = f"{owner}.{node.name}" if owner else node.name
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        last = node.end_lineno or node.lineno
        if qualified == name and first <= line <= last:
            block = "\n".join(lines[first - 1 : last])
            indent = lines[first - 1][: node.col_offset]
            source = textwrap.dedent(block)
            if len(source) > _LONGEST:
                return None
            return Target(path, shown, qualified, source, first, last, indent)
    return None


def _functions(tree: ast.Module) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Functions of a module and methods of its classes, each with the name of its class."""
    found: list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(("", node))
        elif isinstance(node, ast.ClassDef):
            inner = node.body
            methods = (n for n in inner if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
            found += [(node.name, method) for method in methods]
    return found


def changed(target: Target, code: str) -> str:
    """The function's new text if `code` gives one, "" if it is meant for the cell."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    wanted = target.name.rpartition(".")[2]
    for _, node in _functions(tree):
        if node.name == wanted:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            return textwrap.dedent("\n".join(code.splitlines()[first - 1 : node.end_lineno]))
    return ""


def trial_code(target: Target, code: str, cell: str) -> str:
    """What tries a changed function: the patch, then the cell that failed."""
    path = os.path.realpath(target.path)
    # Decorators have done their work on the function that is there.
    bare = code[code.index("def ") if code.startswith("@") else 0 :]
    return _PATCH.format(path=path, name=target.name, source=bare) + cell


def write(target: Target, before: str, after: str) -> str:
    """Put `after` in the place of `before` in the file; say what was done.

    Raises UsageError if the file no longer holds `before` exactly once, NotAllowed if it cannot be
    written.
    """
    indented = textwrap.indent(before, target.indent)
    try:
        text = target.path.read_text(encoding="utf-8")
        if text.count(indented) != 1:
            raise UsageError(f"{target.shown} has changed since", "%assist fix looks at it anew.")
        new = text.replace(indented, textwrap.indent(after, target.indent))
        _replace(target.path, new)
    except OSError as exc:
        raise NotAllowed(f"{target.shown} cannot be written: {exc.strerror}", "") from exc
    module = target.path.stem
    return (
        f"`{target.name}` was changed in {target.shown}. This kernel still has the old one:"
        f" restart it, or import importlib; importlib.reload({module})"
    )


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all, with the permissions it has."""
    mode = path.stat().st_mode
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
