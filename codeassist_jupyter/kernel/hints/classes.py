"""Classes of the failed cell: `self`, `super().__init__`, defaults of dataclasses, properties."""

from __future__ import annotations

import ast
import dis
import re
import types
from functools import cached_property
from typing import Any

from .. import exceptions
from ..peek import instance_dict, is_one_of, members, mro, plain_name
from .scene import Hint, Scene, span

_FACTORIES = {"[]": "list", "{}": "dict", "list()": "list", "dict()": "dict", "set()": "set"}
_PLAIN = (int, float, str, bool, list, dict, tuple, set)


def _method(scene: Scene, kind: str, name: str) -> ast.FunctionDef | None:
    """A method as the cell defines it, if it does so once."""
    found = [
        method
        for node in ast.walk(scene.cell_tree or ast.Module([], []))
        if isinstance(node, ast.ClassDef) and node.name == kind
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name == name
    ]
    return found[0] if len(found) == 1 else None


def without_self(scene: Scene) -> Hint | None:
    """A method whose first parameter is missing, so that the instance is one argument too many."""
    told = re.search(
        r"^(\w+)\.(\w+)\(\) takes (\d+) positional arguments? but (\d+) ", scene.message
    )
    method = _method(scene, told[1], told[2]) if told else None
    if told is None or method is None or int(told[4]) != int(told[3]) + 1:
        return None
    spelt = ast.unparse(method.args)
    if method.decorator_list or spelt.startswith(("self", "cls", "*")):
        return None
    line = scene.source.splitlines()[method.lineno - 1].encode()
    opened = line.find(b"(", method.col_offset)
    if opened < 0:
        return None
    text = f"`{told[1]}.{told[2]}` is a method without `self` as its first parameter"
    place = (method.lineno, method.lineno, opened + 1, opened + 1)
    return Hint(text, scene.woven((place, "self, " if spelt else "self")), "argument")


def parent_not_made(scene: Scene) -> Hint | None:
    """An attribute that the parent's `__init__` sets, which the child's never calls."""
    name = exceptions.field(scene.error, AttributeError, "name")
    owner = exceptions.field(scene.error, AttributeError, "obj")
    if type(name) is not str or owner is None:
        return None
    kinds = mro(type(owner))
    child = _method(scene, plain_name(type(owner)), "__init__")
    made = next((k for k in kinds[1:] if "__init__" in members(k)), object)
    parent = members(made)["__init__"]
    if child is None or type(parent) is not types.FunctionType or not _sets(parent, name):
        return None
    if any(isinstance(n, ast.Attribute) and n.attr == "__init__" for n in ast.walk(child)):
        return None
    code = parent.__code__
    required = code.co_varnames[1 : code.co_argcount - len(parent.__defaults__ or ())]
    given = {a.arg for a in [*child.args.args, *child.args.kwonlyargs]}
    if not set(required) <= given or code.co_kwonlyargcount:
        return None
    call = f"super().__init__({', '.join(required)})"
    title = plain_name(made)
    text = f"`{name}` is set by `{title}.__init__`, which is never called: `{call}` is missing"
    first = child.body[1] if ast.get_docstring(child) and len(child.body) > 1 else child.body[0]
    if first.lineno == child.lineno:
        return Hint(text, (), "argument")
    place = (first.lineno, first.lineno, first.col_offset, first.col_offset)
    return Hint(text, scene.woven((place, f"{call}\n{' ' * first.col_offset}")), "argument")


def _sets(function: types.FunctionType, name: str) -> bool:
    steps = dis.get_instructions(function.__code__)
    return any(step.opname == "STORE_ATTR" and step.argval == name for step in steps)


def mutable_default(scene: Scene) -> Hint | None:
    """A list as the default of a dataclass's field."""
    told = re.search(
        r"^mutable default <class '\w+'> for field (\w+) is not allowed", scene.message
    )
    fields = [
        node
        for node in ast.walk(scene.cell_tree or ast.Module([], []))
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.value, ast.List | ast.Dict | ast.Set | ast.Call)
        and told is not None
        and ast.unparse(node.target) == told[1]
    ]
    if told is None or len(fields) != 1 or fields[0].value is None:
        return None
    spelt = ast.unparse(fields[0].value)
    factory = _FACTORIES.get(spelt, f"lambda: {spelt}")
    text = f"each `{told[1]}` needs its own: `field(default_factory={factory})`"
    edits = scene.woven((span(fields[0].value), f"field(default_factory={factory})"))
    if edits and "field" not in scene.names():
        edits = scene.checked(f"from dataclasses import field\n{edits[0]}")
    return Hint(text, () if scene.source.lstrip().startswith("%%") else edits, "argument")


def called_value(scene: Scene) -> Hint | None:
    """A property or a plain attribute that was called."""
    node = scene.node
    if "object is not callable" not in scene.message or not isinstance(node, ast.Call):
        return None
    func = node.func
    if not isinstance(func, ast.Attribute) or node.args or node.keywords:
        return None
    try:
        owner = scene.value(func.value)
    except LookupError:
        return None
    if not (_is_property(owner, func.attr) or _is_plain(owner, func.attr)):
        return None
    text = f"`{ast.unparse(func)}` is a value, not a method: write it without ()"
    return Hint(text, scene.replaced((node, scene.text(func))), "call")


def _is_property(owner: Any, name: str) -> bool:
    found = next((members(k)[name] for k in mro(type(owner)) if name in members(k)), None)
    return is_one_of(type(found), (property, cached_property))


def _is_plain(owner: Any, name: str) -> bool:
    facts = instance_dict(owner)
    return name in facts and is_one_of(type(facts[name]), _PLAIN)
