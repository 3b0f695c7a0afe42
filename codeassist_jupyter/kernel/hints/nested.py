"""Data as JSON gives it: the list of records inside a dict, a key one level deeper.

Reads plain dicts and lists only; speaks where exactly one place in them has what was wanted.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from ..describe import brief
from ..peek import is_one_of
from .closest import closest
from .scene import Hint, Scene

_MOST = 200  # entries of a dict, and records of a list, that are looked at


def records(scene: Scene) -> Hint | None:
    """`for row in data: row["x"]` where `data` is a dict that holds the list of rows."""
    node = scene.node
    key: Any = None
    if isinstance(node, ast.Subscript) and "string indices must be integers" in scene.message:
        key = node.slice
    elif (
        isinstance(node, ast.Call | ast.Attribute)
        and "'str' object has no attribute '" in scene.message
    ):
        key = _got(scene)
        node = node.func if isinstance(node, ast.Call) else node
    if not isinstance(key, ast.Constant) or not isinstance(node, ast.Subscript | ast.Attribute):
        return None
    if not isinstance(node.value, ast.Name):
        return None
    loops = [over for over in _loops(scene) if _binds(over, node.value.id)]
    if len(loops) != 1:
        return None
    found = _list_of_records(_known(scene, loops[0].iter), key.value)
    if found is None:
        return None
    name = scene.text(loops[0].iter)
    whole = f"{name}[{brief(found, 1)}]"
    text = f"`{name}` is a dict and gives its keys; its records are in `{whole}`"
    return Hint(text, scene.replaced((loops[0].iter, f"{name}[{found!r}]")), "nested")


def _got(scene: Scene) -> ast.expr | None:
    """The key of the `.get(key)` that failed."""
    calls = [
        c
        for c in scene.parts(ast.Call)
        if isinstance(c.func, ast.Attribute) and c.func.attr == "get" and c.args
    ]
    keys = {ast.unparse(c.args[0]): c.args[0] for c in calls}
    return next(iter(keys.values())) if len(keys) == 1 else None


def _loops(scene: Scene) -> Iterator[ast.For | ast.comprehension]:
    for node in ast.walk(scene.tree or ast.Module([], [])):
        if isinstance(node, ast.For | ast.comprehension):
            yield node


def _binds(loop: ast.For | ast.comprehension, name: str) -> bool:
    return isinstance(loop.target, ast.Name) and loop.target.id == name


def _known(scene: Scene, node: ast.AST) -> Any:
    try:
        return scene.value(node)
    except LookupError:
        return None


def _list_of_records(value: Any, key: object) -> str | None:
    """The only key of a dict whose value is a list of dicts that all have `key`."""
    if type(value) is not dict or len(value) > _MOST:
        return None
    found = [k for k, v in list(value.items()) if type(k) is str and _is_records(v, key)]
    return found[0] if len(found) == 1 else None


def _is_records(value: Any, key: object) -> bool:
    if type(value) is not list or not value:
        return False
    return all(type(item) is dict and _has(item, key) for item in value[:_MOST])


def _has(mapping: dict[Any, Any], key: object) -> bool:
    return any(type(k) is type(key) and k == key for k in list(mapping)[:_MOST])


def deeper(scene: Scene) -> Hint | None:
    """A key that stands exactly one level deeper, or an index into the dict around a list."""
    node = scene.node
    if not isinstance(node, ast.Subscript) or scene.library or len(scene.arguments) != 1:
        return None
    value, key = _known(scene, node.value), scene.arguments[0]
    if type(value) is not dict or len(value) > _MOST or not is_one_of(type(key), (str, int)):
        return None
    texts = [k for k in value if type(k) is str]
    name = scene.text(node.value)
    if type(key) is int:
        lists = [k for k in texts if type(value[k]) is list]
        if len(lists) != 1 or not -len(value[lists[0]]) <= key < len(value[lists[0]]):
            return None
        if any(str(k) == str(key) for k in texts):
            return None
        return _inside(scene, node, name, lists[0])
    if closest(key, texts) is not None:
        return None
    inner = [k for k in texts if type(value[k]) is dict and _has(value[k], key)]
    lists = [k for k in texts if type(value[k]) is list and _any_has(value[k], key)]
    if len(inner) == 1 and not lists:
        return _inside(scene, node, name, inner[0])
    return None


def _any_has(items: list[Any], key: object) -> bool:
    return any(type(item) is dict and _has(item, key) for item in items[:_MOST])


def _inside(scene: Scene, node: ast.Subscript, name: str, key: str) -> Hint:
    text = f"`{name}` has it one level deeper, in `{name}[{brief(key, 1)}]`"
    return Hint(text, scene.replaced((node.value, f"{name}[{key!r}]")), "nested")


def leaf(scene: Scene) -> Hint | None:
    """A recursion over a tree whose leaves lack the key of their children."""
    node, entry = scene.node, scene.entry
    if not isinstance(node, ast.Subscript) or entry is None or len(scene.arguments) != 1:
        return None
    if not isinstance(node.slice, ast.Constant) or type(node.slice.value) is not str:
        return None
    callers = [e for e in scene.entries if e.code is entry.code]
    names = entry.code.co_varnames[: entry.code.co_argcount]
    if len(callers) < 2 or not isinstance(node.value, ast.Name) or node.value.id not in names:
        return None
    if not any(loop.iter is node for loop in _loops(scene)):
        return None
    key = node.slice.value
    above = callers[-2].frame.f_locals
    parent = above.get(node.value.id) if type(above) is dict else None
    if type(parent) is not dict or type(parent.get(key)) is not list:
        return None
    name = scene.text(node.value)
    text = f"the leaves have no {brief(key, 1)}: `{name}.get({brief(key, 1)}, [])` is empty there"
    edit = f"{name}.get({scene.text(node.slice)}, [])"
    return Hint(text, scene.replaced((node, edit)), "nested")


def too_many_parts(scene: Scene) -> Hint | None:
    """`k, v = line.split("=")` where the value contains the separator too."""
    if "dictionary update sequence element" in scene.message:
        wanted = re.search(r"has length (\d+); 2 is required", scene.message)
        count = 2 if wanted and int(wanted[1]) > 2 else 0
    else:
        told = re.search(r"too many values to unpack \(expected (\d+)", scene.message)
        count = int(told[1]) if told else 0
    calls = [
        c
        for c in (ast.walk(scene.statement) if scene.statement is not None else ())
        if isinstance(c, ast.Call)
        and isinstance(c.func, ast.Attribute)
        and c.func.attr == "split"
        and len(c.args) == 1
        and not c.keywords
        and isinstance(c.args[0], ast.Constant)
        and type(c.args[0].value) is str
        and c.args[0].value.strip()
    ]
    if count < 2 or len(calls) != 1:
        return None
    separator = calls[0].args[0]
    spelt = scene.text(separator)
    text = f"a part contains {spelt} itself: `.split({spelt}, {count - 1})` makes {count} parts"
    return Hint(text, scene.replaced((separator, f"{spelt}, {count - 1}")), "unpack")
