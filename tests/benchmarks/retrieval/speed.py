"""How fast: cold index, unchanged refresh, queries at 10k and 100k units, cell edits, memory.

    nice python tests/benchmarks/retrieval/speed.py [--units 100000]

The large corpus is the development packages, copied under new folders until there is enough.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]

import corpora  # noqa: E402
import numpy as np  # noqa: E402
import psutil  # noqa: E402
import suites  # noqa: E402
import systems  # noqa: E402
from measure import percentile  # noqa: E402

from codeassist_jupyter.index import build  # noqa: E402
from codeassist_jupyter.index.project import Index  # noqa: E402
from codeassist_jupyter.retrieval.search import search  # noqa: E402

BATCH = 256  # vectors, as the host makes them


def memory_mb() -> float:
    return psutil.Process().memory_info().rss / 1e6


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def corpus(folder: Path, units: int) -> Path:
    """Development packages, as many copies as it takes; a chunk is 30 lines on average."""
    lines = copy = 0
    while lines < units * 30:
        for package, version in corpora.DEVELOPMENT.items():
            source = corpora.code(package, version, blanked=False)
            for file in source.rglob("*.py"):
                target = folder / f"copy{copy}" / file.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                text = file.read_text(encoding="utf-8", errors="replace")
                target.write_text(text, encoding="utf-8")
                lines += text.count("\n")
                if lines >= units * 30:
                    return folder
        copy += 1
    return folder


def fill_with_noise(index: Index) -> None:
    """Give every text a random vector: the speed of a query does not depend on the meaning."""
    index.load_vectors()
    for tier in index.readers():
        keys = sorted(index.roster.bodies() if tier is index.bodies else index.roster.texts())
        chance = np.random.default_rng(0)
        for batch in (keys[at : at + BATCH] for at in range(0, len(keys), BATCH)):
            noise = chance.standard_normal((len(batch), tier.encoder.dimension), np.float32)
            tier.vectors.add(batch, noise / 20, durable=False)
        tier.vectors.complete_at = index.roster.version


def save_ms(index: Index, number: int) -> float:
    """Save a notebook with another cell; the time until it is stored, without the watcher's."""
    cell = {
        "cell_type": "code",
        "id": "c",
        "metadata": {},
        "source": f"y_{number} = load({number})",
    }
    cell |= {"outputs": [], "execution_count": None}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (index.root / "saved.ipynb").write_text(json.dumps(notebook))
    return milliseconds(lambda: build.refresh(index))


def measure(units: int) -> dict[str, float]:
    _, encoders = systems.fetch_encoders()
    code = corpora.code("pandas", corpora.DEVELOPMENT["pandas"], blanked=False)
    questions = suites.sample(suites.docstrings(code), 200)
    with tempfile.TemporaryDirectory(dir=corpora.CACHE) as temporary:
        root = corpus(Path(temporary, "root"), units)
        index = Index.open(Path(temporary, "index"), root, encoders)
        before = memory_mb()
        cold = build.refresh(index)
        unchanged = build.refresh(index)
        status = index.status()
        fill_with_noise(index)
        search(index, "warm up")
        queries = [milliseconds(lambda q=q: search(index, q.text)) for q in questions]
        edits = [
            milliseconds(lambda n=n: index.put_cell("a.ipynb", "c", f"x_{n} = load({n})", cell=0))
            for n in range(100)
        ]
        memory = memory_mb() - before
        saves = [save_ms(index, n) for n in range(20)]
        result = {
            "lines": status.lines,
            "chunks": status.chunks,
            "cold s": cold.seconds,
            "cold kLOC/s": status.lines / cold.seconds / 1000,
            "unchanged / cold": unchanged.seconds / cold.seconds,
            "size / source": status.size / sum(f.stat().st_size for f in root.rglob("*.py")),
            "query p50 ms": percentile(queries, 0.5),
            "query p95 ms": percentile(queries, 0.95),
            "cell edit p95 ms": percentile(edits, 0.95),
            "saved cell, durable p95 ms": percentile(saves, 0.95),
            "memory MB": memory,
            "load": os.getloadavg()[0],
        }
        index.close()
        shutil.rmtree(root)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, nargs="+", default=[10_000])
    for count in parser.parse_args().units:
        print(json.dumps({k: round(v, 3) for k, v in measure(count).items()}, indent=1))
