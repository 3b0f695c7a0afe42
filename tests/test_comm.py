"""The side panel's comm, spoken with a real kernel as JupyterLab does: on a subshell."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from front_end import FrontEnd

from codeassist_jupyter import protocol

LOAD = "%load_ext codeassist_jupyter"
Message = dict[str, Any]


_CARRIED: Message = {"without": [], "attachments": [], "mentions": []}
_USUAL: dict[str, Message] = {
    "ask": {**_CARRIED, "rewrite": 0},
    "context": _CARRIED,
    "conversations": {"words": ""},
}


class Panel:
    """One open comm; `ask` sends a request, `until` reads events."""

    def __init__(self, lab: FrontEnd, subshell: str | None) -> None:
        self.lab, self.subshell = lab, subshell
        self.comm = uuid.uuid4().hex
        self.events: list[Message] = []
        content = {"comm_id": self.comm, "target_name": protocol.TARGET, "data": {}}
        self._post("comm_open", content)

    def send(self, op: str, **fields: Any) -> str:
        id = uuid.uuid4().hex
        data = {"v": 1, "id": id, "op": op, **_USUAL.get(op, {}), **fields}
        self._post("comm_msg", {"comm_id": self.comm, "data": data})
        return id

    def call(self, op: str, **fields: Any) -> Message:
        """Send a request and wait for its first answer."""
        id = self.send(op, **fields)
        return self.until(lambda e: e["id"] == id)

    def ask(self, question: str, **fields: Any) -> str:
        return self.send("ask", question=question, **fields)

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Read what the kernel sends until an event to this panel is the wanted one."""
        while True:
            msg = self.lab.client.get_iopub_msg(timeout=30)
            if msg["msg_type"] == "comm_msg" and msg["content"]["comm_id"] == self.comm:
                event = msg["content"]["data"]
                self.events.append(event)
                if wanted(event):
                    return event

    def answered(self, id: str) -> Message:
        return self.until(lambda e: e["id"] == id and e["ev"] in ("done", "error"))

    def of(self, id: str) -> list[Message]:
        return [event for event in self.events if event["id"] == id]

    def close(self) -> None:
        self._post("comm_close", {"comm_id": self.comm, "data": {}})

    def _post(self, kind: str, content: Message) -> None:
        message = self.lab.client.session.msg(kind, content)
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        self.lab.client.shell_channel.send(message)


def text_of(events: list[Message]) -> str:
    """The answer as the panel puts it together."""
    text = b""
    for event in events:
        if event["ev"] == "text":
            text = text[: 2 * event["at"]] + event["text"].encode("utf-16-le")
    return text.decode("utf-16-le")


@pytest.fixture(scope="module")
def lab(echo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnd]:
    folder = tmp_path_factory.mktemp("panel")
    notebook = str(folder / "panel.ipynb")
    lab = FrontEnd(folder, CODEASSIST_HOME=str(echo_home), JPY_SESSION_NAME=notebook)
    lab.run(LOAD)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def subshell(lab: FrontEnd) -> str:
    lab.client.control_channel.send(lab.client.session.msg("create_subshell_request", {}))
    reply = lab.client.get_control_msg(timeout=60)
    return str(reply["content"]["subshell_id"])


@pytest.fixture
def panel(lab: FrontEnd, subshell: str, echo: Any) -> Iterator[Panel]:
    panel = Panel(lab, subshell)
    yield panel
    panel.close()


def test_the_kernel_says_who_it_is(panel: Panel) -> None:
    from codeassist_jupyter import __version__

    hello = panel.call("hello", version="0.0.1")
    assert (hello["ev"], hello["version"], hello["model"]) == ("hello", __version__, "echo")
    assert hello["busy"] is False


def test_an_answer_streams_in_numbered_pieces_and_is_safe(panel: Panel, echo: Any) -> None:
    answer = 'Hi 🐼 <b onclick="x()">bold</b> ![i](https://a.example/i.png)'
    answer += "\n\n```python\n1 < 2\n```\nEnd."
    echo([{"match": "", "answer": answer, "delay_s": 0.05}])
    id = panel.ask("stream it")
    done = panel.answered(id)
    events = panel.of(id)
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert [events[0]["ev"], events[0]["question"]] == ["start", "stream it"]
    assert sum(event["ev"] == "text" for event in events) >= 3
    text = text_of(events)
    assert text.startswith("Hi 🐼 &lt;b onclick") and "```python\n1 < 2\n```" in text
    assert "![" not in text and "[image blocked: a.example]" in text
    assert done["stopped"] == "stop" and done["footer"].startswith("echo · ")
    assert done["number"] >= 1 and done["conversation"]


def test_a_panel_that_was_away_gets_the_rest(panel: Panel, lab: FrontEnd, subshell: str) -> None:
    id = panel.ask("again, please")
    panel.answered(id)
    events = panel.of(id)
    other = Panel(lab, subshell)
    other.send("resume", target=id, from_seq=2)
    other.answered(id)
    assert other.events == events[2:]
    gone = other.call("resume", target="nothing", from_seq=0)
    assert (gone["ev"], gone["code"]) == ("error", "UsageError")
    other.close()


