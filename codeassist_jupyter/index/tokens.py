"""Words of code and prose as search terms; the same for documents and queries."""

from __future__ import annotations

import re
from itertools import chain

import Stemmer

# A dotted name, a word or a number.
_WORD = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*|\d+")
# Parts of a name: HTTPServer2 is HTTP, Server, 2; URLs is one. Other scripts are not split.
_PART = re.compile(r"[A-Z]+s?(?![a-z])|[A-Z]?[a-z]+|\d+")

# Words that stand in nearly every unit and tell units apart in none.
NOISE = frozenset(
    (
        *("self", "cls", "this", "def", "class", "function", "func", "lambda", "return", "pass"),
        *("none", "true", "false", "null", "import", "from", "var", "let", "const"),
        *("if", "else", "elif", "for", "in", "is", "not", "and", "or", "as", "with"),
        *("the", "a", "an", "of", "to", "be", "that", "it", "by", "on", "at", "are", "was"),
    )
)
# Chinese, Japanese and Thai.
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
_LONGEST = 64  # longer "words" are encoded data
_CACHE_SIZE = 50_000  # words; about 20 MB


class _Terms(dict[str, tuple[str, ...]]):
    """Terms of each word seen: names repeat so often that splitting once is what makes it fast."""

    def __init__(self) -> None:
        # The stemmer keeps the GIL while it works, so that one is enough for all threads.
        self._stem = Stemmer.Stemmer("english", 0).stemWord
        self._stems: dict[str, str] = {}

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(self) >= _CACHE_SIZE:
            self.clear()
            self._stems.clear()
        terms = self[word] = self._split(word) if len(word) <= _LONGEST else ()
        return terms

    def _split(self, word: str) -> tuple[str, ...]:
        names = [name for name in word.split(".") if name.lower() not in NOISE]
        terms = [".".join(names).lower()] if len(names) > 1 else []
        for name in names:
            parts = [part for part in split_name(name) if part not in NOISE]
            whole = name.lower()
            if parts != [whole]:
                terms.append(whole)
            terms += map(self._stemmed, parts)
        return tuple(terms)

    def _stemmed(self, part: str) -> str:
        stem = self._stems.get(part)
        if stem is None:
            stem = self._stems[part] = self._stem(part)
        return stem


_terms = _Terms()


def code_tokens(text: str) -> list[str]:
    """Terms of `text` in order: a compound name whole and in stemmed parts, other words stemmed.

    `pd.readCSVFiles` gives pd.readcsvfiles, pd, readcsvfiles, read, csv, file.
    """
    return list(chain.from_iterable(map(_terms.__getitem__, _WORD.findall(text))))


def split_name(name: str) -> list[str]:
    """The words of a name or path, in lower case: `Cleaner.normalizeNames` is three."""
    if name.isascii():
        return [part.lower() for part in _PART.findall(name)]
    words = (word for word in re.split(r"[\W_]+", name) if word)
    return [part for word in words for part in _split_word(word)]


def _split_word(word: str) -> list[str]:
    if word.isascii():
        return split_name(word)
    if _UNSPACED.search(word):  # written without spaces: pairs of characters are the words
        return [word[i : i + 2] for i in range(max(1, len(word) - 1))]
    return [word.lower()]
