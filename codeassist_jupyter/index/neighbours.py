"""What hangs together with a name: its definition, its callers and callees, its uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .graph import Edge, resolve


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Edges around a name, by what they say of it; each edge names path and line."""

    definitions: tuple[Edge, ...]
    callers: tuple[Edge, ...]
    callees: tuple[Edge, ...]
    uses: tuple[Edge, ...]


def neighbours(edges: Iterable[Edge], name: str) -> Neighbours:
    """Look a name up among all edges of a project; `clean` finds `Cleaner.clean`, too."""
    known = resolve(edges)
    return Neighbours(
        definitions=tuple(e for e in known if e.kind == "defines" and _is(e.target, name)),
        callers=tuple(e for e in known if e.kind == "calls" and _is(e.target, name)),
        callees=tuple(e for e in known if e.kind == "calls" and _is(e.source, name)),
        uses=tuple(e for e in known if e.kind not in ("defines", "calls") and _is(e.target, name)),
    )


def _is(node: str, name: str) -> bool:
    return node == name or node.endswith((f".{name}", f":{name}"))
