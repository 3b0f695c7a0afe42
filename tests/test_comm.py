"""The side panel's comm, spoken with a real kernel as JupyterLab does: on a subshell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from front_end import FrontEnd
from side_panel import LOAD, Panel, new_subshell, text_of

from codeassist_jupyter import config, protocol


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
    return new_subshell(lab)


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


def test_each_part_can_stay_out_of_a_question(panel: Panel, lab: FrontEnd) -> None:
    lab.run("knots = 12.5")
    panel.call("new")

    def names(*without: str) -> set[str]:
        context = panel.call("context", question="how fast?", without=list(without))
        return {part["name"] for part in context["parts"]}

    assert {"cells", "variables"} <= names()
    assert "cells" not in names("cells") and "variables" in names("cells")
    assert "variables" not in names("variables") and "cells" in names("variables")
    panel.answered(panel.ask("how fast?", without=["variables"]))
    assert {"chat so far", "variables"} <= names()  # they were not told yet
    panel.answered(panel.ask("how fast?"))
    assert "variables" not in names()  # now they were
    assert names("cells", "variables", "sources", "chat") == {"system", "question"}


def test_a_question_without_the_chat_is_kept_and_not_gone_on_from(panel: Panel) -> None:
    panel.call("new")
    panel.answered(panel.ask("one"))
    done = panel.answered(panel.ask("two", without=["chat"]))
    assert done["number"] == 2
    parts = panel.call("context", question="three")["parts"]
    assert [part["detail"] for part in parts if part["name"] == "chat so far"] == ["1 turn: 1"]


def test_the_model_and_its_state_are_told(panel: Panel, echo: Any) -> None:
    echo([{"match": "", "answer": "word " * 2000, "delay_s": 0.05}])
    asked = panel.ask("forever")
    panel.until(lambda e: e["id"] == asked and e["ev"] == "text")
    told = panel.call("model")
    assert (told["model"], told["state"]) == ("echo", "busy")
    panel.call("cancel", target=asked)
    panel.answered(asked)
    while (told := panel.call("model"))["state"] == "busy":  # until the host has ended it
        pass
    assert told["state"] == "ready"


def test_settings_are_told_set_and_refused(panel: Panel, lab: FrontEnd) -> None:
    values = {one["name"]: one for one in panel.call("settings")["values"]}
    assert values["model"]["value"] in values["model"]["choices"]
    assert values["keep_history"]["choices"] == ["on", "off"]
    assert all(one["about"] and one["origin"] for one in values.values())

    values = panel.call("set", name="max_tokens", value=" 77 ")["values"]
    assert [(v["value"], v["origin"]) for v in values if v["name"] == "max_tokens"] == [
        ("77", "session")
    ]
    assert "77" in lab.run("%assist config").printed
    for name, value in [("max_tokens", "many"), ("model", "gpt-9"), ("keep_history", "maybe")]:
        refused = panel.call("set", name=name, value=value)
        assert refused["ev"] == "error" and refused["hint"]
    assert panel.call("set", name="engine", value="echo")["code"] == "UsageError"


def test_a_model_that_is_not_here_is_missing_and_starts_nothing(
    tmp_path: Path, codeassist_home: Path
) -> None:
    environ = {"CODEASSIST_MODELS_DIR": str(tmp_path / "none")}
    lab = FrontEnd(tmp_path, CODEASSIST_HOME=str(codeassist_home), **environ)
    lab.run(LOAD)
    panel = Panel(lab, new_subshell(lab))
    assert panel.call("model")["state"] == "missing"
    lab.run("import os; os.environ['CODEASSIST_ENGINE'] = 'echo'")
    assert panel.call("model")["state"] == "stopped"
    assert not config.runtime_dir().exists()
    lab.close()


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
