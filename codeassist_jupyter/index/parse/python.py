"""Python source through `ast`: one unit for the module, each class, function and method.

Does not handle broken syntax: raises SyntaxError, and the caller degrades.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from .document import LONG_UNIT, Unit, module_name
from .imports import from_ast, python_package

_BUILTINS = frozenset(dir(builtins))
_DEFINITIONS = frozenset((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
_COMPREHENSIONS = frozenset((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
_SCOPES = _DEFINITIONS | _COMPREHENSIONS | {ast.Lambda}
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BRANCHES = frozenset(
    (ast.If, ast.IfExp, *_LOOPS, ast.ExceptHandler, ast.Assert, ast.match_case, ast.BoolOp)
)
# Nodes that bind a plain string, and the field it is in.
_BINDS: dict[type[ast.AST], str] = {
    ast.arg: "arg",
    ast.ExceptHandler: "name",
    ast.MatchAs: "name",
    ast.MatchStar: "name",
    ast.MatchMapping: "rest",
}
_OTHERS = _BRANCHES | _BINDS.keys() | {ast.AugAssign, ast.Import, ast.ImportFrom}
# Fields that hold no expression and no statement.
_LEAVES = frozenset(
    "ctx op ops id attr name names arg kind rest kwd_attrs level module type_comment".split()  # noqa: SIM905
)
# Evaluation order where it is not the order of the fields: a name read before it is bound is used.
_ORDER: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Assign: ("value", "targets"),
    ast.AnnAssign: ("annotation", "value", "target"),
    ast.NamedExpr: ("value", "target"),
    ast.For: ("iter", "target", "body", "orelse"),
    ast.AsyncFor: ("iter", "target", "body", "orelse"),
    ast.comprehension: ("iter", "target", "ifs"),
    ast.arguments: tuple(
        "defaults kw_defaults posonlyargs args vararg kwonlyargs kwarg".split()  # noqa: SIM905
    ),
    ast.Constant: (),
}


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """Fields of each node class that are worth a visit, last first, as a stack wants them."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        fields = _ORDER.get(kind)
        if fields is None:
            # None stands for a key of {**other}, a number for a flag: neither has fields.
            names = getattr(kind, "_fields", ())
            fields = tuple(name for name in names if name not in _LEAVES)
        self[kind] = fields[::-1]
        return self[kind]


_fields = _Fields()


class Facts:
    """What one scope does: names bound and read, calls, imports, branches."""

    __slots__ = ("branches", "calls", "defines", "imports", "reads")

    def __init__(self) -> None:
        self.defines: dict[str, None] = {}
        self.reads: dict[str, None] = {}
        self.calls: dict[str, int] = {}
        self.imports: list[tuple[str, str, int]] = []
        self.branches = 0

    def absorb(self, inner: Facts) -> None:
        """Take over what a nested scope does, save for its own local names."""
        for name in inner.reads:
            if name not in inner.defines and name not in self.defines:
                self.reads[name] = None
        for name, line in inner.calls.items():
            self.calls.setdefault(name, line)
        self.imports += inner.imports
        self.branches += inner.branches

    def uses(self, local: bool) -> tuple[str, ...]:
        """Names of elsewhere; in a function (`local`) a name bound anywhere is never one."""
        return tuple(
            name
            for name in self.reads
            if name not in _BUILTINS and not (local and name in self.defines)
        )


def parse_python(path: str, text: str) -> tuple[Unit, ...]:
    """All units of a module, in the order of their lines, the module first.

    Raises SyntaxError for whatever `ast` refuses, too deep nesting included.
    """
    return _Module(path, text).units()


def parse_ast(text: str) -> ast.Module:
    """The syntax tree; raises SyntaxError only, and warns of nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's code
            return ast.parse(text)
    except (ValueError, RecursionError, MemoryError) as exc:
        raise SyntaxError(str(exc) or "nested too deeply") from exc


class _Module:
    """One source file while its units are collected."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.package = python_package(path)
        self.lines = text.split("\n")
        self.tree = parse_ast(text)
        self.found: list[Unit] = []

    def units(self) -> tuple[Unit, ...]:
        facts, members = Facts(), list[Any]()
        try:
            gather(self.tree.body, facts, members, self.package)
            end = len(self.lines) - (not self.lines[-1] and len(self.lines) > 1)
            text = "\n".join(self.lines[:end])
            module = Unit(
                kind="module",
                name=module_name(self.path),
                start_line=1,
                end_line=end,
                text=text,
                docstring=_docstring(self.tree),
                imports=tuple(facts.imports),
                calls=tuple(facts.calls.items()),
                complexity=facts.branches + 1,
                defines=tuple(facts.defines),
                uses=facts.uses(local=True),
                cuts=cuts(self.tree.body, inner=False) if len(text) > LONG_UNIT else (),
            )
            self.found.append(module)
            for node in members:
                self._add(node, "", in_class=False)
        except RecursionError as exc:
            raise SyntaxError("nested too deeply") from exc
        return tuple(self.found)

    def _add(self, node: Any, prefix: str, in_class: bool) -> None:
        is_class = node.__class__ is ast.ClassDef
        facts, members = Facts(), list[Any]() if is_class else None
        gather(_scope(node), facts, members, self.package)
        start = self._start(node)
        text = "\n".join(self.lines[start - 1 : node.end_lineno])
        unit = Unit(
            kind="class" if is_class else "method" if in_class else "function",
            name=prefix + node.name,
            start_line=start,
            end_line=node.end_lineno,
            text=text,
            signature=self._signature(node),
            docstring=_docstring(node),
            decorators=tuple(map(self._source, node.decorator_list)),
            imports=tuple(facts.imports),
            calls=tuple(facts.calls.items()),
            bases=tuple(filter(None, map(dotted, node.bases))) if is_class else (),
            complexity=facts.branches + 1,
            defines=tuple(facts.defines) if is_class else (),
            uses=facts.uses(local=not is_class),
            cuts=cuts(node.body, inner=not is_class) if len(text) > LONG_UNIT else (),
        )
        self.found.append(unit)
        for member in members or ():
            self._add(member, f"{unit.name}.", in_class=True)

    def _start(self, node: Any) -> int:
        """First line, with decorators and the comment right above."""
        start: int = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        indent = " " * node.col_offset + "#"
        while start > 1 and self.lines[start - 2].startswith(indent):
            start -= 1
        return start

    def _signature(self, node: Any) -> str:
        last = max(node.lineno, node.body[0].lineno - 1)
        head = self.lines[node.lineno - 1 : last]
        while len(head) > 1 and (not head[-1].strip() or head[-1].lstrip().startswith("#")):
            head.pop()
        head[-1] = re.sub(r"\s*#[^'\"]*$", "", head[-1])
        return " ".join(" ".join(head).split()).removesuffix(":")

    def _source(self, node: Any) -> str:
        line: str = self.lines[node.lineno - 1]
        if node.end_lineno == node.lineno:
            return line.strip().removeprefix("@").strip()
        return (dotted(getattr(node, "func", node)) or line.strip().removeprefix("@")).strip()


