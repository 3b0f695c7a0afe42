"""What a trial adds to the code's own run time, in a real kernel that holds 1 GB of arrays.

    python tests/benchmarks/debugging/trial_speed.py [--rounds 40] [--gigabytes 1] [--json FILE]

Each round runs the same code in the kernel's namespace and in a trial, and takes the difference.
It also forks a copy that ends at once: no trial can be faster. On a busy machine only processor
time, of the kernel and of the copy together, says something.
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
def processor():
    times = os.times()
    return sum(times[:4])

def timed(action):
    busy, began = processor(), time.perf_counter()
    action()
    return np.array([time.perf_counter() - began, processor() - busy]) * 1000

def fork():
    copy = os.fork()
    if copy == 0:
        os._exit(0)
    os.waitpid(copy, 0)

def alone(code, namespace):
    try:
        exec(code, namespace)
    except KeyError:
        pass

def measured(code, rounds):
    shell = get_ipython()
    tried = lambda: kinds.add(type(attempt(shell, code)).__name__)
    bare, added, kinds = [], [], set()
    for _ in range(rounds):
        bare.append(timed(fork))
        by_itself = timed(lambda: alone(code, dict(shell.user_ns)))
        added.append(timed(tried) - by_itself)
    assert kinds <= {"Ran", "Failed"}, kinds
    cuts = {"bare": np.percentile(bare, 50, 0), "p95": np.percentile(added, 95, 0)}
    cuts |= {"added": np.percentile(added, 50, 0), "mean": np.mean(added, 0)}
    return json.dumps({key: value.round(1).tolist() for key, value in cuts.items()})
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
    print(
        f"{'':10} {'wall added':>11} {'p95':>7} {'bare fork':>10}   {'processor added, mean':>22}"
    )
    for name, at in found.items():
        print(
            f"{name:10} {at['added'][0]:11.1f} {at['p95'][0]:7.1f} {at['bare'][0]:10.1f}"
            f"   {at['mean'][1]:22.1f}"
        )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
