"""Words of code and prose as search terms; the same for documents and queries."""

from __future__ import annotations

import re
from itertools import chain

import Stemmer

# A dotted name, a word or a number.
_WORD = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*|\d+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")

# Words that stand in nearly every unit and tell units apart in none.
_NOISE = frozenset(
    """self cls return def class none true false import from if else elif for in is not and or
    the a an of to with as be this that it by on at are was pass lambda var let const function
    func""".split()
)
_LONGEST = 64  # longer "words" are encoded data
_CACHE_SIZE = 100_000  # words; about 30 MB


class _Terms(dict[str, tuple[str, ...]]):
    """Terms of each word seen: names repeat so often that splitting once is what makes it fast."""

    def __init__(self) -> None:
        # The stemmer keeps the GIL, so that one is enough for all threads.
        self.stem = Stemmer.Stemmer("english", 0).stemWord

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(self) >= _CACHE_SIZE:
            self.clear()
        terms = self[word] = self._split(word)
        return terms

    def _split(self, word: str) -> tuple[str, ...]:
        if len(word) > _LONGEST:
            return ()
        names = [name for name in word.split(".") if name.lower() not in _NOISE]
        terms: list[str] = []
        if len(names) > 1:
            terms.append(".".join(names).lower())
        for name in names:
            parts = [part.lower() for part in _PART.findall(name)]
            if len(parts) > 1:
                terms.append(name.lower())
            terms += [self.stem(part) for part in parts if part not in _NOISE]
        return tuple(terms)


_terms = _Terms()


def code_tokens(text: str) -> list[str]:
    """Terms of `text` in order: a compound name whole and in stemmed parts, other words stemmed.

    `pd.readCSVFile` gives pd.readcsvfile, pd, readcsvfile, read, csv, file.
    """
    return list(chain.from_iterable(map(_terms.__getitem__, _WORD.findall(text))))
