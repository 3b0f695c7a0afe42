"""Imports that a model forgot."""

from __future__ import annotations

import pytest

from codeassist_jupyter.imports import complete


@pytest.mark.parametrize(
    ("code", "known", "expected"),
    [
        ("pd.read_csv(io.StringIO(t))", {"pd", "t"}, "import io\npd.read_csv(io.StringIO(t))"),
        ("plt.plot(np.ones(3))", set(), None),
        ("import re\nre.sub('a', 'b', s)", set(), "import re\nre.sub('a', 'b', s)"),
        ("def f(io):\n    return io.x", set(), "def f(io):\n    return io.x"),
        ("for re in xs:\n    re.y", set(), "for re in xs:\n    re.y"),
        ("except_ = unknown.thing", set(), "except_ = unknown.thing"),
        ("%timeit io.x", set(), "%timeit io.x"),
        ("io.(", set(), "io.("),
        ("", set(), ""),
    ],
)
def test_complete(code: str, known: set[str], expected: str | None) -> None:
    if expected is None:
        expected = "import matplotlib.pyplot as plt\nimport numpy as np\n" + code
    assert complete(code, known) == expected
