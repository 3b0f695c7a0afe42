"""The store of conversations: durable, sealed, ordered, and refusing rather than overwriting."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from codeassist_jupyter.errors import MemoryFailed, MemoryLocked, UsageError
from codeassist_jupyter.memory.conversations import MAX_CHARS, Conversations, title_of
from codeassist_jupyter.memory.crypto import Plain, Sealed
from codeassist_jupyter.memory.database import VERSION
from codeassist_jupyter.types import Exchange, Source, Usage

KEYS = {1: bytes(range(32))}
SOURCE = Source(1, "etl/clean.py", 3, 9, None, "normalize")
USAGE = Usage("tiny", 900, 800, 40, 120.5, 9.5, 55.0, 4096, 1.5)


def codeword() -> str:
    """Text that no compression can hide and nothing else contains."""
    return f"canary{random.randbytes(12).hex()}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.duckdb"


@pytest.fixture(params=[Plain(), Sealed(KEYS)], ids=["plain", "sealed"])
def store(request: pytest.FixtureRequest, path: Path) -> Iterator[Conversations]:
    store = Conversations(path, request.param)
    store.begin("a", "/work/shop", "eda.ipynb")
    yield store
    store.close()


def reopened(store: Conversations) -> Conversations:
    store.close()
    return Conversations(store.database.path, store._sealer.cipher)


def files_with(folder: Path, word: str) -> list[str]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in found if word.encode() in path.read_bytes()]


def test_an_exchange_comes_back_as_it_was_saved(store: Conversations) -> None:
    told = Exchange(
        "Why is `x` 1?\nSay.", "Because.", "tiny", (SOURCE,), USAGE, "length", 1e9, 0, 1, True, True
    )
    saved = store.save("a", told)
    assert (saved.number, saved.title) == (1, "Why is `x` 1?")
    again = reopened(store)
    assert again.exchanges("a") == [
        Exchange(**{**{f: getattr(told, f) for f in told.__slots__}, "number": 1})
    ]
    assert again.get("a").turns == 1
    assert again.get("a").updated == 1e9
    again.close()


def test_conversations_are_listed_by_what_came_last_though_the_clock_went_back(
    store: Conversations,
) -> None:
    store.begin("b", "/work/shop", "other.ipynb")
    store.begin("unused", "/work/shop", "eda.ipynb")
    store.save("a", Exchange("first", "1", asked_at=2e9))
    store.save("b", Exchange("second", "2", asked_at=1e9))
    store.save("b", Exchange("third", "3", asked_at=5e8))
    assert [one.id for one in store.newest()] == ["b", "a"]
    assert [one.id for one in store.newest(notebook="eda.ipynb")] == ["a"]
    assert store.newest(project="/elsewhere") == []
    assert [e.question for e in store.exchanges("b")] == ["second", "third"]
    assert [e.question for e in store.exchanges("b", last=1)] == ["third"]


def test_two_kernels_in_one_conversation_lose_nothing(store: Conversations) -> None:
    numbers: list[int] = []

    def ask(kernel: int) -> None:
        for i in range(20):
            numbers.append(store.save("a", Exchange(f"{kernel}-{i}", "")).number)

    threads = [threading.Thread(target=ask, args=(kernel,)) for kernel in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 61))
    kept = [e.question for e in store.exchanges("a")]
    assert sorted(kept) == sorted(f"{kernel}-{i}" for kernel in range(3) for i in range(20))
    assert [e.number for e in store.exchanges("a")] == list(range(1, 61))


def test_a_save_that_is_sent_again_is_kept_once(store: Conversations) -> None:
    assert store.save("a", Exchange("q", "a"), token="t1").number == 1
    assert store.save("a", Exchange("q", "a"), token="t1").number == 1
    again = reopened(store)  # the host may have died before it could answer
    assert again.save("a", Exchange("q", "a"), token="t1").number == 1
    assert len(again.exchanges("a")) == 1
    again.close()


def test_an_exchange_takes_the_place_of_an_earlier_one_and_all_after_it(
    store: Conversations,
) -> None:
    def code(name: str) -> str:
        return f"```python\nprint({name})\n```"

    for name in ("first", "second", "third"):
        store.save("a", Exchange(name, code(name)))
    store.mark("a", 3, bookmarked=True)
    store.summarize("a", "They spoke of three things.", 2)
    saved = store.save("a", Exchange("instead", code("third")), "t1", instead_of=2)
    assert (saved.number, saved.summary, saved.summary_upto) == (2, "", 0)
    assert store.save("a", Exchange("instead", code("third")), "t1", instead_of=2).number == 2
    store.save("a", Exchange("after it", code("fourth")))
    beyond = store.save("a", Exchange("no such number", ""), instead_of=9)
    assert beyond.number == 4  # as if nothing was to be replaced

    def check(now: Conversations) -> None:
        kept = now.exchanges("a")
        assert [e.question for e in kept] == ["first", "instead", "after it", "no such number"]
        assert not any(e.bookmarked for e in kept)
        assert (now.get("a").turns, now.get("a").summary) == (4, "")
        places = {s.code: s.number for s in now.snippets.find()}
        assert places == {"print(first)": 1, "print(third)": 2, "print(fourth)": 3}

    check(store)
    again = reopened(store)
    check(again)
    again.close()


def test_exchanges_are_read_from_the_end_page_by_page(store: Conversations) -> None:
    for number in range(1, 8):
        store.save("a", Exchange(str(number), ""))

    def read(last: int, before: int) -> str:
        return "".join(e.question for e in store.exchanges("a", last, before))

    assert [read(3, 0), read(3, 5), read(3, 2), read(3, 1)] == ["567", "234", "1", ""]
    assert [read(0, 3), read(2, 99)] == ["12", "67"]


def test_marks_titles_bookmarks_and_summaries_last(store: Conversations) -> None:
    store.save("a", Exchange("q", "a"))
    store.mark("a", 1, feedback=-1, bookmarked=True, pinned=True, inserted=True)
    store.mark("a", 1, pinned=False)
    store.rename("a", "Prices")
    store.bookmark("a", on=True)
    store.summarize("a", "They spoke of prices.", 1)
    again = reopened(store)
    kept = again.exchanges("a")[0]
    assert (kept.feedback, kept.bookmarked, kept.pinned, kept.inserted) == (-1, True, False, True)
    one = again.get("a")
    assert (one.title, one.bookmarked) == ("Prices", True)
    assert (one.summary, one.summary_upto) == ("They spoke of prices.", 1)
    again.close()


def test_what_is_not_there_is_said(store: Conversations) -> None:
    for wrong in (
        lambda: store.get("z"),
        lambda: store.save("z", Exchange("q", "a")),
        lambda: store.mark("a", 7, feedback=1),
        lambda: store.snippets.use("z"),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_surrogates_are_replaced_and_endless_texts_cut(store: Conversations) -> None:
    store.save("a", Exchange("bad \ud800\0 text", "x" * 1_048_576))
    store.save("a", Exchange("q", "y" * (MAX_CHARS + 1)))
    again = reopened(store)
    first, second = again.exchanges("a")
    assert first.question == "bad ?\N{REPLACEMENT CHARACTER} text"
    assert first.answer == "x" * 1_048_576
    assert second.answer.startswith("y" * MAX_CHARS)
    assert "cut" in second.answer[MAX_CHARS:]
    again.close()


def test_a_title_is_the_first_line_that_says_something() -> None:
    assert title_of("\n  \n# How to join?\nmore") == "How to join?"
    assert title_of("") == "(no words)"
    long = title_of("word " * 50)
    assert len(long) <= 60
    assert long.endswith("word…")


def test_snippets_are_kept_once_counted_and_tagged(store: Conversations) -> None:
    code = "```python\ndf.merge(other)\n```"
    store.save("a", Exchange("q", f"Do:\n{code}\n```sql\nSELECT a FROM b\n```\n`inline`"))
    store.begin("b", "", "")
    store.save("b", Exchange("q", f"Again:\n{code.replace('python', 'py')}"))
    (merge,) = store.snippets.find("MERGE")
    assert (merge.language, merge.conversation, merge.number) == ("python", "b", 1)
    assert store.snippets.use(merge.id).uses == 1
    store.snippets.tag(merge.id, ["joins", "joins"])
    again = reopened(store)
    assert [s.language for s in again.snippets.find()] == ["python", "sql"]  # most used first
    assert again.snippets.find(language="sql")[0].code == "SELECT a FROM b"
    assert again.snippets.find(tag="joins")[0].uses == 1
    again.delete({"b"})
    assert again.snippets.find("merge")[0].conversation == "a"
    again.delete({"a"})
    assert len(again.snippets) == 0
    again.close()


def test_nothing_private_is_readable_in_an_encrypted_store(path: Path) -> None:
    word = codeword()
    store = Conversations(path, Sealed(KEYS))
    store.begin("a", f"/home/{word}", f"{word}.ipynb")
    code = f"```python\nprint('{word}')\n```"
    store.save("a", Exchange(word, code, sources=(Source(1, word, name=word),)))
    store.rename("a", word)
    store.summarize("a", word, 1)
    store.snippets.tag(store.snippets.find()[0].id, [word])
    assert files_with(path.parent, word) == []
    store.close()
    assert files_with(path.parent, word) == []


def test_forgetting_leaves_no_byte(store: Conversations, path: Path) -> None:
    word = codeword()
    store.begin("gone", f"/{word}", word)
    for _ in range(50):
        store.save("gone", Exchange(word + "question", f"```python\n{word}\n```"))
    store.save("a", Exchange("kept question", "kept answer"))
    if not store.encrypts:
        assert files_with(path.parent, word)
    store.delete({"gone"})
    assert store.erasing
    store.erase()
    assert not store.erasing
    assert files_with(path.parent, word) == []
    assert path.stat().st_mode & 0o777 == 0o600
    store.save("a", Exchange("after", "all"))
    again = reopened(store)
    assert [e.question for e in again.exchanges("a")] == ["kept question", "after"]
    assert len(again.snippets) == 0
    again.close()
    assert [p.name for p in path.parent.glob("conversations*")] == ["conversations.duckdb"]


@pytest.mark.parametrize("damage", ["flip", "cut", "swap", "null"])
def test_a_damaged_record_spoils_no_other(path: Path, damage: str) -> None:
    store = Conversations(path, Sealed(KEYS))
    store.begin("a", "/p", "n")
    for i in range(3):
        store.save("a", Exchange(f"question {i}", f"answer {i}"))
    store.close()
    with duckdb.connect(str(path)) as db:
        where = "WHERE conversation = 'a' AND number = 2 AND role = 'assistant'"
        (body,) = db.execute(f"SELECT body FROM messages {where}").fetchone()
        other = db.execute("SELECT body FROM messages WHERE number = 1 AND role = 'assistant'")
        (another,) = other.fetchone()
        worse = {
            "flip": body[:-1] + bytes([body[-1] ^ 1]),
            "cut": body[:20],
            "swap": another,
            "null": None,
        }[damage]
        db.execute(f"UPDATE messages SET body = ? {where}", [worse])
    store = Conversations(path, Sealed(KEYS))
    one, two, three = store.exchanges("a")
    assert (one.answer, three.answer) == ("answer 0", "answer 2")
    assert (two.question, two.answer, two.stopped) == ("question 1", "", "unreadable")
    assert store.save("a", Exchange("goes on", "")).number == 4
    store.close()


def test_a_damaged_head_is_told_and_can_be_renamed(path: Path) -> None:
    store = Conversations(path, Sealed(KEYS))
    store.begin("a", "/p", "n")
    store.save("a", Exchange("q", "a"))
    store.close()
    with duckdb.connect(str(path)) as db:
        db.execute("UPDATE conversations SET head = 'nonsense'::BLOB")
    store = Conversations(path, Sealed(KEYS))
    assert store.newest()[0].title == "(unreadable)"
    assert store.exchanges("a")[0].answer == "a"
    store.rename("a", "found again")
    again = reopened(store)
    assert again.newest()[0].title == "found again"
    again.close()


def test_another_cipher_does_not_open_the_store(path: Path) -> None:
    Conversations(path, Sealed(KEYS)).close()
    before = path.read_bytes()
    for cipher in (Plain(), Sealed({1: bytes(32)})):
        with pytest.raises(MemoryLocked):
            Conversations(path, cipher)
    assert path.read_bytes() == before


def test_resealing_changes_the_key_and_leaves_nothing_of_the_old_state(path: Path) -> None:
    word = codeword()
    store = Conversations(path, Plain())
    store.begin("a", word, word)
    store.save("a", Exchange(word, f"```python\n{word}\n```"))
    store.summarize("a", word, 1)
    store.reseal(Sealed(KEYS))
    assert files_with(path.parent, word) == []
    store.save("a", Exchange("and on", ""))
    store.close()
    again = Conversations(path, Sealed(KEYS))
    assert [e.question for e in again.exchanges("a")] == [word, "and on"]
    assert (again.get("a").summary, again.snippets.find()[0].code) == (word, word)
    again.close()


def test_a_store_of_a_newer_version_is_refused_untouched(path: Path) -> None:
    Conversations(path, Plain()).close()
    with duckdb.connect(str(path)) as db:
        db.execute(f"UPDATE meta SET value = '{VERSION + 1}' WHERE key = 'version'")
    before = path.read_bytes()
    with pytest.raises(MemoryFailed, match="newer version"):
        Conversations(path, Plain())
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not a database", os.urandom(20_000)])
def test_a_damaged_file_is_refused_untouched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(MemoryFailed, match=r"conversations\.duckdb") as caught:
        Conversations(path, Plain())
    assert "left as it is" in caught.value.hint
    assert path.read_bytes() == content


def test_a_file_of_somebody_else_is_refused(path: Path) -> None:
    with duckdb.connect(str(path)) as db:
        db.execute("CREATE TABLE theirs (a INTEGER)")
    before = path.read_bytes()
    with pytest.raises(MemoryFailed, match="not a store"):
        Conversations(path, Plain())
    assert path.read_bytes() == before


def test_another_process_is_refused(store: Conversations, path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from codeassist_jupyter.memory.conversations import Conversations\n"
        "from codeassist_jupyter.memory.crypto import Plain\n"
        "Conversations(pathlib.Path(sys.argv[1]), Plain())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert "open in another process" in done.stderr


SAVER = """
import sys, pathlib
from codeassist_jupyter.memory.conversations import Conversations
from codeassist_jupyter.memory.crypto import Sealed
from codeassist_jupyter.types import Exchange
store = Conversations(pathlib.Path(sys.argv[1]), Sealed({1: bytes(range(32))}))
store.begin("a", "/p", "n")
while True:
    saved = store.save("a", Exchange("q" * 500, "a" * 3000))
    print(saved.number, flush=True)
