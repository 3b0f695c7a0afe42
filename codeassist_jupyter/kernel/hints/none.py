"""Where a None came from: which assignment bound a name to a call that returns nothing."""

from __future__ import annotations

import ast
import dis
import inspect
import re
import types
from collections.abc import Iterator
from typing import Any

from .. import frames
from .scene import Hint, Scene

_IN_PLACE = frozenset(
    {
        *("sort", "append", "extend", "insert", "reverse", "update", "clear", "remove", "add"),
        *("discard", "shuffle"),
    }
)
_MATCHES = frozenset({"match", "search", "fullmatch"})
_CELLS = 50  # that are looked through for the assignment


def origin(scene: Scene) -> Hint | None:
    """Say why something is None that was used as if it were not."""
    if "'NoneType'" not in scene.message:
        return None
    node = _subject(scene)
    if isinstance(node, ast.Call):
        reason = _returns_none(scene, node)
        if reason is None:
            return None
        return Hint(f"`{_short(node)}` is None: {reason}", _unused_in_place(scene, node), "none")
    if not isinstance(node, ast.Name) or not _is_none(scene, node):
        return None
    for where, assignment in _assignments(scene, node.id):
        call = assignment.value
        reason = _returns_none(scene, call) if isinstance(call, ast.Call) else None
        if reason is None or not isinstance(call, ast.Call):
            return None  # the last assignment is another one: we do not know
        text = f"`{node.id}` is None since {where} `{_short(assignment)}`: {reason}"
        if _overwrote(assignment, call):
            text += f"; `{node.id}` itself was overwritten, so make it anew"
            if where != "this cell's" or not _made_before(scene, node.id, assignment):
                return Hint(text, (), "none")
        return Hint(text, _without_binding(scene, where, assignment, call), "none")
    return None


def _overwrote(assignment: ast.Assign, call: ast.Call) -> bool:
    """Whether the None took the place of the very object that was changed."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    targets = [t.id for t in assignment.targets if isinstance(t, ast.Name)]
    return isinstance(owner, ast.Name) and owner.id in targets


def _made_before(scene: Scene, name: str, assignment: ast.Assign) -> bool:
    tree = scene.tree
    return tree is not None and any(_binding(tree, name, assignment.lineno))


def _is_none(scene: Scene, node: ast.Name) -> bool:
    try:
        return scene.value(node) is None
    except LookupError:
        return False


def _subject(scene: Scene) -> ast.expr | None:
    """The expression that was None."""
    node = scene.node
    if isinstance(node, ast.For):  # what it goes over is not iterable
        return node.iter
    if isinstance(node, ast.Attribute | ast.Subscript):
        return node.value
    if isinstance(node, ast.Call):
        return node.func if "not callable" in scene.message else _read(scene, node)
    if isinstance(node, ast.Name):
        return node
    if isinstance(node, ast.BinOp):
        sides = [
            n for n in (node.left, node.right) if isinstance(n, ast.Name) and _is_none(scene, n)
        ]
        return sides[0] if len(sides) == 1 else None
    return None


def _read(scene: Scene, node: ast.Call) -> ast.expr:
    """What was read as if it had items: what a loop goes over, else the call's only argument."""
    loops = [
        n.iter
        for n in ast.walk(scene.tree or ast.Module([], []))
        if isinstance(n, ast.For | ast.comprehension)
    ]
    is_whole = node in loops or not re.search(r"not iterable|has no len", scene.message)
    return node if is_whole or len(node.args) != 1 else node.args[0]


def _returns_none(scene: Scene, call: ast.Call) -> str | None:
    """Why a call returns None; None where that is not sure."""
    if any(k.arg == "inplace" and _is_true(k.value) for k in call.keywords):
        return "with `inplace=True` a method changes its object and returns None"
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in _MATCHES:
        return "the pattern was not found"
    if isinstance(call.func, ast.Name) and call.func.id == "print":
        return "`print` shows its text and returns None"
    function = _function(scene, call.func)
    if function is not None:
        return (
            f"`{function.__code__.co_name}` has no `return` with a value"
            if _is_silent(function)
            else None
        )
    if name in _IN_PLACE and _is_built_in(scene, call.func):
        return f"`{name}` changes its object and returns None"
    return None


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _function(scene: Scene, node: ast.expr) -> types.FunctionType | None:
    try:
        found = scene.value(node)
    except LookupError:
        return None
    return found if type(found) is types.FunctionType else None


