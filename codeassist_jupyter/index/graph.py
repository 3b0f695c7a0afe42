"""How symbols and cells hang together: definitions, imports, calls, inheritance, cell data flow.

Names things by what the files themselves say; no file is opened and nothing is imported.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from .parse import Document, Unit

EdgeKind = Literal["defines", "imports", "calls", "inherits", "uses", "reads"]

_ASSIGNED = re.compile(r"^([^\W\d]\w*)\s*(?::[^=\n]+)?=", re.M)
# Methods that every list or string has: a call of one on an unknown object says nothing.
_COMMON = frozenset(name for kind in (str, bytes, list, dict, set, int) for name in dir(kind))
_GO_BUILTINS = frozenset(
    (
        *("append", "cap", "clear", "close", "complex", "copy", "delete", "imag", "len", "make"),
        *("max", "min", "new", "panic", "print", "println", "real", "recover"),
        *("string", "int", "byte", "rune", "float64", "error"),
    )
)
_OWN = ("self", "cls", "this")
_HOPS = 5  # re-exports followed


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` relates to `target`, seen at `path`, `line` (within the cell in a notebook).

    Nodes are dotted names from the project root (`etl.clean.normalize_names`); cells are
    `eda.ipynb#cell-id` and their variables `eda.ipynb:name`. A target outside the project is named
    as imported (`pandas.read_csv`); `.name` is a method of an object whose type is not known.
    "reads" goes from a cell to the cell that defined what it reads.
    """

    source: str
    target: str
    kind: EdgeKind
    path: str
    line: int


def edges(documents: Iterable[Document]) -> list[Edge]:
    """All relations within and between the documents.

    Edges of single documents may be kept apart: `resolve` over all of them gives the same.
    """
    found: dict[Edge, None] = {}
    for document in documents:
        if any(unit.cell is not None for unit in document.units):
            found.update(dict.fromkeys(_notebook_edges(document)))
        elif document.units and document.units[0].kind == "module":
            found.update(dict.fromkeys(_source_edges(document)))
    return resolve(found)


def resolve(edges: Iterable[Edge]) -> list[Edge]:
    """Point edges at the definitions among them, where imports or a unique name say which.

    What stays open keeps its name as written.
    """
    known = list(edges)
    names = _Names(known)
    return [
        edge if edge.kind in ("defines", "reads") else _pointed(edge, names.find(edge.target))
        for edge in known
    ]


def rank(edges: Iterable[Edge]) -> dict[str, float]:
    """PageRank of every node of the project; the values sum to 1."""
    import rustworkx

    known = list(edges)
    inside = {edge.source for edge in known} | {e.target for e in known if e.kind == "defines"}
    graph: rustworkx.PyDiGraph[str, None] = rustworkx.PyDiGraph(multigraph=False)
    nodes = {name: graph.add_node(name) for name in sorted(inside)}
    for edge in known:
        if edge.target in nodes and edge.source != edge.target:
            graph.add_edge(nodes[edge.source], nodes[edge.target], None)
    if not nodes:
        return {}
    scores = rustworkx.pagerank(graph)
    return {name: scores[node] for name, node in nodes.items()}


def _pointed(edge: Edge, target: str) -> Edge:
    return edge if target == edge.target else replace(edge, target=target)


