"""What the side panel looks up, of a real kernel, host and index, over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from front_end import FrontEnd
from side_panel import LOAD, Panel, new_subshell

CLEAN = '''"""Cleans what shops send."""


def parse_dates(text):
    """Read dates as shops write them."""
    return text.split("/")


class Cleaner:
    def tidy_rows(self, rows):
        return [row for row in rows if row]
'''
CELLS = [
    {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "source": "rows = load()"},
    {"cell_type": "markdown", "id": "b", "metadata": {}, "source": "# Notes"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tools")
    (root / "pyproject.toml").write_text("[project]\nname = 'tools'\n")
    (root / "etl").mkdir()
    (root / "etl" / "clean.py").write_text(CLEAN)
    (root / "big.txt").write_text("line of text\n" * 2000)
    (root / ".env").write_text("TOKEN=abc\n")
    for cell in CELLS:
        cell.setdefault("execution_count", None) if cell["cell_type"] == "code" else None
    notebook = {"cells": CELLS, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (root / "eda.ipynb").write_text(json.dumps(notebook))
    (root / "work").mkdir()
    return root


@pytest.fixture(scope="module")
def lab(echo_home: Path, folder: Path) -> Iterator[FrontEnd]:
    notebook = str(folder / "work" / "tools.ipynb")
    lab = FrontEnd(folder / "work", CODEASSIST_HOME=str(echo_home), JPY_SESSION_NAME=notebook)
    lab.run(LOAD)
    lab.run("import pandas as pd\nsales = pd.DataFrame({'Region': ['N'], 'Units': [1]})")
    lab.run("def tidy(rows):\n    return rows")
    lab.run("api_token = 'hunter2hunter2'\nsize = 3")
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


def brought(panel: Panel, *mentions: tuple[str, str]) -> str:
    """Names of what a question with these mentions would bring along."""
    told = [{"kind": kind, "name": name} for kind, name in mentions]
    answer = panel.call("context", question="why?", mentions=told)
    assert answer["ev"] == "context", answer
    parts = {part["name"]: part["detail"] for part in answer["parts"]}
    return str(parts.get("named objects", ""))


def test_places_are_found_and_can_be_opened(panel: Panel) -> None:
    found = panel.call("search", query="parse_dates")
    assert found["confident"] is True and found["complete"] is True
    hits = found["hits"]
    assert hits[0]["path"] == "../etl/clean.py"
    assert (hits[0]["name"], hits[0]["line"], hits[0]["cell"]) == ("parse_dates", 4, None)
    assert "Read dates" in hits[0]["snippet"]
    assert panel.call("search", query="zeppelin moorings")["confident"] is False
    assert panel.call("search", query=" ")["ev"] == "error"


def test_variables_are_listed_without_secrets(panel: Panel) -> None:
    listed = {one["name"]: one["text"] for one in panel.call("variables")["variables"]}
    assert "1 × 2" in listed["sales"] or "1x2" in listed["sales"] or "Region" in listed["sales"]
    assert "hunter2" not in json.dumps(listed)


def test_names_are_completed(panel: Panel) -> None:
    def completed(text: str) -> list[tuple[str, str]]:
        items = panel.call("complete", text=text)["items"]
        return [(item["kind"], item["name"]) for item in items]

    assert completed("sal")[0] == ("variable", "sales")
    assert ("file", "../etl/clean.py") in completed("clean")
    assert ("symbol", "Cleaner.tidy_rows") in completed("TIDY_R")
    assert ("notebook", "../eda.ipynb") in completed("eda")
    assert completed("tid")[0] == ("variable", "tidy")
    assert completed("no such name") == []
    assert {kind for kind, _ in completed("")} >= {"variable", "file"}
    assert "api_token" not in dict.fromkeys(name for _, name in completed("api"))


def test_mentions_bring_what_they_name(panel: Panel) -> None:
    assert "sales" in brought(panel, ("variable", "sales"))
    assert "../etl/clean.py" in brought(panel, ("file", "../etl/clean.py"))
    assert "../eda.ipynb" in brought(panel, ("notebook", "../eda.ipynb"))
    assert "parse_dates (etl/clean.py:4)" in brought(panel, ("symbol", "parse_dates"))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("variable", "nothing"),
        ("variable", "__import__('os')"),
        ("file", "../.env"),
        ("file", "../../../etc/passwd"),
        ("file", "/etc/passwd"),
        ("file", "../etl"),
        ("notebook", "../gone.ipynb"),
        ("symbol", "no_such_symbol"),
    ],
)
def test_what_is_not_there_or_not_allowed_is_refused(panel: Panel, kind: str, name: str) -> None:
    refused = panel.call("context", question="?", mentions=[{"kind": kind, "name": name}])
    assert (refused["ev"], refused["code"]) == ("error", "UsageError")


def test_a_long_file_is_cut_with_a_mark(panel: Panel, echo: Any) -> None:
    echo([{"match": "cut here: 26000 characters in all", "answer": "It was cut."}])
    big = [{"kind": "file", "name": "../big.txt"}]
    panel.answered(panel.ask("what is in it?", mentions=big))
    pieces = [event["text"] for event in panel.events if event["ev"] == "text"]
    assert "".join(pieces) == "It was cut."


def test_questions_are_suggested_by_what_is_there(panel: Panel, lab: FrontEnd) -> None:
    def suggested() -> dict[str, str]:
        prompts = panel.call("suggest")["prompts"]
        return {prompt["label"]: prompt["text"] for prompt in prompts}

    found = suggested()
    assert found["Describe sales"] == "What is in @sales, and what stands out?"
    assert found["Document tidy()"] == "Write a docstring for @tidy."
    assert "Explain this notebook" in found
    lab.run("sales['nope']", cell_id="c1")
    assert suggested()["Fix the KeyError"] == "/fix"
    lab.run("1", cell_id="c1")
    panel.answered(panel.ask("what is in sales?"))
    assert "Describe sales" not in suggested()
    assert "Explain this notebook" not in suggested()


def test_hostile_values_are_only_named(panel: Panel, lab: FrontEnd) -> None:
    lab.run(
        "class Evil:\n"
        "    def __getattribute__(self, name): raise SystemExit\n"
        "    def __eq__(self, other): raise SystemExit\n"
        "    __hash__ = None\n"
        "    def __repr__(self): raise SystemExit\n"
        "evil = Evil()\nglobals()['odd \\ud800 name'] = 1"
    )
    listed = panel.call("variables")["variables"]
    assert any(one["name"] == "evil" for one in listed)
    assert [i["name"] for i in panel.call("complete", text="evi")["items"]][:2] == ["Evil", "evil"]
    assert panel.call("suggest")["ev"] == "suggestions"
    assert "evil" in brought(panel, ("variable", "evil"))
