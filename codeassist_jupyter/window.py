"""What of a chat a prompt carries: recent turns, those that count, and older ones recalled. Pure.

A journal only grows, so that an engine need not read its beginning again; when it is full it is
begun anew from a few turns and a summary. What then fell out comes back with the questions that
are about it.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from . import security
from .types import Cell, Exchange, Remembered

_TURN_TOKENS = 8  # what the chat template adds to a question and its answer
_SUMMARY_CHARS = 1200
_IMPORTANT_SHARE = 0.4  # of a journal begun anew, for older turns that count
_RECALLED = 8  # turns for one question; what the user said is short, and facts stand there
_RECALLED_EACH = 0.3  # of their tokens, at most, for one of them
_LIKE_THE_BEST = 0.5  # a recalled turn has at least this share of the best one's score
_LEAST_RECALLED = 30  # tokens; less would say nothing
_LABEL_TOKENS = 4

_ASCII = bytes(range(128))
_WORDS = (string.ascii_letters + string.whitespace).encode()


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens a prompt may have: `fresh` that must be read anew, `total` with what is cached.

    A journal that has grown to `turns` is begun anew with half as many at most.
    """

    fresh: int
    total: int
    turns: int = 40


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with its answer; `sent` is the user message exactly as the engine got it.

    `number` is that of the kept exchange, 0 if it is not kept; `recalled` are the numbers of older
    ones that `sent` tells. `important` turns outlast others.
    """

    question: str
    sent: str
    answer: str
    number: int = 0
    important: bool = False
    recalled: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Journal:
    """The chat so far and what of the notebook it has already told.

    `withheld` are variables that did not fit and are told only when they change or are asked for.
    `unread` says that no engine has read these turns yet; `summary` is what stands before them.
    """

    turns: tuple[Turn, ...] = ()
    cells: frozenset[Cell] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)
    unread: bool = False
    summary: str = ""

    @property
    def numbers(self) -> frozenset[int]:
        """Numbers of the kept exchanges that it tells."""
        told = [number for turn in self.turns for number in (turn.number, *turn.recalled)]
        return frozenset(told) - {0}

    @property
    def tokens(self) -> int:
        return sum(estimate_tokens(t.sent + t.answer) + _TURN_TOKENS for t in self.turns)


@dataclass(frozen=True, slots=True)
class Past:
    """What is remembered for one question: `recalled` turns, the best first, and a summary."""

    recalled: tuple[Remembered, ...] = ()
    summary: str = ""


NOTHING = Past()


def resumed(exchanges: Iterable[Exchange], tokens: int, most: int) -> Journal:
    """The journal of a new kernel that goes on with a conversation."""
    turns = (
        Turn(e.question, e.question, e.answer, e.number, is_important(e))
        for e in exchanges
        if e.stopped != "unreadable"
    )
    return shortened(Journal(tuple(turns)), tokens, most)


def is_important(exchange: Exchange) -> bool:
    """Whether a turn is to outlast others in the window."""
    return exchange.pinned or exchange.inserted


def shortened(journal: Journal, tokens: int, most: int) -> Journal:
    """Keep at most `most` turns that fit, without the notebook state that they carried.

    These are the latest ones, and before them the latest of those that count.
    """
    bare = [replace(turn, sent=turn.question, recalled=()) for turn in journal.turns]
    recent = _latest(bare, tokens, most)
    older = [turn for turn in bare[: len(bare) - len(recent)] if turn.important]
    important = _latest(older, int(tokens * _IMPORTANT_SHARE), most // 2)
    if important:
        tokens -= sum(map(_cost, important))
        recent = _latest(recent, tokens, most - len(important))
    return Journal((*important, *recent), unread=True)


def allowed(journal: Journal, without: Collection[str], before: int = 0) -> Journal:
    """What a question may go on from: without these PARTS, and only turns before a number.

    What a journal has told of the notebook stands in its turns, so they lose it together.
    """
    if "chat" in without:
        return Journal()
    kept = journal.turns
    if before:
        later = (index for index, turn in enumerate(kept) if turn.number >= before)
        kept = kept[: next(later, len(kept))]
    told = ("cells" in without and journal.cells) or (
        "variables" in without and (journal.variables or journal.withheld)
    )
    if not told and len(kept) == len(journal.turns):
        return journal
    return shortened(replace(journal, turns=kept), journal.tokens, len(journal.turns))


def summarized(journal: Journal, summary: str, key: bytes) -> Journal:
    """Put the summary before an unread journal, where it lacks earlier turns."""
    numbers = [turn.number for turn in journal.turns]
    is_whole = numbers == list(range(1, len(numbers) + 1))
    if not summary or not journal.unread or journal.summary or is_whole:
        return journal
    first = journal.turns[0]
    text = security.clean(summary, _SUMMARY_CHARS)
    told = security.fence(text, "summary of this conversation", key)
    begun = replace(first, sent=f"{told}\n{first.question}")
    return replace(journal, turns=(begun, *journal.turns[1:]), summary=text)


def recalled(
    found: Sequence[Remembered], journal: Journal, question: str, tokens: int
) -> tuple[str, tuple[int, ...]]:
    """Text and numbers of the turns in `found` that the journal lacks and that fit."""
    best = max((one.score for one in found), default=0.0)
    words = frozenset(re.findall(r"\w+", question.lower()))
    most = max(int(tokens * _RECALLED_EACH), _LEAST_RECALLED)
    told: dict[int, str] = {}
    for one in found:
        exchange = one.exchange
        if exchange.number in journal.numbers or one.score < _LIKE_THE_BEST * best:
            continue
        if len(told) == _RECALLED or tokens < _LEAST_RECALLED:
            break
        text = _excerpt(exchange, words, min(tokens, most), is_best=not told)
        told[exchange.number] = text
        tokens -= estimate_tokens(text)
    numbers = tuple(sorted(told))
    return "\n".join(told[number] for number in numbers), numbers


def estimate_tokens(text: str) -> int:
    """Tokens of `text`, guessed on the high side without a tokenizer.

    Qwen and Llama vocabularies take one token per digit, about three per four characters of
    punctuation, one per four of words; beyond ASCII, one per character is the rule of thumb.
    """
    data = text.encode("utf-8", "replace")
    beyond_words = data.translate(None, _WORDS)
    beyond_digits = beyond_words.translate(None, b"0123456789")
    beyond_ascii = len(text) - (len(data) - len(beyond_digits.translate(None, _ASCII)))
    words = len(data) - len(beyond_words)
    digits = len(beyond_words) - len(beyond_digits)
    punctuation = len(text) - words - digits - beyond_ascii
    return words // 4 + digits + (3 * punctuation + 3) // 4 + beyond_ascii + 1


def _cost(turn: Turn) -> int:
    return estimate_tokens(turn.question + turn.answer) + _TURN_TOKENS


def _latest(turns: Sequence[Turn], tokens: int, most: int) -> list[Turn]:
    """The last turns without a gap that fit."""
    kept: list[Turn] = []
    for turn in reversed(turns):
        tokens -= _cost(turn)
        if tokens < 0 or len(kept) >= most:
            break
        kept.insert(0, turn)
    return kept


def _excerpt(exchange: Exchange, words: frozenset[str], tokens: int, is_best: bool) -> str:
    """An exchange within `tokens`: the question first, of the answer the lines nearest to `words`.

    The best one's answer stands with its beginning where no line shares a word.
    """
    asked = security.clean(exchange.question).strip()
    asked = _head(f"{exchange.number}. asked: {' '.join(asked.split())}", tokens)
    room = tokens - estimate_tokens(asked) - _LABEL_TOKENS
    whole = security.clean(exchange.answer).strip()
    answer = _relevant(whole, words, room) or (_head(whole, room) if is_best else "")
    return f"{asked}\nanswered: {answer}" if answer else asked


def _head(text: str, tokens: int) -> str:
    """The beginning of a text that fits, "" where hardly any does."""
    chars = 4 * tokens  # of plain words; other text is dearer
    while estimate_tokens(text) > tokens and chars > 0:
        text = f"{text[:chars]}…"
        chars = 3 * chars // 4
    return text if chars > 0 else ""


def _relevant(text: str, words: frozenset[str], tokens: int) -> str:
    """The lines of a text that share words with the question, in their order, if they fit."""
    lines = text.splitlines()
    shared = [len(words.intersection(re.findall(r"\w+", line.lower()))) for line in lines]
    kept = []
    for number in sorted(range(len(lines)), key=lambda n: (-shared[n], n)):
        cost = estimate_tokens(lines[number])
        if shared[number] and cost <= tokens:
            kept.append(number)
            tokens -= cost
    return "\n".join(lines[number] for number in sorted(kept))
