"""The facts of a failed cell: frames, values, chains; hostile exceptions; nothing is held."""

from __future__ import annotations

import dataclasses
import json
import weakref
from collections.abc import Iterator
from pathlib import Path

import hostile
import pytest
from hint_shell import HintShell, hint_shell

from codeassist_jupyter.config import Settings
from codeassist_jupyter.kernel import watch
from codeassist_jupyter.kernel.hints import hint_for
from codeassist_jupyter.kernel.postmortem import PostMortem, capture, render

PROJECT = '''def mean(values):
    """The mean."""
    total = sum(values)
    return total / len(values)
'''


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HintShell]:
    folder = tmp_path_factory.mktemp("post")
    (folder / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (folder / "figures.py").write_text(PROJECT)
    with hint_shell(folder) as shell:
        yield shell


@pytest.fixture(autouse=True)
def empty(shell: HintShell) -> None:
    shell.reset()


def facts(shell: HintShell, code: str, *before: str) -> PostMortem:
    for cell in before:
        assert shell.run(cell) is None
    error = shell.run(code)
    assert error is not None
    return capture(shell.shell, error, code)


def test_frames_go_from_the_cell_inwards_with_the_values_their_lines_used(shell) -> None:
    found = facts(
        shell, "n = 1\nmean([])", "import sys; sys.path.insert(0, '')", "from figures import mean"
    )
    cell, module = found.failures[0].frames
    assert (cell.place, cell.line, cell.failing) == ("cell", 2, "mean([])")
    assert (module.place, module.where, module.function) == ("project", "figures.py", "mean")
    assert module.failing == "return total / len(values)"
    assert dict(module.values) == {"total": "total: int 0", "values": "values: list of 0: []"}
    assert found.failures[0].message == "division by zero"


def test_library_frames_are_one_call_with_its_signature(shell) -> None:
    found = facts(
        shell, "df.sort_values(by='zz')", "import pandas as pd\ndf = pd.DataFrame({'a': [1]})"
    )
    cell, library = found.failures[0].frames
    assert cell.values[0][0] == "df"
    assert (library.place, library.function) == ("library", "DataFrame.sort_values")
    assert library.signature.startswith("sort_values(self, by: IndexLabel, *, axis")
    assert library.where.startswith("pandas.core.frame (")


def test_it_goes_through_json(shell) -> None:
    found = facts(shell, "x = {'a': 1}['b']")
    again = json.loads(json.dumps(dataclasses.asdict(found)))
    assert PostMortem.from_dict(again) == found


def test_causes_contexts_and_groups_are_told(shell) -> None:
    code = "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('no') from e"
    found = facts(shell, code)
    assert [(f.type, f.link) for f in found.failures] == [
        ("ValueError", ""),
        ("ZeroDivisionError", "cause"),
    ]
    assert render(found).index("ZeroDivisionError") < render(found).index("ValueError: no")
    found = facts(shell, "raise ExceptionGroup('g', [ValueError('one'), KeyError('two')])")
    assert [f.message for f in found.failures] == ["g", "one", "'two'"]


def test_a_cycle_of_causes_ends(shell) -> None:
    code = "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a"
    assert [f.message for f in facts(shell, code).failures] == ["a", "b"]


def test_a_syntax_error_has_its_line(shell) -> None:
    (frame,) = facts(shell, "x = 1\nif x = 1:\n    pass").failures[0].frames
    assert (frame.place, frame.line, frame.failing) == ("cell", 2, "if x = 1:")


def test_deep_recursion_is_folded(shell) -> None:
    shell.run("def f(n):\n    return f(n + 1)")
    shell.run(
        "import sys\nsys.setrecursionlimit(12_000)\n"
        "try:\n    f(0)\nexcept RecursionError as e:\n    caught = e\n"
        "finally:\n    sys.setrecursionlimit(1000)"
    )
    found = capture(shell.shell, shell.shell.user_ns["caught"], "f(0)")
    assert found.failures[0].type == "RecursionError"
    assert sum(frame.repeated + 1 for frame in found.failures[0].frames) > 10_000
    assert len(render(found)) <= 8000


@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "SystemExit", "MemoryError"])
def test_other_ends_of_a_cell_are_facts_too(shell, kind: str) -> None:
    error = {"KeyboardInterrupt": KeyboardInterrupt, "SystemExit": SystemExit}.get(
        kind, MemoryError
    )
    assert capture(shell.shell, error(), "").failures[0].type == kind


def test_an_async_cell(shell) -> None:
    found = facts(shell, "import asyncio\nawait asyncio.sleep(0)\nnone = None\nnone.x")
    assert found.failures[0].frames[0].line == 4


def test_an_exception_of_a_thread_keeps_its_frames(shell) -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(1) as pool:\n    pool.submit(part, 0).result()"
    )
    found = facts(shell, code, "def part(n):\n    return 1 / n")
    assert found.failures[0].frames[-1].function == "part"


def test_secrets_are_redacted(shell) -> None:
    code = (
        "def call(password):\n    raise ValueError('refused ' + password)\ncall('hunter2-hunter2')"
    )
    text = json.dumps(dataclasses.asdict(facts(shell, code)))
    failure = facts(shell, code).failures[0]
    assert "hunter2" not in failure.message
    assert "[redacted]" in dict(failure.frames[-1].values)["password"]
    assert "hunter2" not in json.dumps(
        [f.values for f in PostMortem.from_dict(json.loads(text)).failures[0].frames]
    )


