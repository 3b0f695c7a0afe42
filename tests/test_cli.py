"""`codeassist` as a user types it: ask, search, index, doctor, demo, and what goes wrong."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import Script

from codeassist_jupyter.cli import main
from codeassist_jupyter.models import catalogue

RUN = "import sys; from codeassist_jupyter.cli import main; sys.exit(main())"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, and the folder we stand in."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (root / "clean.py").write_text(
        'def normalize_names(table):\n    """Strip blanks around customer names."""\n'
        "    return table.strip()\n"
    )
    (root / ".env").write_text("PASSWORD=hunter2")
    monkeypatch.chdir(root)
    return root


def type_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_ask_streams_to_stdout_and_nothing_else_does(
    echo: Script, project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, b"")
    echo([{"match": "hello", "answer": "Hello yourself."}])
    assert main(["ask", "say", "hello"]) == 0
    out, err = capsys.readouterr()
    assert out == "Hello yourself.\n"
    assert "echo · " in err and "tokens/s" in err


def test_what_is_piped_in_is_the_context(
    echo: Script, project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, b"ZeroDivisionError in line 7 \xff\x00")
    assert main(["ask", "--max-tokens", "4000", "what went wrong"]) == 0
    out = capsys.readouterr().out
    assert "standard input" in out
    assert "ZeroDivisionError in line 7" in out
    type_in(monkeypatch, b"never read")
    assert main(["ask", "--no-context", "what"]) == 0
    assert capsys.readouterr().out == "You asked: what\n"


def test_ask_cites_the_project(
    echo: Script, project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, b"")
    assert main(["search", "normalize_names"]) == 0  # the index is there
    echo([{"match": "normalize_names", "answer": "It strips them [1], as in `xs[2]`."}])
    assert main(["ask", "what does normalize_names do"]) == 0
    err = capsys.readouterr().err
    assert "[1] clean.py:1–3 · normalize_names\n" in err
    assert "[2]" not in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["ask", "  "], "the question is empty"),
        (["ask", "--max-tokens", "0", "x"], "must be between"),
        (["search"], "there is nothing to search for"),
        (["search", "-k", "0", "x"], "-k must be between 1 and 100"),
        (["search", "--root", "/no/such/folder", "x"], "there is no folder"),
        (["index", "~nobody-here"], "there is no folder"),
        (["index", "/"], "is no project"),
        (["search", "--batch", "missing.jsonl"], "cannot read missing.jsonl"),
        (["demo", "--notebook", "clean.py"], "cannot read clean.py"),
        (["models", "verify", "no-such-model"], "no model named"),
    ],
)
def test_a_mistake_is_one_line_with_a_hint(
    echo: Script, project: Path, capsys: Capture, argv: list[str], message: str
) -> None:
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert err.startswith("codeassist: ")
    assert message in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("argv", [["nope"], ["ask"], ["search", "-k", "many", "x"]])
def test_wrong_usage_is_status_2(argv: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    assert "usage: codeassist" in capsys.readouterr().err


def test_the_bare_command_lists_all(capsys: Capture) -> None:
    assert main([]) == 2
    shown = capsys.readouterr().out
    assert "ask one question" in shown and "setup" in shown


def test_a_missing_model_names_the_command_and_starts_no_host(
    project: Path, codeassist_home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEASSIST_MODELS_DIR", str(project / "none"))
    type_in(monkeypatch, b"")
    assert main(["ask", "hello"]) == 1
    assert "`codeassist setup`" in capsys.readouterr().err
    assert not (codeassist_home / "logs").exists()


def test_search_prints_places_with_their_first_line(
    echo: Script, project: Path, capsys: Capture
) -> None:
    assert main(["search", "strip", "blanks"]) == 0
    out = capsys.readouterr().out
    assert " 1  clean.py:1–3 · normalize_names\n      def normalize_names(table):\n" in out
    main(["search", "rotate_vault_keys"])
    assert "No confident match" in capsys.readouterr().out


def test_search_as_json(echo: Script, project: Path, capsys: Capture) -> None:
    assert main(["search", "--json", "-k", "1", "normalize_names"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    hit = json.loads(line)
    assert isinstance(hit.pop("score"), float)
    assert hit == {
        "path": "clean.py",
        "start_line": 1,
        "end_line": 3,
        "cell": None,
        "name": "normalize_names",
        "kind": "function",
    }


def test_a_batch_answers_each_query_in_order(echo: Script, project: Path, capsys: Capture) -> None:
    batch = project.parent / "queries.jsonl"
    batch.write_text('{"id": 7, "query": "normalize_names"}\n\n{"id": "b", "query": "zzz qqq"}\n')
    assert main(["search", "--root", str(project), "--batch", str(batch), "-k", "2"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["id"], first["confident"]) == (7, True)
    assert first["hits"][0]["path"] == "clean.py"
    assert (second["id"], second["confident"]) == ("b", False)


@pytest.mark.parametrize(
    "line", ["no json", "[1, 2]", '{"id": 1}', '{"query": "x"}', '{"id": 1, "query": 5}', "null",
             '{"id": 1, "query": "  "}']
)  # fmt: skip
def test_a_bad_line_of_a_batch_is_named_before_anything_is_printed(
    echo: Script, project: Path, capsys: Capture, line: str
) -> None:
    (project / "q.jsonl").write_text(f'{{"id": 1, "query": "names"}}\n{line}\n')
    assert main(["search", "--batch", "q.jsonl"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "q.jsonl:2 is not {id, query}" in err
    assert "hint: " in err


def test_index_ends_with_what_is_in_it_and_what_is_not(
    echo: Script, project: Path, capsys: Capture
) -> None:
    assert main(["index", str(project)]) == 0
    out = capsys.readouterr().out
    assert "2 files" in out
    assert "left out may hold secrets: .env" in out
    (project / "more.py").write_text("def more(): ...\n")
    assert main(["index"]) == 0
    assert "3 files" in capsys.readouterr().out


def test_doctor_checks_and_its_status_says_whether_all_is_well(
    echo: Script, codeassist_home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["doctor"])
    out = capsys.readouterr().out
    for name in ("python", "engine", "data", "disk", "host"):
        assert f" {name}: " in out
    monkeypatch.setenv("CODEASSIST_ENGINE", "llama_cpp")
    monkeypatch.setenv("CODEASSIST_MODELS_DIR", str(codeassist_home / "none"))
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "FIX  model: " in out
    assert "`codeassist setup`" in out
    assert "ok   search: by words alone\n       `codeassist setup` fetches the encoders" in out


def test_doctor_names_the_encoders_that_are_here(
    echo: Script, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEASSIST_MODELS_DIR", str(tmp_path))
    for name in (catalogue.ENCODER, catalogue.STATIC_ENCODERS[-1]):
        for file in catalogue.find(name).files:
            path = tmp_path / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.truncate(path, file.size)
        main(["doctor"])
        assert name in capsys.readouterr().out
    main(["doctor"])
    line = next(line for line in capsys.readouterr().out.split("\n") if " search: " in line)
    found = f"{catalogue.STATIC_ENCODERS[-1]} and {catalogue.ENCODER}"
    assert line == f"ok   search: by words and by meaning, with {found}"


def notebook(path: Path, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells.insert(0, nbformat.v4.new_markdown_cell("# A tiny demo"))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_demo_runs_a_notebook_shows_it_and_saves_it(
    echo: Script, project: Path, capsys: Capture
) -> None:
    echo([{"match": "sum", "answer": "Use `sum(xs)`.", "delay_s": 0.02}])
    source = notebook(
        project / "tiny.ipynb", "%load_ext codeassist_jupyter", "%%assist\nsum the numbers", "6 * 7"
    )
    target = project / "out" / "done.ipynb"
    assert main(["demo", "--notebook", str(source), "--output", str(target)]) == 0
    out = capsys.readouterr().out
    assert "# A tiny demo" in out
    assert "    %%assist\n    sum the numbers\n" in out
    assert out.count("Use `sum(xs)`.") == 1
    assert "\necho · " in out
    assert "…" not in out, "what it is doing is not part of the answer"
    assert "42" in out
    assert str(target) in out
    saved = nbformat.read(target, as_version=4)
    assert "Use `sum(xs)`." in saved.cells[2].outputs[0]["data"]["text/markdown"]
    assert "".join(cell.source for cell in nbformat.read(source, as_version=4).cells)


def test_a_demo_that_fails_says_where_and_keeps_what_ran(
    echo: Script, project: Path, capsys: Capture
) -> None:
    source = notebook(project / "bad.ipynb", "print('before')", "1 / 0", "print('after')")
    target = project / "bad-out.ipynb"
    assert main(["demo", "--notebook", str(source), "--output", str(target)]) == 1
    out, err = capsys.readouterr()
    assert "before" in out and "after" not in out.replace("print('after')", "")
    assert "a cell failed: ZeroDivisionError" in err
    assert "before" in nbformat.read(target, as_version=4).cells[1].outputs[0]["text"]


def test_a_kernel_that_is_not_installed_is_named(
    echo: Script, project: Path, capsys: Capture
) -> None:
    source = notebook(project / "other.ipynb", "1")
    found = nbformat.read(source, as_version=4)
    found.metadata["kernelspec"] = {"name": "no-such-kernel", "display_name": "?"}
    nbformat.write(found, source)
    assert main(["demo", "--notebook", str(source), "--output", str(project / "o.ipynb")]) == 1
    assert "kernel does not run" in capsys.readouterr().err


def test_an_interrupt_keeps_the_partial_answer_and_is_status_130(
    echo: Script, project: Path
) -> None:
    echo([{"match": "long", "answer": "word " * 2000, "delay_s": 0.02}])
    child = subprocess.Popen(
        [sys.executable, "-c", RUN, "ask", "--no-context", "long"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.read(4) == b"word"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert out.endswith(b"\n")
    assert b"stopped" in err
    assert b"Traceback" not in err


def test_a_reader_that_leaves_is_no_error_message(echo: Script, project: Path) -> None:
    echo([{"match": "long", "answer": "word " * 200_000}])
    child = subprocess.Popen(
        [sys.executable, "-c", RUN, "ask", "--no-context", "--max-tokens", "8000", "long"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None and child.stderr is not None
    child.stdout.read(1)
    child.stdout.close()
    assert b"Traceback" not in child.stderr.read()
    child.stderr.close()
    child.wait(30)
