"""Find the chunks that answer a query: symbols → words → vectors → fusion → gate → presentation.

Needs no language model. Rewriting and reranking, when they come, stand between fusion and gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Protocol

from ..types import Chunk, Hit
from .fuse import Weights, fuse
from .gate import is_confident
from .query import Query, QueryClass, understand

# Chosen on all development suites together (tests/benchmarks/retrieval), never on one corpus.
# The words of an error stand in the code as they are: vectors only blur them.
WEIGHTS: Mapping[QueryClass, Weights] = {
    "symbol": Weights(vectors=0.6, exact=2.0),
    "path": Weights(vectors=0.2, exact=0.0),
    "prose": Weights(vectors=1.4, exact=0.1),
    "error": Weights(vectors=0.0, exact=0.0),
}

# Questions in prose seldom ask for imports and constants; the head of a class lists what its
# methods do; methods like __eq__ are all alike; a markdown cell is told again in the header of the
# code below it.
FACTORS = {"module": 0.7, "class": 0.85, "special": 0.9, "markdown": 0.75}

_JARGON = 0.5  # the weight of a word that stands for one of the question

_CANDIDATES = 200  # of each search
_SCORED = 1000  # chunks whose words count, if vectors have found them
_SAME_FILE = 4  # hits of one file before other files come first


class Searchable(Protocol):
    """What retrieval needs of an index; chunks go by number until they are shown."""

    def find_words(self, text: str, limit: int) -> dict[int, float]: ...

    def find_jargon(self, text: str, limit: int) -> dict[int, float]: ...

    def find_like(self, text: str, also: Iterable[int], limit: int) -> dict[int, float]: ...

    def find_symbol(self, name: str) -> list[int]: ...

    def kind_of(self, no: int) -> str: ...

    def chunks(self, numbers: Sequence[int]) -> dict[int, Chunk]: ...

    def coverage(self, query: str, text: str) -> float: ...


@dataclass(frozen=True, slots=True)
class Candidates:
    """What each search found, by chunk number."""

    lexical: dict[int, float]
    similar: dict[int, float]
    exact: frozenset[int]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first; not `confident` means that none of them deserves to be cited."""

    hits: tuple[Hit, ...]
    confident: bool
    query_class: QueryClass


def search(index: Searchable, text: str, k: int = 10) -> SearchResult:
    """Rank the project's chunks, open cells included, for a question, a name or an error."""
    query = understand(text)
    found = gather(index, query)
    weights = WEIGHTS[query.kind]
    ranking = fuse(found.lexical, found.similar, found.exact, weights, _factor(index, query))
    hits = present(index, ranking, k)
    return SearchResult(tuple(hits), is_confident(index, query, found.exact, hits), query.kind)


def gather(index: Searchable, query: Query) -> Candidates:
    """Ask the symbol table, the words and the vectors."""
    exact = frozenset(no for name in query.names for no in index.find_symbol(name))
    words = index.find_words(query.text, _SCORED)
    if query.kind == "prose":
        for no, score in index.find_jargon(query.text, _SCORED).items():
            words[no] = words.get(no, 0.0) + _JARGON * score
    best = set(nlargest(_CANDIDATES, words, key=words.__getitem__))
    similar: dict[int, float] = {}
    if WEIGHTS[query.kind].vectors:
        similar = index.find_like(query.text, best | exact, _CANDIDATES)
    lexical = {no: score for no, score in words.items() if no in best or no in similar}
    return Candidates(lexical, similar, exact)


def _factor(index: Searchable, query: Query) -> Callable[[int], float]:
    factors = FACTORS if query.kind == "prose" else {}
    return lambda no: factors.get(index.kind_of(no), 1.0)


def present(index: Searchable, ranking: Sequence[tuple[int, float]], k: int) -> list[Hit]:
    """The first k of a ranking as hits: no text twice, no file that crowds out the others."""
    chunks = index.chunks([no for no, _ in ranking[: 2 * k + _SAME_FILE]])
    hits: list[Hit] = []
    crowded: list[Hit] = []
    seen: set[tuple[str, str]] = set()
    per_file = Counter[str]()
    for no, score in ranking:
        chunk = chunks.get(no)
        if chunk is None or (chunk.name, chunk.text) in seen:
            continue
        seen.add((chunk.name, chunk.text))
        per_file[chunk.path] += 1
        place = hits if per_file[chunk.path] <= _SAME_FILE else crowded
        place.append(Hit(chunk, score))
    return (hits + crowded)[:k]