def test_two_panels_see_the_same_answer(panel: Panel, lab: FrontEnd, subshell: str) -> None:
    other = Panel(lab, subshell)
    id = panel.ask("both of you")
    own, others = [], []
    while not (own and own[-1]["ev"] == "done" and others and others[-1]["ev"] == "done"):
        msg = lab.client.get_iopub_msg(timeout=30)
        if msg["msg_type"] == "comm_msg" and msg["content"]["data"]["id"] == id:
            mine = msg["content"]["comm_id"] == panel.comm
            (own if mine else others).append(msg["content"]["data"])
    assert own == others
    other.close()


def test_while_a_cell_is_running_it_answers_stops_and_sees_the_variables(
    panel: Panel, lab: FrontEnd, echo: Any, tmp_path: Path
) -> None:
    echo([{"match": "forever", "answer": "word " * 2000, "delay_s": 0.05}])
    lab.run("speed_of_light = 299792458")
    go = tmp_path / "go"
    lab.client.execute(
        f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)"
    )
    while not panel.call("hello", version="")["busy"]:
        pass
    asked = panel.ask("forever")
    panel.until(lambda e: e["id"] == asked and e["ev"] == "text")
    panel.send("cancel", target=asked)
    done = panel.answered(asked)
    assert done["stopped"] == "cancelled" and "stopped" in done["footer"]

    context = panel.call("context", question="{speed_of_light}?", attachments=[])
    parts = {part["name"]: part["detail"] for part in context["parts"]}
    assert "speed_of_light" in parts["named objects"]
    assert panel.call("hello", version="")["busy"] is True
    go.touch()


def test_objects_that_change_while_they_are_described_do_no_harm(
    panel: Panel, lab: FrontEnd, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    lab.run("import pandas, pathlib, sys; changing = pandas.DataFrame({'a': range(5)})")
    lab.client.execute(f"""
sys.setswitchinterval(1e-5)
while not pathlib.Path({str(go)!r}).exists():
    for name in "bcdef":
        changing[name] = 1
    changing.drop(columns=list("bcdef"), inplace=True)
sys.setswitchinterval(0.005)
""")
    while not panel.call("hello", version="")["busy"]:
        pass
    for _ in range(15):
        assert panel.call("context", question="{changing}?", attachments=[])["ev"] == "context"
    go.touch()


def test_what_the_question_brings_along_reaches_the_prompt(panel: Panel) -> None:
    attached = [{"label": "the selected cell", "text": "total = 0\n" * 200}]
    brought = panel.call("context", question="why?", attachments=attached)
    parts = {part["name"]: part["detail"] for part in brought["parts"]}
    assert parts["named objects"] == "the selected cell"


def test_conversations_are_listed_opened_renamed_rated_and_deleted(panel: Panel) -> None:
    assert panel.call("new")["ev"] == "ok"
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
    panel.call("new")
    asked = 12
    for _ in range(asked):
        done = panel.answered(panel.ask("long"))
    opened = panel.call("open", conversation=done["conversation"])
    assert opened["older"] is True and 0 < len(opened["exchanges"]) < asked
    assert opened["exchanges"][-1]["number"] == asked
    assert len(json.dumps(opened)) <= protocol.MAX_BYTES


def test_what_goes_wrong_is_an_error_with_a_hint(panel: Panel) -> None:
    empty = panel.call("ask", question="  ")
    assert (empty["ev"], empty["message"]) == ("error", "the question is empty")
    unknown = panel.call("dance")
    assert (unknown["ev"], unknown["message"]) == ("error", "unknown request 'dance'")


@pytest.mark.parametrize("done", [True, False])
def test_apply_and_undo_change_the_cell_where_the_panel_does(
    panel: Panel, lab: FrontEnd, done: bool
) -> None:
    panel.call("hello", version="")
    lab.run(
        "from codeassist_jupyter.kernel import fix\n"
        "session = get_ipython()._codeassist.session\n"
        "session.fixed = fix.Fix('1 / 0', 'cell-1', code='1 / 1')"
    )
    for step, before, after in [("apply", "1 / 0", "1 / 1"), ("undo", "1 / 1", "1 / 0")]:
        lab.client.execute(f"said = fix.{step}(session)")
        asked = panel.until(lambda e: e["ev"] == "replace_cell")
        assert (asked["cell"], asked["expected"], asked["source"]) == ("cell-1", before, after)
        panel.send("replaced", target=asked["id"], done=done)
        assert ("The cell holds" in lab.value("said")) is done
        assert ("A new cell below" in lab.value("said")) is not done


def test_an_edited_cell_is_found_before_it_is_run(panel: Panel, lab: FrontEnd) -> None:
    source = "def fathom_the_depth(lake):\n    return lake.depth"
    assert panel.call("edited", cell="never-run", source=source)["ev"] == "ok"
    assert "fathom_the_depth" in lab.run("%assist search fathom_the_depth").printed
    panel.call("edited", cell="never-run", source="def plumb(lake):\n    return lake.depth")
    assert "def fathom_the_depth" not in lab.run("%assist search fathom_the_depth").printed


def test_without_a_panel_nothing_is_replaced(lab: FrontEnd) -> None:
    assert lab.value("get_ipython()._codeassist.session.panel.replace('a', 'b', 'c')") == "False"


def test_unloading_takes_the_target_away(lab: FrontEnd, panel: Panel) -> None:
    panel.call("hello", version="")
    lab.run("%unload_ext codeassist_jupyter")
    targets = "get_ipython().kernel.comm_manager.targets"
    assert lab.value(f"'{protocol.TARGET}' in {targets}") == "False"
    lab.run(LOAD)
    assert lab.value(f"'{protocol.TARGET}' in {targets}") == "True"
