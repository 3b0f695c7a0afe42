"""`fix` from the side panel: a real kernel, copies of it, a scripted model; over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Script
from front_end import FrontEnd
from side_panel import LOAD, Panel, new_subshell, text_of

FRAME = "import pandas as pd\ndf = pd.DataFrame({'Region': ['N', 'S', 'N'], 'Units': [1, 2, 3]})"
BROKEN = "total = df['region'].count() + df['units'].sum()"
SHOP = "def price(row):\n    return row['cost'] * 2\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fixes")
    (folder / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (folder / "shop.py").write_text(SHOP)
    return folder


@pytest.fixture(scope="module")
def lab(echo_home: Path, folder: Path) -> Iterator[FrontEnd]:
    notebook = str(folder / "work.ipynb")
    lab = FrontEnd(folder, CODEASSIST_HOME=str(echo_home), JPY_SESSION_NAME=notebook)
    lab.run(LOAD)
    lab.run(FRAME)
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


def events(panel: Panel, id: str, ev: str) -> list[dict[str, Any]]:
    return [event for event in panel.of(id) if event["ev"] == ev]


def model_says(echo: Script, code: str, delay_s: float = 0.0) -> None:
    answer = f"It is so.\n\n```python\n{code}\n```"
    echo([{"match": "", "answer": answer, "delay_s": delay_s}])


def test_a_computed_fix_is_tried_and_proposed(lab: FrontEnd, panel: Panel) -> None:
    assert lab.run(BROKEN, cell_id="c1").status == "error"
    id = panel.send("fix", cell="c1", expect=["total == 9"])
    done = panel.answered(id)
    assert done["ev"] == "done", done
    (proposal,) = events(panel, id, "proposal")
    assert (proposal["cell"], proposal["path"]) == ("c1", "")
    assert proposal["expected"] == BROKEN
    assert proposal["source"] == "total = df['Region'].count() + df['Units'].sum()"
    assert (proposal["status"], proposal["flags"]) == ("verified", [])
    assert "Verified in a copy of your kernel" in text_of(panel.of(id))
    assert "```diff" not in text_of(panel.of(id))  # the panel shows it as a diff
    assert events(panel, id, "start")[0]["question"].startswith("Explain and fix: KeyError")
    assert events(panel, id, "status")
    assert done["footer"].startswith("2 tried: 2 computed")
    kept = panel.call("open", conversation=done["conversation"])["exchanges"]
    assert kept[-1]["number"] == done["number"] > 0
    assert lab.value("'total' in globals()") == "False"  # nothing ran here


def test_the_model_is_asked_where_nothing_is_determined(
    lab: FrontEnd, panel: Panel, echo: Script
) -> None:
    model_says(echo, "ratio = 1 / 4", delay_s=0.02)
    lab.run("zero = 0")
    lab.run("ratio = 1 / zero", cell_id="c2")
    id = panel.send("fix", cell="", expect=[])
    done = panel.answered(id)
    (proposal,) = events(panel, id, "proposal")
    assert (proposal["cell"], proposal["source"]) == ("c2", "ratio = 1 / 4")
    assert "1 by the model" in done["footer"]
    assert len(events(panel, id, "text")) > 2  # it streamed
    lab.run("%assist fix -o again")  # the magic finds the same
    assert lab.value("again.code") == "'ratio = 1 / 4'"


def test_only_the_latest_failure_can_be_mended(lab: FrontEnd, panel: Panel) -> None:
    lab.run("1 / 0", cell_id="c3")
    refused = panel.call("fix", cell="c1", expect=[])
    assert (refused["ev"], refused["hint"]) == ("error", "Run the cell again, then ask.")
    lab.run("1 / 1", cell_id="c3")
    nothing = panel.call("fix", cell="", expect=[])
    assert nothing["ev"] == "error" and "no cell has failed" in nothing["message"]


def test_while_a_cell_is_running_nothing_is_tried(
    lab: FrontEnd, panel: Panel, folder: Path
) -> None:
    lab.run(BROKEN, cell_id="c4")
    go = folder / "go"
    lab.client.execute(f"import os\nwhile not os.path.exists({str(go)!r}): pass")
    while not panel.call("hello", version="")["busy"]:
        pass
    id = panel.send("fix", cell="c4", expect=[])
    done = panel.answered(id)
    go.touch()
    assert done["ev"] == "done", done
    (proposal,) = events(panel, id, "proposal")
    assert proposal["status"] == "not_tried"
    assert "a cell is running" in proposal["verdict"]


def test_a_search_is_stopped_while_it_tries(
    lab: FrontEnd, panel: Panel, echo: Script, tmp_path: Path
) -> None:
    forever = "import time\nwhile True: time.sleep(0.01)"
    model_says(echo, forever)
    lab.run("zero = 0")
    lab.run("x = 1 / zero", cell_id="c5")
    id = panel.send("fix", cell="c5", expect=[])
    panel.until(lambda e: e["id"] == id and e["ev"] == "text" and "sleep" in e["text"])
    assert panel.call("cancel", target=id)["ev"] == "ok"
    done = panel.answered(id)
    assert done["stopped"] == "cancelled" and "stopped" in done["footer"]
    assert lab.run("6 * 7").plain == "42"  # the kernel is free


def test_a_search_is_stopped_while_the_model_answers(
    lab: FrontEnd, panel: Panel, echo: Script
) -> None:
    echo([{"match": "", "answer": "word " * 5000, "delay_s": 0.05}])
    lab.run("zero = 0")
    lab.run("x = 1 / zero", cell_id="c6")
    id = panel.send("fix", cell="c6", expect=[])
    panel.until(lambda e: e["id"] == id and e["ev"] == "text")
    assert panel.call("cancel", target=id)["ev"] == "ok"
    done = panel.answered(id)
    assert done["stopped"] == "cancelled"
    assert events(panel, id, "proposal") == []


def test_a_fault_in_a_file_is_proposed_for_the_file_and_written_on_request(
    lab: FrontEnd, panel: Panel, echo: Script, folder: Path
) -> None:
    assert panel.call("apply")["ev"] == "error"
    model_says(echo, "def price(row):\n    return row['price'] * 2")
    lab.run("import shop\nrow = {'price': 4}")
    assert lab.run("paid = shop.price(row)", cell_id="c7").status == "error"
    id = panel.send("fix", cell="c7", expect=["paid == 8"])
    done = panel.answered(id)
    assert done["ev"] == "done", done
    (proposal,) = events(panel, id, "proposal")
    assert (proposal["path"], proposal["cell"]) == ("shop.py", "")
    assert "row['cost']" in proposal["expected"] and "row['price']" in proposal["source"]
    told = panel.call("apply")
    assert told["ev"] == "told" and "shop.py" in told["text"]
    assert "row['price'] * 2" in (folder / "shop.py").read_text()
