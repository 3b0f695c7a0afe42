"""Which names a cell reads, binds and changes, found in its text alone.

Pure and static: a name behind `exec`, `globals()` or a star import is not seen.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Methods that change what they are called on, whatever it is.
_CHANGING = frozenset(
    [
        *("append", "extend", "insert", "add", "update", "pop", "popitem", "remove", "discard"),
        *("clear", "sort", "reverse", "setdefault", "appendleft", "extendleft"),
    ]
)
_GIVEN = frozenset(dir(builtins)) | {"get_ipython", "In", "Out", "_", "__", "___", "exit", "quit"}
_MAGIC_CALLS = ("run_line_magic", "run_cell_magic")
_RUNNING = ("time", "capture", "prun")  # what they are given runs in the notebook's namespace
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Flow:
    """Names of one cell; `reads` are those it needs from cells before it.

    `changes` are objects that it changes without binding their name anew. `needs` maps each
    function or class that it defines to what its bodies read of the notebook when they run.
    """

    reads: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    deletes: frozenset[str] = frozenset()
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    imports_all: bool = False


def flow(source: str) -> Flow:
    """The names of a cell's Python text, magics translated already; empty if it is not Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Flow()
    scope = _Scope()
    try:
        scope.statements(tree.body)
    except RecursionError:
        return Flow()
    return Flow(
        frozenset(scope.reads - _GIVEN),
        frozenset(scope.bound | scope.ever),
        frozenset(scope.changes),
        frozenset(scope.deleted),
        {name: frozenset(names - _GIVEN) for name, names in scope.needs.items()},
        scope.imports_all,
    )


class _Scope:
    """The top level of a cell, walked in the order in which it runs."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.bound: set[str] = set()
        self.ever: set[str] = set()
        self.changes: set[str] = set()
        self.deleted: set[str] = set()
        self.needs: dict[str, set[str]] = {}
        self.imports_all = False

    def statements(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._read(*node.decorator_list, *_defaults(node.args))
            self.needs[node.name] = free(node)
            self._bind(node.name)
        elif isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                self.imports_all |= alias.name == "*"
                self._bind(alias.asname or alias.name.partition(".")[0])
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self._target(target)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._read(node.iter)
            self._target(node.target)
            self.statements([*node.body, *node.orelse])
        elif (inner := _inside_magic(node)) is not None:
            self.statements(inner)
        elif isinstance(node, ast.AugAssign):
            self._read(node.value, *_names(node.target))
            self._target(node.target)
        else:
            self._parts(node)

    def _class(self, node: ast.ClassDef) -> None:
        """A class body runs at once; its methods later."""
        self._read(*node.decorator_list, *node.bases, *(k.value for k in node.keywords))
        inner = _Scope()
        inner.bound = set(self.bound)
        inner.statements(node.body)
        self.reads |= inner.reads
        self.needs[node.name] = set().union(*inner.needs.values()) - {node.name}
        self._bind(node.name)

    def _parts(self, node: ast.AST) -> None:
        """Any other statement: what it reads, then what it binds, then its blocks, in order."""
        targets: list[ast.expr] = []
        if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            self._bind(node.name)
        for name, value in ast.iter_fields(node):
            for part in value if isinstance(value, list) else [value]:
                if name in ("targets", "target", "optional_vars") and isinstance(part, ast.expr):
                    targets.append(part)
                elif isinstance(part, ast.expr):
                    self._read(part)
                elif isinstance(part, ast.stmt):
                    self._flush(targets)
                    self._statement(part)
                elif isinstance(part, ast.AST):  # a handler, a case, the item of a `with`
                    self._flush(targets)
                    self._parts(part)
        if isinstance(node, ast.AnnAssign) and node.value is None:
            return
        self._flush(targets)

    def _flush(self, targets: list[ast.expr]) -> None:
        for target in targets:
            self._target(target)
        targets.clear()

    def _read(self, *nodes: ast.AST) -> None:
        for node in nodes:
            self.reads |= free(node) - self.bound
            for part in ast.walk(node):
                if isinstance(part, ast.NamedExpr):
                    self._bind(part.target.id)
                elif isinstance(part, ast.Call):
                    self._call(part)

    def _call(self, call: ast.Call) -> None:
        """`x.append(1)` and `x.sort_values("a", inplace=True)` change x."""
        if not isinstance(call.func, ast.Attribute):
            return
        in_place = any(
            k.arg == "inplace" and isinstance(k.value, ast.Constant) and k.value.value is True
            for k in call.keywords
        )
        if in_place or call.func.attr in _CHANGING:
            root = _root(call.func.value)
            if root is not None:
                self.changes.add(root)

    def _target(self, node: ast.expr) -> None:
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Del):
                self.reads |= {node.id} - self.bound
                self.bound.discard(node.id)
                self.deleted.add(node.id)
            else:
                self._bind(node.id)
        elif isinstance(node, ast.Tuple | ast.List):
            for part in node.elts:
                self._target(part)
        elif isinstance(node, ast.Starred):
            self._target(node.value)
        else:  # an item or attribute: the object it belongs to is read and changed
            self._read(node)
            root = _root(node)
            if root is not None:
                self.changes.add(root)

    def _bind(self, name: str) -> None:
        self.bound.add(name)
        self.ever.add(name)
        self.deleted.discard(name)


def _inside_magic(node: ast.stmt) -> list[ast.stmt] | None:
    """The statements that `%time`, `%%time` or `%%capture` run; None if it is none of these."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    given = [part.value for part in call.args if isinstance(part, ast.Constant)]
    if call.func.attr not in _MAGIC_CALLS or not given or given[0] not in _RUNNING:
        return None
    try:
        return ast.parse(str(given[-1])).body
    except (SyntaxError, ValueError):
        return None


