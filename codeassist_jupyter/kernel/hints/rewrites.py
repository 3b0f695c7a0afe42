"""Small pieces of edits that several families share."""

from __future__ import annotations

import ast
import sys

from .scene import Scene


def with_argument(call: str, argument: str) -> str:
    """The text of a call with one more argument at its end; the same text if it ends otherwise."""
    if not call.endswith(")"):
        return call
    inner = call[:-1].rstrip().rstrip(",")
    return f"{inner}{'' if inner.endswith('(') else ', '}{argument})"


def with_keywords(scene: Scene, head: str, call: ast.Call, *left_out: str) -> str:
    """A call of `head` with the arguments of another call, some keywords left out."""
    parts = [scene.text(a) for a in call.args]
    for keyword in call.keywords:
        if keyword.arg is None:
            parts.append(f"**{scene.text(keyword.value)}")
        elif keyword.arg not in left_out:
            parts.append(f"{keyword.arg}={scene.text(keyword.value)}")
    return f"{head}({', '.join(parts)})"


def alias(scene: Scene, module: str) -> str | None:
    """The name under which the failed line can see a module."""
    found = sys.modules.get(module)
    names = scene.names().items()
    return next((name for name, value in names if value is found), None) if found else None


def is_plain(node: ast.expr) -> bool:
    """Whether a method may follow an expression without parentheses."""
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call)


def calls_of(scene: Scene, *names: str) -> list[ast.Call]:
    """The calls of functions or methods of these names, in what failed or in its statement."""
    found = []
    for call in scene.parts(ast.Call):
        function = call.func
        name = function.attr if isinstance(function, ast.Attribute) else ""
        name = function.id if isinstance(function, ast.Name) else name
        found += [call] if name in names else []
    return found
