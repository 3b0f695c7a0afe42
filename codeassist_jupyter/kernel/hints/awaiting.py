"""Coroutines that were used as their results, and event loops inside the kernel's own."""

from __future__ import annotations

import ast
import types

from ..peek import instance_dict
from .scene import Hint, Scene


def not_awaited(scene: Scene) -> Hint | None:
    """A coroutine that was used as if it were its result."""
    if "'coroutine' object" not in scene.message or "was never" in scene.message:
        return None
    node = scene.node
    subject = node.value if isinstance(node, ast.Attribute | ast.Subscript) else None
    if isinstance(subject, ast.Call):
        text = f"`{ast.unparse(subject.func)}` is async: its result comes with `await`"
        return Hint(text, _awaited(scene, subject), "await")
    if not isinstance(subject, ast.Name):
        return None
    try:
        value = scene.value(subject)
    except LookupError:
        return None
    if type(value) is not types.CoroutineType:
        return None
    name = instance_dict(value).get("__name__") or value.cr_code.co_name
    calls = [
        a.value
        for a in ast.walk(scene.cell_tree or ast.Module([], []))
        if isinstance(a, ast.Assign)
        and isinstance(a.value, ast.Call)
        and [ast.unparse(t) for t in a.targets] == [subject.id]
    ]
    text = f"`{subject.id}` is the coroutine of `{name}`, not its result: `await` is missing"
    edits: tuple[str, ...] = ()
    if len(calls) == 1:
        call = ast.get_source_segment(scene.source, calls[0]) or ast.unparse(calls[0])
        edits = scene.rewritten((calls[0], f"await {call}"))
    return Hint(text, edits, "await")


def _awaited(scene: Scene, call: ast.Call) -> tuple[str, ...]:
    entry = scene.entry
    if entry is None or entry.code.co_name != "<module>":
        return ()
    return scene.replaced((call, f"(await {scene.text(call)})"))


def running_loop(scene: Scene) -> Hint | None:
    """`asyncio.run` in a kernel, which runs a loop already."""
    if "cannot be called from a running event loop" not in scene.message:
        return None
    calls = [c for c in scene.parts(ast.Call) if ast.unparse(c.func) == "asyncio.run"]
    text = "the kernel runs an event loop already: `await` works in a cell"
    if len(calls) != 1 or len(calls[0].args) != 1 or calls[0].keywords:
        return Hint(text, (), "await")
    entry = scene.entry
    if entry is None or entry.code.co_name != "<module>":
        return Hint(text, (), "await")
    return Hint(text, scene.replaced((calls[0], f"await {scene.text(calls[0].args[0])}")), "await")
