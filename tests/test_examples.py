"""The guides, run as `codeassist demo` runs them: default model, real kernel, real project."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from codeassist_jupyter.cli import main

pytestmark = [pytest.mark.model, pytest.mark.acceptance]

EXAMPLES = Path(__file__).parents[1] / "examples"


def outputs(path: Path, fails: int = 0) -> str:
    """All text that the executed notebook shows; `fails` of its cells are meant to fail."""
    notebook = nbformat.read(path, as_version=4)
    texts, failed = [], 0
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            failed += output.output_type == "error"
            assert failed <= fails, output
            data = output.get("data", {})
            texts.append(output.get("text") or data.get("text/markdown") or "")
    assert failed == fails
    return "\n".join(texts)


def run_demo(
    name: str, target: Path, capsys: pytest.CaptureFixture[str], fails: int = 0
) -> tuple[str, str]:
    assert main(["demo", "--notebook", str(EXAMPLES / name), "--output", str(target)]) == 0
    return outputs(target, fails), capsys.readouterr().out


def test_the_first_guide_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown, printed = run_demo("01-ask.ipynb", tmp_path / "01.ipynb", capsys)
    assert shown.count("*qwen2.5-coder-1.5b · ") == 3
    assert "def celsius_to_fahrenheit" in shown
    assert "def celsius_to_fahrenheit" in printed, "answers must appear in the terminal, too"
    assert "prompt tokens came from the cache" in shown
    assert f"Executed notebook: {tmp_path / '01.ipynb'}" in printed
    assert "jupyter lab" in printed


def test_the_project_guide_finds_and_cites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, _ = run_demo("02-project.ipynb", tmp_path / "02.ipynb", capsys)
    assert "etl/clean.py:17–22 · normalize_names" in shown
    assert "etl/clean.py:32–39 · parse" in shown.replace("\\_", "_")
    assert "](etl/clean.py)" in shown, "the cited place must open at a click"
    assert "changed" not in shown and "gone" not in shown
    assert "etl.clean.OrderCleaner.clean" in shown


def test_the_memory_guide_goes_on_in_another_kernel_and_finds_what_was_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, _ = run_demo("04-memory.ipynb", tmp_path / "04.ipynb", capsys)
    second = shown.split("The second kernel:")[1]
    assert "April" in second.split("\n")[0]
    assert "merges the frames `orders` and `parcels`" in second, "the search must find it"
    assert ".merge(" in second
    assert "04-memory.ipynb" in second
    assert "Erased: Remember for later" in second


def test_the_debugging_guide_mends_and_verifies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, _ = run_demo("03-debug.ipynb", tmp_path / "03.ipynb", capsys, fails=2)
    assert "`per_region` is now" in shown, "two misspelt columns, mended without the model"
    assert "Verified in a copy of your kernel: len(amounts) == len(orders)" in shown
    assert "7,25" in shown.partition("+amounts")[0], "the explanation names the real value"
    assert "verified\n" in shown
    assert "orders from In [1]" in shown
    assert "finds every name" in shown