def _is_silent(function: types.FunctionType) -> bool:
    """Whether a function can only return None, by its own bytecode."""
    code = function.__code__
    if code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        return False
    before: dis.Instruction | None = None
    for step in dis.get_instructions(code):
        if step.opname == "RETURN_VALUE" and not (
            before and before.opname == "LOAD_CONST" and before.argval is None
        ):
            return False
        if step.opname == "RETURN_CONST" and step.argval is not None:
            return False
        before = step
    return True


def _is_built_in(scene: Scene, node: ast.expr) -> bool:
    """Whether the method belongs to a list, set or dict, or is `random.shuffle`."""
    if not isinstance(node, ast.Attribute):
        return False
    if node.attr == "shuffle":
        return isinstance(node.value, ast.Name) and node.value.id == "random"
    if isinstance(node.value, ast.List | ast.Dict | ast.Set | ast.ListComp):
        return True
    try:
        kind = type(scene.value(node.value))
    except LookupError:
        return False
    # The object itself may be gone, when the None was bound to its own name.
    return kind in (list, set, dict) or (kind is type(None) and node.attr in ("sort", "append"))


def _assignments(scene: Scene, name: str) -> Iterator[tuple[str, ast.Assign]]:
    """Yield what bound a name last: in the function, else in this cell and those run before."""
    entry = scene.entry
    line = entry.line if entry is not None else 0
    here = list(_binding(scene.tree, name, line)) if scene.tree is not None else []
    if entry is not None and entry.code.co_name != "<module>":
        own = [a for a in here if a.lineno >= entry.code.co_firstlineno]
        yield from (("line " + str(a.lineno), a) for a in reversed(own))
        return
    yield from (("this cell's", a) for a in reversed(here))
    history = scene.shell.history_manager
    sources = list(history.input_hist_parsed) if history is not None else []
    last = len(sources) - 1
    for number in range(last - 1, max(0, last - _CELLS), -1):
        tree = frames.tree_of(sources[number][:20_000], 1)
        found = list(_binding(tree, name, 10**9)) if tree is not None else []
        yield from ((f"In [{number}]", a) for a in reversed(found))


def _binding(tree: ast.AST, name: str, before: int) -> Iterator[ast.Assign]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and node.lineno < before:
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node


def _without_binding(
    scene: Scene, where: str, assignment: ast.Assign, call: ast.Call
) -> tuple[str, ...]:
    """The cell with the call's own result used: where the assignment is in it and shows how."""
    if where != "this cell's":
        return ()
    flags = [k for k in call.keywords if k.arg == "inplace"]
    if flags:
        kept = ast.Call(call.func, call.args, [k for k in call.keywords if k not in flags])
        return scene.replaced((call, ast.unparse(kept)))
    target = assignment.targets[0]
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(target, ast.Name) and isinstance(owner, ast.Name) and owner.id == target.id:
        return scene.replaced((assignment, scene.text(call)))
    return _sorted(scene, call)


def _unused_in_place(scene: Scene, call: ast.Call) -> tuple[str, ...]:
    """`df.sort_values(…, inplace=True).head()` without the `inplace`."""
    flags = [k for k in call.keywords if k.arg == "inplace"]
    if not flags:
        return _sorted(scene, call)
    kept = ast.Call(call.func, call.args, [k for k in call.keywords if k not in flags])
    return scene.replaced((call, ast.unparse(kept)))


def _sorted(scene: Scene, call: ast.Call) -> tuple[str, ...]:
    """`y.sort(…)` as the new list that was expected of it; `y` is a list, as `_is_built_in` saw."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is None or not isinstance(call.func, ast.Attribute) or call.func.attr != "sort":
        return ()
    given = [scene.text(owner), *(scene.text(k) for k in call.keywords)]
    return scene.replaced((call, f"sorted({', '.join(given)})"))


def _short(node: ast.AST) -> str:
    text: Any = ast.unparse(node)
    return text if len(text) <= 80 else f"{text[:77]}…"
