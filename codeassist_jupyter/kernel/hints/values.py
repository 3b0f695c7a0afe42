"""Errors of plain values: empty, out of range, not unpackable, changed while read."""

from __future__ import annotations

import ast
import re
from typing import Any

from .. import exceptions
from ..describe import brief
from ..peek import instance_dict, is_one_of, plain_name
from .closest import closest
from .scene import Hint, Scene


def zero(scene: Scene) -> Hint | None:
    """Which name was 0 in a division."""
    node = scene.node
    if not isinstance(node, ast.BinOp | ast.AugAssign) or scene.library:
        return None
    divisor = node.right if isinstance(node, ast.BinOp) else node.value
    inner = divisor.args[0] if isinstance(divisor, ast.Call) and _is_length(divisor) else None
    if inner is not None:
        return Hint(f"`{ast.unparse(inner)}` is empty, so its length is 0", (), "zero")
    if isinstance(divisor, ast.Constant):
        return None
    try:
        value = scene.value(divisor)
    except LookupError:
        return None
    return Hint(f"`{ast.unparse(divisor)}` is {brief(value)}", (), "zero") if not value else None


def _is_length(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "len"
        and len(node.args) == 1
    )


def index(scene: Scene) -> Hint | None:
    """How long the list is and which index was asked of it."""
    node = scene.node
    if not re.search(r"^(list|tuple|string) (assignment )?index out of range", scene.message):
        return None
    if not isinstance(node, ast.Subscript):
        return None
    try:
        value = scene.value(node.value)
    except LookupError:
        return None
    if not is_one_of(type(value), (list, tuple, str)):
        return None
    asked = ast.unparse(node.slice)
    try:
        number = scene.value(node.slice)
        asked = str(number) if asked == str(number) else f"{asked}, which is {brief(number)},"
    except LookupError:
        asked = f"`{asked}`"
    last = f"; the last is {len(value) - 1}" if len(value) else " and is empty"
    size = f"has {len(value)} item{'s' if len(value) != 1 else ''}"
    return Hint(f"`{ast.unparse(node.value)}` {size}{last}; index {asked} is beyond", (), "index")


def popped(scene: Scene) -> Hint | None:
    """`pop` of an empty container."""
    if not re.search(r"^pop from (an )?empty", scene.message):
        return None
    node = scene.node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return Hint(f"`{ast.unparse(node.func.value)}` is empty here", (), "index")
    return None


def unpacking(scene: Scene) -> Hint | None:
    """More or fewer values than names; `.items()` or `enumerate` that was forgotten."""
    if not re.search(r"values to unpack|cannot unpack non-iterable", scene.message):
        return None
    statement = scene.statement
    loop = statement if isinstance(statement, ast.For) else None
    if loop is None or not isinstance(loop.target, ast.Tuple) or scene.library:
        return _assigned(scene)
    try:
        value = scene.value(loop.iter)
    except LookupError:
        return None
    name, two = scene.text(loop.iter), len(loop.target.elts) == 2
    if type(value) is dict and two:
        edits = scene.replaced((loop.iter, f"{name}.items()"))
        return Hint(
            f"`{name}` is a dict and gives its keys; `{name}.items()` gives pairs", edits, "unpack"
        )
    if type(value) in (list, tuple, range) and two and "non-iterable" in scene.message:
        edits = scene.replaced((loop.iter, f"enumerate({name})"))
        text = f"`{name}` gives single values; `enumerate({name})` gives their index too"
        return Hint(text, edits, "unpack")
    if type(value) is list:
        return _uneven(value, name, len(loop.target.elts))
    return None


def _uneven(value: list[Any], name: str, wanted: int) -> Hint | None:
    for number, item in enumerate(value[:100_000]):
        if is_one_of(type(item), (list, tuple, str)) and len(item) != wanted:
            text = f"`{name}[{number}]` has {len(item)} values, not {wanted}: {brief(item, 1)}"
            return Hint(text, (), "unpack")
    return None


def _assigned(scene: Scene) -> Hint | None:
    statement = scene.statement
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Tuple):
        return None
    try:
        value = scene.value(statement.value)
    except LookupError:
        return None
    if not is_one_of(type(value), (list, tuple, str, dict)):
        return None
    wanted, name = len(statement.targets[0].elts), ast.unparse(statement.value)
    return Hint(
        f"`{name}` has {len(value)} values for {wanted} names: {brief(value, 1)}", (), "unpack"
    )


def changed_while_read(scene: Scene) -> Hint | None:
    """A dict or set that its own loop changed."""
    if "changed size during iteration" not in scene.message and (
        "keys changed during iteration" not in scene.message
    ):
        return None
    if scene.tree is None:
        return None
    loops = [
        n for n in ast.walk(scene.tree) if isinstance(n, ast.For) and scene.node in (n, n.iter)
    ]
    if not loops:
        return None
    inner = loops[0]
    name = scene.text(inner.iter)
    if isinstance(inner.iter, ast.Call) and ast.unparse(inner.iter.func) in ("list", "tuple"):
        return None
    text = f"the loop changes `{name}` while it reads it; `list({name})` reads a copy"
    return Hint(text, scene.replaced((inner.iter, f"list({name})")), "loop")


