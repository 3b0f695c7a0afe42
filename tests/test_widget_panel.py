"""`%assist panel` over the wire: a real kernel, and what a widget's front end sends."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from front_end import FrontEnd, Shown
from test_security import PAYLOADS

from codeassist_jupyter.kernel.widget_panel import as_html

LOAD = "%load_ext codeassist_jupyter"
VIEW = "application/vnd.jupyter.widget-view+json"
CODE = "Add them:\n\n```python\ntotal = sum(values)\n```\n"
Message = dict[str, Any]


class Widgets:
    """The widgets of one kernel as a front end knows them: their state, by id, and every change."""

    def __init__(self, lab: FrontEnd) -> None:
        self.lab = lab
        self.subshell = ""
        self.models: dict[str, Message] = {}
        self.changes: list[tuple[str, Message]] = []
        self.parents: set[str] = set()  # the requests that widgets changed in answer to
        self.printed = ""

    def show(self, code: str = "%assist panel", cell: str = "") -> Panel:
        """Run the command and open what it shows."""
        shown = Shown()
        request = self.lab._execute(code, cell)
        while True:
            msg = self._next()
            if msg["msg_type"] == "display_data":
                shown.displays.append(msg["content"]["data"])
            assert msg["msg_type"] != "error", msg["content"]
            mine = msg["parent_header"].get("msg_id") == request
            if mine and msg["content"].get("execution_state") == "idle":
                return Panel(self, shown.displays[0][VIEW]["model_id"])

    def until(self, true: Callable[[], bool]) -> None:
        """Take what the kernel sends until something is true."""
        while not true():
            self._next()

    def post(self, model: str, data: Message) -> str:
        message = self.lab.client.session.msg("comm_msg", {"comm_id": model, "data": data})
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        self.lab.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def _next(self) -> Message:
        msg: Message = self.lab.client.get_iopub_msg(timeout=60)
        kind, content = msg["msg_type"], msg["content"]
        if kind == "comm_open" and content["target_name"] == "jupyter.widget":
            self.models[content["comm_id"]] = dict(content["data"]["state"])
        elif kind == "comm_close":
            self.models.pop(content["comm_id"], None)
        elif content.get("comm_id") in self.models and content["data"]["method"] == "update":
            state = content["data"]["state"]
            self.models[content["comm_id"]].update(state)
            self.changes.append((content["comm_id"], state))
            self.parents.add(msg["parent_header"]["msg_id"])
        elif kind == "stream":
            self.printed += content["text"]
        return msg


class Panel:
    """What a user sees of one panel, and can do with it."""

    def __init__(self, widgets: Widgets, model: str) -> None:
        self.widgets = widgets
        self.box = model

    def all(self, model: str = "") -> Iterator[str]:
        """The ids of the widgets that are shown, in order."""
        model = model or self.box
        yield model
        for child in self.widgets.models[model].get("children", ()):
            yield from self.all(child.removeprefix("IPY_MODEL_"))

    def find(self, **state: str) -> str | None:
        for model in self.all():
            if all(self.widgets.models[model].get(k) == v for k, v in state.items()):
                return model
        return None

    def state(self, **wanted: str) -> Message:
        model = self.find(**wanted)
        assert model is not None, wanted
        return self.widgets.models[model]

    @property
    def turns(self) -> list[str]:
        models = (self.widgets.models[model] for model in self.all())
        return [one["value"] for one in models if one["_model_name"] == "HTMLMathModel"]

    @property
    def notes(self) -> str:
        models = (self.widgets.models[model] for model in self.all())
        return "".join(one["value"] for one in models if one["_model_name"] == "HTMLModel")

    def is_on(self, button: str) -> bool:
        return not self.state(description=button)["disabled"]

    def click(self, button: str) -> str:
        model = self.find(description=button)
        assert model is not None
        return self.widgets.post(model, {"method": "custom", "content": {"event": "click"}})

    def type(self, text: str) -> None:
        model = self.find(description="Question")
        assert model is not None
        update = {"method": "update", "state": {"value": text}, "buffer_paths": []}
        self.widgets.post(model, update)

    def ask(self, question: str) -> None:
        self.type(question)
        self.click("Send")

    def answered(self, turns: int) -> str:
        """Wait until as many turns are shown, and the last one is over; what that one shows."""
        self.widgets.until(lambda: len(self.turns) == turns and self.is_on("New"))
        return self.turns[-1]


@pytest.fixture(scope="module")
def lab(echo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnd]:
    folder = tmp_path_factory.mktemp("widget-panel")
    name = str(folder / "panel.ipynb")
    lab = FrontEnd(folder, CODEASSIST_HOME=str(echo_home), JPY_SESSION_NAME=name)
    lab.run(LOAD)
    yield lab
    lab.close()


@pytest.fixture
def widgets(lab: FrontEnd, echo: Any) -> Widgets:
    lab.run("%assist reset")
    return Widgets(lab)


def test_ask_stream_insert_and_begin_anew(widgets: Widgets, lab: FrontEnd, echo: Any) -> None:
    echo([{"match": "sum", "answer": CODE + "word " * 30, "delay_s": 0.02}])
    panel = widgets.show()
    assert "echo · " in panel.notes
    assert [panel.is_on(name) for name in ("Send", "Stop", "Insert", "New")] == [1, 0, 0, 1]
    panel.ask("how do I <b>sum</b> {values}?")
    widgets.until(lambda: panel.turns != [])
    assert panel.is_on("Stop") and not panel.is_on("Send")
    answer = panel.answered(1)
    assert panel.state(description="Question")["value"] == ""
    assert "how do I &lt;b&gt;sum&lt;/b&gt; {values}?" in answer
    assert '<pre><code class="language-python">total = sum(values)' in answer
    assert "<em>echo · " in answer and "tokens/s" in answer
    lengths = {len(state["value"]) for _, state in widgets.changes if "word " in str(state)}
    assert len(lengths) >= 3  # it streamed

    assert panel.is_on("Insert") and panel.find(description="Code") is None
    panel.click("Insert")
    widgets.until(lambda: "Copy it" in panel.notes)
    assert panel.state(description="Code")["value"] == "total = sum(values)"
    inserted = lab.run("%assist insert")
    assert inserted.payload[0]["text"] == "total = sum(values)"

    panel.click("New")
    widgets.until(lambda: "A new conversation begins." in panel.notes)
    assert panel.turns == []
    assert not panel.is_on("Insert") and panel.find(description="Code") is None


def test_the_kernel_is_free_while_an_answer_streams_and_it_can_be_stopped(
    widgets: Widgets, lab: FrontEnd, echo: Any
) -> None:
    echo([{"match": "forever", "answer": "word " * 4000, "delay_s": 0.02}])
    panel = widgets.show()
    panel.ask("go on forever")
    widgets.until(lambda: panel.turns != [] and "word" in panel.turns[-1])
    assert lab.value("6 * 7") == "42"
    panel.click("Stop")
    assert "stopped" in panel.answered(1)
    assert not panel.is_on("Insert")


def test_while_a_cell_is_running_it_answers_and_leaves_its_output_alone(
    widgets: Widgets, lab: FrontEnd, echo: Any, tmp_path: Path
) -> None:
    lab.client.control_channel.send(lab.client.session.msg("create_subshell_request", {}))
    widgets.subshell = lab.client.get_control_msg(timeout=60)["content"]["subshell_id"]
    echo([{"match": "", "answer": "Here I am."}])
    panel = widgets.show()
    lab.run("drawn = []; get_ipython().events.register('post_execute', lambda: drawn.append(1))")
    go = tmp_path / "go"
    cell = lab.client.execute(
        "import pathlib, time; drawn.clear(); print('begun')\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)\n"
        "seen = list(drawn)"
    )
    widgets.until(lambda: widgets.printed.endswith("begun\n"))
    widgets.parents.clear()
    panel.ask("are you there?")
    assert "Here I am." in panel.answered(1)
    go.touch()
    assert cell not in widgets.parents  # nothing counted as the cell's output
    assert lab.value("seen") == "[]"  # nothing was drawn from the thread of a click


def test_two_panels_and_the_magic_share_a_conversation_and_a_cell_has_one_panel(
    widgets: Widgets, lab: FrontEnd, echo: Any
) -> None:
    echo([{"match": "", "answer": "Noted."}])
    one, two = widgets.show(cell="one"), widgets.show(cell="two")
    one.ask("first")
    one.answered(1)
    two.ask("second")
    two.answered(1)
    lab.run("%assist third")
    again = widgets.show(cell="one")
    assert [turn.split("</strong>")[0][-6:].lstrip(">") for turn in again.turns] == [
        "first",
        "second",
        "third",
    ]
    assert one.box not in widgets.models and two.box in widgets.models
    again.ask("fourth")
    again.answered(4)
    assert "4 turns" in lab.run("%assist status").printed


def test_after_a_restart_the_conversation_goes_on(
    echo_home: Path, echo: Any, tmp_path: Path
) -> None:
    echo([{"match": "", "answer": CODE}])
    where = {"CODEASSIST_HOME": str(echo_home), "JPY_SESSION_NAME": str(tmp_path / "again.ipynb")}
    lab = FrontEnd(tmp_path, **where)
    try:
        lab.run(LOAD)
        panel = Widgets(lab).show()
        panel.ask("remember me")
        panel.answered(1)
        lab.manager.restart_kernel(now=True)
        lab.client.wait_for_ready(timeout=60)
        lab.run(LOAD)
        panel = Widgets(lab).show()
        assert ["remember me" in turn for turn in panel.turns] == [True]
        assert panel.is_on("Insert")
    finally:
        lab.close()


def test_what_goes_wrong_is_said_in_the_panel(widgets: Widgets, echo: Any) -> None:
    fail = {"message": "out of ink", "hint": "Buy some.", "after": 2}
    echo([{"match": "", "answer": "one two three four", "fail": fail}])
    panel = widgets.show()
    panel.ask("   ")
    panel.ask("write")
    answer = panel.answered(1)
    assert "one" in answer and "out of ink Buy some." in answer
    panel.ask("x" * 200_001)
    widgets.until(lambda: "200000 at most" in panel.notes)
    assert panel.is_on("Send") and len(panel.turns) == 1


def test_without_ipywidgets_it_says_how_to_get_it(lab: FrontEnd) -> None:
    hide = "import sys; kept = sys.modules.get('ipywidgets'); sys.modules['ipywidgets'] = None"
    lab.run(hide)
    shown = lab.run("%assist panel")
    lab.run("sys.modules['ipywidgets'] = kept")
    assert "ipywidgets, which is not installed" in shown.error and "pip install" in shown.error


def test_words_after_it_are_a_question(lab: FrontEnd, echo: Any) -> None:
    echo([{"match": "panel data", "answer": "An answer."}])
    assert "An answer." in lab.run("%assist panel data: what is it").markdown


def test_unloading_takes_the_panels_away(widgets: Widgets, lab: FrontEnd) -> None:
    panel = widgets.show()
    lab.client.execute("%unload_ext codeassist_jupyter")
    widgets.until(lambda: panel.box not in widgets.models)
    lab.run(LOAD)


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag} {name}={value}" for name, value in attrs)}


@pytest.mark.parametrize("attack", PAYLOADS)
def test_a_hostile_answer_is_text(attack: str) -> None:
    seen = _Seen()
    seen.feed(as_html(attack))
    plain = {"p", "em", "strong", "code", "pre", "br", "hr", "ul", "ol", "li", "blockquote"}
    plain |= {"table", "thead", "tbody", "tr", "th", "td", *(f"h{n}" for n in range(1, 7))}
    shapes = ("code class=language-", "ol start=", "th style=text-align:", "td style=text-align:")
    assert {one for one in seen.found if one not in plain and not one.startswith(shapes)} == set()


@pytest.mark.parametrize("formula", [r"$\bar{x}_1$", r"$$\begin{pmatrix}a \\ *b* \end{pmatrix}$$"])
def test_a_formula_keeps_its_backslashes(formula: str) -> None:
    assert html.unescape(as_html(f"So {formula} it is.")) == f"<p>So {formula} it is.</p>\n"


def test_prices_are_no_formula() -> None:
    assert "<em>much</em>" in as_html("It costs $5, *much*, or $6.")
