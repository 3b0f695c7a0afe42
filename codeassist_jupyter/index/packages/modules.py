"""What one module or stub of a package defines, imports and exports, by its syntax alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ..parse.python import dotted, parse_ast

MOST_CHARS = 4000  # of a signature with its docstring
_ABOUT = 300  # characters
_SPECIAL = ("__init__", "__call__", "__new__")
_BLOCKS = ("body", "orelse", "handlers", "finalbody")  # of statements a module may hide names in


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or class: the lines from its head to the end of its docstring, as they stand.

    `members` are the public methods of a class by name, or the name that one is another name for;
    `bases` are dotted as written. `about` is the first line of the docstring.
    """

    kind: Literal["function", "class", "method"]
    name: str
    start_line: int
    end_line: int
    text: str
    about: str = ""
    bases: tuple[str, ...] = ()
    members: dict[str, Definition | str] = field(default_factory=dict)


@dataclass(slots=True)
class Names:
    """The names of one module; `imports` are (module, name in it or ""), of `stars` all names.

    `exported` is `__all__`, None where there is none that can be read without running it.
    `annotated` are variables of which only the type is said, as stubs do. `added` are the calls of
    `add_newdoc`, by `name` or `Class.method`: so numpy documents what is compiled.
    """

    defined: dict[str, Definition] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    exported: list[str] | None = None
    annotated: set[str] = field(default_factory=set)
    added: dict[str, Definition] = field(default_factory=dict)


def read_names(module: str, text: str, is_package: bool) -> Names:
    """The names that a file binds at its top level, in any branch; raises SyntaxError."""
    names = Names()
    lines = text.split("\n")
    package = module.split(".") if is_package else module.split(".")[:-1]
    try:
        for node in _statements(parse_ast(text).body):
            _read(node, names, lines, package)
    except RecursionError as exc:
        raise SyntaxError("nested too deeply") from exc
    return names


def _statements(body: Iterable[Any]) -> Iterator[Any]:
    """Statements of this scope, those inside `if` and `try` included."""
    for node in body:
        if isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            for block in _BLOCKS:
                yield from _statements(getattr(node, block, ()))
        else:
            yield node


def _read(node: Any, names: Names, lines: list[str], package: list[str]) -> None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        if not _is_overload(node) or node.name not in names.defined:
            names.defined[node.name] = _definition(node, lines)
    elif isinstance(node, ast.ImportFrom):
        _read_import_from(node, names, package)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                names.imports[alias.asname] = (alias.name, "")
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        _read_assignment(node, names)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        if dotted(call.func) in ("__all__.extend", "__all__.append"):
            _export(names, call.args[0] if call.args else None)
        elif dotted(call.func) == "add_newdoc":
            _read_added(call, names, lines)


def _read_import_from(node: ast.ImportFrom, names: Names, package: list[str]) -> None:
    above = package[: len(package) + 1 - node.level] if node.level else []
    module = ".".join([*above, *([node.module] if node.module else [])])
    for alias in node.names:
        if alias.name == "*":
            names.stars.append(module)
        else:
            names.imports[alias.asname or alias.name] = (module, alias.name)


def _read_assignment(node: ast.Assign | ast.AnnAssign | ast.AugAssign, names: Names) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        if not isinstance(target, ast.Name):
            continue
        if target.id == "__all__":
            if not isinstance(node, ast.AugAssign):
                names.exported = []
            _export(names, node.value)
        elif meant := _meant(node):
            names.same[target.id] = meant
        elif isinstance(node, ast.AnnAssign):
            names.annotated.add(target.id)


def _meant(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> str:
    """The name that an assignment gives another name to; of an object, the name of its class."""
    value = node.value or getattr(node, "annotation", None)
    if isinstance(value, ast.Call):
        value = value.func
        if not dotted(value).rpartition(".")[2][:1].isupper():
            return ""
    return dotted(value) if isinstance(value, ast.Name | ast.Attribute) else ""


def _export(names: Names, value: ast.expr | None) -> None:
    """Add to `__all__` what is spelled out; what is not makes it unknown."""
    spelled: list[str] = []
    parts = [value]
    while parts:
        part = parts.pop()
        if isinstance(part, ast.BinOp):
            parts += [part.left, part.right]
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            spelled.append(part.value)
        elif isinstance(part, ast.List | ast.Tuple):
            parts += part.elts
        else:
            names.exported = None
            return
    if names.exported is not None:
        names.exported += spelled


def _read_added(call: ast.Call, names: Names, lines: list[str]) -> None:
    """`add_newdoc(module, name, doc)`, or `(method, doc)` for the doc."""
    strings = [
        node.value
        for argument in call.args
        for node in (argument.elts if isinstance(argument, ast.Tuple) else [argument])
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    if len(strings) in (3, 4):
        *parts, doc = strings[1:]
        end, text = _bounded(lines, call.lineno, call.end_lineno or call.lineno)
        about = _first_sentence(doc)
        kind: Any = "method" if len(parts) == 2 else "function"
        names.added[".".join(parts)] = Definition(kind, parts[-1], call.lineno, end, text, about)


def _bounded(lines: list[str], start: int, end: int) -> tuple[int, str]:
    """The last line that is kept, and the text: whole lines, so that it can be read again."""
    text = "\n".join(lines[start - 1 : end])
    if len(text) > MOST_CHARS:
        end = start + max(text[:MOST_CHARS].count("\n"), 1) - 1
        text = "\n".join(lines[start - 1 : end])
    return end, text


def _first_sentence(doc: str) -> str:
    """The first line that is no signature, as docstrings of compiled functions begin with one."""
    lines = (line.strip() for line in doc.strip().splitlines())
    plain = (line for line in lines if line and line != "--" and not line.endswith(")"))
    return next(plain, "")[:_ABOUT]


def _definition(node: Any, lines: list[str], in_class: bool = False) -> Definition:
    members: dict[str, Definition | str] = {}
    is_class = isinstance(node, ast.ClassDef)
    for inner in _statements(node.body) if is_class else ():
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            if is_public(inner.name) or inner.name in _SPECIAL:
                first = isinstance(members.get(inner.name), Definition)
                if not (first and (_is_overload(inner) or _is_setter(inner))):
                    members[inner.name] = _definition(inner, lines, in_class=True)
        elif isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Name):
            members |= {
                target.id: inner.value.id
                for target in inner.targets
                if isinstance(target, ast.Name) and is_public(target.id)
            }
    end, text = _bounded(lines, node.lineno, _end(node))
    about = _first_sentence(ast.get_docstring(node) or "")
    bases = tuple(filter(None, map(_base, node.bases))) if is_class else ()
    kind: Any = "class" if is_class else "method" if in_class else "function"
    return Definition(kind, node.name, node.lineno, end, text, about, bases, members)


def _end(node: Any) -> int:
    """The last line of the docstring, else of the head."""
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return int(first.end_lineno or first.lineno)
    start = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", ()))])
    return int(max(node.lineno, start - 1))


def _base(node: ast.expr) -> str:
    return dotted(node.value if isinstance(node, ast.Subscript) else node).lstrip(".")


def _is_overload(node: Any) -> bool:
    return any(dotted(d).endswith("overload") for d in node.decorator_list)


def _is_setter(node: Any) -> bool:
    return any(dotted(d).endswith((".setter", ".deleter")) for d in node.decorator_list)


def is_public(name: str) -> bool:
    return not name.startswith("_")