"""


def test_kill_9_loses_no_acknowledged_turn(path: Path) -> None:
    """The benchmark does this a thousand times."""
    acknowledged = 0
    for _ in range(3):
        saver = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert saver.stdout is not None
        for _ in range(random.randint(5, 40)):
            acknowledged = int(saver.stdout.readline())
        time.sleep(random.random() * 0.01)  # dies at any point of a save
        saver.send_signal(signal.SIGKILL)
        rest = saver.stdout.read().split()
        acknowledged = int(rest[-1]) if rest else acknowledged
        saver.wait()
        saver.stdout.close()
        store = Conversations(path, Sealed(KEYS))
        kept = store.exchanges("a")
        assert [e.number for e in kept] == list(range(1, len(kept) + 1))
        assert len(kept) >= acknowledged
        assert all(e.answer == "a" * 3000 for e in kept)
        store.close()


FULL = """
import resource, signal, sys, pathlib
from codeassist_jupyter.errors import MemoryFailed
from codeassist_jupyter.memory.conversations import Conversations
from codeassist_jupyter.memory.crypto import Plain
from codeassist_jupyter.types import Exchange
import random
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Conversations(pathlib.Path(sys.argv[1]), Plain())
store.begin("a", "/p", "n")
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    while True:
        print(store.save("a", Exchange("q", random.randbytes(10_000).hex())).number, flush=True)
except MemoryFailed as exc:
    print("failed", exc.hint)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(store.save("a", Exchange("room again", "")).number)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes")
def test_a_full_disk_fails_the_save_and_nothing_else(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    *numbers, failed, again = done.stdout.splitlines()
    assert failed == "failed Free some space; what was acknowledged before is safe."
    assert int(again) == int(numbers[-1]) + 1
    store = Conversations(path, Plain())
    assert [e.number for e in store.exchanges("a")] == list(range(1, int(again) + 1))
    store.close()


def test_export_has_everything_readable(store: Conversations) -> None:
    store.save("a", Exchange("q", "```python\nprint(1+1)\n```"))
    lines = list(store.export())
    assert lines[0]["conversation"]["id"] == "a"
    assert lines[1]["exchange"]["question"] == "q"
    assert lines[2]["snippet"]["code"] == "print(1+1)"


def test_what_is_old_is_told_by_its_last_use(store: Conversations) -> None:
    store.begin("b", "/p", "n")
    store.save("a", Exchange("q", "", asked_at=1000.0))
    store.save("b", Exchange("q", "", asked_at=3000.0))
    assert store.matching(before=2000.0) == {"a"}
    assert store.matching(project="/p") == {"b"}
    assert store.matching() == {"a", "b"}
