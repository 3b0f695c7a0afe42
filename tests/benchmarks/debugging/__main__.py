"""Mends broken notebooks with `%assist fix` and with the same model alone, and compares.

    python tests/benchmarks/debugging [--only NAME ...] [--every N] [--out FILE] [--no-baseline]

Each notebook is run in a real kernel up to the cell that fails. The baseline is asked once, given
the cells and the text of the traceback. Every proposed cell then runs in a new process, after the
cells before it and before the case's check. Uses the set-up of CODEASSIST_HOME.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from cases import CASES, Case
from validate import lay_out, run

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tests' own front end
from front_end import FrontEnd

from codeassist_jupyter import config
from codeassist_jupyter.assistant import code_of
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.types import Message, Text

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_SYSTEM = "You are an expert Python programmer who mends cells of Jupyter notebooks."


@dataclass
class Result:
    """What one notebook came to; `fixed` by the case's check, `status` as the assistant said."""

    name: str
    live: bool
    hint: str = ""
    edits: int = 0
    edit_right: bool = False
    code: str = ""
    status: str = ""
    flags: tuple[str, ...] = ()
    fixed: bool = False
    asked: bool = False
    seconds: float = 0.0
    baseline_code: str = ""
    baseline: bool = False


def passes(case: Case, code: str) -> bool:
    return bool(code.strip()) and not any(run(case, code, case.check))


def mend(case: Case, result: Result) -> str:
    """Run the notebook and `%assist fix`; return the traceback's text."""
    with tempfile.TemporaryDirectory() as name:
        lay_out(case, Path(name))
        front = FrontEnd(Path(name))
        try:
            front.run("%load_ext codeassist_jupyter")
            for cell in case.cells:
                front.run(cell)
            traceback = _ANSI.sub("", front.run(case.broken).error)
            front.run("f = get_ipython()._codeassist.session.last_failure")
            hint = "(f.hint.text, list(f.hint.edits)) if f.hint else ('', [])"
            front.run(f"import json as j_; h_ = {hint}")
            result.hint, edits = json.loads(front.run("print(j_.dumps(h_))").printed)
            result.edits = len(edits)
            result.edit_right = bool(edits) and any(passes(case, edit) for edit in edits)
            began = time.monotonic()
            front.run("%assist fix -o r_")
            result.seconds = time.monotonic() - began
            facts = "(r_.code, r_.status, list(r_.flags), bool(r_.usages))"
            told = json.loads(front.run(f"print(j_.dumps({facts}))").printed)
            result.code, result.status, result.flags, result.asked = told
        finally:
            front.close()
    result.fixed = passes(case, result.code)
    return traceback


def ask_alone(client: HostClient, case: Case, traceback: str) -> str:
    """The same model with the cells and the traceback, once, at temperature 0."""
    cells = "\n\n".join(f"```python\n{cell}\n```" for cell in case.cells)
    question = (
        f"These cells of a notebook were run:\n\n{cells}\n\nThis cell failed:\n\n"
        f"```python\n{case.broken}\n```\n\nwith\n\n```\n{traceback[-3000:]}\n```\n\n"
        "Give the whole corrected cell in one ```python block."
    )
    messages = [Message("system", _SYSTEM), Message("user", question)]
    events = client.chat(messages, model=config.load().model)
    return code_of("".join(event.text for event in events if isinstance(event, Text)))


def report(results: list[Result], baseline: bool) -> str:
    rows = []
    for title, part in (
        ("all", results),
        ("needs the live values", [r for r in results if r.live]),
        ("the others", [r for r in results if not r.live]),
    ):
        fixed, alone = sum(r.fixed for r in part), sum(r.baseline for r in part)
        rows.append(f"| {title} | {len(part)} | {fixed} | {alone if baseline else '-'} |")
    ran = [r for r in results if r.status == "ran" and not r.flags]
    verified = [r for r in results if r.status == "verified"]
    flagged = [r for r in results if r.flags]
    spoke = [r for r in results if r.hint]
    edits = [r for r in results if r.edits]
    seconds = sorted(r.seconds for r in results)
    return "\n".join(
        [
            "| notebooks | n | mended | model alone |",
            "|---|---|---|---|",
            *rows,
            f"ran, not flagged: {len(ran)}, wrong {sum(not r.fixed for r in ran)}",
            f"flagged: {len(flagged)}, wrong {sum(not r.fixed for r in flagged)}",
            f"verified: {len(verified)}, wrong {sum(not r.fixed for r in verified)}",
            f"hints: {len(spoke)}; with an edit {len(edits)}, of which right at once or in the end "
            f"{sum(r.edit_right or (r.fixed and not r.asked) for r in edits)}",
            f"without the model: {sum(not r.asked for r in results)}",
            f"seconds: median {seconds[len(seconds) // 2]:.1f}, longest {seconds[-1]:.1f}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--every", type=int, default=1, help="take each Nth notebook")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--no-baseline", action="store_true")
    args = parser.parse_args()
    client = HostClient(config.load())
    results = []
    for case in CASES[:: args.every]:
        if args.only and case.name not in args.only:
            continue
        result = Result(case.name, case.live)
        traceback = mend(case, result)
        if not args.no_baseline:
            result.baseline_code = ask_alone(client, case, traceback)
            result.baseline = passes(case, result.baseline_code)
        results.append(result)
        load = os.getloadavg()[0]
        print(
            f"{case.name:<40} {result.status:<10} {'mended' if result.fixed else 'WRONG':<7}"
            f" alone {'mended' if result.baseline else 'wrong':<7} {result.seconds:5.1f} s"
            f"  load {load:.1f}  {result.hint[:90]}",
            flush=True,
        )
        if args.out:
            with args.out.open("a") as file:
                file.write(json.dumps(asdict(result)) + "\n")
    print(report(results, not args.no_baseline))


if __name__ == "__main__":
    main()
