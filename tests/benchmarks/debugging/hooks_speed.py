"""What our hooks cost a cell: one that runs well, and one that fails and gets its hint.

    python tests/benchmarks/debugging/hooks_speed.py [ROUNDS]

Every callback of ours is timed inside a real kernel, with pandas loaded and a table alive, while
cells are run over the wire. The first failure, which loads what looks at failures, is shown apart.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from front_end import FrontEnd  # noqa: E402

SETUP = """
import json, time
import numpy as np, pandas as pd
table = pd.DataFrame({"city": list("abcd") * 25_000, "amount": np.arange(100_000.0)})
costs_ = {}

def timed_(callback):
    def call(*args):
        began = time.perf_counter()
        try:
            return callback(*args)
        finally:
            number = get_ipython().execution_count
            costs_[number] = costs_.get(number, 0) + (time.perf_counter() - began) * 1000
    return call

for event_ in ("pre_execute", "pre_run_cell", "post_execute", "post_run_cell"):
    callbacks_ = get_ipython().events.callbacks[event_]
    for at_, callback_ in enumerate(callbacks_):
        if callback_.__module__.startswith("codeassist_jupyter"):
            callbacks_[at_] = timed_(callback_)
"""
WELL = ("total = table.amount.sum()", "rows = [n * n for n in range(1000)]", "len(table)")
FAILING = (
    "table['amuont'].sum()",
    "tabel.head()",
    "table.groupby('town').size()",
    "np.zeros((3, 4)) + np.zeros((5, 6))",
    "pd.to_datetime('13/32/2024')",
    "int('12,5')",
    "import numpi",
    "table.amount.sumn()",
)


def costs(front: FrontEnd) -> list[float]:
    """Milliseconds of each cell since the last call; the cells that ask are left out."""
    told = front.run("print(json.dumps(list(costs_.values())[1:-1])); costs_.clear()").printed
    found: list[float] = json.loads(told)
    return found


def line(name: str, values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=20)
    return f"{name:12} {statistics.median(values):8.2f} {cuts[18]:8.2f} {max(values):8.2f}"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        front = FrontEnd(Path(folder), PYTHONPATH=str(ROOT))
        try:
            front.run("%load_ext codeassist_jupyter")
            shown = front.run(SETUP)
            assert shown.status == "ok", shown.error
            for cell in WELL * rounds:
                front.run(cell)
            well = costs(front)
            for cell in FAILING:
                assert front.run(cell).status == "error", cell
            first = costs(front)
            for cell in FAILING * rounds:
                front.run(cell)
            failing = costs(front)
        finally:
            front.close()
    print(f"milliseconds     median      p95  longest   (load {os.getloadavg()[0]:.1f})")
    print(line("runs well", well))
    print(line("fails", failing))
    print(f"first failure {first[0]:.1f}, first of its kind {max(first[1:]):.1f}")


if __name__ == "__main__":
    main()