def free(node: ast.AST) -> set[str]:
    """Names that a piece of code reads and does not bind itself, those of inner functions too."""
    if isinstance(node, _SCOPES):
        body = node.body if isinstance(node.body, list) else [node.body]
        inside = set().union(*map(_bindings, body), _parameters(node.args)) - _globals(body)
        read = set().union(*map(free, body)) - inside
        return read | set().union(*map(free, _defaults(node.args)), set())
    if isinstance(node, _COMPREHENSIONS):
        inside = set().union(*(_bindings(part.target) for part in node.generators))
        return set().union(*map(free, ast.iter_child_nodes(node))) - inside
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    if isinstance(node, ast.AugAssign):
        return free(node.value).union(*map(free, [node.target, *_names(node.target)]))
    return set().union(*map(free, ast.iter_child_nodes(node)), set())


def _bindings(node: ast.AST) -> set[str]:
    """Names that a piece of code binds in its own scope."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return set()
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Load) else {node.id}
    own = {node.name} if isinstance(node, ast.ExceptHandler) and node.name else set()
    if isinstance(node, ast.alias):
        own = {node.asname or node.name.partition(".")[0]}
    return own.union(*map(_bindings, ast.iter_child_nodes(node)))


def _globals(body: Iterable[ast.AST]) -> set[str]:
    statements = (node for part in body for node in ast.walk(part))
    return {name for node in statements if isinstance(node, ast.Global) for name in node.names}


def _parameters(args: ast.arguments) -> set[str]:
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {arg.arg for arg in named if arg is not None}


def _defaults(args: ast.arguments) -> list[ast.expr]:
    return [*args.defaults, *(default for default in args.kw_defaults if default is not None)]


def _names(node: ast.expr) -> list[ast.expr]:
    """What an augmented assignment reads of its target: a name stands there to be stored."""
    if isinstance(node, ast.Name):
        return [ast.Name(node.id, ast.Load())]
    return []


def _root(node: ast.expr) -> str | None:
    """The name that an item, attribute or call chain begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
