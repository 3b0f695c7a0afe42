"""What generated code would do."""

from __future__ import annotations

import pytest

from codeassist_jupyter.risks import risks


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("df.groupby('a').sum()", ()),
        ("!rm -rf /", ("runs shell commands",)),
        ("x = 1\n%pip install evil", ("runs shell commands",)),
        ("%%bash\nls", ("runs shell commands",)),
        ("import subprocess as s\nsubprocess.run(['ls'])", ("runs shell commands",)),
        ("shutil.rmtree(path)", ("deletes files",)),
        ("Path('x').unlink()", ("deletes files",)),
        ("requests.get(u).text", ("uses the network",)),
        ("eval(text)", ("runs text as code",)),
        ("model.eval()", ()),
        ("df.eval('a + b')", ()),
        (
            "os.system('x'); os.remove('y'); exec(z)",
            ("runs shell commands", "deletes files", "runs text as code"),
        ),
        ("not python (", ()),
        ("text = 'os.system(1)'", ()),
    ],
)
def test_risks(code: str, expected: tuple[str, ...]) -> None:
    assert risks(code) == expected
