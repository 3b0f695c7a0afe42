"""Conversations that last: kept, gone on with, found, exported and erased, in real kernels."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import Script
from front_end import FrontEnd
from planted import FACTS

from codeassist_jupyter import config
from codeassist_jupyter.assistant import Answer, Assistant, Question
from codeassist_jupyter.chat import Chat
from codeassist_jupyter.cli import main
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.host.memory_client import MemoryClient
from codeassist_jupyter.memory import keys
from codeassist_jupyter.stream import footer
from codeassist_jupyter.types import Cell, Context, Exchange

CODE = """\
Use merge.

```python
both = left.merge(right, on=['day', 'shop'])
```

That joins them."""
OTHER = "Use a line chart.\n\n```python\nframe.plot(kind='line')\n```"
RULES = [
    {"match": "merge", "answer": CODE},
    {"match": "chart", "answer": OTHER},
    {"match": "slow", "answer": "word " * 200, "delay_s": 0.05},
]

Start = Callable[..., FrontEnd]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    return folder


@pytest.fixture(scope="module")
def start(echo_home: Path, folder: Path) -> Iterator[Start]:
    """Start a kernel of a notebook, or of a terminal; one that runs already is given again."""
    running: dict[str, FrontEnd] = {}

    def starting(name: str, notebook: str = "") -> FrontEnd:
        if name not in running:
            environ = {"CODEASSIST_HOME": str(echo_home), "CODEASSIST_ENGINE": "echo"}
            if notebook:
                environ["JPY_SESSION_NAME"] = str(folder / notebook)
            running[name] = FrontEnd(folder, **environ)
            running[name].run("%load_ext codeassist_jupyter")
        return running[name]

    yield starting
    for front_end in running.values():
        front_end.close()


@pytest.fixture
def memory(client: HostClient) -> Iterator[MemoryClient]:
    """The store of the shared host, empty."""
    memory = MemoryClient(client)
    memory.forget()
    yield memory
    memory.forget()


@pytest.fixture
def kernel(start: Start, memory: MemoryClient, echo: Script) -> FrontEnd:
    """A kernel of eda.ipynb that has just begun a conversation."""
    echo(RULES)
    kernel = start("first", "eda.ipynb")
    kernel.run("%assist reset")
    return kernel


def said(kernel: FrontEnd, line: str) -> str:
    shown = kernel.run(line)
    assert shown.status == "ok", shown.error
    return shown.printed


# Keeping


def test_an_answer_is_on_disk_when_its_last_line_is_shown(
    kernel: FrontEnd, memory: MemoryClient, folder: Path
) -> None:
    kernel.run("%%assist -o answer\nmerge {left} on two keys")
    conversation = memory.latest("", str(folder / "eda.ipynb"))
    assert conversation is not None
    assert (conversation.turns, conversation.project) == (1, str(folder))
    kept = memory.exchanges(conversation.id)[0]
    assert (kept.question, kept.answer) == ("merge {left} on two keys", CODE)
    assert (kept.model, kept.stopped, kept.inserted) == ("echo", "stop", True)
    assert kept.usage is not None and kept.usage.completion_tokens > 0
    assert abs(kept.asked_at - time.time()) < 600
    assert kernel.value("answer.number") == "1"


def test_folders_of_a_project_share_its_conversations(memory: MemoryClient, folder: Path) -> None:
    (folder / "notebooks").mkdir(exist_ok=True)
    begun = memory.begin(str(folder / "notebooks"), "")
    assert begun.project == str(folder)
    memory.save(begun.id, Exchange("merge", CODE))
    for place in (folder, folder / "notebooks"):
        assert [one.id for one in memory.conversations(str(place))] == [begun.id]
    assert memory.forget(project=str(folder / "notebooks")) == 1


def test_what_was_stopped_is_kept_as_far_as_it_came(kernel: FrontEnd, memory: MemoryClient) -> None:
    shown = kernel.run("%%assist\nslow please", kernel.interrupt_after(0.5))
    assert shown.plain.endswith("stopped")
    (conversation,) = memory.conversations()
    (kept,) = memory.exchanges(conversation.id)
    assert kept.stopped == "cancelled"
    assert kept.answer.startswith("word")
    assert kept.answer.strip() in "word " * 200


def test_a_question_without_context_is_kept_but_not_in_the_chat(
    kernel: FrontEnd, memory: MemoryClient
) -> None:
    kernel.run("%%assist --no-context\nmerge them")
    (conversation,) = memory.conversations()
    assert conversation.turns == 1
    assert "0 turns" in said(kernel, "%assist status")


def test_nothing_is_kept_if_so_set(kernel: FrontEnd, memory: MemoryClient) -> None:
    kernel.run("%assist config keep_history off")
    shown = kernel.run("%%assist\nmerge them")
    kernel.run("%assist config keep_history on")
    assert "not kept" not in shown.plain
    assert memory.conversations() == ()
    refused = kernel.run("%assist config keep_history sometimes")
    assert "keep_history is on or off" in refused.error


def test_a_store_that_fails_costs_a_line_and_not_the_answer(
    codeassist_home: Path, tmp_path: Path
) -> None:
    store = codeassist_home / "conversations.duckdb"
    store.write_bytes(b"this is no database " * 1000)
    settings = config.load({"engine": "echo"})
    client = HostClient(settings)
    chat = Chat(MemoryClient(client), lambda: str(tmp_path), str(tmp_path / "eda.ipynb"))
    assistant = Assistant(client, lambda text: (text, Context()), chat=chat)
    for question in ("hello", "hello again"):
        answer = Answer()
        list(assistant.ask(Question(question, settings), answer))
        assert question in answer.text
        assert answer.not_kept
        assert f"not kept: {answer.not_kept}" in footer(answer)
    assert chat.waiting == 0
    assert len(assistant.journal.turns) == 2
    assert store.read_bytes() == b"this is no database " * 1000
    client.close()


def typed(kernel: FrontEnd, words: str) -> dict[str, Any]:
    """What `%assist unlock` replies to a passphrase, which the front end was asked to hide."""
    message = kernel.client.execute("%assist unlock", store_history=True)
    asked = kernel.client.get_stdin_msg(timeout=60)
    assert asked["content"]["password"]
    kernel.client.input(words)
    reply = kernel.client.get_shell_msg(timeout=60)
    while reply["parent_header"].get("msg_id") != message:
        reply = kernel.client.get_shell_msg(timeout=60)
    return dict(reply["content"])


def test_what_is_said_while_the_store_is_locked_waits_for_the_passphrase(
    codeassist_home: Path, tmp_path: Path
) -> None:
    (codeassist_home / "config.toml").write_text('engine = "echo"\nencryption = "passphrase"\n')
    keys.create("passphrase", "correct horse battery")
    kernel = FrontEnd(tmp_path, CODEASSIST_HOME=str(codeassist_home))
    try:
        kernel.run("%load_ext codeassist_jupyter")
        for number in (1, 2):
            shown = kernel.run(f"%%assist\nthe canary sang {number} times")
            assert "canary sang" in shown.plain
            assert "not kept" in shown.plain and "%assist unlock" in shown.plain
        assert typed(kernel, "wrong horse battery")["ename"] == "MemoryLocked"
        assert typed(kernel, "correct horse battery")["status"] == "ok"
        kernel.run("%%assist -o third\nand now?")
        assert kernel.value("(third.number, third.not_kept)") == "(3, '')"
        assert "3 turns  the canary sang 1 times" in said(kernel, "%assist history")
    finally:
        kernel.close()
    files = [path for path in codeassist_home.rglob("*") if path.is_file()]
    assert not [path for path in files if b"canary" in path.read_bytes()]


# Going on


def test_another_kernel_of_the_notebook_goes_on_with_the_conversation(
    kernel: FrontEnd, start: Start, memory: MemoryClient
) -> None:
    kernel.run("%%assist\nremember the codeword heliotrope; merge them")
    second = start("second", "eda.ipynb")
    prompt = said(second, "%assist context the codeword")
    assert re.search(r"chat so far +\d+  1 turn: 1$", prompt, re.MULTILINE)
    second.run("%%assist -o echoed\nwhich codeword?")
    assert second.value("echoed.number") == "2"
    (conversation,) = memory.conversations()
    assert conversation.turns == 2
    # both go on with it
    kernel.run("%%assist -o third\nmerge again")
    assert kernel.value("third.number") == "3"
    assert "1>" in said(second, "%assist history")


def test_a_kernel_without_a_notebook_begins_its_own(
    kernel: FrontEnd, start: Start, memory: MemoryClient
) -> None:
    kernel.run("%%assist\nmerge")
    terminal = start("terminal")
    terminal.run("%assist reset")
    assert "Ask something first" in terminal.run("%assist pin").error
    terminal.run("%%assist\ndraw a chart")
    assert len(memory.conversations()) == 2
    assert [one.notebook for one in memory.conversations(limit=1)] == [""]


def test_reset_begins_a_new_conversation_and_open_goes_back(
    kernel: FrontEnd, memory: MemoryClient
) -> None:
    kernel.run("%%assist\nmerge on two keys")
    kernel.run("%assist reset")
    kernel.run("%%assist\ndraw a chart")
    listed = said(kernel, "%assist history").splitlines()
    assert len(listed) == 2
    assert re.match(r"  1> \d{4}-\d\d-\d\d \d\d:\d\d +1 turn  draw a chart  \(eda", listed[0])
    assert listed[1].startswith("  2  ")
    opened = said(kernel, "%assist history open 2")
    assert "> merge on two keys" in opened and "left.merge(right" in opened
    kernel.run("%%assist -o answer\nand again, merge")
    assert kernel.value("answer.number") == "2"
    assert "2 turns: 1, 2" in said(kernel, "%assist context q")


def test_facts_of_the_first_forty_turns_are_in_the_prompt_at_turn_fifty(
    client: HostClient, memory: MemoryClient, echo: Script, tmp_path: Path
) -> None:
    long = "\n".join(f"frame_{n} = frame.groupby('key_{n}')['value'].mean()" for n in range(8))
    echo([{"match": ".", "answer": f"```python\n{long}\n```\nThis groups by each key."}])
    cells: list[Cell] = []
    chat = Chat(memory, lambda: str(tmp_path), "")
    assistant = Assistant(client, lambda text: (text, Context(tuple(cells))), chat=chat)
    settings = config.load()
    for turn in range(50):
        cells.append(Cell(turn + 1, f"value_{turn} = compute({turn})"))
        told = FACTS[turn].told if turn < len(FACTS) else "the labels are too small"
        answer = Answer()
        list(assistant.ask(Question(f"{told}; now draw figure {turn}", settings), answer))
        assert answer.number == turn + 1, answer.not_kept
    in_window = {turn.number for turn in assistant.journal.turns}
    assert not in_window & set(range(1, 40)), "the window must be too small for all"

    def missing() -> list[str]:
        found = []
        for fact in FACTS:
            built = assistant.preview(Question(fact.asked, settings))
            if fact.value not in "\n".join(message.content for message in built.prompt.messages):
                found.append(fact.told)
        return found

    deadline = time.monotonic() + 60  # the host learns in the background what was said
    while len(left := missing()) > 0.1 * len(FACTS):
        assert time.monotonic() < deadline, left
        time.sleep(0.5)


# Finding


def test_search_shows_question_answer_and_code_and_inserts_it(
    kernel: FrontEnd, memory: MemoryClient
) -> None:
    kernel.run("%%assist\nmerge on two keys")
    kernel.run("%%assist\ndraw a chart")
    found = said(kernel, '%assist history search "merge two keys"').splitlines()
    assert re.match(r"  1  \d{4}-\d\d-\d\d \d\d:\d\d  merge on two keys$", found[0])
    assert found[1].strip() == "Use merge."
    assert found[2].strip() == "| both = left.merge(right, on=['day', 'shop'])"
    shown = kernel.run("%assist history insert 1")
    assert shown.payload[0]["text"] == "both = left.merge(right, on=['day', 'shop'])"
    (conversation,) = memory.conversations()
    assert [one.inserted for one in memory.exchanges(conversation.id)] == [True, False]
    assert [one.uses for one in memory.snippets("merge")] == [1]
    assert "no number 7" in kernel.run("%assist history insert 7").error
    assert "no number x" in kernel.run("%assist history insert x").error


def test_good_bad_pin_and_bookmarks_mark_the_last_answer(
    kernel: FrontEnd, memory: MemoryClient
) -> None:
    kernel.run("%%assist\nmerge")
    for command in ("good", "pin", "bookmark"):
        said(kernel, f"%assist {command}")
    kernel.run("%%assist\ndraw a chart")
    said(kernel, "%assist bad")
    (conversation,) = memory.conversations()
    marks = [(e.feedback, e.pinned, e.bookmarked) for e in memory.exchanges(conversation.id)]
    assert marks == [(1, True, True), (-1, False, False)]
    assert "[1] merge" in said(kernel, "%assist bookmarks")
    said(kernel, "%assist bookmark 1")
    assert "★ merge" in said(kernel, "%assist history")
    said(kernel, "%assist bookmark 1")
    assert "★" not in said(kernel, "%assist history")


def test_snippets_are_listed_tagged_and_inserted(kernel: FrontEnd, memory: MemoryClient) -> None:
    kernel.run("%%assist\nmerge")
    listed = said(kernel, "%assist snippets")
    assert "python" in listed and "0 uses" in listed and "both = left.merge" in listed
    said(kernel, "%assist snippets tag 1 joins, #daily")
    assert "#joins #daily" in said(kernel, "%assist snippets merge")
    assert kernel.run("%assist snippets insert 1").payload[0]["text"].startswith("both = ")
    assert "1 use " in said(kernel, "%assist snippets") + " "


def test_what_only_begins_like_a_command_is_a_question(kernel: FrontEnd) -> None:
    for line in ("history of the merge", "pin the chart", "good merge or bad merge"):
        shown = kernel.run(f"%assist {line}")
        assert shown.markdown, line


# Exporting


def test_a_conversation_is_exported_as_a_notebook_and_as_markdown(
    kernel: FrontEnd, folder: Path
) -> None:
    kernel.run("%%assist\nmerge <img src=x> on two keys")
    kernel.run("%%assist\nmerge")
    said(kernel, "%assist history")
    said(kernel, "%assist history export 1 talk.ipynb")
    notebook = nbformat.read(folder / "talk.ipynb", as_version=4)
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds == ["markdown", *(["markdown", "markdown", "code", "markdown"] * 2)]
    assert notebook.cells[3].source == "both = left.merge(right, on=['day', 'shop'])"
    assert "<img" not in json.dumps(notebook.cells)
    said(kernel, "%assist history export 1 talk.md")
    text = (folder / "talk.md").read_text()
    assert text.startswith("# merge") and "```python\nboth = left" in text and "<img" not in text
    again = kernel.run("%assist history export 1 talk.md")
    assert "exists already" in again.error
    assert (folder / "talk.md").read_text() == text
    assert "ends in .md or .ipynb" in kernel.run("%assist history export 1 talk.txt").error


# Erasing


def test_forget_last_takes_only_the_last_answer(kernel: FrontEnd, memory: MemoryClient) -> None:
    kernel.run("%%assist\nmerge the first")
    kernel.run("%assist pin")
    kernel.run("%%assist\nmerge the codeword heliotrope")
    assert said(kernel, "%assist forget last").startswith("Erased: merge the codeword")
    (conversation,) = memory.conversations()
    (kept,) = memory.exchanges(conversation.id)
    assert (kept.question, kept.pinned) == ("merge the first", True)
    assert "1 turn: 1" in said(kernel, "%assist context q")
    kernel.run("%%assist -o answer\nmerge more")
    assert kernel.value("answer.number") == "2"
    assert memory.search("heliotrope") == ()


def test_forget_conversation_project_and_all(
    kernel: FrontEnd, memory: MemoryClient, tmp_path: Path
) -> None:
    elsewhere = memory.begin(str(tmp_path), "")
    memory.save(elsewhere.id, Exchange("elsewhere", "kept"))
    for question in ("merge", "draw a chart"):
        kernel.run("%assist reset")
        kernel.run(f"%%assist\n{question}")
    assert said(kernel, "%assist forget conversation") == "Erased: draw a chart (1 answer).\n"
    assert "0 turns" in said(kernel, "%assist status")
    assert said(kernel, "%assist forget project").startswith("Erased: 1 conversation of this")
    assert [one.title for one in memory.conversations()] == ["elsewhere"]
    refused = kernel.run("%assist forget")
    assert "what is to be forgotten?" in refused.error
    assert said(kernel, "%assist forget all") == "Erased: 1 conversation of all projects.\n"
    assert memory.conversations() == ()


def test_rename_show_and_delete(kernel: FrontEnd, memory: MemoryClient) -> None:
    kernel.run("%%assist\nmerge")
    said(kernel, "%assist history rename 1 Joining two tables")
    assert "Joining two tables" in said(kernel, "%assist history")
    assert "That joins them." in said(kernel, "%assist history show 1")
    assert said(kernel, "%assist history delete 1").startswith("Erased: Joining two tables")
    assert memory.conversations() == ()
    assert "Nothing was asked yet." in said(kernel, "%assist history")


# From a terminal


def test_the_command_line_lists_searches_and_exports(
    kernel: FrontEnd,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    kernel.run("%%assist\nmerge on two keys")
    monkeypatch.chdir(folder)
    assert main(["history", "list"]) == 0
    assert "merge on two keys" in capsys.readouterr().out
    assert main(["history", "search", "two", "keys"]) == 0
    assert "both = left.merge" in capsys.readouterr().out
    target = tmp_path / "talk.md"
    assert main(["history", "export", "1", str(target)]) == 0
    assert "both = left.merge" in target.read_text()
    assert main(["history", "export", "9", str(target)]) == 1
    assert "no number 9" in capsys.readouterr().err
