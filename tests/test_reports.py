"""The index in words."""

from __future__ import annotations

from typing import Any

import pytest

from codeassist_jupyter.reports import first_line, render_graph, render_status
from codeassist_jupyter.types import Chunk

STATUS: dict[str, Any] = {
    "root": "/home/ada/shop",
    "files": 15,
    "lines": 379,
    "chunks": 56,
    "open_cells": 2,
    "skipped": [],
    "size": 2_500_000,
    "age_s": 8.0,
    "pending": {"potion": 0, "bge": 40},
    "message": "",
    "stage": "embedding",
    "done": 16,
    "total": 56,
    "failure": "",
    "packages": [],
}


def edge(source: str, target: str) -> dict[str, Any]:
    return {"source": source, "target": target, "kind": "calls", "path": "a.py", "line": 3}


def test_status_says_what_how_much_and_how_fresh() -> None:
    text = render_status(STATUS)
    assert "/home/ada/shop" in text
    assert "15 files, 379 lines, 56 places, 2 open cells" in text
    assert "2.5 MB" in text
    assert "8 s; now: embedding 16 of 56" in text
    assert "potion: complete" in text
    assert "bge: 40 to go" in text


@pytest.mark.parametrize(
    ("age_s", "text"),
    [(None, "never complete yet"), (119.0, "119 s"), (600.0, "10 min")],
)
def test_age(age_s: float | None, text: str) -> None:
    assert text in render_status(STATUS | {"age_s": age_s})


def test_without_encoders_the_status_names_the_cure() -> None:
    assert "`codeassist setup`" in render_status(STATUS | {"pending": {}})


def test_packages_are_listed_with_version_names_size_and_state() -> None:
    json = {"name": "json", "title": "Python", "version": "3.11.7", "symbols": 18, "size": 99_999}
    egg = {"name": "egg", "title": "egg", "version": "1", "symbols": 0, "size": 0}
    packages = [
        json | {"state": "ready", "note": ""},
        egg | {"state": "left out", "note": "it is in a zip file"},
    ]
    lines = render_status(STATUS | {"packages": packages}).splitlines()
    assert "package  Python 3.11.7 json: 18 names, 0.1 MB, ready" in lines
    assert "package  egg 1: left out (it is in a zip file)" in lines


def test_messages_and_failures_are_told() -> None:
    text = render_status(STATUS | {"message": "it is built anew", "failure": "the disk is full"})
    assert "it is built anew" in text
    assert "the disk is full" in text


def test_what_was_left_out_is_grouped_by_reason_the_commonest_first() -> None:
    skipped = [(".env", "may hold secrets"), *((f"{n}.png", "binary") for n in range(5))]
    lines = render_status(STATUS | {"skipped": skipped}).splitlines()
    assert lines[-2:] == [
        "left out binary: 0.png, 1.png, 2.png and 2 more",
        "left out may hold secrets: .env",
    ]


def test_graph_lists_each_end_with_its_place() -> None:
    graph = {
        "definitions": [edge("etl", "etl.clean")],
        "callers": [edge("etl.run", "etl.clean")],
        "callees": [],
        "uses": [edge(f"etl.use{n}", "etl.clean") for n in range(25)],
    }
    lines = render_graph("clean", graph).splitlines()
    assert lines[:4] == ["definitions:", "  etl.clean  (a.py:3)", "callers:", "  etl.run  (a.py:3)"]
    assert "callees:" not in lines
    assert lines[-1] == "  … 5 more"


def test_an_unknown_name_is_said_to_be_unknown() -> None:
    nothing: dict[str, Any] = {"definitions": [], "callers": [], "callees": [], "uses": []}
    assert render_graph("nope", nothing) == "Nothing in this project is called nope."


def test_names_from_files_cannot_reach_the_terminal_raw() -> None:
    bad = "a\x1b]0;title\x07\nb"
    empty: dict[str, Any] = {"definitions": [], "callers": [], "callees": [], "uses": []}
    texts = [
        render_status(STATUS | {"skipped": [(bad, "binary")], "root": bad}),
        render_graph("x", empty | {"callers": [edge(bad, "x")]}),
        render_graph(bad, empty),
        first_line(Chunk("", "a", "text", "", "", 1, 1, "", bad)),
    ]
    assert not [text for text in texts if "\x1b" in text or "title" in text]


def test_the_first_line_that_says_something() -> None:
    chunk = Chunk("", "a.py", "text", "", "", 1, 3, "", "\n\n    def f():\n        pass")
    assert first_line(chunk) == "def f():"
    assert first_line(Chunk("", "a.py", "text", "", "", 1, 1, "", " \n ")) == ""
    assert len(first_line(Chunk("", "a.py", "text", "", "", 1, 1, "", "x" * 9999))) <= 120
