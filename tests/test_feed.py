"""The project in a real kernel: what was run is found, listed, related and cited."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from conftest import Script
from front_end import FrontEnd, Shown

from codeassist_jupyter import config
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.host.index_client import IndexClient

CLEAN = '''def normalize_names(table):
    """Strip blanks around every customer name."""
    return table.strip()


def clean(table):
    return normalize_names(table)
'''


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    (root / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (root / "clean.py").write_text(CLEAN)
    cells = [nbformat.v4.new_code_cell("sales.groupby('region').sum()", id="old")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "eda.ipynb")
    return root


@pytest.fixture(scope="module")
def kernel(echo_home: Path, root: Path) -> Iterator[FrontEnd]:
    front_end = FrontEnd(
        root,
        CODEASSIST_HOME=str(echo_home),
        CODEASSIST_ENGINE="echo",
        JPY_SESSION_NAME=str(root / "eda.ipynb"),
    )
    front_end.run("%load_ext codeassist_jupyter")
    yield front_end
    front_end.close()


@pytest.fixture
def notebook(kernel: FrontEnd, echo: Script) -> FrontEnd:
    kernel.run("%reload_ext codeassist_jupyter")
    return kernel


@pytest.fixture
def index(client: HostClient, root: Path) -> IndexClient:
    return IndexClient(client, str(root))


def found(notebook: FrontEnd, query: str) -> Shown:
    shown = notebook.run(f"%assist search {query}")
    assert shown.status == "ok", shown.error
    return shown


def test_a_cell_is_found_without_saving_even_if_it_ran_before_the_first_command(
    notebook: FrontEnd,
) -> None:
    notebook.run("churn_rate = 0.25")
    shown = found(notebook, "churn_rate")
    assert "No confident match" not in shown.printed
    assert " 1  eda.ipynb" in shown.printed
    assert "churn_rate = 0.25" in shown.printed


def test_a_cell_that_runs_later_is_found_by_others_too(
    notebook: FrontEnd, index: IndexClient
) -> None:
    found(notebook, "clean")
    notebook.run("forecast_horizon = 12")
    deadline = time.monotonic() + 20
    while not index.search("forecast_horizon").confident:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_our_own_magics_are_not_searched(notebook: FrontEnd, index: IndexClient) -> None:
    notebook.run("%assist search purple_walrus")
    found(notebook, "clean")
    assert not index.search("purple_walrus").confident


def test_a_host_that_is_new_is_told_of_all_cells(notebook: FrontEnd, client: HostClient) -> None:
    notebook.run("remembered_value = 1")
    found(notebook, "remembered_value")
    os.kill((client.health() or {})["pid"], signal.SIGKILL)
    assert "remembered_value = 1" in found(notebook, "remembered_value").printed
    assert "No confident match" not in found(notebook, "remembered_value").printed


def test_index_says_what_is_there(notebook: FrontEnd, root: Path) -> None:
    found(notebook, "clean")
    printed = notebook.run("%assist index").printed
    assert str(root) in printed
    assert "indexed  3 files" in printed
    assert "open cells" in printed


def test_graph_lists_who_calls_a_name(notebook: FrontEnd) -> None:
    printed = notebook.run("%assist graph normalize_names").printed
    assert "definitions:\n  clean.normalize_names  (clean.py:1)" in printed
    assert "callers:\n  clean.clean  (clean.py:7)" in printed
    assert "Nothing in this project is called nope" in notebook.run("%assist graph nope").printed


def test_an_answer_cites_verified_places_with_a_link(
    notebook: FrontEnd, echo: Script, root: Path
) -> None:
    found(notebook, "clean")
    echo([{"match": "normalize_names", "answer": "It strips blanks [1]; `xs[2]` is code."}])
    shown = notebook.run("%%assist -o answer\nwhat does normalize_names do?")
    assert shown.status == "ok", shown.error
    assert "\\[1\\] [clean.py:1–3 · normalize\\_names](clean.py)" in shown.markdown
    assert "\\[2\\]" not in shown.markdown
    assert "[1] clean.py:1–3 · normalize_names\n" in shown.plain
    assert "(moved)" not in shown.plain and "(changed)" not in shown.plain
    assert notebook.value("answer.sources[0].path") == "'clean.py'"


def test_a_place_that_changes_while_the_answer_is_written_is_marked(
    notebook: FrontEnd, echo: Script, root: Path
) -> None:
    found(notebook, "clean")
    answer = "It strips blanks around every name " * 5 + "[1]."
    echo([{"match": "normalize_names", "answer": answer, "delay_s": 0.03}])

    def edit() -> None:
        time.sleep(0.3)
        (root / "clean.py").write_text(CLEAN.replace("table.strip()", "table.lower()"))

    shown = notebook.run("%%assist\nwhat does normalize_names do?", edit)
    (root / "clean.py").write_text(CLEAN)
    assert "[1] clean.py:1–3 · normalize_names (changed)" in shown.plain


def test_a_cited_open_cell_is_verified(notebook: FrontEnd, echo: Script) -> None:
    notebook.run("def seasonal_factor(month):\n    return 1 + month / 12")
    assert "seasonal_factor" in found(notebook, "seasonal_factor").printed
    echo([{"match": "seasonal_factor", "answer": "It grows [1]."}])
    shown = notebook.run("%%assist\nwhat does seasonal_factor do?")
    assert "· seasonal_factor" in shown.plain
    assert "(gone)" not in shown.plain and "(changed)" not in shown.plain


def test_without_a_confident_match_nothing_is_cited(notebook: FrontEnd, echo: Script) -> None:
    notebook.run("%%assist -o answer\nrotate_vault_keys_of_the_moon")
    assert notebook.value("answer.sources") == "()"


def test_a_question_is_answered_in_a_folder_that_is_gone(
    notebook: FrontEnd, echo: Script, tmp_path: Path
) -> None:
    (tmp_path / "away").mkdir()
    notebook.run(f"import os; before = os.getcwd(); os.chdir({str(tmp_path / 'away')!r})")
    (tmp_path / "away").rmdir()
    try:
        shown = notebook.run("%%assist\nhello")
        assert shown.status == "ok", shown.error
        assert "You asked" in shown.plain
        assert "the current folder is gone" in notebook.run("%assist search x").error
    finally:
        notebook.run("os.chdir(before)")


def test_unload_lets_the_host_forget_the_cells(notebook: FrontEnd, index: IndexClient) -> None:
    notebook.run("secret_plan = 1")
    found(notebook, "secret_plan")
    assert index.search("secret_plan").confident
    notebook.run("%unload_ext codeassist_jupyter")
    assert not index.search("secret_plan").confident
    assert notebook.value("get_ipython().events.callbacks['post_run_cell']") == "[]"
    notebook.run("%load_ext codeassist_jupyter")


def test_an_unsaved_notebook_is_cited_without_a_link(
    echo: Script, echo_home: Path, root: Path, tmp_path: Path
) -> None:
    assert config.home() == echo_home
    front_end = FrontEnd(tmp_path, CODEASSIST_ENGINE="echo", JPY_SESSION_NAME="")
    try:
        front_end.run("%load_ext codeassist_jupyter")
        front_end.run("def zebra_stripes():\n    return 7")
        found(front_end, "zebra_stripes")
        echo([{"match": "zebra_stripes", "answer": "Seven [1]."}])
        shown = front_end.run("%%assist\nwhat does zebra_stripes return?")
        assert "zebra\\_stripes" in shown.markdown
        assert "](" not in shown.markdown
    finally:
        front_end.close()
