"""Search over all exchanges: words in Tantivy, meaning in LanceDB, behind the store.

Both indexes are made from the store and thrown away whenever they do not fit it. With a folder
they are kept there; without one, as an encrypted store demands, they live in memory and are made
again at each start. What is not indexed yet is searched in the texts themselves, the newest first
for as long as a search may take, so that what was just said is found at once.
"""

from __future__ import annotations

import json
import logging
import math
import re
import shutil
import threading
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import CodeAssistError, IndexFailed
from ..index.embed import Encoder
from ..index.lexical import FORMAT, Lexical
from ..index.project import Tier
from ..index.tokens import code_tokens
from ..index.vectors import Vectors
from ..retrieval.fuse import Weights, fuse
from ..types import Chunk, Exchange
from . import recall
from .conversations import Conversations
from .messages import Place

log = logging.getLogger(__name__)

_VERSION = f"1 {FORMAT}"
_WEIGHTS = Weights(vectors=0.9, exact=0.0)
_LIKED = {1: 1.15, 0: 1.0, -1: 0.8}  # what feedback does to a score
_CANDIDATES = 100  # of each search
_FILTERED = 2000  # of the words, where most hits may belong to another project
_READ_AT_ONCE = 500  # exchanges
_SCANNED_AT_ONCE = 100
_SCAN_S = 0.2  # after which no older exchanges are read that are not indexed yet
_ENCODED_AT_ONCE = 32
_BUSY_POLL_S = 0.2
_GATHER_S = 0.3  # what is saved shortly after each other is indexed at once
_EMBEDDED_CHARS = 1000  # of a question and of an answer
_INDEXED_CHARS = 200_000  # words behind that are not found
_SPARE = 8  # candidates beyond k, which feedback may move up

Found = list[tuple[Place, Exchange, float]]


@dataclass(slots=True)
class _Indexes:
    """What is known of the store; replaced as a whole when something is erased or taken back."""

    words: Lexical | None = None
    tiers: tuple[Tier, ...] = ()
    upto: int = -1  # the last exchange in `words`
    places: dict[int, Place] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)  # the numbers of `places`, growing
    by_conversation: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def last(self) -> int:
        return self.order[-1] if self.order else -1

    def learn(self, place: Place) -> None:
        self.places[place.no] = place
        self.by_conversation[place.conversation].append(place.no)
        self.order.append(place.no)

    def superseded(self, place: Place) -> set[int]:
        """Exchanges that are gone since `place` took the number of one of them."""
        gone = set()
        for no in reversed(self.by_conversation[place.conversation]):
            if self.places[no].number < place.number:
                break
            gone.add(no)
        return gone

    def after(self, no: int, most: int | None = None) -> list[Place]:
        """The places behind a number, in order; not more than the first `most`."""
        start = bisect_right(self.order, no)
        numbers = self.order[start : None if most is None else start + most]
        return [self.places[no] for no in numbers]


