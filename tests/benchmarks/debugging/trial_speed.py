"""What a trial adds to the code's own run time, in a real kernel that holds 1 GB of arrays.

    python tests/benchmarks/debugging/trial_speed.py [--rounds 40] [--gigabytes 1] [--json FILE]

Each round runs the same code in the kernel's namespace and in a trial, and takes the difference.
It also forks a copy that ends at once: no trial can be faster, and on a busy machine most of the
time goes there. All depend on the machine and on what else it does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from front_end import FrontEnd  # noqa: E402

SETUP = """
import json, os, time
import numpy as np, pandas as pd, pyarrow
import matplotlib.pyplot as plt
from codeassist_jupyter.kernel.trial import attempt
arrays = [np.random.default_rng(n).random(1 << 24) for n in range(8 * {gigabytes})]
table = pd.DataFrame({{"city": list("abcd") * 25_000, "amount": np.arange(100_000.0)}})
text = table.city.str.upper()
"""
CANDIDATES = {
    "one value": "answer = arrays[0][:1000].sum()",
    "one group": "totals = table.groupby('city')['amount'].sum()\ntotals",
    "a mistake": "table['citty']",
}
MEASURE = """
def measured(code, rounds):
    shell = get_ipython()
    added, total, bare = [], [], []
    for _ in range(rounds):
        began = time.perf_counter()
        copy = os.fork()
        if copy == 0:
            os._exit(0)
        os.waitpid(copy, 0)
        bare.append(time.perf_counter() - began)
        began = time.perf_counter()
        try:
            exec(code, dict(shell.user_ns))
        except KeyError:
            pass
        alone = time.perf_counter() - began
        began = time.perf_counter()
        outcome = attempt(shell, code)
        total.append(time.perf_counter() - began)
        added.append(total[-1] - alone)
    assert type(outcome).__name__ in ("Ran", "Failed"), outcome
    cuts = lambda values: [round(1000 * float(np.percentile(values, p)), 1) for p in (50, 95)]
    low = round(1000 * min(added), 1), round(1000 * min(bare), 1)
    return json.dumps(
        {"added": cuts(added), "total": cuts(total), "bare": cuts(bare), "least": low}
    )
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--gigabytes", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = folder
        kernel = FrontEnd(Path(folder), PYTHONPATH=str(ROOT))
        try:
            shown = kernel.run(SETUP.format(gigabytes=options.gigabytes) + MEASURE)
            assert shown.status == "ok", shown.error
            found = {
                name: json.loads(kernel.run(f"print(measured({code!r}, {options.rounds}))").printed)
                for name, code in CANDIDATES.items()
            }
        finally:
            kernel.close()
    print(f"{options.gigabytes} GB live, {options.rounds} rounds, {platform.machine()}, ms")
    print(f"{'':12} {'added: median':>14} {'p95':>7} {'least':>7}   {'bare fork':>10} {'least':>7}")
    for name, result in found.items():
        (median, p95), (bare, _), (least, least_bare) = (
            result[key] for key in ("added", "bare", "least")
        )
        print(f"{name:12} {median:14.1f} {p95:7.1f} {least:7.1f}   {bare:10.1f} {least_bare:7.1f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
