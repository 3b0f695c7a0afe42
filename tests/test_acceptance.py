"""Five small tasks for the default model: the code it inserts is run in the kernel and checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REAL_MODELS, _stop_host
from front_end import FrontEnd

from codeassist_jupyter import config
from codeassist_jupyter.models import catalogue, download

pytestmark = [pytest.mark.model, pytest.mark.acceptance]

SETUP = '''
import matplotlib
matplotlib.use("agg")
import pandas as pd
from matplotlib import pyplot
%load_ext codeassist_jupyter
csv_text = """name,age
Ada,36
Grace,45
"""
sales = pd.DataFrame({"region": ["north", "south", "north"], "amount": [10.0, 5.5, 2.5]})
log = "mail ann@example.org or bob.b@test.example.com, not @nobody"
weather = pd.DataFrame(
    {"day": pd.to_datetime(["2024-01-05", "2024-01-25", "2024-02-10"]), "temp": [1.0, 3.0, 8.0]}
)
'''

TASKS = {
    "csv": (
        "read {csv_text} into a DataFrame called people",
        "(people.shape, list(people.columns), int(people['age'].sum()))",
        "((2, 2), ['name', 'age'], 81)",
    ),
    "group": (
        "compute the total amount per region in {sales} as a Series called totals",
        "(float(totals['north']), float(totals['south']))",
        "(12.5, 5.5)",
    ),
    "function": (
        "write a function fahrenheit(celsius) with a docstring that converts a temperature",
        "(fahrenheit(100), fahrenheit(-40), bool(fahrenheit.__doc__))",
        "(212.0, -40.0, True)",
    ),
    "regex": (
        "use a regular expression to put all e-mail addresses in {log} into a list called emails",
        "sorted(emails)",
        "['ann@example.org', 'bob.b@test.example.com']",
    ),
    "plot": (
        "plot the monthly mean of `temp` in {weather} as a line chart",
        "[float(y) for y in pyplot.gcf().axes[0].lines[0].get_ydata()]",
        "[2.0, 8.0]",
    ),
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnd]:
    download.fetch(catalogue.find(config.Settings().model), REAL_MODELS)
    home: Path = tmp_path_factory.mktemp("acceptance")
    environ = {"CODEASSIST_HOME": str(home), "CODEASSIST_MODELS_DIR": str(REAL_MODELS)}
    front_end = FrontEnd(home, **environ)
    assert front_end.run(SETUP).status == "ok"
    yield front_end
    front_end.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODEASSIST_HOME", str(home))
        _stop_host()


@pytest.mark.parametrize("task", TASKS)
def test_the_default_model_solves(kernel: FrontEnd, task: str) -> None:
    question, expression, expected = TASKS[task]
    kernel.run("%assist reset")
    shown = kernel.run(f"%%assist -i -o answer --max-tokens 300\n{question}")
    assert shown.status == "ok", shown.error
    assert shown.payload, f"nothing was inserted:\n{shown.plain}"
    code = shown.payload[0]["text"]
    ran = kernel.run(code)
    assert ran.status == "ok", f"{code}\n{ran.error}"
    result = kernel.run(f"print({expression})")
    assert result.printed.strip() == expected, f"{code}\n{result.error}"
