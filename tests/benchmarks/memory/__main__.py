"""Measures the memory of conversations: saving, search, recall, unlocking, and kill -9 amid saves.

    python tests/benchmarks/memory [save] [search] [recall] [unlock] [kill]
        [--messages N …] [--kills N]

Needs the encoders of `codeassist setup`. Every store is made in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import numpy as np
import talk

from codeassist_jupyter import config, prompt
from codeassist_jupyter.host.projects import open_encoders
from codeassist_jupyter.index.embed import Encoder, Vectors
from codeassist_jupyter.memory import keys, messages, rekey
from codeassist_jupyter.memory.conversations import Conversations
from codeassist_jupyter.memory.crypto import Cipher, Plain, Sealed
from codeassist_jupyter.memory.search import History
from codeassist_jupyter.types import Context, Exchange, Remembered
from codeassist_jupyter.window import Budget, Journal, Past, Turn

CIPHERS: dict[str, Cipher] = {"plain": Plain(), "encrypted": Sealed({1: bytes(range(32))})}
PASSPHRASE = "seven kestrels over an amber lagoon"
QUERIES = 100
TURNS = 50
DIFFERENT = 10_000  # messages of a store with texts of their own
PLANTED = 10  # facts of one conversation, in its turns 1 to 40
RECALLED = 10  # as the assistant asks for, beside those that its journal has
BUDGETS = {  # of the assistant, with the default settings
    "40 tokens/s": Budget(fresh=800, total=2400),
    "200 tokens/s": Budget(fresh=4000, total=7168),
}


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
    parser.add_argument("parts", nargs="*", default=["save", "search", "recall", "unlock", "kill"])
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
        for count in asked.messages if "unlock" in asked.parts else ():
            measure_unlocking(Path(folder), count)
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
    """Chats of 50 turns: is a fact from turns 1 to 40 in the prompt of the last question?"""
    encoders = open_encoders(config.load())[0]
    with closing(Conversations(folder / "recall.duckdb", Plain())) as store:
        asked = planted(store)
        with closing(History(store, None, lambda: encoders)) as history:
            history.fresh.wait()
            for k in (1, 4, 8):
                ranked = [
                    number in [e.number for _, e, _ in history.recall(chat, question, TURNS - 8, k)]
                    for chat, number, _, question in asked
                ]
                print(f"recall, the best {k} turns: {sum(ranked)} of {len(asked)} facts")
            for name, budget in BUDGETS.items():
                journals = {chat: chatted(store, history, chat, budget) for chat, *_ in asked}
                times, missed = [], []
                for chat, _, fact, question in asked:
                    began = time.perf_counter()
                    built = built_for(store, history, chat, question, journals[chat], budget, TURNS)
                    times.append((time.perf_counter() - began) * 1e3)
                    if not any(fact in message.content for message in built.prompt.messages):
                        missed.append(question)
                told = len(asked) - len(missed)
                print(f"recall, {name}: {told} of {len(asked)} facts in the prompt; {shown(times)}")
                print("  missed:", *sorted(set(missed)))


def planted(store: Conversations) -> list[tuple[str, int, str, str]]:
    """Fill chats with 49 turns, facts among them: (chat, turn, fact, question about it)."""
    facts, turns = talk.facts(100), talk.exchanges(seed=3)
    asked = []
    random.seed(4)
    for first in range(0, len(facts), PLANTED):
        chat = f"c{first}"
        store.begin(chat, "/p", "n")
        places = random.sample(range(1, 41), PLANTED)
        told = dict(zip(places, facts[first : first + PLANTED], strict=True))
        for number in range(1, TURNS):
            fact = told.get(number)
            store.save(chat, Exchange(fact[0], "Noted.", "bench") if fact else next(turns))
        asked += [(chat, number, *fact) for number, fact in told.items()]
    return asked


def chatted(store: Conversations, history: History, chat: str, budget: Budget) -> Journal:
    """The journal of a kernel in which a chat took place, each turn with what it recalled."""
    journal = Journal()
    for turn in store.exchanges(chat):
        built = built_for(store, history, chat, turn.question, journal, budget, turn.number)
        kept = Turn(turn.question, built.sent, turn.answer, turn.number)
        kept = replace(kept, recalled=built.told.turns)
        journal = replace(built.journal, turns=(*built.journal.turns, kept))
    return journal


def built_for(
    store: Conversations,
    history: History,
    chat: str,
    question: str,
    journal: Journal,
    budget: Budget,
    number: int,
) -> prompt.Built:
    """The prompt of turn `number`, as the assistant lays it out without notebook and sources."""
    found = history.recall(chat, question, number, RECALLED + len(journal.numbers))
    conversation = store.get(chat)
    past = Past(tuple(Remembered(conversation, e, score) for _, e, score in found))
    return prompt.build(question, "markdown", Context(), journal, budget, b"key", past)


def measure_unlocking(folder: Path, count: int) -> None:
    """From the passphrase to the open store: scrypt, DuckDB, titles and snippets."""
    home = folder / f"home-{count}"
    home.mkdir()
    with filled(folder, count, CIPHERS["plain"]) as store:
        plain = store.database.path
    shutil.copy(plain, home / "conversations.duckdb")
    with patch.dict(os.environ, CODEASSIST_HOME=str(home)):
        rekey.encrypt("passphrase", PASSPHRASE)
        key = timed(lambda: keys.unwrap(keys.read(), PASSPHRASE))
        times = [timed(unlock) for _ in range(5)]
    print(f"unlock, {count:,} messages: {shown(times)}, of it scrypt about {key:.0f} ms")


def unlock() -> None:
    Conversations(keys.store_path(), Sealed(keys.unwrap(keys.read(), PASSPHRASE))).close()


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
