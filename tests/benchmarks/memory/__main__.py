"""Measures the memory of conversations: saving, search, recall, and kill -9 in the middle of saves.

    python tests/benchmarks/memory [save] [search] [recall] [kill] [--messages N …] [--kills N]

Needs the encoders of `codeassist setup`. Every store is made in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import talk

from codeassist_jupyter import config
from codeassist_jupyter.host.projects import open_encoders
from codeassist_jupyter.index.embed import Encoder, Vectors
from codeassist_jupyter.memory import messages
from codeassist_jupyter.memory.conversations import Conversations
from codeassist_jupyter.memory.crypto import Cipher, Plain, Sealed
from codeassist_jupyter.memory.search import History
from codeassist_jupyter.types import Exchange

CIPHERS: dict[str, Cipher] = {"plain": Plain(), "encrypted": Sealed({1: bytes(range(32))})}
QUERIES = 100
TURNS = 50
DIFFERENT = 10_000  # messages of a store with texts of their own
PLANTED = 10  # facts of one conversation, in its turns 1 to 40


class QuickEncoder:
    """Real vectors for a query, random ones for what is stored: only the time is measured."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._random = np.random.default_rng(0)
        self.name, self.dimension = encoder.name, encoder.dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        if len(texts) == 1:
            return self._encoder.encode(texts)
        drawn = self._random.standard_normal((len(texts), self.dimension)).astype(np.float32)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=["save", "search", "recall", "kill"])
    parser.add_argument("--messages", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--kills", type=int, default=100)
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        if "save" in asked.parts:
            measure_saving(Path(folder), asked.messages[0])
        for count in asked.messages if "search" in asked.parts else ():
            measure_search(Path(folder), count)
        if "recall" in asked.parts:
            measure_recall(Path(folder))
        if "kill" in asked.parts:
            kill(Path(folder), asked.kills)


def measure_saving(folder: Path, count: int) -> None:
    for name, cipher in CIPHERS.items():
        with filled(folder, count, cipher) as store:
            store.begin("more", "/p", "n")
            turns = talk.exchanges(seed=1)
            times = [timed(store.save, "more", turn) for turn in islice(turns, 300)]
        print(f"save, {name}, beside {count:,} messages: {shown(times)}")


def measure_search(folder: Path, count: int) -> None:
    encoders = [QuickEncoder(encoder) for encoder in open_encoders(config.load())[0]]
    for name, cipher in CIPHERS.items():
        with filled(folder, count, cipher) as store:
            place = None if cipher.encrypts else folder / f"index-{count}"
            began = time.perf_counter()
            history = History(store, place, lambda: encoders)
            first = timed(history.search, "sort a list of dictionaries", 10)
            history.fresh.wait()
            built = time.perf_counter() - began
            queries = [turn.question for turn in islice(talk.exchanges(seed=2), QUERIES)]
            random.shuffle(queries)
            # Words of a question, as people type them into a search box.
            words = [" ".join(query.split()[2:9]) for query in queries]
            times = [timed(history.search, query, 10) for query in words]
            print(
                f"search, {name}, {count:,} messages: {shown(times)};"
                f" built in {built:.0f} s, the first search meanwhile {first:.0f} ms"
            )
            history.close()


def measure_recall(folder: Path) -> None:
    encoders = open_encoders(config.load())[0]
    facts = talk.facts(100)
    turns = talk.exchanges(seed=3)
    store = Conversations(folder / "recall.duckdb", Plain())
    asked: list[tuple[str, int, str]] = []
    random.seed(4)
    for first in range(0, len(facts), PLANTED):
        conversation = f"c{first}"
        store.begin(conversation, "/p", "n")
        places = random.sample(range(1, 41), PLANTED)
        planted = dict(zip(places, facts[first : first + PLANTED], strict=True))
        for number in range(1, TURNS):
            fact = planted.get(number)
            turn = next(turns) if fact is None else Exchange(fact[0], "Noted.", "bench")
            store.save(conversation, turn)
        asked += [(conversation, number, fact[1]) for number, fact in planted.items()]
    history = History(store, None, lambda: encoders)
    history.fresh.wait()
    for k in (1, 2, 4, 6):
        found = 0
        times = []
        for conversation, number, question in asked:
            began = time.perf_counter()
            recalled = history.recall(conversation, question, TURNS - 8, k)
            times.append((time.perf_counter() - began) * 1e3)
            found += number in [exchange.number for _, exchange, _ in recalled]
            if k == 4 and number not in [exchange.number for _, exchange, _ in recalled]:
                print(f"  missed: {question}")
        print(f"recall, {k} turns: {found} of {len(asked)} facts; {shown(times)}")
    history.close()
    store.close()


_SAVER = """
import pathlib, sys
from codeassist_jupyter.memory.conversations import Conversations
from codeassist_jupyter.memory.crypto import Sealed
from codeassist_jupyter.types import Exchange
store = Conversations(pathlib.Path(sys.argv[1]), Sealed({1: bytes(range(32))}))
store.begin("a", "/p", "n")
while True:
    print(store.save("a", Exchange("q" * 300, "a" * 2000)).number, flush=True)
"""


def kill(folder: Path, count: int) -> None:
    """Kill a process that saves, at any moment; then look at the store."""
    path = folder / "killed.duckdb"
    acknowledged = lost = 0
    for _ in range(count):
        saver = subprocess.Popen(
            [sys.executable, "-c", _SAVER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert saver.stdout is not None
        for _ in range(random.randint(0, 20)):
            acknowledged = int(saver.stdout.readline())
        time.sleep(random.random() * 0.02)
        saver.send_signal(signal.SIGKILL)
        rest = saver.stdout.read().split()
        saver.wait()
        acknowledged = int(rest[-1]) if rest else acknowledged
        store = Conversations(path, CIPHERS["encrypted"])
        turns = store.get("a").turns if acknowledged else 0
        lost += turns < acknowledged
        store.close()
    store = Conversations(path, CIPHERS["encrypted"])
    kept = store.exchanges("a")
    whole = [e.number for e in kept] == list(range(1, len(kept) + 1))
    unreadable = sum(e.answer != "a" * 2000 for e in kept)
    store.close()
    print(
        f"kill -9: {count} times, {acknowledged:,} acknowledged, {len(kept):,} there,"
        f" {lost} times something lost, {unreadable} unreadable, numbers whole: {whole}"
    )


@contextmanager
def filled(folder: Path, count: int, cipher: Cipher) -> Iterator[Conversations]:
    """A store of `count` messages in conversations of 100; the texts repeat after 10,000."""
    path = folder / f"{count}-{cipher.encrypts}.duckdb"
    if not path.exists():
        store = Conversations(path, Plain())
        turns = talk.exchanges()
        for first in range(0, min(count, DIFFERENT) // 2, 50):
            conversation = f"c{first}"
            store.begin(conversation, f"/p{first % 10}", "n")
            with store.database.transaction() as db:  # one by one would take minutes
                for number in range(1, 51):
                    turn = replace(next(turns), number=number, asked_at=1e9)
                    no = 2 * (first + number) - 1
                    messages.insert(db, store._sealer, no, conversation, turn, "")
        for copy in range(1, count // DIFFERENT):
            with store.database.transaction() as db:
                new = f"'-{copy}'"
                db.execute(
                    f"INSERT INTO conversations SELECT * REPLACE (id || {new} AS id)"
                    " FROM conversations WHERE NOT contains(id, '-')"
                )
                db.execute(
                    f"INSERT INTO messages SELECT * REPLACE (no + {copy * DIFFERENT} AS no,"
                    f" conversation || {new} AS conversation) FROM messages "
                    " WHERE NOT contains(conversation, '-')"
                )
        store.close()
        if cipher.encrypts:
            store = Conversations(path, Plain())
            store.reseal(cipher)
            store.close()
    store = Conversations(path, cipher)
    yield store
    store.close()


def timed(work: Callable[..., object], *given: object) -> float:
    """Milliseconds of a call."""
    began = time.perf_counter()
    work(*given)
    return (time.perf_counter() - began) * 1e3


def shown(times: Sequence[float]) -> str:
    p50, p95 = np.percentile(times, [50, 95])
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"


if __name__ == "__main__":
    main()
