"""Search over conversations: right at any moment, disposable, on disk only where it may be."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tiny_encoder

from codeassist_jupyter.index.embed import Encoder
from codeassist_jupyter.memory import search
from codeassist_jupyter.memory.conversations import Conversations
from codeassist_jupyter.memory.crypto import Plain, Sealed
from codeassist_jupyter.memory.search import History
from codeassist_jupyter.types import Exchange

KEYS = {1: bytes(range(32))}
PATIENCE_S = 30

Open = Callable[..., History]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return tiny_encoder.make(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(params=[Plain(), Sealed(KEYS)], ids=["plain", "sealed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Conversations]:
    store = Conversations(tmp_path / "c.duckdb", request.param)
    store.begin("shop", "/work/shop", "eda.ipynb")
    store.begin("lab", "/work/lab", "notes.ipynb")
    for question, answer in (
        ("How do I merge two frames on two keys?", "Use `df.merge(other, on=['a', 'b'])`."),
        ("ingest the calendar", "`pd.read_csv`"),
        ("sort by price", "`df.sort_values('price')`"),
    ):
        store.save("shop", Exchange(question, answer))
    store.save("lab", Exchange("merge the branches", "`git merge`"))
    yield store
    store.close()


@pytest.fixture
def open_history(store: Conversations, encoder: Encoder, tmp_path: Path) -> Iterator[Open]:
    """Open the search of `store` as the host does: in a folder only if nothing is encrypted."""
    opened: list[History] = []

    def open_one(is_busy: Callable[[], bool] = lambda: False, wait: bool = True) -> History:
        folder = None if store.encrypts else tmp_path / "memory"
        history = History(store, folder, lambda: (encoder,), is_busy)
        opened.append(history)
        if wait:
            assert history.fresh.wait(PATIENCE_S)
        return history

    yield open_one
    for history in opened:
        history.close()


def questions(history: History, text: str, k: int = 3, **more: object) -> list[str]:
    return [exchange.question for _, exchange, _ in history.search(text, k, **more)]  # type: ignore[arg-type] # passed on


def test_words_and_meaning_find_an_exchange(open_history: Open) -> None:
    history = open_history()
    assert questions(history, "merge on two keys", 1) == ["How do I merge two frames on two keys?"]
    assert questions(history, "load the dates", 1) == ["ingest the calendar"]  # no word in common
    assert questions(history, "sort_values", 1) == ["sort by price"]


def test_a_search_can_stay_within_conversations(open_history: Open) -> None:
    history = open_history()
    assert questions(history, "merge", allowed={"lab"}) == ["merge the branches"]
    assert questions(history, "load the dates", allowed={"lab"}) in ([], ["merge the branches"])
    assert questions(history, "merge", allowed=set()) == []


def test_what_was_just_saved_is_found_before_it_is_indexed(
    open_history: Open, store: Conversations
) -> None:
    history = open_history()
    store.save("lab", Exchange("How do I pivot the merged table?", "`df.pivot`"))
    assert history.pending == 1  # nobody told the search
    assert questions(history, "pivoting", 1) == ["How do I pivot the merged table?"]
    history.wake()
    assert history.fresh.wait(PATIENCE_S)
    assert history.pending == 0
    assert questions(history, "pivoting", 1) == ["How do I pivot the merged table?"]


def test_words_are_right_while_the_index_is_still_being_built(
    open_history: Open, store: Conversations
) -> None:
    """As after the start of a host with an encrypted store."""
    history = open_history(wait=False)
    found = questions(history, "merge on two keys", 2)
    assert found == ["How do I merge two frames on two keys?", "merge the branches"]


def test_of_many_that_are_not_indexed_the_newest_are_searched(
    store: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_SCANNED_AT_ONCE", 2)
    monkeypatch.setattr(search, "_SCAN_S", 0.0)
    history = History(store, None)
    assert history.fresh.wait(PATIENCE_S)
    for number in range(3):
        store.save("lab", Exchange(f"explain the query {number}", ""))
    assert questions(history, "querying") == ["explain the query 1", "explain the query 2"]
    history.wake()
    assert history.fresh.wait(PATIENCE_S)
    assert len(questions(history, "querying")) == 3
    history.close()


def test_what_was_taken_back_is_not_found_again(open_history: Open, store: Conversations) -> None:
    history = open_history()
    store.save("shop", Exchange("group by town", "`df.groupby`"), instead_of=2)
    for _ in range(2):  # before it is indexed, and after
        assert questions(history, "sort by price", allowed={"shop"}).count("group by town") <= 1
        assert "sort by price" not in questions(history, "sort by price")
        assert questions(history, "group by town", 1) == ["group by town"]
        recalled = history.recall("shop", "group by town", 9, 9)
        assert [exchange.number for _, exchange, _ in recalled] == [2, 1]
        history.wake()
        assert history.fresh.wait(PATIENCE_S)
    history.close()
    assert "sort by price" not in questions(open_history(), "sort by price")


def test_feedback_moves_answers(open_history: Open, store: Conversations) -> None:
    for _ in range(3):
        store.save("lab", Exchange("clip the outliers", "`df.clip`"))
    history = open_history()
    store.mark("lab", 3, feedback=1)
    store.mark("lab", 2, feedback=-1)
    order = [exchange.number for _, exchange, _ in history.search("clip outliers", 3)]
    assert order == [3, 4, 2]


def test_recall_looks_at_older_turns_of_one_conversation(
    open_history: Open, store: Conversations
) -> None:
    history = open_history()
    found = history.recall("shop", "which keys did we merge on?", 3, 1)
    assert [exchange.number for _, exchange, _ in found] == [1]
    found = history.recall("shop", "load the dates", 3, 1)
    assert [exchange.number for _, exchange, _ in found] == [2]
    assert history.recall("shop", "merge", 1, 4) == []


def test_the_index_lasts_or_is_made_again(
    open_history: Open, store: Conversations, tmp_path: Path
) -> None:
    open_history().close()
    if store.encrypts:
        assert not (tmp_path / "memory").exists()
    again = open_history()
    assert questions(again, "load the dates", 1) == ["ingest the calendar"]


@pytest.mark.parametrize("store", [Plain()], indirect=True)
def test_the_first_search_uses_the_index_that_is_there(
    open_history: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_history().close()
    monkeypatch.setattr(search, "_GATHER_S", PATIENCE_S)  # the thread does nothing meanwhile
    again = open_history(wait=False)
    assert questions(again, "sort_values", 1) == ["sort by price"]
    assert again.pending == 0


@pytest.mark.parametrize("store", [Plain()], indirect=True)
@pytest.mark.parametrize("damage", ["words/meta.json", "state.json", "vectors-tiny.lance"])
def test_a_damaged_index_is_built_anew(open_history: Open, tmp_path: Path, damage: str) -> None:
    open_history().close()
    place = tmp_path / "memory" / damage
    for file in [place, *place.rglob("*")]:
        if file.is_file():
            file.write_bytes(b"nonsense")
    again = open_history()
    assert questions(again, "merge on two keys", 1) == ["How do I merge two frames on two keys?"]
    assert questions(again, "load the dates", 1) == ["ingest the calendar"]


@pytest.mark.parametrize("store", [Plain()], indirect=True)
def test_an_index_of_another_store_is_not_used(
    open_history: Open, encoder: Encoder, tmp_path: Path
) -> None:
    open_history().close()
    other = Conversations(tmp_path / "other.duckdb", Plain())
    other.begin("x", "", "")
    other.save("x", Exchange("fold the paper", ""))
    history = History(other, tmp_path / "memory", lambda: (encoder,))
    assert history.fresh.wait(PATIENCE_S)
    assert questions(history, "fold paper") == ["fold the paper"]
    assert questions(history, "merge") == []
    history.close()
    other.close()


def test_erasing_leaves_no_byte_and_the_rest_searchable(
    open_history: Open, store: Conversations, tmp_path: Path
) -> None:
    word = "".join(random.choices("qwrtzxv", k=24))  # one word, of no other text
    store.begin("secret", "/p", "n")
    store.save("secret", Exchange(f"where is {word}?", f"`{word}`"))
    history = open_history()
    assert questions(history, word, 1) == [f"where is {word}?"]
    store.delete({"secret"})
    history.erase()
    store.erase()
    assert history.fresh.wait(PATIENCE_S)
    assert questions(history, word, 1) == []
    assert questions(history, "merge on two keys", 1) == ["How do I merge two frames on two keys?"]
    folders = [tmp_path / "memory", *tmp_path.glob("c.duckdb*")]
    files = [f for top in folders for f in (top, *top.rglob("*")) if f.is_file()]
    assert not [file for file in files if word.encode() in file.read_bytes()]


def test_without_encoders_words_alone_do(store: Conversations) -> None:
    history = History(store, None)
    assert history.fresh.wait(PATIENCE_S)
    assert questions(history, "sort price", 1) == ["sort by price"]
    assert history.recall("shop", "merge", 3, 1)
    history.close()


def test_words_nobody_said_find_nothing(store: Conversations) -> None:
    history = History(store, None)
    assert history.search("zebra", 3) == []
    assert history.search("?!", 3) == []
    history.close()
