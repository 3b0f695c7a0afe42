"""What the documentation of installed packages costs: `python tests/benchmarks/bench_packages.py`.

Prints, for each package, the seconds to index it (median of three) and its size, then the
milliseconds that looking into all of them adds to a question.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from codeassist_jupyter.index.packages.docs import Docs, build
from codeassist_jupyter.kernel.imported import locate
from codeassist_jupyter.retrieval.packages import find_docs

PACKAGES = ("pandas", "numpy", "matplotlib", "json", "pathlib")
NAMES = {"pd": "pandas", "np": "numpy", "df": "pandas.DataFrame"}
QUESTIONS = {
    "named": ["how do I use pandas.merge", "df.groupby with two keys", "np.array copy"],
    "in words": [
        "how do I join two tables on a key",
        "with pandas, merge two frames on different key names",
        "plot the monthly mean of the temperature as a line chart",
    ],
}
_ROUNDS = 50


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        found = [docs for name in PACKAGES if (docs := _indexed(Path(home) / name, name))]
        for kind, questions in QUESTIONS.items():
            times = sorted(
                _seconds(lambda q=question: find_docs(found, q, NAMES))
                for question in questions * _ROUNDS
            )
            p50, p95 = times[len(times) // 2], times[len(times) * 95 // 100]
            print(f"question {kind}: p50 {1000 * p50:.1f} ms, p95 {1000 * p95:.1f} ms")


def _indexed(folder: Path, name: str) -> Docs | None:
    package = locate(name)
    if package is None:
        print(f"{name} is not installed")
        return None
    seconds = statistics.median(
        _seconds(lambda: build(folder, package, lambda: None)) for _ in range(3)
    )
    docs = Docs(folder)
    print(f"{package} {name}: {seconds:.1f} s, {docs.symbols} names, {docs.size / 1e6:.1f} MB")
    return docs


def _seconds(work: object) -> float:
    assert callable(work)
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
