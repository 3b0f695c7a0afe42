"""Documentation of packages that answers a question, beside the places of the project.

A package speaks up only when the question names something of it, or when its words fit closely.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..types import Chunk, Hit
from .query import understand
from .search import SearchResult

MOST_HITS = 2
# The share of a question's words that a docstring must hold: of a package that the question
# mentions, and of one that it does not. A short question fits some docstring by chance, and each
# source costs seconds of reading.
_MENTIONED, _UNMENTIONED = 0.45, 0.9
_FEWEST_WORDS = 6
_LOOKED_AT = 4
_NAMED = 1.0  # the score of what is named; words score less


class Documented(Protocol):
    """What retrieval needs of the documentation of a package."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    def find(self, name: str) -> list[Chunk]: ...

    def find_words(self, text: str, limit: int) -> list[Hit]: ...


@dataclass(frozen=True, slots=True)
class Docs:
    """Hits of packages, best first; `spelled` if the question names the first one in full."""

    hits: tuple[Hit, ...] = ()
    spelled: bool = False


def find_docs(packages: Sequence[Documented], text: str, names: Mapping[str, str]) -> Docs:
    """At most MOST_HITS places; `names` says what a notebook's names stand for.

    It maps `pd` to pandas, `merge` to pandas.merge, `df` to the class of its value.
    """
    query = understand(text)
    if not packages:
        return Docs()
    meant = [pair for name in query.names for pair in _meant(packages, name, names)]
    spelled = [chunk for package, full in meant for chunk in package.find(full)[:1]]
    likely = [chunk for name in query.names for chunk in _likely(packages, name, names)]
    hits = [Hit(chunk, _NAMED) for chunk in (*spelled, *likely)]
    if not hits and not meant and query.kind == "prose":
        hits = sorted(_by_words(packages, text, names), key=lambda hit: -round(hit.score, 3))
    unique = {(hit.chunk.package, hit.chunk.id): hit for hit in reversed(hits)}
    return Docs(tuple(reversed(unique.values()))[:MOST_HITS], bool(spelled))


def with_docs(result: SearchResult, docs: Docs, k: int) -> SearchResult:
    """The project's hits and the packages' together: the project first unless they are spelled.

    Hits of the project that deserve no trust give way.
    """
    if not docs.hits:
        return result
    own = result.hits[: max(0, k - len(docs.hits))] if result.confident else ()
    hits = (*docs.hits, *own) if docs.spelled else (*own, *docs.hits)
    return replace(result, hits=hits[:k], confident=True)


def _meant(
    packages: Sequence[Documented], name: str, names: Mapping[str, str]
) -> Iterator[tuple[Documented, str]]:
    """The package that a name leads to, and the full name: of `pd.merge` pandas.merge."""
    head, dot, rest = name.partition(".")
    full = names.get(head, head) + dot + rest
    for package in packages:
        if "." in full and full.partition(".")[0] == package.name:
            yield package, full


def _likely(packages: Sequence[Documented], name: str, names: Mapping[str, str]) -> Iterator[Chunk]:
    """What a name may mean that leads nowhere: `read_csv`, or `df.merge` without any `df`."""
    head, _, last = name.rpartition(".")
    if head.partition(".")[0] in names or name in names or hasattr(builtins, name):
        return
    for package in packages:
        found = package.find(last)
        if head and head.partition(".")[0] != package.name:
            found = [chunk for chunk in found if _may_be(head, chunk)]
        elif head:
            continue  # it was spelled
        yield from sorted(found, key=lambda chunk: chunk.kind == "method")[:1]


def _may_be(head: str, method: Chunk) -> bool:
    """Whether a variable is called like the class of a method: df, or frame, like DataFrame."""
    owner = method.name.split(".")[-2]
    initials = "".join(re.findall("[A-Z]", owner)).lower()
    head = head.lower()
    return method.kind == "method" and (
        head in (initials, owner.lower()) or (len(head) > 1 and owner.lower().startswith(head))
    )


def _by_words(packages: Sequence[Documented], text: str, names: Mapping[str, str]) -> Iterator[Hit]:
    words = set(re.findall(r"\w+", text.lower()))
    for package in packages:
        called = {package.name.lower(), package.title.lower()}
        called |= {local for local, full in names.items() if full == package.name}
        is_mentioned = bool(words & called)
        if not is_mentioned and len(words) < _FEWEST_WORDS:
            continue
        least = _MENTIONED if is_mentioned else _UNMENTIONED
        hits = package.find_words(text, _LOOKED_AT)
        yield from [hit for hit in hits if hit.score >= least][:MOST_HITS]
