"""What stands around an answer's places: their relatives in the project, and the project's map.

Both are lines of signatures with their paths. They widen a prompt and never rank anything.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from ..types import Chunk
from .graph import Edge, rank, resolve
from .project import Index
from .store import Entry

_SYMBOLS = ("function", "method", "class")
_COMMENTS = ("@", "#", "//", "/*", "*")  # and decorators, which stand above a definition, too
_MOST_RELATIVES = 6
_OF_ONE_KIND = 2  # callers, callees or bases of one place
_MAP_CHARS = 1200  # about 400 tokens
_MAP_LINES = 24
_OF_ONE_FILE = 3
_README_CHARS = 300
_SIGNATURE_CHARS = 100

_PROJECT = r"(?:this|the|our|my) (?:project|repo|repository|code ?base|package|library)\b"
_OVERVIEW = re.compile(
    # "the project" must not go on: "the mean of the project column" asks for something else.
    rf"\bwhat (?:does|is|are|do|can)\b[^.?!\n]{{0,40}}\b{_PROJECT}"
    r"(?=\s*(?:$|[?.!,:]|(?:do|does|about|for|made|contain|consist|offer)\b))"
    rf"|\b(?:overview|architecture|structure|summary|map|parts) of {_PROJECT}(?=\s*(?:$|[?.!,:]))"
    rf"|\b(?:describe|explain|summari[sz]e) {_PROJECT}(?=\s*(?:$|[?.!,:]|to\b))"
    rf"|\bhow is {_PROJECT} (?:organi[sz]ed|structured|laid out|built)"
    r"|\bwhere (?:should|can|could|would|do|must) (?:i|we|one) (?:add|put|place|implement) "
    r"(?:a |an |the |my |our |some |support for )?(?:new |other |another )?[\w -]{0,40}?"
    r"\b(?:tests?|features?|functions?|class|methods?|modules?|commands?|options?|code|support)\b",
    re.IGNORECASE,
)
_TEST = re.compile(r"(?:^|/)(?:tests?/|test_|conftest)|_test\.")


def asks_for_overview(question: str) -> bool:
    """Whether a question is about the project as a whole, or where something new belongs."""
    return _OVERVIEW.search(question) is not None


class Around:
    """The relations of one state of an index; `generation` says which."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.generation = index.manifest.generation
        stored = index.manifest.all_edges()
        self._edges = resolve(stored)
        self._place: dict[str, tuple[str, int]] = {}
        self._node: dict[tuple[str, int], str] = {}
        self._links: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for edge in self._edges:
            if edge.kind == "defines" and "#" not in edge.source:
                self._place[edge.target] = (edge.path, edge.line)
                self._node[edge.path, edge.line] = edge.target
        for before, edge in zip(stored, self._edges, strict=True):
            if not before.target.startswith("."):  # else it is only the one method of that name
                self._link(edge)

    def related(self, chunks: Sequence[Chunk]) -> str:
        """Base classes, callees and callers of the symbols among the chunks, one a line."""
        hits = {self._node.get((chunk.path, chunk.start_line)): chunk for chunk in chunks}
        lines: dict[str, str] = {}  # what is said of a node
        for node, chunk in hits.items():
            if node is None or chunk.package or chunk.kind not in _SYMBOLS:
                continue
            said = Counter[str]()
            for relation, other in self._links[node]:
                if said[relation] < _OF_ONE_KIND and other not in hits:
                    said[relation] += 1
                    lines.setdefault(other, f"{relation} {chunk.name}")
        shown = self._signatures(lines)
        found = [f"{shown[node]}  ({said})" for node, said in lines.items() if node in shown]
        return "\n".join(found[:_MOST_RELATIVES])

    def overview(self) -> str:
        """The beginning of the README and the symbols that most depends on, by their place."""
        scores = rank(self._edges)
        ranked = sorted(self._place, key=lambda node: -scores.get(node, 0.0))
        chosen: list[str] = []
        of_file = Counter[str]()
        for node in ranked:
            path = self._place[node][0]
            is_kept = not _TEST.search(path) and of_file[path] < _OF_ONE_FILE
            if is_kept and self._entry(node, ("function", "class")) is not None:
                of_file[path] += 1
                chosen.append(node)
            if len(chosen) >= _MAP_LINES:
                break
        shown = self._signatures(chosen)
        room = _MAP_CHARS
        lines: list[str] = []
        about = self._readme()
        for line in (*about, *shown.values()):  # the most central ones, while there is room
            room -= len(line) + 1
            if room < 0:
                break
            lines.append(line)
        return "\n".join([*lines[: len(about)], *sorted(lines[len(about) :])])

    def _link(self, edge: Edge) -> None:
        """Note a relation within the project at both its ends, tests left out."""
        if edge.source not in self._place or edge.target not in self._place:
            return
        if edge.source == edge.target or _TEST.search(edge.path):
            return
        if edge.kind == "inherits":
            self._links[edge.source].insert(0, ("base of", edge.target))
        elif edge.kind == "calls":
            self._links[edge.source].append(("called by", edge.target))
            self._links[edge.target].append(("calls", edge.source))

    def _entry(self, node: str, kinds: Sequence[str] = _SYMBOLS) -> Entry | None:
        """The chunk that begins with the definition of a symbol."""
        path, line = self._place[node]
        for entry in self._index.roster.of_path(path):
            if entry.start_line == line and entry.kind in kinds:
                return entry
        return None

    def _signatures(self, nodes: Iterable[str]) -> dict[str, str]:
        """`etl/clean.py:6 def normalize_names(table)` of each node that has such a line."""
        entries = {node: entry for node in nodes if (entry := self._entry(node)) is not None}
        chunks = self._index.chunks([entry.no for entry in entries.values()])
        return {
            node: f"{entry.path}:{entry.start_line} {_signature(chunks[entry.no])}"
            for node, entry in entries.items()
            if entry.no in chunks
        }

    def _readme(self) -> list[str]:
        names = ("README.md", "readme.md", "README.txt", "README")
        numbers = [entry.no for name in names for entry in self._index.roster.of_path(name)]
        first = self._index.chunks(numbers[:1])
        return [
            f"{chunk.path}: {' '.join(chunk.text.split())[:_README_CHARS]}"
            for chunk in first.values()
        ]


def _signature(chunk: Chunk) -> str:
    """The line that defines a symbol, and the class that it is in."""
    lines = (line.strip() for line in chunk.text.split("\n"))
    line = next((line for line in lines if line and not line.startswith(_COMMENTS)), chunk.name)
    owner = chunk.name.rpartition(".")[0]
    inside = f"  in {owner}" if owner else ""
    return f"{line.rstrip(' :{(,')[:_SIGNATURE_CHARS]}{inside}"
