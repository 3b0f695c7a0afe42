"""`%assist why NAME` and `%assist check`: answers from the kernel's own record, without a model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import security
from ..errors import UsageError
from . import describe, execution, lineage
from .dataflow import flow
from .lineage import Placed, Report, Run, Step

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .watch import FailureWatch

_LINE = 100
_MORE = 12  # steps and remarks that are listed


def why(shell: InteractiveShell, watch: FailureWatch, name: str) -> str:
    """The chain of executed cells that led to the present value of `name`.

    Raises UsageError for what is no variable of this kernel.
    """
    if name not in shell.user_ns:
        raise UsageError(f"there is no variable {name!r}", "`%who` lists those that there are.")
    steps = lineage.origin(name, execution.runs(shell, watch.cell_ids))
    value = describe.describe(name, shell.user_ns[name])
    if not steps:
        return f"{value}\nNo cell that was run here binds `{name}`; an extension, a start-up file,\
 a star import or `exec` may have."
    lines = [value, *map(_step, steps[-_MORE:])]
    if len(steps) > _MORE:
        lines.insert(1, f"… {len(steps) - _MORE} earlier steps")
    if steps[-1].run.failed:
        lines.append(
            f"In [{steps[-1].run.number}] raised an error, so it may have stopped halfway."
        )
    return "\n".join(lines)


def check(shell: InteractiveShell, watch: FailureWatch) -> str:
    """Whether Restart & Run All would work, and where the kernel differs from the notebook."""
    runs = execution.runs(shell, watch.cell_ids)
    path = execution.notebook_path()
    cells = execution.saved_cells(path) if path is not None else ()
    lines: list[str] = []
    if path is not None and cells:
        saved = path.stat().st_mtime
        lines.append(f"{path.name} as saved at {time.strftime('%H:%M:%S', time.localtime(saved))}:")
        lines += _unsaved(cells, runs, watch.ran_at, saved)
        cells = tuple(_newest(cell, runs, watch.ran_at, saved) for cell in cells)
        runs = tuple(run for run in runs if not _is_new(run, cells, watch.ran_at, saved))
    elif runs:
        lines.append("The notebook's file is not known here; checked as run, in this order:")
        cells = _as_run(runs)
    else:
        return "Nothing was run yet."
    report = lineage.check(cells, runs, shell.user_ns, _given(shell, runs))
    return "\n".join([*lines, *_told(report, len(cells))])


def _newest(cell: Placed, runs: Sequence[Run], ran_at: Mapping[str, float], saved: float) -> Placed:
    """The cell's text: as it was run last if that was after the file was saved."""
    if ran_at.get(cell.cell_id, 0.0) <= saved:
        return cell
    run = next((run for run in reversed(runs) if run.cell_id == cell.cell_id), None)
    return cell if run is None else replace(cell, source=run.source, python=run.python)


def _is_new(run: Run, cells: Sequence[Placed], ran_at: Mapping[str, float], saved: float) -> bool:
    """Whether a run belongs to a cell that the file does not have yet."""
    here = any(cell.cell_id == run.cell_id for cell in cells)
    return not here and ran_at.get(run.cell_id, 0.0) > saved


def _unsaved(
    cells: Sequence[Placed], runs: Sequence[Run], ran_at: Mapping[str, float], saved: float
) -> list[str]:
    new = [run for run in runs if run.cell_id and _is_new(run, cells, ran_at, saved)]
    if not new:
        return []
    numbers = ", ".join(f"In [{run.number}]" for run in new[-_MORE:])
    return [f"not in it yet, so not checked: {numbers}; save the notebook and check again"]


def _as_run(runs: Sequence[Run]) -> tuple[Placed, ...]:
    """Each cell's latest text in the order of its first run."""
    latest = {run.cell_id or f"In-{run.number}": run for run in runs}
    order = dict.fromkeys(run.cell_id or f"In-{run.number}" for run in runs)
    return tuple(
        Placed(place, cell_id, latest[cell_id].source, latest[cell_id].python)
        for place, cell_id in enumerate(order, 1)
    )


def _given(shell: InteractiveShell, runs: Sequence[Run]) -> set[str]:
    """Names that no cell made: those of IPython itself, extensions and start-up files."""
    made = set().union(*(flow(run.python).binds for run in runs))
    return {name for name in shell.user_ns if name not in made}


def _step(step: Step) -> str:
    lines = [line for line in step.run.source.strip().splitlines() if line.strip()]
    shown = next((line for line in lines if step.name in line), lines[0]).strip()
    more = f"  (+{len(lines) - 1} lines)" if len(lines) > 1 else ""
    verb = "changed by" if step.changed else "from"
    text = security.clean(shown, _LINE).replace("\n", " ")
    return f"{step.name} {verb} In [{step.run.number}]: {text}{more}"


def _told(report: Report, cells: int) -> list[str]:
    if report.stops_at is None:
        lines = [f"Restart & Run All finds every name, as far as {cells} cells' text can tell."]
    else:
        lines = [f"Restart & Run All would stop at cell {report.stops_at.place}:"]
        lines += [f"  {reason}" for reason in report.reasons]
    remarks = [*report.remarks, *report.unsure]
    lines += [f"- {security.clean(remark, 300)}" for remark in remarks[:_MORE]]
    if len(remarks) > _MORE:
        lines.append(f"- and {len(remarks) - _MORE} more")
    return lines
