"""The sequences of values that a failed line names: columns, lists, arrays of texts."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from .. import describe_data
from ..describe import brief
from ..peek import loaded
from .scene import Scene

_MOST = 100_000


def named(scene: Scene) -> Iterable[tuple[ast.expr, list[Any], Callable[[int], str]]]:
    """Yield the sequences of values that the failed line names, and how places are told."""
    series = loaded("pandas", "Series")
    seen: list[Any] = []
    for node in scene.parts(ast.Subscript, ast.Attribute, ast.Name):
        try:
            value = scene.value(node)
        except LookupError:
            continue
        if any(value is other for other in seen):
            continue
        seen.append(value)
        if series is not None and type(value) is series:
            yield node, describe_data.first_values(value, _MOST), label_of(value)
        elif type(value) is list:
            yield node, value[:_MOST], lambda n: f"index {n}"


def label_of(series: Any) -> Callable[[int], str]:
    """How a place in a column is told."""

    def label(position: int) -> str:
        found = brief(series.index[position], 1)
        return f"label {found}" if found == str(position) else f"label {found}, row {position}"

    return label


def is_series(scene: Scene, node: ast.expr) -> bool:
    try:
        return type(scene.value(node)) is loaded("pandas", "Series")
    except LookupError:
        return False


def looped(scene: Scene, name: str) -> list[Any] | None:
    """All values that a loop or comprehension gives to a name; None if they cannot be had."""
    places = [scene.statement, scene.tree]
    for place in places:
        for loop in ast.walk(place) if place is not None else ():
            if not isinstance(loop, ast.comprehension | ast.For):
                continue
            if not isinstance(loop.target, ast.Name) or loop.target.id != name:
                continue
            try:
                value = scene.value(loop.iter)
            except LookupError:
                return None
            if type(value) is list:
                return value[:_MOST]
            if type(value) is loaded("pandas", "Series"):
                return describe_data.first_values(value, _MOST)
            return None
    return None
