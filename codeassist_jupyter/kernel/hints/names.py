"""NameError and UnboundLocalError: the name that was meant, the import that is missing."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import sys

from ... import imports
from .. import exceptions
from ..peek import is_one_of, module_dict
from .closest import closest
from .scene import Hint, Scene

_MOST = 5000
# Words of other languages and of JSON.
_FOREIGN = {
    "true": "True",
    "false": "False",
    "null": "None",
    "none": "None",
    "nil": "None",
    "NULL": "None",
    "TRUE": "True",
    "FALSE": "False",
    "undefined": "None",
}


def undefined(scene: Scene) -> Hint | None:
    """A name that nothing in sight has: an import that is missing, or a misspelling."""
    name = exceptions.field(scene.error, NameError, "name")
    if type(name) is not str or "UnboundLocalError" in scene.kinds:
        return None
    if name in _FOREIGN:
        spelt = _FOREIGN[name]
        return Hint(f"`{name}` is `{spelt}` in Python", _renamed(scene, name, spelt), "name")
    return _forgotten_import(scene, name) or _misspelt(scene, name) or _dotted(scene, name)


def _forgotten_import(scene: Scene, name: str) -> Hint | None:
    line = _datetime(scene) if name == "datetime" else _meaning(name)
    if line is None or not _installed(line.split()[1].partition(".")[0]):
        return None
    edits = scene.prepended(line) if scene.entry and scene.entry.place == "cell" else ()
    return Hint(f"`{name}` was not imported: `{line}`", edits, "import")


def _meaning(name: str) -> str | None:
    """The import that a name stands for in nearly every notebook."""
    completed = imports.complete(name, ())
    return completed.splitlines()[0] if completed != name else None


def _datetime(scene: Scene) -> str | None:
    """Whether the module or the class was meant shows in how it is used."""
    used = {
        n.attr
        for n in ast.walk(scene.cell_tree or ast.Module([], []))
        if isinstance(n, ast.Attribute)
        and isinstance(n.value, ast.Name)
        and n.value.id == "datetime"
    }
    if used and used <= {"datetime", "timedelta", "date", "timezone", "time", "UTC"}:
        return "import datetime"
    if used and used <= {"now", "strptime", "fromisoformat", "today", "utcnow", "fromtimestamp"}:
        return "from datetime import datetime"
    return None


def _installed(module: str) -> bool:
    if module in sys.modules:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _misspelt(scene: Scene, name: str) -> Hint | None:
    known = [k for k in scene.names() if not k.startswith("_") or name.startswith("_")]
    meant = closest(name, [*known[:_MOST], *dir(builtins)])
    if meant is None or not _fits(scene, name, meant):
        return None
    return Hint(f"no name `{name}`; the closest is `{meant}`", _renamed(scene, name, meant), "name")


def _fits(scene: Scene, name: str, meant: str) -> bool:
    """A built-in name is only near to one that is called like it."""
    return meant in scene.names() or any(
        isinstance(n.func, ast.Name) and n.func.id == name for n in scene.parts(ast.Call)
    )


def _dotted(scene: Scene, name: str) -> Hint | None:
    """A function that an imported module has, such as `sqrt` where there is `math`."""
    if not any(isinstance(n.func, ast.Name) and n.func.id == name for n in scene.parts(ast.Call)):
        return None
    module_type = type(ast)
    homes = [
        alias
        for alias, value in scene.names().items()
        if type(value) is module_type and not alias.startswith("_") and name in module_dict(value)
    ]
    if len(homes) != 1:
        return None
    spelt = f"{homes[0]}.{name}"
    return Hint(f"no name `{name}`; there is `{spelt}`", _renamed(scene, name, spelt), "name")


def _renamed(scene: Scene, name: str, meant: str) -> tuple[str, ...]:
    """The cell with the name written right wherever it stands; it is defined nowhere."""
    tree = scene.cell_tree
    if tree is None:
        return ()
    uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name]
    if not uses or any(not isinstance(n.ctx, ast.Load) for n in uses):
        return ()
    return scene.rewritten(*((n, meant) for n in uses))


def unbound(scene: Scene) -> Hint | None:
    """A name that is local because the function assigns it later."""
    name = exceptions.field(scene.error, NameError, "name")
    if type(name) is not str:  # before Python 3.12 only the message says it
        parts = scene.message.split("'")
        name = parts[1] if len(parts) > 2 else ""
    entry = scene.entry
    if entry is None or not name.isidentifier() or entry.code.co_name == "<module>":
        return None
    function = entry.code.co_name
    if type(entry.frame.f_globals) is dict and name in entry.frame.f_globals:
        text = (
            f"`{name}` is assigned in `{function}`, so it is local there and not the notebook's "
            f"`{name}`; pass it in, or declare `global {name}`"
        )
        return Hint(text, _declared(scene, function, name), "name")
    outer = _enclosing(scene, function, name)
    if outer is not None:
        text = f"`{function}` assigns `{name}`; that of `{outer[0].name}` needs `nonlocal {name}`"
        return Hint(text, _begun(scene, outer[1], f"nonlocal {name}"), "name")
    known = [k for k in entry.code.co_varnames if k != name and k in entry.frame.f_locals]
    meant = closest(name, known)
    near = f"; the closest is `{meant}`" if meant else ""
    return Hint(f"`{name}` has no value yet on this path through `{function}`{near}", (), "name")


def _declared(scene: Scene, function: str, name: str) -> tuple[str, ...]:
    """The cell with `global name` in the function, if it is the cell's and changes a value."""
    value = scene.namespace.get(name)
    if not is_one_of(type(value), (int, float, str, bool, list, dict, set, tuple)):
        return ()
    found = [
        n
        for n in ast.walk(scene.cell_tree or ast.Module([], []))
        if isinstance(n, ast.FunctionDef) and n.name == function
    ]
    if len(found) != 1 or found[0] not in (scene.cell_tree or ast.Module([], [])).body:
        return ()
    return _begun(scene, found[0], f"global {name}")


def _enclosing(
    scene: Scene, function: str, name: str
) -> tuple[ast.FunctionDef, ast.FunctionDef] | None:
    """The only function of the cell that assigns the name around an inner one, and that one."""
    found = [
        (outer, inner)
        for outer in ast.walk(scene.cell_tree or ast.Module([], []))
        if isinstance(outer, ast.FunctionDef)
        for inner in outer.body
        if isinstance(inner, ast.FunctionDef) and inner.name == function
        if any(
            isinstance(n, ast.Assign) and name in map(ast.unparse, n.targets) for n in outer.body
        )
    ]
    return found[0] if len(found) == 1 else None


def _begun(scene: Scene, function: ast.FunctionDef, statement: str) -> tuple[str, ...]:
    """The cell with a statement at the beginning of a function, after its docstring."""
    body = function.body
    first = body[1] if ast.get_docstring(function) and len(body) > 1 else body[0]
    if first.lineno == function.lineno:
        return ()
    place = (first.lineno, first.lineno, first.col_offset, first.col_offset)
    return scene.woven((place, f"{statement}\n{' ' * first.col_offset}"))
