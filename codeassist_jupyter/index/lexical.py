"""BM25 over weighted fields of chunks, in Tantivy: on disk for files, in memory for open notebooks.

Knows nothing of files or liveness: a document is a number, and the manifest says which numbers
are alive.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import tantivy

from ..errors import IndexBusy, IndexFailed
from ..types import Chunk
from .failure import failed
from .tokens import code_tokens

# Written to the manifest; the files of another format are rebuilt, never read.
FORMAT = "tantivy-7/fields-4"

# A chunk is one bag of words in which the telling ones are repeated. Sums over separate fields
# rank worse, and error messages far worse: a common word is rare in the field of names.
_REPEAT = {"name": 5, "scope": 2, "path": 1, "header": 1, "text": 1, "output": 1}

_MOST_WORDS = 48  # of a pasted page the rarest are searched, in the time of a question

_WRITER_HEAP = 48_000_000  # bytes; Tantivy wants at least 15 MB a thread


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
            # What a killed commit has left would stand in the way of the next one's files.
            self._writer.garbage_collect_files()
        except (OSError, ValueError) as exc:
            if "LockBusy" in str(exc):
                raise IndexBusy("another process writes the text index") from exc
            raise IndexFailed(f"the text index is damaged: {exc}") from exc
        self._searcher = self._index.searcher()

    @property
    def size(self) -> int:
        """Number of documents that a search sees."""
        return self._searcher.num_docs

    def change(
        self, gone: Iterable[int], new: Mapping[int, Chunk], gone_paths: Iterable[str] = ()
    ) -> None:
        """Delete and add documents in one commit: durable and visible together, or not at all."""
        try:
            for path in gone_paths:
                self._writer.delete_documents_by_term("path", path)
            for no in gone:
                self._writer.delete_documents_by_term("no", no)
            for no, chunk in new.items():
                self._writer.add_document(_document(no, chunk))
            self._writer.commit()
            self._index.reload()
        except (OSError, ValueError) as exc:
            self._writer.rollback()
            raise failed("the text index cannot be written", exc) from exc
        except BaseException:
            self._writer.rollback()
            raise
        self._searcher = self._index.searcher()

    def search(self, text: str, limit: int, like: Lexical | None = None) -> dict[int, float]:
        """Score the best `limit` documents by number.

        `like` lends the rarity of words from another, larger index, so that scores of both
        can stand in one list.
        """
        searcher = self._searcher
        clauses = []
        for word, weight in self._words(text).items():
            factor = float(weight)
            if like is not None:
                factor *= like._rarity(word) / self._rarity(word)
            term = tantivy.Query.term_query(self._schema, "words", word, "freq")
            clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(term, factor)))
        if not clauses:
            return {}
        query = tantivy.Query.boolean_query(clauses)
        hits = searcher.search(query, limit, count=False).hits
        numbers = searcher.fast_field_values("no", [address for _, address in hits])
        return {int(no or 0): score for no, (score, _) in zip(numbers, hits, strict=True)}

    def coverage(self, query: str, text: str) -> float:
        """The share of a query's words that stand in a text, each weighed by its rarity."""
        rarity = {word: self._rarity(word) for word in self._words(query)}
        present = rarity.keys() & set(code_tokens(text))
        return sum(rarity[word] for word in present) / (sum(rarity.values()) or 1.0)

    def close(self) -> None:
        self._writer.wait_merging_threads()

    def _words(self, text: str) -> dict[str, int]:
        """The words to search and how often each was asked for."""
        words = Counter(code_tokens(text))
        if len(words) <= _MOST_WORDS:
            return words
        rarest = sorted(words, key=lambda word: self._searcher.doc_freq("words", word) or self.size)
        return {word: words[word] for word in rarest[:_MOST_WORDS]}

    def _rarity(self, word: str) -> float:
        """The inverse document frequency that Tantivy gives a word."""
        count = self._searcher.doc_freq("words", word)
        return math.log1p((max(self.size, count) - count + 0.5) / (count + 0.5))


def _document(no: int, chunk: Chunk) -> tantivy.Document:
    scope, _, name = chunk.name.rpartition(".")
    texts = {"name": name, "scope": scope, "path": chunk.path}
    texts |= {"header": chunk.header, "text": chunk.text, "output": chunk.output}
    words = (term for part in texts for term in code_tokens(texts[part]) * _REPEAT[part])
    document = tantivy.Document()
    document.add_integer("no", no)
    document.add_text("path", chunk.path)
    document.add_text("words", " ".join(words))
    return document


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    # Signed: deleting by the term of an unsigned field matches nothing and says nothing.
    builder.add_integer_field("no", indexed=True, fast=True)
    builder.add_text_field("path", tokenizer_name="raw", index_option="basic")
    # Text arrives as terms joined by spaces: three times as fast as pre-tokenised objects.
    builder.add_text_field("words", tokenizer_name="whitespace", index_option="freq")
    return builder.build()
