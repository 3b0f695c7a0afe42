"""Whether what was found answers the question: better no source than a misleading one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from ..types import Hit
from .query import Query, QueryClass

# The share of a question's words, weighed by rarity, that one of the first hits must hold.
# Chosen on the development suites, each question put to its own project and to the others: prose
# keeps 91 % of its answers (docstrings blanked), messages 98 %; questions from other walks of
# life stay below 0.4.
THRESHOLDS: Mapping[QueryClass, float] = {
    "symbol": 0.6,
    "path": 0.5,
    "prose": 0.4,
    "error": 0.45,
}
_LOOKED_AT = 3


class Words(Protocol):
    def coverage(self, query: str, text: str) -> float: ...


def is_confident(words: Words, query: Query, exact: Collection[int], hits: Sequence[Hit]) -> bool:
    """Judge the hits of a query; a symbol of exactly a spelled name is beyond doubt."""
    if exact:
        return bool(hits)
    best = max((evidence(words, query, hit) for hit in hits[:_LOOKED_AT]), default=0.0)
    return best >= THRESHOLDS[query.kind]


def evidence(words: Words, query: Query, hit: Hit) -> float:
    """How much of the query one hit accounts for, from 0 to 1."""
    chunk = hit.chunk
    text = f"{chunk.path} {chunk.header} {chunk.text}"
    if query.kind == "error":  # other questions are not answered by what a cell happened to print
        text += f" {chunk.output}"
    return words.coverage(query.text, text)
