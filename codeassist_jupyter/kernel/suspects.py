"""What makes a corrected cell suspicious although it runs: it may only silence the error.

Pure: compares the two texts; runs nothing.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from .dataflow import flow

# What `errors=` and `on_bad_lines=` are told to leave out what does not fit.
_DROPPING = ("coerce", "ignore", "skip", "replace")
_LITERALS = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.UnaryOp, ast.USub, ast.Load)
_DEFAULTS = {"fillna", "get", "setdefault", "getattr", "nan_to_num", "where", "mask", "next"}


def suspicions(original: str, candidate: str) -> tuple[str, ...]:
    """Why a candidate that runs may still be no fix; () where nothing speaks against it.

    Both are Python text, magics translated.
    """
    try:
        new = ast.parse(candidate)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    try:
        old: ast.AST = ast.parse(original)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        old = ast.Module(body=[], type_ignores=[])  # of a syntax error: only the text is known
        return tuple(dict.fromkeys(_swallows(old, new)))
    found = [*_swallows(old, new), *_deletes(original, candidate, old, new)]
    found += [*_invents(old, new), *_drops(old, new)]
    return tuple(dict.fromkeys(found))


def _swallows(old: ast.AST, new: ast.AST) -> Iterator[str]:
    known = Counter(ast.dump(node) for node in _handlers(old))
    for handler in _handlers(new):
        key = ast.dump(handler)
        if known[key]:
            known[key] -= 1
        elif not any(isinstance(node, ast.Raise) for node in ast.walk(handler)):
            yield "it catches the error instead of mending its cause"
    for node in ast.walk(new):
        if isinstance(node, ast.Call) and _last(node.func) == "suppress":
            yield "it suppresses the error"


def _handlers(tree: ast.AST) -> list[ast.ExceptHandler]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]


def _deletes(original: str, candidate: str, old: ast.AST, new: ast.AST) -> Iterator[str]:
    before, after = flow(original), flow(candidate)
    lost = sorted((before.binds | before.changes) - after.binds - after.changes)
    if lost:
        yield f"it no longer makes {', '.join(f'`{name}`' for name in lost[:3])}"
    fixed = _fixed(new) - _fixed(old)
    yield from (f"`{name}` is a fixed value now" for name in sorted(fixed & before.binds))
    if _statements(new) < _statements(old) / 2:
        yield "more than half of the cell is gone"
    for node in ast.walk(new):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Constant) and not node.test.value:
            yield "part of it never runs"
    guards = _guards(new) - _guards(old)
    if guards and lost == []:
        yield "it skips the failing step under a condition"


def _guards(tree: ast.AST) -> set[str]:
    """Conditions that ask whether something is there at all, with nothing done otherwise."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and not node.orelse:
            test = ast.dump(node.test)
            if "In()" in test or "hasattr" in test:  # also of "not in"
                found.add(test)
    return found


def _fixed(tree: ast.AST) -> set[str]:
    """Names that are only ever given a value typed in."""
    given: dict[str, bool] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    given[target.id] = given.get(target.id, True) and _is_typed(node.value)
    return {name for name, typed in given.items() if typed}


def _is_typed(node: ast.expr) -> bool:
    return all(isinstance(part, _LITERALS) for part in ast.walk(node))


def _statements(tree: ast.AST) -> int:
    return sum(isinstance(node, ast.stmt) for node in ast.walk(tree))


def _invents(old: ast.AST, new: ast.AST) -> Iterator[str]:
    """Defaults that stand nowhere in the cell as it was."""
    known = Counter(_defaults(old))
    for default in _defaults(new):
        if known[default]:
            known[default] -= 1
        else:
            yield f"it puts {default} where the data has nothing"


def _defaults(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _last(node.func) in _DEFAULTS:
            place = 0 if _last(node.func) in ("fillna", "nan_to_num") else -1
            least = {"fillna": 1, "nan_to_num": 1, "getattr": 3}.get(_last(node.func), 2)
            if len(node.args) >= least and _is_plain(node.args[place]):
                yield ast.unparse(node.args[place])
            yield from (
                ast.unparse(k.value)
                for k in node.keywords
                if k.arg in ("value", "default", "other", "nan") and _is_plain(k.value)
            )
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            if _is_plain(node.values[-1]):
                yield ast.unparse(node.values[-1])
        elif isinstance(node, ast.IfExp) and _is_plain(node.orelse):
            yield ast.unparse(node.orelse)


def _is_plain(node: ast.expr) -> bool:
    empty = isinstance(node, ast.List | ast.Tuple | ast.Dict) and not list(
        ast.iter_child_nodes(node)
    )
    return isinstance(node, ast.Constant) or empty


def _drops(old: ast.AST, new: ast.AST) -> Iterator[str]:
    known = Counter(_droppings(old))
    for dropping in _droppings(new):
        if known[dropping]:
            known[dropping] -= 1
        else:
            yield f"`{dropping}` leaves out what does not fit, without a word"


def _droppings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _last(node.func)
        if name in ("dropna", "drop_duplicates"):
            yield f"{name}()"
        for keyword in node.keywords:
            value = keyword.value
            if (
                keyword.arg in ("errors", "on_bad_lines")
                and isinstance(value, ast.Constant)
                and value.value in _DROPPING
            ):
                yield f"{keyword.arg}={value.value!r}"


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
