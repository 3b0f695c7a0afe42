"""Which older turns of one conversation a question needs: those it is about, and those that count.

Pure: exchanges and similarities in, a ranking out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ..index.tokens import code_tokens
from ..types import Exchange

# Of the most similar turn, against 1 for one that has all words of the question, and 0.3 for one
# that is told to be kept; by tests/benchmarks/memory, where they matter less than what they weigh.
_SIMILAR = 1.5
_IMPORTANT = 0.3
_PINNED = 4.0  # more than a turn can get in any other way
_READ_CHARS = 4000  # of a question or an answer; facts stand at the front
_ANSWER_WORDS = 0.5  # what the user said counts more than what was said to them

# What a user says that is meant to last, and how much each kind counts.
_SIGNS: Sequence[tuple[float, re.Pattern[str]]] = tuple(
    (weight, re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE))
    for weight, patterns in (
        (  # told to keep it
            1.0,
            (
                r"\b(?:remember|keep in mind|note that|for the record|don'?t forget)\b",
                r"\b(?:from now on|always|never|by default|in future)\b",
            ),
        ),
        (  # a correction
            0.9,
            (
                r"^\s*(?:no|nope|wrong|actually|not quite)\b\s*[,.:;—-]",
                r"\b(?:i meant|that'?s (?:wrong|not right|incorrect)|it should be|correction)\b",
            ),
        ),
        (  # a decision
            0.8,
            (
                r"\b(?:let'?s|(?:we|i)(?:'ll| will| have)?) (?:use|go with|stick (?:to|with))\b",
                r"\b(?:let'?s|(?:we|i)(?:'ll| will| have)?) (?:call|drop|choose|chose)\b",
                r"\b(?:decided|agreed|settled) (?:on|to|that)\b",
            ),
        ),
        (  # a definition
            0.7,
            (
                r"\b(?:means|stands for|is defined as|refers to|denotes|is short for)\b",
                r"\b(?:by|with) [`'\"]?\w+[`'\"]? (?:i|we) mean\b",
            ),
        ),
        (  # a fact: "our primary key is order_id", "the files are in /data"; not a question
            0.5,
            (
                r"\b(?:my|our|the)\b[^.?!\n]{1,60}\b(?:is|are|was|lives?)\b[^?\n]*$",
                r"^\s*[`'\"]?\w[\w .]{0,40}[`'\"]?\s*(?:=|is|are)\s[^?\n]+$",
            ),
        ),
    )
)
_INSERTED = 0.6
_LIKED = 0.3


def importance(exchange: Exchange) -> float:
    """How much a turn counts whatever is asked, from 0 to 1; a question alone counts nothing."""
    weights = [weight for weight, sign in _SIGNS if sign.search(exchange.question[:_READ_CHARS])]
    if exchange.pinned:
        weights.append(1.0)
    if exchange.inserted:
        weights.append(_INSERTED)
    if exchange.feedback > 0:
        weights.append(_LIKED)
    highest = max(weights, default=0.0)
    return 0.0 if exchange.feedback < 0 and not exchange.pinned else highest


def rank(
    question: str, exchanges: Sequence[Exchange], similar: Mapping[int, float], k: int
) -> list[tuple[Exchange, float]]:
    """The `k` exchanges that help most to answer a question, best first.

    `similar` has similarities between 0 and 1 by number. Damaged exchanges are left out.
    """
    readable = [exchange for exchange in exchanges if exchange.stopped != "unreadable"]
    words = _shared_words(question, readable)
    ranking = [
        (
            exchange,
            words[exchange.number]
            + _SIMILAR * similar.get(exchange.number, 0.0)
            + _IMPORTANT * importance(exchange)
            + _PINNED * exchange.pinned,
        )
        for exchange in readable
    ]
    ranking.sort(key=lambda pair: (-pair[1], -pair[0].number))  # of equals the later one holds
    return ranking[:k]


def _shared_words(question: str, exchanges: Sequence[Exchange]) -> dict[int, float]:
    """For each exchange, the share of the question's words that it has, weighed by rarity."""
    wanted = set(code_tokens(question[:_READ_CHARS]))
    asked = [wanted.intersection(code_tokens(e.question[:_READ_CHARS])) for e in exchanges]
    said = [wanted.intersection(code_tokens(e.answer[:_READ_CHARS])) for e in exchanges]
    found = Counter(word for a, s in zip(asked, said, strict=True) for word in a | s)
    total = len(exchanges)
    rarity = {w: math.log1p((total - found[w] + 0.5) / (found[w] + 0.5)) for w in wanted}
    whole = sum(rarity[w] for w in wanted if found[w]) or 1.0  # words of no turn tell none apart
    return {
        exchange.number: sum(rarity[w] * (1.0 if w in a else _ANSWER_WORDS) for w in a | s) / whole
        for exchange, a, s in zip(exchanges, asked, said, strict=True)
    }
