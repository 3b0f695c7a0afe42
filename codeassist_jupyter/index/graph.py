"""How symbols and cells hang together: definitions, imports, calls, inheritance, cell data flow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .parse import Document

EdgeKind = Literal["defines", "imports", "calls", "inherits", "uses", "reads"]


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` relates to `target`, seen at `path`, `line` (within the cell in a notebook).

    Nodes are dotted names from the project root (`etl.clean.normalize_names`), cells are
    `eda.ipynb#cell-id`, their variables `eda.ipynb:name`.
    """

    source: str
    target: str
    kind: EdgeKind
    path: str
    line: int


def edges(documents: Iterable[Document]) -> list[Edge]:
    """All relations between and within the documents."""
    return []


def rank(edges: Iterable[Edge]) -> dict[str, float]:
    """PageRank of every node; the values sum to 1."""
    return {}
