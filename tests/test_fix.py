"""`%assist fix` in real kernels: computed fixes, scripted answers, and a small real model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import REAL_MODELS, Script
from front_end import FrontEnd

from codeassist_jupyter import config
from codeassist_jupyter.host.client import HostClient

FRAME = "import pandas as pd\ndf = pd.DataFrame({'Region': ['N', 'S', 'N'], 'Units': [1, 2, 3]})"


@pytest.fixture
def kernel(echo: Script, tmp_path: Path) -> Iterator[FrontEnd]:
    front = FrontEnd(tmp_path, JPY_SESSION_NAME=str(tmp_path / "work.ipynb"))
    front.run("%load_ext codeassist_jupyter")
    yield front
    front.close()


def answer(code: str, why: str = "It is so.") -> str:
    return f"{why}\n\n```python\n{code}\n```"


def test_a_misspelt_column_is_mended_without_the_model(kernel: FrontEnd) -> None:
    kernel.run(FRAME)
    failed = kernel.run("total = df['region'].count() + df['units'].sum()", cell_id="c1")
    assert failed.status == "error"
    assert "'Region'" in failed.plain
    shown = kernel.run("%assist fix -o result")
    assert shown.status == "ok", shown.error
    assert "raised `KeyError: 'region'`" in shown.plain
    assert "+total = df['Region'].count() + df['Units'].sum()" in shown.plain
    assert "`total` is now" in shown.plain and "nobody checked" in shown.plain
    assert kernel.value("(result.status, len(result.attempts), result.flags)") == "('ran', 2, ())"
    assert kernel.value("'total' in globals()") == "False"  # nothing ran here
    assert kernel.value("result.observed.variables['total']").count("9")


def test_a_check_that_holds_makes_it_verified(kernel: FrontEnd) -> None:
    kernel.run(FRAME)
    kernel.run("total = df['units'].sum()")
    shown = kernel.run('%assist fix --expect "total == 6" -o result')
    assert "Verified in a copy of your kernel" in shown.plain
    assert kernel.value("result.status") == "'verified'"
    shown = kernel.run('%assist fix --expect "total == 7" -o result')
    assert kernel.value("result.status") == "'failed'"
    assert "%assist apply" not in shown.plain


def test_the_models_code_is_tried_and_what_fails_comes_back_as_the_cell(
    kernel: FrontEnd, echo: Script
) -> None:
    # Only the second answer runs; the first is asked of the user's cell, the second of the first.
    echo(
        [
            {"match": "pairs = .*attempt one", "answer": answer("pairs = dict(rows[1:])")},
            {
                "match": "Why does this cell fail",
                "answer": answer("pairs = dict(rows)  # attempt one"),
            },
        ]
    )
    kernel.run("rows = [['a', 1, 2], ['b', 2], ['c', 3]]")
    kernel.run("pairs = {name: number for name, number in rows}")
    shown = kernel.run("%assist fix -o result")
    assert shown.status == "ok", shown.error
    assert (
        kernel.value("[type(a.outcome).__name__ for a in result.attempts]") == "['Failed', 'Ran']"
    )
    assert "It is so." in shown.plain
    assert "`pairs` is now dict of 2" in shown.plain


def test_an_answer_that_hides_the_error_is_told_so(kernel: FrontEnd, echo: Script) -> None:
    hidden = "try:\n    n = int(text)\nexcept ValueError:\n    n = 0"
    echo([{"match": "Why does this cell fail", "answer": answer(hidden)}])
    kernel.run("text = 'twelve'")
    kernel.run("n = int(text)")
    shown = kernel.run("%assist fix -o result")
    assert "it catches the error instead of mending its cause" in shown.plain
    assert kernel.value("(result.status, bool(result.flags))") == "('ran', True)"


def test_apply_and_undo_put_cells_below(kernel: FrontEnd) -> None:
    kernel.run(FRAME)
    kernel.run("total = df['units'].sum()")
    assert "no fix to apply" in kernel.run("%assist apply").printed + str(
        kernel.run("%assist apply").error
    )
    kernel.run("%assist fix")
    (payload,) = kernel.run("%assist apply").payload
    assert payload["text"] == "total = df['Units'].sum()" and not payload["replace"]
    (payload,) = kernel.run("%assist undo").payload
    assert payload["text"] == "total = df['units'].sum()"


def test_the_cells_below_run_too(kernel: FrontEnd, tmp_path: Path) -> None:
    sources = {
        "c1": "total = df['units'].sum()",
        "c2": "half = total / 2",
        "c3": "assert half == 3",
    }
    cells = [
        {"cell_type": "code", "id": cell_id, "source": source, "metadata": {}, "outputs": []}
        for cell_id, source in sources.items()
    ]
    (tmp_path / "work.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    kernel.run(FRAME)
    kernel.run(sources["c1"], cell_id="c1")
    shown = kernel.run("%assist fix -o result")
    assert "cell 2 below asserts" in shown.plain
    assert kernel.value("(result.status, result.observed.cells_below)") == "('verified', 2)"


def test_where_nothing_failed_there_is_nothing_to_fix(kernel: FrontEnd) -> None:
    shown = kernel.run("%assist fix")
    assert "no cell has failed" in shown.printed + shown.error
    kernel.run("1 / 0", cell_id="c1")
    kernel.run("1 / 1", cell_id="c1")
    shown = kernel.run("%assist fix")
    assert "no cell has failed" in shown.printed + shown.error


def test_wrong_options_are_named(kernel: FrontEnd) -> None:
    kernel.run("1 / 0")
    for line in ("--nonsense", "-o 1x", '--expect "half'):
        shown = kernel.run(f"%assist fix {line}")
        assert "CodeAssist:" in shown.printed + shown.error, line


def test_a_question_that_begins_with_fix_is_a_question(kernel: FrontEnd, echo: Script) -> None:
    echo([{"match": "fix the labels", "answer": "Rotate them."}])
    assert "Rotate them." in kernel.run("%assist fix the labels of this plot").plain


def test_explain_streams_the_cause(kernel: FrontEnd, echo: Script) -> None:
    echo([{"match": "Values then", "answer": "`d` has only the key 'b'."}])
    kernel.run("d = {'b': 1}")
    kernel.run("d['qqqqq']")
    assert "only the key 'b'" in kernel.run("%assist explain").plain
    echo([{"match": "Explain.*few sentences", "answer": "A dict."}])
    assert "A dict." in kernel.run("%assist explain d").plain


def test_an_interrupt_keeps_the_kernel_and_says_so(kernel: FrontEnd, echo: Script) -> None:
    slow: dict[str, Any] = {"match": "Why does this", "answer": "word " * 600, "delay_s": 0.05}
    echo([slow])
    kernel.run("n = int('twelve and more')")
    shown = kernel.run("%assist fix", meanwhile=kernel.interrupt_after(1.0))
    assert shown.status == "ok", shown.error
    assert "stopped" in shown.plain
    assert kernel.value("1 + 1") == "2"


@pytest.mark.model
def test_the_facts_are_read_before_anybody_asks(
    smollm: str, tmp_path: Path, codeassist_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEASSIST_MODELS_DIR", str(REAL_MODELS))
    monkeypatch.setenv("CODEASSIST_MODEL", smollm)
    monkeypatch.setenv("CODEASSIST_MAX_TOKENS", "16")
    client = HostClient(config.load())
    front = FrontEnd(tmp_path)
    try:
        front.run("%load_ext codeassist_jupyter")
        front.run("%assist hello there")  # loads the model
        front.run("rows = [(1, 2, 3)]")
        front.run("for a, b in rows:\n    print(a)")
        _wait_until_read(client)
        shown = front.run("%assist fix -o result")
        assert shown.status == "ok", shown.error
        usage = "first.cached_tokens / first.prompt_tokens > 0.9"
        front.run("first = result.usages[0]")
        assert front.value(usage) == "True", front.value("first")
    finally:
        front.close()
        client.shutdown()
        client.close()


def _wait_until_read(client: HostClient) -> None:
    deadline = time.monotonic() + 60
    seen = False
    while time.monotonic() < deadline:
        health = client.health(start=False)
        assert health is not None
        seen = seen or health["active"] > 0
        if seen and not health["active"]:
            return
        time.sleep(0.02)
    raise AssertionError("nothing was read ahead")


MODULE = '''"""Prices."""


class Till:
    def total(self, prices):
        """What all cost."""
        return sum(float(price) for price in prices)


def total(prices):
    """What all cost."""
    return sum(float(price) for price in prices)
'''


@pytest.mark.parametrize("name", ["total", "Till.total"])
def test_a_fault_in_a_file_is_mended_there(
    kernel: FrontEnd, echo: Script, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "prices.py"
    path.write_text(MODULE)
    parameters = "self, prices" if "." in name else "prices"
    mended = f"def total({parameters}):\n    return sum(float(p.strip('$')) for p in prices)"
    echo([{"match": f"whole corrected function.*|`{name}`", "answer": answer(mended)}])
    kernel.run("import prices\nfrom prices import total, Till")
    call = "Till().total(['$1', '2'])" if "." in name else "total(['$1', '2'])"
    failed = kernel.run(f"cost = {call}")
    assert failed.status == "error"
    shown = kernel.run('%assist fix -o result --expect "cost == 3"')
    assert shown.status == "ok", shown.error
    assert kernel.value("(result.status, result.path)") == "('verified', 'prices.py')", shown.plain
    assert path.read_text() == MODULE, "a trial changes no file"
    assert kernel.run(f"cost = {call}").status == "error", "nor the kernel"
    assert "was changed in prices.py" in kernel.run("%assist apply").printed
    assert path.read_text().count("strip('$')") == 1
    assert "was changed" in kernel.run("%assist undo").printed
    assert path.read_text() == MODULE
    path.write_text(MODULE.replace("float", "int"))
    shown = kernel.run("%assist apply")
    assert "has changed since" in shown.printed + shown.error
