"""What the panel asks of the conversations, of a real kernel, host and store, over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from front_end import FrontEnd
from side_panel import LOAD, Panel, new_subshell

from codeassist_jupyter import protocol
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.host.memory_client import MemoryClient
from codeassist_jupyter.types import Exchange, Source


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("panel")


@pytest.fixture(scope="module")
def lab(echo_home: Path, folder: Path) -> Iterator[FrontEnd]:
    notebook = str(folder / "chats.ipynb")
    lab = FrontEnd(folder, CODEASSIST_HOME=str(echo_home), JPY_SESSION_NAME=notebook)
    lab.run(LOAD)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def subshell(lab: FrontEnd) -> str:
    return new_subshell(lab)


@pytest.fixture
def panel(lab: FrontEnd, subshell: str, echo: Any) -> Iterator[Panel]:
    panel = Panel(lab, subshell)
    panel.call("new")
    yield panel
    panel.close()


@pytest.fixture
def memory(client: HostClient) -> MemoryClient:
    return MemoryClient(client)


def questions(event: dict[str, Any]) -> list[str]:
    return [one["question"] for one in event["exchanges"]]


def test_conversations_are_listed_opened_renamed_rated_and_deleted(panel: Panel) -> None:
    assert panel.call("open", conversation="")["exchanges"] == []
    done = panel.answered(panel.ask("keep <this>"))
    id = done["conversation"]
    assert panel.call("rename", conversation=id, title=" A  title ")["ev"] == "ok"
    listed = panel.call("conversations")
    assert listed["current"] == id
    (mine,) = [one for one in listed["conversations"] if one["id"] == id]
    assert (mine["title"], mine["turns"]) == ("A title", 1)
    assert panel.call("feedback", conversation=id, number=1, value=1)["ev"] == "ok"
    assert panel.call("feedback", conversation=id, number=1, value=7)["ev"] == "error"
    opened = panel.call("open", conversation=id)
    (kept,) = opened["exchanges"]
    assert (kept["question"], kept["feedback"], opened["older"]) == ("keep <this>", 1, False)
    assert panel.call("delete", conversation=id)["ev"] == "ok"
    assert panel.call("open", conversation=id)["code"] == "UsageError"
    assert panel.call("open", conversation="")["exchanges"] == []


def test_a_long_conversation_is_cut_to_what_a_message_holds(panel: Panel, echo: Any) -> None:
    echo([{"match": "", "answer": "\n".join(f"{n}" + "é" * 300 for n in range(80))}])
    asked = 12
    for _ in range(asked):
        done = panel.answered(panel.ask("long"))
    opened = panel.call("open", conversation=done["conversation"])
    assert opened["older"] is True and 0 < len(opened["exchanges"]) < asked
    assert opened["exchanges"][-1]["number"] == asked
    assert len(json.dumps(opened)) <= protocol.MAX_BYTES


def test_a_long_conversation_opens_at_its_end_and_goes_back_page_by_page(
    panel: Panel, memory: MemoryClient, folder: Path
) -> None:
    one = memory.begin(str(folder), str(folder / "chats.ipynb"))
    for number in range(1, 121):
        memory.save(one.id, Exchange(f"question {number}", "yes"))
    opened = panel.call("open", conversation=one.id)
    pages, before = [opened], opened["exchanges"][0]["number"]
    while pages[-1]["older"]:
        pages.append(panel.call("earlier", conversation=one.id, before=before))
        before = pages[-1]["exchanges"][0]["number"]
    assert [len(page["exchanges"]) for page in pages] == [50, 50, 20]
    asked = [question for page in reversed(pages) for question in questions(page)]
    assert asked == [f"question {number}" for number in range(1, 121)]
    assert panel.call("earlier", conversation=one.id, before=1)["exchanges"] == []
    assert panel.call("earlier", conversation=one.id, before=0)["code"] == "UsageError"


def test_a_conversation_is_found_by_its_title_and_by_what_was_said(panel: Panel, echo: Any) -> None:
    echo([{"match": "", "answer": f"{'so ' * 200}a <b>zeppelin</b> of {'lead ' * 200}"}])
    said = panel.answered(panel.ask("what flies?"))["conversation"]
    panel.call("new")
    titled = panel.answered(panel.ask("xylophones"))["conversation"]
    panel.call("rename", conversation=titled, title="On Dirigibles")

    (hit,) = [
        one
        for one in panel.call("conversations", words="zeppelin")["conversations"]
        if one["id"] == said
    ]
    assert "zeppelin" in hit["found"] and len(hit["found"]) <= 200
    found = panel.call("conversations", words="dirigible")["conversations"]
    assert (found[0]["id"], found[0]["found"]) == (titled, "")
    assert panel.call("conversations")["conversations"][0]["found"] == ""


def test_a_bookmark_is_set_and_taken_away(panel: Panel) -> None:
    id = panel.answered(panel.ask("remember me"))["conversation"]
    for on in (True, False):
        assert panel.call("bookmark", conversation=id, on=on)["ev"] == "ok"
        listed = panel.call("conversations")["conversations"]
        assert [one["bookmarked"] for one in listed if one["id"] == id] == [on]


def test_an_export_stands_beside_the_notebook_and_overwrites_nothing(
    panel: Panel, folder: Path, echo: Any
) -> None:
    echo([{"match": "", "answer": "Take **two**."}])
    id = panel.answered(panel.ask("how many?"))["conversation"]
    panel.call("rename", conversation=id, title="../in/all?")
    for name in ("in-all.md", "in-all-1.md"):
        told = panel.call("export", conversation=id)
        assert told["text"] == f"Written: {folder / name}"
        assert "Take **two**." in (folder / name).read_text()


def test_a_question_takes_the_place_of_an_earlier_one(panel: Panel, echo: Any) -> None:
    def answer(words: str) -> str:
        return f"```python\nprint({words!r})\n```"

    echo([{"match": word, "answer": answer(word)} for word in ("walrus", "otter", "heron", "newt")])
    for word in ("walrus", "otter", "heron"):
        id = panel.answered(panel.ask(f"the {word}"))["conversation"]
    done = panel.answered(panel.ask("the newt", rewrite=2))
    assert (done["conversation"], done["number"]) == (id, 2)
    assert questions(panel.call("open", conversation=id)) == ["the walrus", "the newt"]

    for word in ("otter", "heron"):
        found = panel.call("conversations", words=word)["conversations"]
        assert all(word not in one["found"] for one in found)
    kept = panel.lab.run("%assist snippets").printed
    assert "walrus" in kept and "newt" in kept
    assert "otter" not in kept and "heron" not in kept
    assert panel.answered(panel.ask("the heron"))["number"] == 3


def test_what_is_to_be_rewritten_stays_until_there_is_an_answer(panel: Panel, echo: Any) -> None:
    id = panel.answered(panel.ask("keep this"))["conversation"]
    echo([{"match": "", "answer": "", "fail": {"code": "EngineError", "message": "no"}}])
    assert panel.answered(panel.ask("instead", rewrite=1))["ev"] == "error"
    assert panel.answered(panel.ask("  ", rewrite=1))["ev"] == "error"
    assert questions(panel.call("open", conversation=id)) == ["keep this"]


def test_the_next_question_does_not_carry_what_was_taken_back(panel: Panel) -> None:
    panel.answered(panel.ask("the first one"))
    panel.answered(panel.ask("the second one"))
    context = panel.call("context", question="and now?")
    assert "chat so far" in [part["name"] for part in context["parts"]]
    panel.answered(panel.ask("another one", rewrite=1, without=["chat"]))
    context = panel.call("context", question="and now?")
    assert "chat so far" not in [part["name"] for part in context["parts"]]


def test_kept_answers_tell_the_sources_that_they_cite(
    panel: Panel, memory: MemoryClient, folder: Path
) -> None:
    (folder / "load.py").write_text("def load(): ...\n")
    one = memory.begin(str(folder), str(folder / "chats.ipynb"))
    there = Source(1, "load.py", 1, 1)
    gone = Source(2, "gone.py", 7, 9)
    memory.save(one.id, Exchange("where?", "There [1], not [2].", sources=(there, gone)))
    (kept,) = panel.call("open", conversation=one.id)["exchanges"]
    told = [(source["path"], source["line"]) for source in kept["sources"]]
    assert told == [("load.py", 1), ("", 7)]


def test_the_history_works_while_a_cell_is_running(
    panel: Panel, lab: FrontEnd, tmp_path: Path
) -> None:
    id = panel.answered(panel.ask("patience"))["conversation"]
    go = tmp_path / "go"
    lab.client.execute(
        f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)"
    )
    while not panel.call("hello", version="")["busy"]:
        pass
    assert questions(panel.call("open", conversation=id)) == ["patience"]
    assert panel.call("conversations", words="patience")["conversations"][0]["id"] == id
    assert panel.call("export", conversation=id)["ev"] == "told"
    assert panel.call("hello", version="")["busy"] is True
    go.touch()
