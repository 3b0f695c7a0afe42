"""Proves the checks: each broken cell raises, its fix passes, and silencing the error does not."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cases import CASES, Case

_RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(history_length=0)
shell.showtraceback = shell.showsyntaxerror = lambda *a, **k: None
for cell in json.load(sys.stdin):
    result = shell.run_cell(cell)
    failure = result.error_before_exec or result.error_in_exec
    print(json.dumps(failure and f"{type(failure).__name__}: {failure}"))
"""


def lay_out(case: Case, folder: Path) -> None:
    """Write the files of a case."""
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def run(case: Case, cell: str, *after: str) -> list[str | None]:
    """Errors of the last cells (None where there was none), in a new process."""
    with tempfile.TemporaryDirectory() as name:
        lay_out(case, Path(name))
        cells = [*case.cells, cell, *after]
        done = subprocess.run(
            [sys.executable, "-c", _RUN],
            input=json.dumps(cells),
            capture_output=True,
            text=True,
            cwd=name,
            check=True,
        )
    return [json.loads(line) for line in done.stdout.splitlines()[-1 - len(after) :]]


def problems(case: Case) -> list[str]:
    found = []
    (error,) = run(case, case.broken)
    if error is None:
        found.append("the broken cell does not raise")
    if any(run(case, case.fix, case.check)):
        found.append(f"the fix fails: {run(case, case.fix, case.check)}")
    silenced = "try:\n" + textwrap.indent(case.broken, "    ") + "\nexcept Exception:\n    pass"
    if run(case, silenced, case.check)[-1] is None:
        found.append("silencing the error passes the check")
    return [f"{case.name}: {problem}" for problem in found] or [f"  {case.name}: {error}"]


if __name__ == "__main__":
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(problems, CASES))
    print("\n".join(line for lines in results for line in lines))
    live = sum(case.live for case in CASES)
    bad = sum(not line.startswith("  ") for lines in results for line in lines)
    print(f"{len(CASES)} cases, {live} need the live values, {bad} problems")
    sys.exit(bad > 0)
