"""Fielded BM25 over chunks, in Tantivy: on disk for files, in memory for open notebooks.

Knows nothing of files or liveness: a document is a number, and the manifest says which numbers
are alive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import tantivy

from ..errors import IndexBusy, IndexFailed
from ..types import Chunk
from .tokens import code_tokens

# Written to the manifest; the files of another format are rebuilt, never read.
FORMAT = "tantivy-7/fields-1"

FIELDS = ("name", "scope", "place", "header", "body")

_WRITER_HEAP = 48_000_000  # bytes; Tantivy wants at least 15 MB a thread


@dataclass(frozen=True, slots=True)
class Boosts:
    """How much a word counts in each field: `scope` is the enclosing class, `place` the path."""

    name: float = 5.0
    scope: float = 2.0
    place: float = 1.0
    header: float = 1.0
    body: float = 1.0


class Lexical:
    """A Tantivy index of numbered chunks; without a folder it lives in memory.

    One writer, opened once: raises IndexBusy when another process has it, IndexFailed when the
    files are damaged.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._schema = _schema()
        try:
            if folder is None:
                self._index = tantivy.Index(self._schema)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                self._index = tantivy.Index(self._schema, str(folder))
            self._index.config_reader("manual")
            self._writer = self._index.writer(_WRITER_HEAP, 1)
        except (OSError, ValueError) as exc:
            if "LockBusy" in str(exc):
                raise IndexBusy("another process writes the text index") from exc
            raise IndexFailed(f"the text index is damaged: {exc}") from exc
        self._searcher = self._index.searcher()

    @property
    def size(self) -> int:
        """Number of documents that a search sees."""
        return self._searcher.num_docs

    def add(self, no: int, chunk: Chunk) -> None:
        document = tantivy.Document()
        document.add_unsigned("no", no)
        document.add_text("path", chunk.path)
        scope, _, name = chunk.name.rpartition(".")
        texts = (name, scope, chunk.path, chunk.header, chunk.text)
        for field, text in zip(FIELDS, texts, strict=True):
            document.add_text(field, " ".join(code_tokens(text)))
        self._writer.add_document(document)

    def delete(self, numbers: Iterable[int]) -> None:
        for no in numbers:
            self._writer.delete_documents_by_term("no", no)

    def delete_path(self, path: str) -> None:
        self._writer.delete_documents_by_term("path", path)

    def commit(self) -> None:
        """Make all additions and deletions durable and visible at once."""
        try:
            self._writer.commit()
            self._index.reload()
        except (OSError, ValueError) as exc:
            raise IndexFailed(f"the text index cannot be written: {exc}") from exc
        self._searcher = self._index.searcher()

    def search(
        self, words: Mapping[str, float], boosts: Boosts, limit: int, like: Lexical | None = None
    ) -> dict[int, float]:
        """Score the best `limit` documents for weighted words, by number.

        `like` lends the rarity of words from another, larger index, so that scores of both
        can stand in one list.
        """
        clauses = []
        for field in FIELDS:
            boost = getattr(boosts, field)
            for word, weight in words.items() if boost else ():
                factor = boost * weight * (self._rarity(field, word, like) if like else 1.0)
                term = tantivy.Query.term_query(self._schema, field, word, "freq")
                clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(term, factor)))
        if not clauses or not self.size:
            return {}
        searcher = self._searcher
        query = tantivy.Query.boolean_query(clauses)
        hits = searcher.search(query, limit, count=False).hits
        numbers = searcher.fast_field_values("no", [address for _, address in hits])
        return {int(no): score for no, (score, _) in zip(numbers, hits, strict=True)}

    def close(self) -> None:
        self._writer.wait_merging_threads()