def not_iterable(scene: Scene) -> Hint | None:
    """`for i in n` with a number."""
    if "'int' object is not iterable" not in scene.message:
        return None
    statement = scene.statement
    if not isinstance(statement, ast.For) or not isinstance(statement.target, ast.Name):
        return None
    over = statement.iter
    if scene.node not in (statement, over) or not (
        _is_length(over) or isinstance(over, ast.Name | ast.Constant)
    ):
        return None
    name = scene.text(over)
    edits = scene.replaced((over, f"range({name})"))
    return Hint(f"`{name}` is a number; `range({name})` counts up to it", edits, "loop")


def recursion(scene: Scene) -> Hint | None:
    """Which function calls itself without end, and with what."""
    entry = scene.entry
    if entry is None or entry.place == "library" or entry.code.co_name == "<module>":
        return None
    again = [e for e in scene.entries if e.code is entry.code]
    if len(again) < 20:
        return None
    code = entry.code
    name = code.co_varnames[0] if code.co_argcount else ""
    shown = ""
    if name and name != "self" and type(entry.frame.f_locals) is dict:
        shown = f"; `{name}` is {brief(entry.frame.f_locals.get(name), 1)} by now"
    return Hint(f"`{code.co_name}` calls itself without end{shown[:120]}", (), "recursion")


def pattern(scene: Scene) -> Hint | None:
    """Where a regular expression is wrong."""
    facts = instance_dict(scene.error)
    text, position, message = facts.get("pattern"), facts.get("pos"), facts.get("msg")
    if type(text) is not str or type(position) is not int or type(message) is not str:
        return None
    near = f"{text[max(position - 15, 0) : position]}▸{text[position : position + 15]}"
    advice = ""
    if "nothing to repeat" in message and text[:1] in "*+?":
        advice = "; a pattern is not a file pattern (that is `glob`)"
    return Hint(f"in the pattern, {message} at ▸: {brief(near)}{advice}", (), "pattern")


def not_in_list(scene: Scene) -> Hint | None:
    """`list.remove` or `.index` of a value that the list does not have."""
    if not re.search(r"is not in list|x not in list|not in tuple|list.remove\(x\)", scene.message):
        return None
    node = scene.node
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
        return None
    try:
        value, asked = scene.value(node.func.value), scene.value(node.args[0])
    except LookupError:
        return None
    if type(value) is not list or type(asked) is not str:
        return None
    meant = closest(asked, [v for v in value[:5000] if type(v) is str])
    if meant is None:
        return None
    name = ast.unparse(node.func.value)
    literal = isinstance(node.args[0], ast.Constant)
    edits = scene.replaced((node.args[0], repr(meant))) if literal else ()
    return Hint(f"`{name}` has no {asked!r}; the closest is {meant!r}", edits, "value")


def text_indices(scene: Scene) -> Hint | None:
    """A text or list that was taken for a dict."""
    told = re.search(
        r"^(string|list|tuple) indices must be integers(?: or slices)?, not '?str", scene.message
    )
    node = scene.node
    if told is None or not isinstance(node, ast.Subscript):
        return None
    try:
        value = scene.value(node.value)
    except LookupError:
        return None
    name = ast.unparse(node.value)
    if not is_one_of(type(value), (str, list, tuple)):
        return None
    inner = ""
    if type(value) is not str and len(value) and type(value[0]) is dict:
        inner = f"; its items are dicts, as in `{name}[0]`"
    loop = _loop_over(scene, name) if type(value) is str else None
    if loop is not None:
        inner = f"; iterating over `{loop[0]}` ({loop[1]}) gives its {loop[2]}"
    return Hint(
        f"`{name}` is a {plain_name(type(value))}: {brief(value, 1)[:100]}{inner}", (), "value"
    )


def _loop_over(scene: Scene, name: str) -> tuple[str, str, str] | None:
    for node in ast.walk(scene.tree or ast.Module([], [])):
        if not isinstance(node, ast.For) or ast.unparse(node.target) != name:
            continue
        try:
            over = scene.value(node.iter)
        except LookupError:
            continue
        kind = plain_name(type(over))
        if kind in ("dict", "DataFrame"):
            what = "keys" if kind == "dict" else "column names"
            return ast.unparse(node.iter), kind, what
    return None


def assertion(scene: Scene) -> Hint | None:
    """The two sides of a comparison that an `assert` found false."""
    statement = scene.statement
    if not isinstance(statement, ast.Assert) or not isinstance(statement.test, ast.Compare):
        return None
    if exceptions.arguments(scene.error) or len(statement.test.comparators) != 1:
        return None
    said = []
    for side in (statement.test.left, statement.test.comparators[0]):
        if isinstance(side, ast.Constant):
            continue
        try:
            said.append(f"`{ast.unparse(side)}` is {brief(scene.value(side), 2)[:120]}")
        except LookupError:
            return None
    return Hint("; ".join(said), (), "assert") if said else None


def domain(scene: Scene) -> Hint | None:
    """Which value a function of `math` refused."""
    node = scene.node
    if "math domain error" not in scene.message and "expected a positive" not in scene.message:
        return None
    if not isinstance(node, ast.Call) or len(node.args) != 1:
        return None
    try:
        value = scene.value(node.args[0])
    except LookupError:
        return None
    if isinstance(node.args[0], ast.Constant) or type(value) not in (int, float):
        return None
    return Hint(f"`{ast.unparse(node.args[0])}` is {brief(value)}", (), "value")