class History:
    """Searches one store; a thread of its own keeps it fresh. Any thread may search."""

    def __init__(
        self,
        store: Conversations,
        folder: Path | None,
        encoders: Callable[[], Sequence[Encoder]] = tuple,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._folder = folder
        self._encoders = encoders
        self._is_busy = is_busy
        self._now = _Indexes()
        self._learning = threading.Lock()
        self._writing = threading.Lock()  # held while an index is changed
        self._wake = threading.Event()
        self._stop = threading.Event()
        self.fresh = threading.Event()  # set when nothing is left to index
        self._thread = threading.Thread(target=self._keep_fresh, name="history", daemon=True)
        self.wake()
        self._thread.start()

    @property
    def pending(self) -> int:
        """Exchanges that are not in the index of words yet."""
        now = self._known()
        return len(now.after(now.upto))

    def wake(self) -> None:
        """There may be something new to index."""
        self.fresh.clear()
        self._wake.set()

    def search(self, text: str, k: int, allowed: Collection[str] | None = None) -> Found:
        """The best `k` exchanges; `allowed` are the ids of conversations to look in."""
        now = self._known()
        numbers = None if allowed is None else _numbers(now, allowed)
        words = self._find_words(now, text, numbers)
        similar = _find_like(now, text, numbers)
        ranking = fuse(words, similar, (), _WEIGHTS)[: k + _SPARE]
        scores = {now.places[no]: score for no, score in ranking if score > 0}
        found = [
            (place, exchange, scores[place] * _LIKED[exchange.feedback])
            for place, exchange in self._store.at(list(scores))
            if exchange.stopped != "unreadable"
        ]
        return sorted(found, key=lambda one: -one[2])[:k]

    def recall(self, conversation: str, question: str, before: int, k: int) -> Found:
        """The `k` older exchanges of a conversation that a question needs; see memory.recall."""
        now = self._known()
        here = [now.places[no] for no in now.by_conversation[conversation]]
        places = {place.number: place for place in here if place.number < before}
        exchanges = [e for e in self._store.exchanges(conversation) if e.number in places]
        by_no = _find_like(now, question, [place.no for place in places.values()])
        similar = {number: by_no.get(place.no, 0.0) for number, place in places.items()}
        ranking = recall.rank(question, exchanges, similar, k)
        return [(places[exchange.number], exchange, score) for exchange, score in ranking]

    def erase(self) -> None:
        """Throw all indexes away, with their files, and begin anew from the store."""
        with self._writing:
            if self._now.words is not None:
                self._now.words.close()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
            self._now = _Indexes()
        self.wake()

    def close(self) -> None:
        """Let go of all files; may be called twice. The next start indexes what was left."""
        self._stop.set()
        self._wake.set()
        self._thread.join()
        if self._now.words is not None:
            self._now.words.close()
            self._now.words = None

    def _known(self) -> _Indexes:
        """The indexes, with the places of all that was saved so far."""
        with self._learning:
            now = self._now
            if now.last == self._store.last_no:
                return now
            for place in self._store.places(after=now.last):
                if gone := now.superseded(place):
                    now = self._without(now, gone)
                now.learn(place)
            return now

    def _without(self, now: _Indexes, gone: Collection[int]) -> _Indexes:
        """Know some exchanges no longer; what the indexes still say of them is not asked for."""
        with self._writing:
            kept = _Indexes(now.words, now.tiers, now.upto)
            for no in now.order:
                if no not in gone:
                    kept.learn(now.places[no])
            if now is self._now:
                self._now = kept
        return kept

    def _find_words(
        self, now: _Indexes, text: str, numbers: Collection[int] | None
    ) -> dict[int, float]:
        """Scores by words, those of exchanges that are not indexed yet included."""
        if now.words is None:
            with suppress(CodeAssistError):  # the thread meets the same, tells it and mends it
                self._open_words(now)
        # Before the index is searched: what moves there meanwhile is found twice.
        waiting = now.after(now.upto)
        found: dict[int, float] = {}
        if now.words is not None:
            found = now.words.search(text, _CANDIDATES if numbers is None else _FILTERED)
        best = max(found.values(), default=1.0)
        for no, share in _scanned(self._store, text, waiting).items():
            found[no] = best * share
        return {
            no: score
            for no, score in found.items()
            if no in now.places and (numbers is None or no in numbers)
        }

    def _keep_fresh(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            if self._stop.wait(_GATHER_S):
                return
            self._wake.clear()
            try:
                self._refresh()
            except IndexFailed as exc:
                log.warning("the search of conversations is built anew: %s", exc)
                self.erase()
            except CodeAssistError as exc:
                log.error("the search of conversations: %s", exc)  # noqa: TRY400 - theirs to tell
            except Exception:  # the door: nobody else sees the failure of a thread
                log.exception("the search of conversations")
            if not self._wake.is_set():
                self.fresh.set()

    def _refresh(self) -> None:
        now = self._known()
        self._open_words(now)
        while self._index_words(now):
            pass
        with self._writing:
            if now is self._now and not now.tiers:
                now.tiers = self._opened_tiers(now)
        for tier in now.tiers:
            self._embed(now, tier)

    def _open_words(self, now: _Indexes) -> None:
        """Open the index of words, if nobody has."""
        with self._writing:
            if now.words is None and not self._is_over(now):
                self._begin_words(now)

    def _begin_words(self, now: _Indexes) -> None:
        """Take over the index of words that fits the store; else begin an empty one."""
        folder = self._folder
        if folder is None:
            now.words = Lexical()
            return
        upto = _read_state(folder, self._store.database.store)
        if upto is None or upto > now.last:
            shutil.rmtree(folder, ignore_errors=True)
            upto = -1
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        now.words, now.upto = Lexical(folder / "words"), upto
        _write_state(folder, self._store.database.store, upto)

    def _index_words(self, now: _Indexes) -> bool:
        """Index the next exchanges; False when none is left."""
        batch = now.after(now.upto, _READ_AT_ONCE)
        with self._writing:
            if not batch or now.words is None or self._is_over(now):
                return False
            read = self._store.at(batch)
            # An exchange that a crash left in the index but not in the state is replaced.
            numbers = [place.no for place in batch]
            now.words.change(numbers, {place.no: _document(exchange) for place, exchange in read})
            now.upto = numbers[-1]
            if self._folder is not None:
                _write_state(self._folder, self._store.database.store, now.upto)
        return True

    def _opened_tiers(self, now: _Indexes) -> tuple[Tier, ...]:
        keys = {str(no) for no in now.order}
        tiers = []
        for encoder in self._encoders():
            table = f"vectors-{re.sub(r'[^a-z0-9]+', '-', encoder.name.lower())}"
            vectors = Vectors(self._folder, table, encoder.dimension)
            vectors.load(keys)
            tiers.append(Tier(encoder, vectors))
        return tuple(tiers)

    def _embed(self, now: _Indexes, tier: Tier) -> None:
        """Encode what the tier lacks, the newest first; a running answer has the cores before."""
        last = now.last
        behind = reversed(now.after(tier.vectors.complete_at))
        waiting = [place for place in behind if str(place.no) not in tier.vectors]
        for start in range(0, len(waiting), _READ_AT_ONCE):
            read = self._store.at(waiting[start : start + _READ_AT_ONCE])
            texts = [_embedded(exchange) for _, exchange in read]
            vectors = []
            for first in range(0, len(texts), _ENCODED_AT_ONCE):
                while self._is_busy() and not self._stop.wait(_BUSY_POLL_S):
                    pass
                if self._is_over(now):
                    return
                vectors.append(tier.encoder.encode(texts[first : first + _ENCODED_AT_ONCE]))
            with self._writing:
                if self._is_over(now):
                    return
                if vectors:
                    keys = [str(place.no) for place, _ in read]
                    tier.vectors.add(keys, np.concatenate(vectors))
        tier.vectors.complete_at = last
        tier.vectors.tidy()

    def _is_over(self, now: _Indexes) -> bool:
        """Whether work on these indexes is in vain: they were erased, or the search is closed."""
        return now is not self._now or self._stop.is_set()


def _numbers(now: _Indexes, conversations: Collection[str]) -> set[int]:
    return {no for one in conversations for no in now.by_conversation.get(one, ())}


def _find_like(now: _Indexes, text: str, numbers: Collection[int] | None) -> dict[int, float]:
    """Similarities of the best exchanges, or of all `numbers`, between 0 and 1 by number.

    An exchange counts by the last encoder that has read it; the others are asked for the rest.
    """
    similar: dict[int, float] = {}
    for tier in reversed(now.tiers):
        for no, score in _similar(tier, text, numbers).items():
            if no in now.places:
                similar.setdefault(no, score)
        if tier.vectors.complete_at == now.last:
            break
    return similar


def _similar(tier: Tier, text: str, numbers: Collection[int] | None) -> dict[int, float]:
    scores = tier.vectors.scores(tier.encoder.encode([text[:_EMBEDDED_CHARS]])[0])
    if numbers is not None:
        rows = {no: row for no in numbers if (row := tier.vectors.row_of(str(no))) is not None}
        rows = {no: row for no, row in rows.items() if row < len(scores)}
        chosen = scores[list(rows.values())]
    else:
        top = (
            np.argpartition(scores, -_CANDIDATES)[-_CANDIDATES:]
            if len(scores) > _CANDIDATES
            else np.arange(len(scores))
        )
        rows = {int(tier.vectors.key_at(int(row))): int(row) for row in top}
        chosen = scores
    if not len(chosen):
        return {}
    average, best = float(chosen.mean()), float(chosen.max())
    spread = max(best - average, 1e-6)
    return {no: max(0.0, (float(scores[row]) - average) / spread) for no, row in rows.items()}


def _scanned(store: Conversations, text: str, places: Sequence[Place]) -> dict[int, float]:
    """For exchanges that are not indexed: the share of the words they have, weighed by rarity.

    The newest are read first, and no more when time is up.
    """
    wanted = set(code_tokens(text))
    present: dict[int, set[str]] = {}
    began = time.monotonic()
    for end in range(len(places) if wanted else 0, 0, -_SCANNED_AT_ONCE):
        for place, exchange in store.at(places[max(0, end - _SCANNED_AT_ONCE) : end]):
            read = f"{exchange.question}\n{exchange.answer[:_INDEXED_CHARS]}"
            present[place.no] = wanted.intersection(code_tokens(read))
        if time.monotonic() - began > _SCAN_S:
            break
    counts = Counter(word for words in present.values() for word in words)
    total = len(present)
    rarity = {w: math.log1p((total - n + 0.5) / (n + 0.5)) for w, n in counts.items()}
    whole = sum(rarity.values()) or 1.0
    return {
        no: sum(rarity[word] for word in words) / whole for no, words in present.items() if words
    }


def _document(exchange: Exchange) -> Chunk:
    """What the index of words reads; the question, which is short, counts twice."""
    question, answer = exchange.question[:_INDEXED_CHARS], exchange.answer[:_INDEXED_CHARS]
    return Chunk("", "", "text", "", "", 0, 0, header=f"{question}\n{question}", text=answer)


def _embedded(exchange: Exchange) -> str:
    """What the encoders read: an encoder sees no more than the beginning of a long text."""
    return f"{exchange.question[:_EMBEDDED_CHARS]}\n{exchange.answer[:_EMBEDDED_CHARS]}"


def _read_state(folder: Path, store: str) -> int | None:
    """The last indexed exchange, or None where the index is not one of this store."""
    try:
        state = json.loads((folder / "state.json").read_text())
        if state["store"] == store and state["version"] == _VERSION:
            return int(state["upto"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _write_state(folder: Path, store: str, upto: int) -> None:
    draft = folder / "state.part"
    draft.write_text(json.dumps({"store": store, "version": _VERSION, "upto": upto}))
    draft.replace(folder / "state.json")
