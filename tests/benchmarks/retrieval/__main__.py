"""Build the suites, run every system over them, print a table and write `results.json`.

    python tests/benchmarks/retrieval [--most 1000] [--suite A B D E F] [--held-out] [--no-peers]

Packages are fetched with pip into the cache, models through the models room.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]

import corpora  # noqa: E402
import suites  # noqa: E402
import systems  # noqa: E402
from measure import gain, interval, mean, paired, percentile, rank  # noqa: E402

CODE_SUITES = {"A": suites.docstrings, "D": suites.messages, "F": suites.names}
LEVEL = {"A": "unit", "B": "unit", "D": "line", "E": "unit", "F": "unit"}


@dataclass(frozen=True)
class Task:
    """One suite over one corpus."""

    suite: str
    corpus: str
    root: Path
    questions: list[suites.Question]


def tasks(wanted: Sequence[str], packages: dict[str, str], most: int) -> list[Task]:
    found = []
    for package, version in packages.items():
        original = corpora.code(package, version, blanked=False)
        blanked = corpora.code(package, version)
        for suite in sorted(CODE_SUITES.keys() & set(wanted)):
            questions = suites.sample(CODE_SUITES[suite](original), most)
            found.append(Task(suite, package, blanked, questions))
    if "B" in wanted and packages is corpora.DEVELOPMENT:
        package = corpora.CHANGELOG[0]
        version = corpora.NOTEBOOKS[package]
        original = corpora.code(package, version, blanked=False)
        questions = suites.sample(suites.changes(corpora.changelog(), original), most)
        found.append(Task("B", package, corpora.code(package, version), questions))
    if "E" in wanted:
        stripped = corpora.CACHE / "corpora" / "notebooks-stripped"
        questions = suites.cells(corpora.notebooks(), stripped)
        found.append(Task("E", "notebooks", stripped, suites.sample(questions, most * 2)))
    return found


def run(task: Task, peers: bool) -> list[dict[str, object]]:
    """The rows of all systems for one task; ours stands last."""
    static, encoders = systems.fetch_encoders()
    answers = {}
    if peers and task.suite != "E":  # semble does not read notebooks
        answers["semble bm25"] = systems.semble("bm25")(task.root, static, task.questions)
        answers["semble"] = systems.semble("full")(task.root, static, task.questions)
    index = systems.open_index(task.root, encoders)
    answers["fielded bm25"] = systems.fielded_bm25(index, task.questions)
    answers["codeassist"] = systems.codeassist(index, task.questions)
    index.close()
    ours = _gains(task, answers["codeassist"], LEVEL[task.suite])
    return [row(task, name, given, ours) for name, given in answers.items()]


def row(
    task: Task, system: str, answers: systems.Answers, ours: Sequence[float]
) -> dict[str, object]:
    gains = _gains(task, answers, LEVEL[task.suite])
    ranks = [rank(q, p, LEVEL[task.suite]) for q, p in _pairs(task, answers)]
    return {
        "suite": task.suite,
        "corpus": task.corpus,
        "questions": len(task.questions),
        "digest": suites.digest(task.questions),
        "system": system,
        "ndcg@10": mean(gains),
        "ndcg@10 95%": interval(gains),
        "ours minus it 95%": paired(ours, gains),
        "mrr@10": mean([1 / r if r else 0.0 for r in ranks]),
        "recall@10": mean([float(r > 0) for r in ranks]),
        "file ndcg@10": mean(_gains(task, answers, "file")),
        "low overlap ndcg@10": mean(_of_low_overlap(task, gains)),
        "p50 ms": percentile(answers.milliseconds, 0.5),
        "p95 ms": percentile(answers.milliseconds, 0.95),
        **answers.facts,
    }


def _gains(task: Task, answers: systems.Answers, level: str) -> list[float]:
    return [gain(rank(q, places, level)) for q, places in _pairs(task, answers)]


def _of_low_overlap(task: Task, gains: Sequence[float]) -> list[float]:
    """The gains of the third of the questions that share the fewest words with their answers."""
    if LEVEL[task.suite] != "unit" or task.suite == "E":
        return []
    shares = [suites.overlap(question, task.root) for question in task.questions]
    order = sorted(range(len(gains)), key=lambda i: (shares[i], i))
    return [gains[i] for i in order[: len(order) // 3]]


def _pairs(task: Task, answers: systems.Answers) -> list[tuple[suites.Question, list]]:
    return list(zip(task.questions, answers.places, strict=True))


def table(rows: Sequence[dict[str, object]]) -> str:
    lines = [
        "suite corpus        n     system        ndcg  95 %          mrr   r@10  file  low  p50 p95"
    ]
    for r in rows:
        low, high = r["ndcg@10 95%"]
        lines.append(
            f"{r['suite']:5} {r['corpus']:13} {r['questions']:5} {r['system']:13} "
            f"{r['ndcg@10']:.3f} [{low:.3f} {high:.3f}] {r['mrr@10']:.3f} {r['recall@10']:.3f} "
            f"{r['file ndcg@10']:.3f} {r['low overlap ndcg@10']:.3f} "
            f"{r['p50 ms']:5.1f} {r['p95 ms']:5.1f}"
        )
    pairs = sorted({(r["suite"], r["system"]) for r in rows})
    for suite, system in pairs:
        part = [r for r in rows if (r["suite"], r["system"]) == (suite, system)]
        unit, file = (mean([r[k] for r in part]) for k in ("ndcg@10", "file ndcg@10"))
        lines.append(f"macro {suite} {system:13} ndcg {unit:.3f}  file {file:.3f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--suite", nargs="+", default=["A", "B", "D", "E", "F"])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("results.json"))
    options = parser.parse_args()
    packages = corpora.HELD_OUT if options.held_out else corpora.DEVELOPMENT
    rows = []
    for task in tasks(options.suite, packages, options.most):
        rows += run(task, peers=not options.no_peers)
        print(f"{task.suite} {task.corpus} done", file=sys.stderr)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE, check=False
    ).stdout.strip()
    about = {
        "commit": commit,
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "seed": suites.SEED,
    }
    about |= {"machine": platform.machine(), "python": platform.python_version()}
    options.json.write_text(json.dumps({"about": about, "rows": rows}, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
