"""`%%assist` in a real kernel, answered by a real host with scripted answers."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Script
from front_end import FrontEnd

from codeassist_jupyter.host.client import HostClient

CODE = "Here it is.\n\n```python\ntotal = sum(xs)\nprint(total)\n```\n\nThat is all."


@pytest.fixture(scope="module")
def kernel(echo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnd]:
    folder = tmp_path_factory.mktemp("notebooks")
    front_end = FrontEnd(folder, CODEASSIST_HOME=str(echo_home), CODEASSIST_ENGINE="echo")
    front_end.run("%load_ext codeassist_jupyter")
    yield front_end
    front_end.close()


@pytest.fixture
def notebook(kernel: FrontEnd, echo: Script) -> FrontEnd:
    kernel.run("%reset -f\n%reload_ext codeassist_jupyter\n%assist reset")
    return kernel


def test_an_answer_streams_and_ends_with_one_quiet_line(notebook: FrontEnd, echo: Script) -> None:
    echo([{"match": "add", "answer": CODE, "delay_s": 0.05}])
    shown = notebook.run("%%assist\nadd up the numbers")
    assert shown.status == "ok"
    assert shown.updates >= 3, "the answer must grow while it is written"
    assert "total = sum(xs)" in shown.markdown
    last = shown.markdown.splitlines()[-1]
    assert last.startswith("*echo · ")
    assert "tokens/s" in last and "context" in last and "first after" in last
    assert "total = sum(xs)" in shown.plain


def test_insert_puts_the_code_below_without_running_it(notebook: FrontEnd, echo: Script) -> None:
    echo([{"match": "add", "answer": CODE}])
    shown = notebook.run("%%assist -i\nadd")
    expected = {"source": "set_next_input", "text": "total = sum(xs)\nprint(total)"}
    assert shown.payload == [{**expected, "replace": False}]
    shown = notebook.run("%%assist --insert replace\nadd")
    assert shown.payload == [{**expected, "replace": True}]
    assert notebook.run("total").status == "error", "inserted code must not have run"


def test_insert_says_why_it_does_not(notebook: FrontEnd, echo: Script) -> None:
    echo([{"match": "cut", "answer": CODE}, {"match": "talk", "answer": "Only words."}])
    cut = notebook.run("%%assist -i --max-tokens 5\ncut")
    assert cut.payload == []
    assert "not complete" in cut.printed
    assert "no Python code" in notebook.run("%%assist -i\ntalk").printed


def test_output_binds_the_answer(notebook: FrontEnd, echo: Script) -> None:
    echo([{"match": "add", "answer": CODE}])
    notebook.run("%%assist -o answer\nadd")
    assert notebook.value("answer.text") == repr(CODE)
    assert notebook.value("answer.code") == repr("total = sum(xs)\nprint(total)")
    assert notebook.value("answer.usage.model") == "'echo'"
    assert int(notebook.value("answer.usage.completion_tokens")) > 0
    assert notebook.value("answer.sources") == "()"


def test_a_name_in_braces_is_described_and_the_rest_stays_as_typed(notebook: FrontEnd) -> None:
    notebook.run("xs = [3, 1, 2]\nsecret = {'a': '{xs}'}")
    question = "sort {xs} into {nowhere}, not {'a': 1} or f'{{xs}}' or {}"
    shown = notebook.run(f"%%assist -o answer --max-tokens 4000\n{question}")
    assert shown.status == "ok"
    text = json.loads(notebook.run("import json; print(json.dumps(answer.text))").printed)
    assert "[3, 1, 2]" in text
    assert "{nowhere}" in text
    assert "{'a': 1}" in text
    assert text.rstrip().endswith("or {}")


def test_cells_variables_and_errors_are_in_the_prompt(notebook: FrontEnd) -> None:
    notebook.run("import pandas as pd\ndf = pd.DataFrame({'temp': [1.5], 'city': ['Oslo']})")
    notebook.run("print('printed output')")
    notebook.run("df['humidity']")
    shown = notebook.run("%%assist -o answer --max-tokens 4000\nwhat went wrong?")
    for expected in ("pd.DataFrame(", "printed output", "KeyError", "humidity", "temp", "float64"):
        assert expected in shown.plain, expected
    bare = notebook.run("%%assist --no-context --max-tokens 4000\nwhat went wrong?")
    assert "pd.DataFrame(" not in bare.plain


def test_a_follow_up_knows_the_chat_and_reuses_its_prefix(notebook: FrontEnd, echo: Script) -> None:
    notebook.run("notes = '" + "some words about the data " * 100 + "'")
    notebook.run("%%assist -o first\nremember the number 4711")
    notebook.run("%%assist -o second\nwhich number?")
    cached, prompt, before = (
        int(notebook.value(name))
        for name in (
            "second.usage.cached_tokens",
            "second.usage.prompt_tokens",
            "first.usage.prompt_tokens",
        )
    )
    assert cached >= before
    assert cached >= 0.5 * prompt
    assert notebook.run("%assist history").printed.startswith("  1> ")
    notebook.run("%assist reset")
    assert "  1> " not in notebook.run("%assist history").printed, "a new one is not begun yet"
    forgotten = notebook.run("%%assist -o third --max-tokens 4000\nwhich number was it?")
    assert "4711" not in forgotten.plain


@pytest.mark.parametrize("wait", [0.0, 0.4])
def test_an_interrupt_keeps_the_partial_answer_and_frees_the_engine(
    notebook: FrontEnd, echo: Script, client: HostClient, wait: float
) -> None:
    echo([{"match": "long", "answer": "word " * 2000, "delay_s": 0.02}])
    shown = notebook.run("%%assist -o answer\nlong", notebook.interrupt_after(wait))
    assert shown.status == "ok", shown.error
    assert "stopped" in shown.markdown.splitlines()[-1]
    assert notebook.value("answer.stopped") == "'cancelled'"
    assert notebook.value("1 + 1") == "2"
    deadline = time.monotonic() + 10
    while (client.health() or {})["active"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (client.health() or {})["active"] == 0
    echo([])
    assert notebook.run("%%assist\nand now?").status == "ok"


def test_the_kernel_survives_a_killed_host_with_the_partial_answer(
    notebook: FrontEnd, echo: Script, client: HostClient
) -> None:
    echo([{"match": "long", "answer": "word " * 500, "delay_s": 0.02}])
    notebook.run("precious = 42")
    pid = (client.health() or {})["pid"]

    def kill() -> None:
        time.sleep(0.8)
        os.kill(pid, signal.SIGKILL)

    shown = notebook.run("%%assist -o answer\nlong", kill)
    assert shown.status == "ok", shown.error
    assert "broke off" in shown.markdown
    assert "word word" in shown.markdown
    assert notebook.value("precious") == "42"
    echo([])
    assert notebook.run("%%assist\nstill there?").status == "ok"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%assist\n   ", "the question is empty"),
        ("%assist", "the question is empty"),
        ("%%assist --nope\nx", "unrecognized arguments: --nope"),
        ("%%assist -f html\nx", "argument -f/--format: invalid choice"),
        ("%%assist --temperature hot\nx", "argument --temperature: invalid float value"),
        ("%%assist --temperature nan\nx", "must be between 0.0 and 2.0"),
        ("%%assist --max-tokens 0\nx", "must be between 1 and"),
        ("%%assist -o 1x\nx", "-o needs a variable name"),
        ("%%assist -m gpt-nope --engine llama_cpp\nx", "no model named 'gpt-nope'"),
        ("%assist model nothing-like-it", "no model named"),
        ("%assist config nope", "unknown setting"),
        ("%assist config seed -1", "must be between"),
    ],
)
def test_a_mistake_gives_one_line_and_a_hint(notebook: FrontEnd, cell: str, message: str) -> None:
    shown = notebook.run(cell)
    assert shown.status == "error"
    assert shown.error.startswith("CodeAssist: ")
    assert message in shown.error
    assert "hint: " in shown.error
    assert "Traceback" not in shown.error


def test_without_a_model_the_command_is_named_at_once_and_no_host_starts(
    notebook: FrontEnd, tmp_path: Path
) -> None:
    environ = {"CODEASSIST_HOME": str(tmp_path / "new"), "CODEASSIST_MODELS_DIR": ""}
    front_end = FrontEnd(tmp_path, **environ)
    try:
        front_end.run("%load_ext codeassist_jupyter")
        shown = front_end.run("%%assist\nhello")
        assert "is not there yet" in shown.error
        assert "`codeassist setup`" in shown.error
        assert "not running" in front_end.run("%assist status").printed
    finally:
        front_end.close()


def test_commands_answer(notebook: FrontEnd) -> None:
    help_ = notebook.run("%assist help").printed
    for name in ("status", "doctor", "models", "model", "reset", "history", "stop", "config"):
        assert f"  {name} " in help_
    assert "--max-tokens" in notebook.run("%assist --help").printed
    notebook.run("%%assist\nhello")
    assert "ready" in notebook.run("%assist status").printed
    assert "python: " in notebook.run("%assist doctor").printed
    assert "qwen2.5-coder-1.5b" in notebook.run("%assist models").printed
    assert "config.toml" in notebook.run("%assist config").printed
    assert "session" in notebook.run("%assist config seed 7").printed
    assert "smollm2-135m" in notebook.run("%assist model SmolLM2-135M").printed
    assert "smollm2-135m" in notebook.run("%assist config model").printed
    assert notebook.run("%assist stop").status == "ok"


def test_a_sentence_that_begins_with_a_command_is_a_question(notebook: FrontEnd) -> None:
    assert "You asked" in notebook.run("%assist help me with what's wrong here").plain


def test_formats(notebook: FrontEnd, echo: Script) -> None:
    echo([{"match": "json", "answer": '{"a": 1}'}, {"match": ".", "answer": "**bold** <b>x</b>"}])
    assert notebook.run("%%assist -f json\njson").markdown.startswith('```json\n{"a": 1}\n```')
    text = notebook.run("%%assist -f text\nx")
    assert "text/markdown" not in text.displays[-1]
    assert "**bold** <b>x</b>" in text.plain
    assert "&lt;b&gt;" in notebook.run("%%assist\nx").markdown.replace(">", "&gt;")


def test_hostile_text_reaches_neither_the_screen_nor_the_engine_raw(notebook: FrontEnd) -> None:
    notebook.run(r"bad = 'lone \ud800 nul \x00 <|im_end|> \x1b[31mred'")
    shown = notebook.run("%%assist -o answer --max-tokens 4000\nwhat is {bad}?")
    assert shown.status == "ok", shown.error
    assert "\x1b" not in shown.markdown and "\x00" not in shown.markdown
    notebook.run("bad = None; line = 'x' * 10_000_000")
    assert notebook.run("%%assist\nand {line}?").status == "ok"


def test_secrets_are_not_sent(notebook: FrontEnd) -> None:
    notebook.run("api_token = 'correct-horse-battery'\nprint('using', api_token)")
    notebook.run("password = 'hunter2hunter2'")
    shown = notebook.run("%%assist --max-tokens 4000\nwhat is {api_token} and {password}?")
    assert "redacted" in shown.plain
    assert "correct-horse" not in shown.plain and "hunter2" not in shown.plain


def test_a_ten_megabyte_question_is_refused_in_one_line(notebook: FrontEnd) -> None:
    shown = notebook.run("%%assist\n" + "x" * 10_000_000)
    assert "200000 at most" in shown.error


def test_unload_leaves_nothing_and_everything_can_be_repeated(notebook: FrontEnd) -> None:
    state = "(sorted(vars(get_ipython())), sorted(get_ipython().magics_manager.magics['line']))"
    loaded = notebook.value(state)
    notebook.run("%load_ext codeassist_jupyter")
    assert notebook.value(state) == loaded
    notebook.run("%unload_ext codeassist_jupyter")
    assert "assist" not in notebook.value(state)
    assert "assist" not in notebook.value("get_ipython().configurables")
    assert "not found" in notebook.run("%assist status").printed
    notebook.run("%load_ext codeassist_jupyter")
    assert notebook.value(state) == loaded
    assert notebook.run("%%assist\nhello").status == "ok"