def gather(
    nodes: Iterable[Any], facts: Facts, members: list[Any] | None, package: Sequence[str]
) -> None:
    """Collect into `facts` what `nodes` do, in order of evaluation.

    Classes and functions of this level go to `members`; where that is None they count as part of
    this scope. Relative imports start from `package`. Raises RecursionError on absurd nesting.
    """
    defines, reads = facts.defines, facts.reads
    stack = list(nodes)[::-1]
    while stack:
        node = stack.pop()
        kind = node.__class__
        if kind is ast.Name:
            if node.ctx.__class__ is not ast.Load:
                defines[node.id] = None
            elif node.id not in defines:
                reads[node.id] = None
            continue
        if kind in _SCOPES:
            if kind in _DEFINITIONS:
                defines[node.name] = None
                stack += node.decorator_list
                if members is not None:
                    members.append(node)
                    continue
            inner = Facts()
            gather(_scope(node), inner, None, package)
            facts.absorb(inner)
            facts.branches += kind in _COMPREHENSIONS
            continue
        if kind is ast.Call:
            facts.calls.setdefault(dotted(node.func), node.lineno)
        elif kind in _OTHERS:
            _gather_other(node, facts, package)
        for field in _fields[kind]:
            value = getattr(node, field)
            if value.__class__ is list:
                stack += value[::-1]
            elif value is not None:
                stack.append(value)


def _gather_other(node: Any, facts: Facts, package: Sequence[str]) -> None:
    """What the rarer nodes add beyond their children."""
    kind = node.__class__
    if kind in _BRANCHES:
        facts.branches += len(node.values) - 1 if kind is ast.BoolOp else 1
    if kind is ast.AugAssign and node.target.__class__ is ast.Name:
        if node.target.id not in facts.defines:
            facts.reads[node.target.id] = None
    elif kind in (ast.Import, ast.ImportFrom):
        found = from_ast(node, package)
        facts.imports += found
        facts.defines.update((local.split(".")[0], None) for local, _, _ in found if local != "*")
    elif kind in _BINDS and (name := getattr(node, _BINDS[kind])):
        facts.defines[name] = None


def _scope(node: Any) -> list[Any]:
    """What is evaluated in the scope that `node` opens."""
    kind = node.__class__
    if kind is ast.Lambda:
        return [node.args, node.body]
    if kind is ast.ClassDef:
        return [*node.bases, *node.keywords, *node.body]
    if kind in _DEFINITIONS:
        return [node.args, node.returns, *node.body]
    if kind is ast.DictComp:
        return [*node.generators, node.key, node.value]
    return [*node.generators, node.elt]


def dotted(node: Any) -> str:
    """`a.b.c` of a chain of attributes; `.c` where it starts at an expression."""
    names: list[str] = []
    while node.__class__ is ast.Attribute:
        names.append(node.attr)
        node = node.value
    names.append(node.id if node.__class__ is ast.Name else "")
    return ".".join(reversed(names))


def _docstring(node: Any) -> str:
    first = node.body[0] if node.body else None
    if first.__class__ is not ast.Expr or first.value.__class__ is not ast.Constant:
        return ""
    value: object = first.value.value
    return value.strip() if isinstance(value, str) else ""


def cuts(body: Iterable[Any], depth: int = 0, inner: bool = True) -> tuple[tuple[int, int], ...]:
    """(line, depth) of every statement: where code may be split, the least depth first choice.

    Without `inner`, definitions are not looked into: they are units of their own.
    """
    found: list[tuple[int, int]] = []
    for statement in body:
        decorators = getattr(statement, "decorator_list", ())
        found.append((min([statement.lineno, *(d.lineno for d in decorators)]), depth))
        if statement.__class__ in _DEFINITIONS and not inner:
            continue
        for field in ("body", "handlers", "cases", "orelse", "finalbody"):
            for block in getattr(statement, field, ()):
                # Handlers and cases are no statements, but hold some.
                blocks = [block] if isinstance(block, ast.stmt) else block.body
                found += cuts(blocks, depth + 1, inner)
    return tuple(found)
