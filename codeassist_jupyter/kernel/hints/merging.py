"""Keys of a merge: of different types, or of different names on the two sides.

Compares no more than the first thousand values of a column, and only plain ones.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from .. import describe_data, frames
from ..describe import brief
from ..peek import is_one_of, loaded
from . import numbers
from .rewrites import calls_of, with_keywords
from .scene import Hint, Scene

_MOST = 1000
_COLUMNS = 60
_SHARED = 0.6  # of the values of a key that another column must hold


def merge_types(scene: Scene) -> Hint | None:
    """Keys of different types in a merge."""
    told = re.search(r"merge on (\S+) and (\S+) columns for key '([^']+)'", scene.message)
    if told is None:
        return None
    columns = [_column(frame, told[3]) for frame in _sides(scene)]
    if len(columns) != 2 or any(column is None for column in columns):
        return None
    samples = []
    for column in columns:
        shown = next((brief(v, 1) for v in describe_data.first_values(column, 5)), "")
        samples.append(f"{describe_data.dtype_name(column.dtype)}, such as {shown}")
    if samples[0] == samples[1]:
        return None
    text = f"{told[3]!r} is {samples[0]} on the left and {samples[1]} on the right"
    return Hint(text, _converted(scene, told[3], columns), "merge")


def _sides(scene: Scene) -> list[Any]:
    """The two tables of the merge that failed."""
    for entry in scene.library:
        local = frames.plain_names(entry.frame.f_locals, {"left", "right"})
        pair = [local.get("left"), local.get("right")]
        if all(type(v) is loaded("pandas", "DataFrame") for v in pair):
            return pair
    return []


def _column(frame: Any, key: str) -> Any:
    try:
        return describe_data.column(frame, key)
    except LookupError:
        return None


def _nodes(scene: Scene) -> tuple[ast.Call, list[ast.expr]] | None:
    """The call of merge, and the expressions of its left and right side."""
    calls = calls_of(scene, "merge")
    if len(calls) != 1 or not isinstance(calls[0].func, ast.Attribute):
        return None
    call = calls[0]
    rights = [k.value for k in call.keywords if k.arg == "right"]
    lefts = [k.value for k in call.keywords if k.arg == "left"]
    given = [*lefts, *call.args, *rights]
    try:
        is_frame = type(scene.value(calls[0].func.value)) is loaded("pandas", "DataFrame")
    except LookupError:
        is_frame = False
    if not is_frame and len(given) >= 2:
        return call, given[:2]
    if given and (is_frame or isinstance(calls[0].func.value, ast.Call)):
        return call, [calls[0].func.value, given[0]]
    return None


def _converted(scene: Scene, key: str, columns: list[Any]) -> tuple[str, ...]:
    """The cell with texts that are all whole numbers made such on their side."""
    found = _nodes(scene)
    kinds = [column.dtype.kind for column in columns]
    text = next((n for n in (0, 1) if kinds[n] not in "iuf" and kinds[1 - n] in "iuf"), None)
    if found is None or text is None:
        return ()
    values = describe_data.first_values(columns[text], 100_000)
    if not values or not all(type(v) is str and re.fullmatch(r"\s*\d+\s*", v) for v in values):
        return ()
    node = found[1][text]
    kind = "int" if kinds[1 - text] in "iu" else "float"
    return scene.replaced((node, f"{scene.text(node)}.astype({{{key!r}: {kind}}})"))


def key_of_one_side(scene: Scene) -> Hint | None:
    """A key that only one table has, and the one column of the other that holds its values."""
    key = scene.arguments[0] if len(scene.arguments) == 1 else None
    sides, found = _sides(scene), _nodes(scene)
    if type(key) is not str or not sides or found is None:
        return None
    has = [_column(frame, key) is not None for frame in sides]
    given = {k.arg: k.value for k in found[0].keywords}
    on = given.get("on")
    if sum(has) != 1 or not isinstance(on, ast.Constant) or on.value != key:
        return None
    there = 0 if has[0] else 1
    frame = sides[1 - there]
    meant = _sharing(_column(sides[there], key), frame)
    if meant is None:
        return None
    names = (key, meant) if there == 0 else (meant, key)
    which = "right" if there == 0 else "left"
    text = f"the {which} table has no {key!r}; its {meant!r} holds the same values"
    keyword = next(k for k in found[0].keywords if k.arg == "on")
    new = f"left_on={names[0]!r}, right_on={names[1]!r}"
    return Hint(text, scene.replaced((keyword, new)), "merge")


def no_common(scene: Scene) -> Hint | None:
    """Tables without a column of the same name: the one pair that holds the same values."""
    sides, found = _sides(scene), _nodes(scene)
    if "No common columns" not in scene.message or not sides or found is None:
        return None
    if any(k.arg in ("left_index", "right_index", None) for k in found[0].keywords):
        return None
    pairs = []
    for label in sides[0].columns.tolist()[:_COLUMNS]:
        column = _column(sides[0], label) if type(label) is str else None
        meant = _sharing(column, sides[1]) if column is not None else None
        pairs += [(label, meant)] if meant is not None else []
    if len(pairs) != 1:
        return None
    left, right = pairs[0]
    head = with_keywords(scene, scene.text(found[0].func), found[0])
    new = f"{head[:-1]}, left_on={left!r}, right_on={right!r})"
    text = f"{left!r} on the left and {right!r} on the right hold the same values"
    return Hint(text, scene.replaced((found[0], new)), "merge")


def _sharing(column: Any, frame: Any) -> str | None:
    """The only column of a table that holds most of the values of another."""
    wanted = _plain_values(column)
    if len(wanted) < 2:
        return None
    found = []
    for label in frame.columns.tolist()[:_COLUMNS]:
        other = _column(frame, label) if type(label) is str else None
        if other is None or other.dtype.kind != column.dtype.kind:
            continue
        held = _plain_values(other)
        fewer = min(len(wanted), len(held))
        if fewer and len(wanted & held) >= _SHARED * fewer:
            found.append(label)
    return found[0] if len(found) == 1 else None


def _plain_values(column: Any) -> set[Any]:
    values = describe_data.first_values(column, _MOST)
    return {v for v in values if is_one_of(type(v), (str, int, float)) and not numbers.is_null(v)}
