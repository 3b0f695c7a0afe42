"""Where values came from, and whether a notebook would run again: pure, then in a real kernel."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from front_end import FrontEnd

from codeassist_jupyter.kernel.dataflow import flow
from codeassist_jupyter.kernel.lineage import Placed, Run, check, origin


@pytest.mark.parametrize(
    ("source", "reads", "binds", "changes"),
    [
        ("x = 1\ny = x + z", "z", "x y", ""),
        ("def f(a):\n    return a + g\nf(k)", "k", "f", ""),
        ("df['a'] = df.b * 2", "df", "", "df"),
        ("xs.append(q)", "q xs", "", "xs"),
        ("df.sort_values('a', inplace=True)", "df", "", "df"),
        ("with open(p) as f:\n    t = f.read()", "p", "f t", ""),
        ("for i in range(n):\n    s += i", "n s", "i s", ""),
        ("import numpy as np\nnp.zeros(3)", "", "np", ""),
        ("b = [v for v in w if v]", "w", "b", ""),
        ("try:\n    import q\nexcept ImportError as e:\n    print(e)", "", "q e", ""),
        ("class A(B):\n    x = c\n    def m(self):\n        return d", "B c", "A", ""),
        ("if (m := r(1)):\n    m2 = m", "r", "m m2", ""),
        ("x: int\ny: int = z", "z", "y", ""),
        ("match v:\n    case {'a': b}:\n        c = b", "v", "b c", ""),
        ("t = sorted(u, key=lambda r: r[i])", "i u", "t", ""),
        ("a, *b = c", "c", "a b", ""),
        ("f'{aa:{bb}}'", "aa bb", "", ""),
        ("async def f():\n    await g()\nawait f()", "", "f", ""),
        ("obj.a.b[0] = v", "obj v", "", "obj"),
        ("not python at all", "", "", ""),
        ("x = " + "(" * 500, "", "", ""),
    ],
)
def test_the_names_of_a_cell(source: str, reads: str, binds: str, changes: str) -> None:
    found = flow(source)
    assert found.reads == set(reads.split())
    assert found.binds == set(binds.split())
    assert found.changes == set(changes.split())


def test_a_function_needs_names_only_when_it_runs() -> None:
    found = flow("def f():\n    global n\n    n += step\n    return h(x for x in xs)")
    assert found.reads == set()
    assert found.needs == {"f": {"n", "step", "h", "xs"}}


def runs(*sources: str) -> list[Run]:
    return [Run(n, source, source, f"c{n}") for n, source in enumerate(sources, 1)]


def cells(*sources: str) -> list[Placed]:
    return [Placed(n, f"c{n}", source, source) for n, source in enumerate(sources, 1)]


def chain(name: str, *sources: str) -> list[tuple[str, int]]:
    return [(step.name, step.run.number) for step in origin(name, runs(*sources))]


def test_the_chain_leads_back_to_what_reads_nothing() -> None:
    found = chain("total", "raw = [1]", "other = 2", "clean = raw + [0]", "total = sum(clean)")
    assert found == [("raw", 1), ("clean", 3), ("total", 4)]


def test_a_value_that_was_made_anew_does_not_come_from_the_old_one() -> None:
    assert chain("x", "x = 1", "x = 2") == [("x", 2)]
    assert chain("x", "x = 1", "x = x + 1") == [("x", 1), ("x", 2)]
    assert chain("x", "x = [1]", "x.append(2)") == [("x", 1), ("x", 2)]


def test_only_what_was_there_at_that_time_counts() -> None:
    assert chain("y", "x = 1", "y = x", "x = 5") == [("x", 1), ("y", 2)]


def test_what_a_called_function_reads_counts() -> None:
    found = chain("y", "rate = 2", "def f(v):\n    return v * rate", "y = f(3)")
    assert found == [("rate", 1), ("f", 2), ("y", 3)]


def test_a_deleted_name_came_from_nowhere() -> None:
    assert chain("x", "x = 1", "del x") == []


def test_a_long_history_is_followed_to_an_end() -> None:
    sources = ["x0 = 0", *(f"x{n} = x{n - 1}" for n in range(1, 200))]
    assert 0 < len(chain("x199", *sources)) <= 30


def test_a_sound_notebook_has_nothing_to_tell() -> None:
    sources = ("import math", "def area(r):\n    return math.pi * r**2", "a = area(2)")
    report = check(cells(*sources), runs(*sources), ["math", "area", "a"])
    assert (report.stops_at, report.reasons, report.remarks) == (None, (), ())


@pytest.mark.parametrize(
    ("sources", "place", "reason"),
    [
        (("b = a", "a = 1"), 1, "`a` is used before cell 2 defines it"),
        (("b = nowhere",), 1, "`nowhere` is defined in no cell"),
        (("a = 1", "del a", "b = a"), 3, "`a` was deleted by cell 2"),
        (("def f():\n    return k", "f()", "k = 1"), 2, "`k` is used before cell 3 defines it"),
    ],
)
def test_a_fresh_run_stops_where_a_name_is_missing(
    sources: tuple[str, ...], place: int, reason: str
) -> None:
    report = check(cells(*sources), [], [])
    assert report.stops_at is not None and report.stops_at.place == place
    assert report.reasons == (reason,)


def test_names_of_deleted_cells_live_on() -> None:
    history = [Run(1, "gone = 1", "gone = 1", "deleted"), Run(2, "b = gone", "b = gone", "c1")]
    report = check(cells("b = gone"), history, ["gone", "b"])
    assert report.reasons == ("`gone` was made by In [1], which is no longer in the notebook",)
    assert any("lives on from In [1]" in remark for remark in report.remarks)


def test_cells_that_were_edited_and_not_run() -> None:
    report = check(cells("a = 2"), runs("a = 1"), ["a"])
    assert report.remarks == (
        "cell 1 was edited after In [1] and not run since; the kernel still has what it made"
        " before: `a`",
    )


def test_cells_that_ran_out_of_order() -> None:
    history = [Run(1, "b = a", "b = a", "c2"), Run(2, "a = 1", "a = 1", "c1")]
    report = check(cells("a = 1", "b = a"), history, ["a", "b"])
    assert report.stops_at is None
    assert report.remarks == ("cell 2 (In [1]) was run before cell 1 (In [2]), whose `a` it reads",)


def test_after_a_star_import_nothing_is_called_missing() -> None:
    report = check(cells("from os.path import *", "x = join('a', 'b')"), [], [])
    assert report.stops_at is None and report.unsure


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("lineage")
    front = FrontEnd(folder, JPY_SESSION_NAME=str(folder / "work.ipynb"))
    front.run("%load_ext codeassist_jupyter")
    yield front, folder
    front.close()


def save(folder: Path, **sources: str) -> None:
    found = [
        {"cell_type": "code", "id": cell_id, "source": source, "metadata": {}, "outputs": []}
        for cell_id, source in sources.items()
    ]
    (folder / "work.ipynb").write_text(json.dumps({"cells": found, "nbformat": 4}))
    at = os.stat(folder / "work.ipynb").st_mtime + 1  # after all that was run
    os.utime(folder / "work.ipynb", (at, at))


def test_in_a_real_kernel(kernel: tuple[FrontEnd, Path]) -> None:
    front, folder = kernel
    front.run("raw = [3, 1, 2]", cell_id="one")
    front.run("top = max(raw)", cell_id="two")
    front.run("%time late = 1\nlost = 5", cell_id="three")
    answer = front.run("%assist why top").printed
    assert answer.splitlines()[1:] == [
        "raw from In [2]: raw = [3, 1, 2]",
        "top from In [3]: top = max(raw)",
    ]
    save(folder, zero="early = late", one="raw = [3, 1, 20]", two="top = max(raw) + lost")
    answer = front.run("%assist check").printed
    assert "would stop at cell 1" in answer
    assert "`late` was made by In [4], which is no longer in the notebook" in answer
    assert "cell 2 was edited after In [2]" in answer
    assert "`lost` lives on" in answer
    assert (
        "no variable 'nothing'"
        in front.run("%assist why nothing").printed + front.run("%assist why nothing").error
    )


def test_without_a_notebook_file_the_cells_are_checked_as_run(tmp_path: Path) -> None:
    front = FrontEnd(tmp_path)
    try:
        front.run("%load_ext codeassist_jupyter")
        front.run("a = 1")
        front.run("del a")
        shown = front.run("%assist check")
        assert "finds every name" in shown.printed
        assert "not known here" in shown.printed
    finally:
        front.close()
