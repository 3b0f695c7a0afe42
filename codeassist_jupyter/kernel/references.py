"""Finds `{name}` in a question and resolves it in the namespace, without calling user code.

A tokenizer, not `str.format`: what is not a reference to something that exists stays as typed, and
nothing inside an inserted value is ever looked at again.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Code in the question keeps its braces: fenced blocks, and spans between back-ticks.
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_BRACES = re.compile(r"\{\{(?P<escaped>[^{}\n]{1,200})\}\}|\{(?P<expression>[^{}\n]{1,200})\}")
_MAX_DEPTH = 8
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Reference:
    """An expression of the question and the description of what it names."""

    expression: str
    text: str


@dataclass(frozen=True, slots=True)
class Expanded:
    """The question with its references in back-ticks, and what they refer to, each once."""

    text: str
    references: tuple[Reference, ...]


def expand(question: str, describe: Callable[[str], str | None]) -> Expanded:
    """Replace each `{expression}` that `describe` knows by `` `expression` ``.

    `{{expression}}` stands for the literal text `{expression}` where that would be a reference.
    """
    found: dict[str, Reference] = {}

    def replace(match: re.Match[str]) -> str:
        expression = (match["escaped"] or match["expression"]).strip()
        reference = found.get(expression)
        if reference is None:
            text = describe(expression)
            if text is None:
                return match.group()
            reference = Reference(expression, text)
        if match["escaped"] is not None:
            return f"{{{match['escaped']}}}"
        found[expression] = reference
        return f"`{expression}`"

    pieces = []
    end = 0
    for code in _CODE.finditer(question):
        pieces += [_BRACES.sub(replace, question[end : code.start()]), code.group()]
        end = code.end()
    pieces.append(_BRACES.sub(replace, question[end:]))
    return Expanded("".join(pieces), tuple(found.values()))


def resolve(namespace: Mapping[str, Any], expression: str) -> Any:
    """The object that `name`, `name.attribute` or `name[constant]` names.

    Raises LookupError where it names nothing, or only something that user code would compute.
    """
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise LookupError(expression) from exc
    steps = list(_steps(tree))
    if not steps or len(steps) > _MAX_DEPTH:
        raise LookupError(expression)
    value = namespace[steps[0][1]]
    for kind, key in steps[1:]:
        value = _attribute(value, key) if kind == "." else _item(value, key)
    return value


def _steps(node: ast.expr) -> Iterator[tuple[str, Any]]:
    """The path of an expression from its name outwards; nothing for any other expression."""
    if isinstance(node, ast.Name):
        yield "", node.id
    elif isinstance(node, ast.Attribute):
        inner = list(_steps(node.value))
        yield from [*inner, (".", node.attr)] if inner else []
    elif isinstance(node, ast.Subscript):
        inner = list(_steps(node.value))
        key = _constant(node.slice)
        yield from [*inner, ("[", key)] if inner and key is not _MISSING else []


def _constant(node: ast.expr) -> Any:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _MISSING
    return value if isinstance(value, str | int | float | bool | None) else _MISSING


def _attribute(value: Any, name: str) -> Any:
    """An attribute that is stored, not computed; columns of a data frame count as stored."""
    if _is_frame(value):
        return _item(value, name)
    if type(value) is types.ModuleType:
        return vars(value)[name]  # not getattr: a module may define __getattr__
    try:
        found = inspect.getattr_static(value, name)
    except AttributeError as exc:
        raise LookupError(name) from exc
    if isinstance(found, property) or _is_descriptor(found):
        raise LookupError(name)
    return found


def _is_descriptor(found: Any) -> bool:
    kind = type(found)
    plain = (types.FunctionType, types.BuiltinFunctionType, staticmethod, classmethod, type)
    return not issubclass(kind, plain) and any("__get__" in vars(base) for base in kind.__mro__)


def _item(value: Any, key: Any) -> Any:
    """An item of a built-in container, or a column of a data frame."""
    if type(value) in (dict, list, tuple):
        try:
            return value[key]
        except (KeyError, IndexError, TypeError) as exc:
            raise LookupError(str(key)) from exc
    if _is_frame(value):
        columns = [c for c in value.columns if isinstance(c, str | int)]
        if key in columns and columns.count(key) == 1:
            return value[key]
    raise LookupError(str(key))


def _is_frame(value: Any) -> bool:
    """Exactly a pandas or polars DataFrame, whose own code is not the user's."""
    for library in ("pandas", "polars"):
        module = sys.modules.get(library)
        if module is not None and type(value) is vars(module).get("DataFrame"):
            return True
    return False


def numbered(expression: str) -> tuple[str, int] | None:
    """("In", n), ("Out", n) or ("Err", n) for a reference to a cell; None for any other."""
    match = re.fullmatch(r"(In|Out|Err)\[(\d{1,6})\]", expression)
    return (match[1], int(match[2])) if match else None