def test_escape_sequences_and_long_messages_are_cut(shell) -> None:
    found = facts(shell, "raise ValueError('\\x1b[31mred\\x1b[0m' + 'x' * 10_000_000)")
    message = found.failures[0].message
    assert message.startswith("redx")
    assert len(message) <= 2000


BROKEN = """
class Broken(Exception):
    def __str__(self): calls.append("str"); raise RuntimeError
    __repr__ = __str__
    def __getattribute__(self, name): calls.append(name); raise RuntimeError
    @property
    def args(self): calls.append("args"); return ()
class Trap:
    def __repr__(self): calls.append("repr"); return "x"
    def __getattr__(self, name): calls.append(name); raise AttributeError(name)
    @property
    def shape(self): calls.append("shape")
    def __eq__(self, other): calls.append("eq"); return True
    __hash__ = None
trap = Trap()
calls = []
"""


def test_no_code_of_the_exception_or_of_locals_runs(shell) -> None:
    assert shell.run(BROKEN) is None
    code = "try:\n    raise Broken('told', trap)\nexcept Exception as e:\n    caught = e"
    assert shell.run(code) is None  # IPython itself could not show it
    error, calls = shell.shell.user_ns["caught"], shell.shell.user_ns["calls"]
    before = len(calls)
    found = capture(shell.shell, error, code)
    hint_for(shell.shell, error, code)
    assert len(calls) == before
    assert found.failures[0].type == "Broken"
    assert "'told'" in found.failures[0].message


@pytest.mark.parametrize("name", sorted(hostile.instances()))
def test_hostile_values_as_keys_and_arguments(shell, name: str) -> None:
    shell.shell.user_ns["value"] = hostile.instances()[name]
    for code in ("raise KeyError(value)", "(value, {}[1])", "value2 = value\n[][3]"):
        error = shell.run(code)
        assert error is not None
        hostile.calls.clear()
        capture(shell.shell, error, code)
        hint_for(shell.shell, error, code)
        assert hostile.calls == []


def test_nothing_of_the_user_is_held(shell) -> None:
    seen = watch.FailureWatch(shell.shell, Settings)
    try:
        shell.run(
            "class Big:\n    pass\ndef work():\n    big = Big()\n    kept(big)\n    return {}['x']"
        )
        refs: list[weakref.ref[object]] = []
        shell.shell.user_ns["kept"] = lambda big: refs.append(weakref.ref(big))
        shell.run("work()")
        assert seen.last is not None
        assert seen.last.post_mortem.failures[0].type == "KeyError"
        shell.forget()
        assert refs[0]() is None
    finally:
        seen.close()


def test_the_hook_raises_nothing_and_can_be_switched_off(shell, capsys) -> None:
    def broken() -> Settings:
        raise RuntimeError

    for settings, said in (
        (Settings, True),
        (lambda: Settings(hints="off"), False),
        (broken, False),
    ):
        seen = watch.FailureWatch(shell.shell, settings)
        result = shell.shell.run_cell("d = {'alpha': 1}\nd['Alpha']", store_history=True)
        seen.close()
        assert result.error_in_exec is not None
        err = capsys.readouterr().err
        assert ("hint: `d` has no key 'Alpha'; it has 'alpha'  · %assist fix" in err) is said


def test_only_the_facts_of_the_last_failure_are_kept(shell) -> None:
    seen = watch.FailureWatch(shell.shell, lambda: Settings(hints="off"))
    try:
        shell.run("1 / 0")
        first = seen.last
        shell.run("[][0]")
        assert first is not None
        assert seen.last is not None
        assert seen.last.post_mortem.failures[0].type == "IndexError"
        shell.run("raise KeyboardInterrupt")
        shell.run("%assist")
        assert seen.last.post_mortem.failures[0].type == "IndexError"
    finally:
        seen.close()
    assert seen._ran not in shell.shell.events.callbacks["post_run_cell"]


def test_an_edited_cell_that_was_not_run_is_told(shell, monkeypatch) -> None:
    notebook = Path.cwd() / "work.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    old = "def clean(text):\n    return text.strp()"
    shell.run(old)
    number = shell.shell.execution_count - 1
    for source, edited in ((old, False), (old.replace("strp", "strip"), True)):
        cells = [{"cell_type": "markdown", "source": "# A"}]
        cells.append({"cell_type": "code", "id": "c1", "source": source})
        cells.append({"cell_type": "code", "id": "c2", "source": "def later():\n    pass"})
        notebook.write_text(json.dumps({"cells": cells}))
        error = shell.run("clean('a')")
        hint = hint_for(shell.shell, error, "clean('a')", {number: watch.Execution("c1", 0.0)})
        assert hint is not None
        told = "`clean()` was edited in cell 2, but that cell has not been run since"
        assert (hint.text == told) is edited
        late = hint_for(shell.shell, error, "clean('a')", {number: watch.Execution("c1", 1e12)})
        assert late is not None
        assert late.kind == "attribute"  # saved before the run: it tells nothing
    error = shell.run("later()")
    hint = hint_for(shell.shell, error, "later()")
    assert hint is not None
    assert hint.text == "`later` is defined in cell 3, which has not been run in this kernel"