class _Names:
    """The definitions of a project, found by their full name, its end, or through re-exports."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._defined: set[str] = set()
        self._methods: defaultdict[str, set[str]] = defaultdict(set)
        self._by_last: defaultdict[str, set[str]] = defaultdict(set)
        self._imported: dict[tuple[str, str], str] = {}
        known = list(edges)
        symbols = {edge.target for edge in known if edge.kind == "defines"}
        for edge in known:
            if edge.kind == "defines":
                if edge.source in symbols:  # not of a module
                    self._methods[edge.target.rpartition(".")[2]].add(edge.target)
                self._add(edge.target)
                self._add(edge.source)
            elif edge.kind == "imports":
                self._add(edge.source)
                key = (edge.source, edge.target.rpartition(".")[2])
                self._imported.setdefault(key, edge.target)

    def _add(self, node: str) -> None:
        self._defined.add(node)
        self._by_last[node.rpartition(".")[2]].add(node)

    def find(self, target: str) -> str:
        """The definition that a name means, or the name itself."""
        for _ in range(_HOPS):
            if target in self._defined:
                return target
            module, _, last = target.rpartition(".")
            if not module and target.startswith("."):
                return self._unique_method(last) or target
            if module and (below := self._below_a_folder(target)):
                return below
            package = self._below_a_folder(module) or module
            reexport = self._imported.get((package, last), target)
            if reexport == target:
                break
            target = reexport
        return target

    def _unique_method(self, name: str) -> str | None:
        found = self._methods.get(name, set())
        return next(iter(found)) if len(found) == 1 and name not in _COMMON else None

    def _below_a_folder(self, name: str) -> str | None:
        """The one node of that name below src/ or another folder that is no package itself."""
        ends = [
            node
            for node in self._by_last.get(name.rpartition(".")[2], ())
            if node.endswith(f".{name}") and node[: -len(name) - 1] not in self._defined
        ]
        return ends[0] if len(ends) == 1 else None


def _source_edges(document: Document) -> Iterator[Edge]:
    """Edges of a module of source code; its first unit is the module itself."""
    module = document.units[0]
    root = module.name
    siblings: set[str] = set()
    if document.language == "go":  # a package is a folder, and its files see each other's names
        root = root.rpartition(".")[0] or root
        called = {call for unit in document.units for call, _ in unit.calls}
        siblings = {call for call in called if call.isidentifier()} - _GO_BUILTINS
    symbols = {unit.name for unit in document.units[1:]}
    imports = {local: target for local, target, _ in module.imports}
    constants = set(module.defines) - symbols - {local.split(".")[0] for local in imports}
    scope = {name: f"{root}.{name}" for name in (*siblings, *constants, *symbols)} | imports

    lines = _assigned_lines(module.text) if constants else {}
    for name in sorted(constants):
        yield Edge(root, f"{root}.{name}", "defines", document.path, lines.get(name, 1))
    for unit in document.units:
        node = root if unit is module else f"{root}.{unit.name}"
        if unit is not module:
            outer = node.rpartition(".")[0]
            yield Edge(outer, node, "defines", document.path, unit.start_line)
        for _, target, line in unit.imports:
            yield Edge(root, target, "imports", document.path, line)
        inner = scope | {local: target for local, target, _ in unit.imports}
        for base in unit.bases:
            yield Edge(node, _target(base, inner), "inherits", document.path, unit.start_line)
        yield from _call_edges(unit, node, inner, symbols, document.path)


def _call_edges(
    unit: Unit, node: str, scope: Mapping[str, str], symbols: set[str], path: str
) -> Iterator[Edge]:
    """What a unit calls and what names of its module it uses otherwise."""
    owner = unit.name.rpartition(".")[0]
    called: set[str] = set()
    for call, line in unit.calls:
        first, _, rest = call.partition(".")
        called.add(first)
        if first in _OWN and rest:
            call = f"{owner}.{rest}" if f"{owner}.{rest}" in symbols else f".{rest}"
        target = _target(call, scope)
        if target and target.rpartition(".")[2] not in _COMMON:
            yield Edge(node, target, "calls", path, line)
    for name in unit.uses:
        if name in scope and name not in called:
            yield Edge(node, scope[name], "uses", path, unit.start_line)


def _target(name: str, scope: Mapping[str, str]) -> str:
    """The node that a dotted name means in a scope; "" for a name from nowhere (a builtin)."""
    head, tail = name, ""
    while head:
        if head in scope:
            return scope[head] + tail
        head, dot, last = head.rpartition(".")
        tail = f"{dot}{last}{tail}"
    last = name.rpartition(".")[2]
    return f".{last}" if "." in name else ""


def _assigned_lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    line, seen = 1, 0
    for match in _ASSIGNED.finditer(text):
        line, seen = line + text.count("\n", seen, match.start()), match.start()
        lines.setdefault(match[1], line)
    return lines


def _notebook_edges(document: Document) -> Iterator[Edge]:
    """Edges of cells: what a cell binds, imports, calls, and whose results it reads."""
    path = document.path
    cells = [unit for unit in document.units if unit.cell is not None]
    imports = {local: target for unit in cells for local, target, _ in unit.imports}
    makers: defaultdict[str, list[int]] = defaultdict(list)
    for position, unit in enumerate(cells):
        for name in unit.defines:
            if name not in imports:
                makers[name].append(position)
    scope = {name: f"{path}:{name}" for name in makers} | imports
    nodes = [f"{path}#{unit.cell_id or unit.cell}" for unit in cells]
    for position, unit in enumerate(cells):
        node = nodes[position]
        for _, target, line in unit.imports:
            yield Edge(node, target, "imports", path, line)
        lines = _assigned_lines(unit.text)
        for name in unit.defines:
            if name in makers:
                yield Edge(node, scope[name], "defines", path, lines.get(name, 1))
        yield from _call_edges(unit, node, scope, set(), path)
        for maker in sorted(
            {_maker(makers[name], position) for name in unit.uses if makers.get(name)}
        ):
            if maker != position:
                yield Edge(node, nodes[maker], "reads", path, 1)


def _maker(positions: list[int], reader: int) -> int:
    """The last cell above the reader that binds the name, else the first below."""
    above = [position for position in positions if position < reader]
    return above[-1] if above else positions[0]
