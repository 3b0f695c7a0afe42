"""Finds `{name}` in a question and resolves it in the namespace, without calling user code.

A tokenizer, not `str.format`: what is not a reference to something that exists stays as typed, and
nothing inside an inserted value is ever looked at again. Braces are code, not references, in fenced
blocks and code spans, in f-strings and strings that are formatted, in LaTeX, inside other braces
(JSON, dicts, sets) and directly after a word or a closing bracket.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..security.markdown import code_spans
from . import describe_data
from .peek import entry, is_one_of, stored

_NAME = r"[^\W\d]\w{0,99}"
_KEY = r"""(?:-?\d{1,9}|"[^"\\\n]{0,99}"|'[^'\\\n]{0,99}')"""
_PATH = rf"{_NAME}(?:\.{_NAME}|\[ ?{_KEY} ?\]){{0,8}}"
_REFERENCE = re.compile(
    r"(?<![\w\\$^})\]{])"
    rf"(?:\{{ {{0,4}}(?P<path>{_PATH}) {{0,4}}\}}|\{{\{{ {{0,4}}(?P<escaped>{_PATH}) {{0,4}}\}}\}})"
    r"(?!\})"
)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
# An f-string, or a string that is formatted, on one line.
_STRING = r"""(?P<{0}>["'])(?:\\.|(?!(?P={0}))[^\\\n]){{0,200}}+(?P={0})"""
_FORMATTED = re.compile(
    rf"(?<!\w)(?:[rR]?[fF][rR]?{_STRING.format('f')}|{_STRING.format('s')}(?=\.format))"
)
_MOST = 100  # different expressions that are looked up; more is not a question
_MAX_DEPTH = 8
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Reference:
    """An expression of the question and the description of what it names."""

    expression: str
    text: str


@dataclass(frozen=True, slots=True)
class Expanded:
    """The question with its references in back-ticks, and what they refer to, each once.

    `unknown` are expressions that look like references and name nothing; they stay as typed.
    """

    text: str
    references: tuple[Reference, ...]
    unknown: tuple[str, ...] = ()


def expand(question: str, describe: Callable[[str], str | None]) -> Expanded:
    """Replace each `{expression}` that `describe` knows by `` `expression` ``.

    `{{expression}}` stands for the literal text `{expression}` where that would be a reference.
    """
    described: dict[str, str | None] = {}  # every expression that was asked for
    used: set[str] = set()
    pieces, end = [], 0
    for match in _references(question):
        expression = match["path"] or match["escaped"]
        if expression not in described:
            if len(described) == _MOST:
                break
            described[expression] = describe(expression)
        if described[expression] is None:
            continue
        pieces.append(question[end : match.start()])
        end = match.end()
        if match["path"]:
            used.add(expression)
            pieces.append(f"`{expression}`")
        else:
            pieces.append(match.group()[1:-1])
    known = tuple(Reference(e, text) for e, text in described.items() if text and e in used)
    unknown = tuple(expression for expression, text in described.items() if text is None)
    return Expanded("".join([*pieces, question[end:]]), known, unknown)


def _references(question: str) -> Iterator[re.Match[str]]:
    """Yield what reads like a reference, outside code and outside other braces."""
    prose = _without_code(question)
    groups = _brace_groups(prose)
    for match in _REFERENCE.finditer(prose):
        while groups and groups[-1][1] < match.start():
            groups.pop()
        if not (groups and groups[-1][0] < match.start()):
            yield match


def _without_code(question: str) -> str:
    """The question with blanks in place of its code, so that all positions stay."""
    lines, closing = [], ""
    for line in question.split("\n"):
        fence = _FENCE.match(line)
        if closing:
            is_end = fence is not None and not line.strip().strip(closing[0])
            closing = "" if is_end and fence and len(fence[1]) >= len(closing) else closing
            lines.append(" " * len(line))
        elif fence and (fence[1][0] == "~" or "`" not in line[fence.end() :]):
            closing = fence[1]
            lines.append(" " * len(line))
        else:
            lines.append(_blank(_blank(line, list(code_spans(line))), _strings(line)))
    return "\n".join(lines)


def _strings(line: str) -> list[tuple[int, int]]:
    return [match.span() for match in _FORMATTED.finditer(line)] if "{" in line else []


def _blank(line: str, spans: list[tuple[int, int]]) -> str:
    pieces, end = [], 0
    for start, stop in spans:
        if start >= end:
            pieces += [line[end:start], " " * (stop - start)]
            end = stop
    return "".join([*pieces, line[end:]])


def _brace_groups(prose: str) -> list[tuple[int, int]]:
    """Return start and end of the outermost closed braces that are no reference, the last first."""
    opened: list[int] = []
    groups: list[tuple[int, int]] = []
    # A reference as one token, so that its own braces do not count.
    for match in re.finditer(rf"{_REFERENCE.pattern}|[{{}}]", prose):
        if match.group() == "{":
            opened.append(match.start())
        elif match.group() == "}" and opened:
            start = opened.pop()
            while groups and groups[-1][0] > start:
                groups.pop()
            groups.append((start, match.start()))
    return groups[::-1]


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
    if describe_data.is_frame(value):
        return describe_data.column(value, name)
    return stored(value, name)


def _item(value: Any, key: Any) -> Any:
    """An item of a built-in container, or a column of a data frame."""
    if describe_data.is_frame(value):
        return describe_data.column(value, key)
    if type(value) is dict:
        return entry(value, key)
    if is_one_of(type(value), (list, tuple)) and type(key) is int:
        try:
            return value[key]
        except IndexError as exc:
            raise LookupError(str(key)) from exc
    raise LookupError(str(key))


def numbered(expression: str) -> tuple[str, int] | None:
    """("In", n), ("Out", n) or ("Err", n) for a reference to a cell; None for any other."""
    match = re.fullmatch(r"(In|Out|Err)\[(\d{1,6})\]", expression)
    return (match[1], int(match[2])) if match else None
