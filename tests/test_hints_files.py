"""Hints at files and what is read from them, and the line that a real kernel shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from front_end import FrontEnd
from hint_shell import HintShell, hint_shell


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HintShell]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "data").mkdir()
    (folder / "sales_2024.csv").write_text("a,b\n1,2\n")
    (folder / "data" / "raw.json").write_text("{}")
    (folder / "latin.csv").write_bytes("name\nJosé\n".encode("latin-1"))
    (folder / "wide.csv").write_bytes("name\nJosé\n".encode("utf-16"))
    (folder / "semicolons.csv").write_text("a;b\n1;2\n")
    (folder / "comments.csv").write_text("# made\n# by hand\na,b\n1,2\n")
    (folder / "days.csv").write_text("date,b\n2024-01-01,2\n")
    (folder / "rows.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    (folder / "broken.jsonl").write_text('{"a": 1}\n{"a": 2\n')
    (folder / "mark.json").write_text('{"a": 1}', encoding="utf-8-sig")
    with hint_shell(folder) as shell:
        yield shell


@pytest.mark.parametrize(
    ("code", "text", "edit"),
    [
        ("open('sales-2024.csv')", "there is 'sales_2024.csv'", "open('sales_2024.csv')"),
        ("open('raw.json')", "there is 'data/raw.json'", "open('data/raw.json')"),
        ("open('data/raww.json')", "there is 'data/raw.json'", "open('data/raw.json')"),
        ("open('dta/raw.json')", "there is 'data/raw.json'", "open('data/raw.json')"),
        ("open('nowhere/x.csv')", "there is no folder 'nowhere'", None),
        ("open('quite_another.csv')", "no file 'quite_another.csv' in the working folder", None),
        ("open('data')", "'data' is a folder; it holds raw.json", None),
        (
            "open('latin.csv', encoding='utf-8').read()",
            "byte 0xe9 at 8 is not utf-8; in cp1252 (Windows) it reads 'name José'",
            None,
        ),
        (
            "import pandas as pd\npd.read_csv('latin.csv')",
            "in cp1252 (Windows) it reads 'José'",
            "import pandas as pd\npd.read_csv('latin.csv', encoding=\"cp1252\")",
        ),
        ("open('wide.csv', encoding='utf-8').read()", "the data is UTF-16, not utf-8 text", None),
        (
            "import pandas as pd\npd.DataFrame().to_csv('out/x.csv')",
            "the folder 'out' has to be made first",
            "from pathlib import Path\n\nPath('out').mkdir(parents=True, exist_ok=True)\n"
            "import pandas as pd\npd.DataFrame().to_csv('out/x.csv')",
        ),
    ],
)
def test_the_file_that_was_meant(shell: HintShell, code: str, text: str, edit: str | None) -> None:
    hint = shell.hint("", code)
    assert hint is not None
    assert text in hint.text
    assert hint.edits == (() if edit is None else (edit,))
    assert edit is None or shell.run(edit) is None


READ = [
    (
        "df = pd.read_csv('semicolons.csv')\nx = df['b'].sum()",
        "df = pd.read_csv('semicolons.csv', sep=\";\")\nx = df['b'].sum()",
        "x == 2",
    ),
    (
        "df = pd.read_csv('comments.csv')",
        "df = pd.read_csv('comments.csv', comment=\"#\")",
        "df.b.tolist() == [2]",
    ),
    (
        "df = pd.read_csv('days.csv', parse_dates=['Date'])",
        "df = pd.read_csv('days.csv', parse_dates=['date'])",
        "df.date[0].year == 2024",
    ),
    (
        "df = pd.read_csv('days.csv', usecols=['Date'])",
        "df = pd.read_csv('days.csv', usecols=['date'])",
        "df.shape == (1, 1)",
    ),
    (
        "with open('rows.jsonl') as f:\n    x = json.load(f)",
        "with open('rows.jsonl') as f:\n    x = [json.loads(line) for line in f if line.strip()]",
        "x == [{'a': 1}, {'a': 2}]",
    ),
    (
        "x = pd.read_json('rows.jsonl')",
        "x = pd.read_json('rows.jsonl', lines=True)",
        "x.a.tolist() == [1, 2]",
    ),
    (
        "with open('mark.json', encoding='utf-8') as f:\n    x = json.load(f)",
        "with open('mark.json', encoding=\"utf-8-sig\") as f:\n    x = json.load(f)",
        "x == {'a': 1}",
    ),
]


@pytest.mark.parametrize(("code", "edit", "truth"), READ)
def test_it_is_read_in_the_form_of_the_file(
    shell: HintShell, code: str, edit: str, truth: str
) -> None:
    hint = shell.hint("import json, pandas as pd", code)
    assert hint is not None
    assert hint.edits == (edit,)
    assert shell.run(edit) is None
    assert shell.run(f"assert {truth}") is None


@pytest.mark.parametrize(
    "code",
    [
        "json.load(open('broken.jsonl'))",
        "pd.read_csv('days.csv', usecols=['elsewhere'])",
        "pd.read_csv('semicolons.csv')['c']",
    ],
)
def test_the_form_is_not_guessed(shell: HintShell, code: str) -> None:
    hint = shell.hint("import json, pandas as pd", code)
    assert hint is None or not hint.edits


def test_a_kernel_shows_one_line_under_the_untouched_traceback(tmp_path: Path) -> None:
    kernel = FrontEnd(tmp_path, CODEASSIST_HOME=str(tmp_path / "home"), CODEASSIST_ENGINE="echo")
    try:
        bare = kernel.run("d = {'alpha': 1}\nd['Alpha']").error
        kernel.run("%load_ext codeassist_jupyter")
        shown = kernel.run("d = {'alpha': 1}\nd['Alpha']")
        line = "hint: `d` has no key 'Alpha'; it has 'alpha'  · "
        assert shown.error.splitlines()[-1] == bare.splitlines()[-1]
        assert [d["text/plain"] for d in shown.displays] == [line + "%assist fix"]
        assert shown.markdown == line + "`%assist fix`"
        assert kernel.value("get_ipython()._codeassist.session.last_failure.hint.edits") == repr(
            ("d = {'alpha': 1}\nd['alpha']",)
        )
        kernel.run("%assist config hints off")
        assert not kernel.run("d['Alpha']").displays
        kernel.run("%unload_ext codeassist_jupyter")
        assert not kernel.run("d['Alpha']").displays
    finally:
        kernel.close()
