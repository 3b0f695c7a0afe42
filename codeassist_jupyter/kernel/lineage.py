"""Where a variable's value came from, and whether the notebook would run again from the top.

Pure: works on the cells as they were run and as they stand in the notebook, by their text alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .dataflow import Flow, flow

_STEPS = 30  # of a chain; longer ones are cut


@dataclass(frozen=True, slots=True)
class Run:
    """One execution: `source` as typed, `python` with its magics translated."""

    number: int
    source: str
    python: str
    cell_id: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """An execution that made or changed `name`, from the names it read."""

    name: str
    run: Run
    read: tuple[str, ...]
    changed: bool = False  # rather than bound anew


@dataclass(frozen=True, slots=True)
class Placed:
    """A code cell as it stands in the notebook, `place` counting all cells from 1."""

    place: int
    cell_id: str
    source: str
    python: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `%assist check` found; `stops_at` is the first cell that a fresh run fails in."""

    stops_at: Placed | None = None
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    unsure: tuple[str, ...] = field(default=())


def origin(name: str, runs: Sequence[Run]) -> tuple[Step, ...]:
    """The executions that led to the present value of `name`, the oldest first; () if none did.

    Follows what each one read, back to cells that read nothing.
    """
    flows = {run.number: flow(run.python) for run in runs}
    found: dict[tuple[str, int], Step] = {}
    pending = [(name, len(runs))]
    while pending and len(found) < _STEPS:
        wanted, before = pending.pop()
        for index in range(before - 1, -1, -1):
            run, made = runs[index], flows[runs[index].number]
            if wanted in made.deletes and wanted not in made.binds:
                break
            binds = wanted in made.binds or made.imports_all
            if not binds and wanted not in made.changes:
                continue
            if (wanted, run.number) in found:
                break
            read = tuple(sorted(_needed(made, _before(runs, flows, index)) - {wanted}))
            if wanted in made.binds or wanted in made.changes:
                found[wanted, run.number] = Step(wanted, run, read, wanted not in made.binds)
                pending += [(other, index) for other in reversed(read)]
            if wanted in made.binds and wanted not in made.reads:
                break
    return tuple(sorted(found.values(), key=lambda step: (step.run.number, step.name)))


def check(
    cells: Sequence[Placed],
    runs: Sequence[Run],
    alive: Collection[str],
    magics: Collection[str] = (),
) -> Report:
    """What would happen on Restart & Run All, and where the kernel differs from the notebook.

    `alive` are the names in the kernel now; `magics` those that extensions or start-up files put
    there, so that no cell has to.
    """
    flows = [flow(cell.python) for cell in cells]
    stops_at, reasons = None, []
    for cell, missing in _missing(cells, flows, set(magics)):
        stops_at = stops_at or cell
        if cell is stops_at:
            reasons += [_reason(name, cell, cells, flows, runs) for name in sorted(missing)]
    remarks = [*_edited(cells, runs), *_gone(cells, flows, runs, alive), *_order(cells, runs)]
    unsure = [
        f"cell {cell.place} imports everything from a module, so names may come from there"
        for cell, found in zip(cells, flows, strict=True)
        if found.imports_all
    ]
    return Report(stops_at, tuple(reasons), tuple(remarks), tuple(unsure))


def _before(
    runs: Sequence[Run], flows: Mapping[int, Flow], index: int
) -> dict[str, frozenset[str]]:
    """What the functions that were defined by then read when they are called."""
    needs: dict[str, frozenset[str]] = {}
    for run in runs[: index + 1]:
        needs |= flows[run.number].needs
    return needs


def _needed(made: Flow, functions: Mapping[str, frozenset[str]]) -> set[str]:
    """What a cell needs: what it reads, and what the functions that it uses read in turn."""
    needed: set[str] = set()
    # What it defines itself may be called in it; what it calls is not known, so all of it counts.
    pending = [*made.reads, *(name for names in made.needs.values() for name in names)]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += functions.get(name, ())
    return {name for name in needed if name in made.reads or name not in made.binds}


def _missing(
    cells: Sequence[Placed], flows: Sequence[Flow], known: set[str]
) -> Iterator[tuple[Placed, Collection[str]]]:
    """Yield each cell that would raise NameError in a fresh run, and the names it would miss."""
    functions: dict[str, frozenset[str]] = {}
    open_end = False
    for cell, made in zip(cells, flows, strict=True):
        # A function that is only defined does not need its names yet.
        called = set().union(*(functions.get(name, frozenset()) for name in made.reads))
        missing = made.reads - known
        missing |= {name for name in called if name not in known and name not in made.binds}
        open_end |= made.imports_all
        if missing and not open_end:
            yield cell, missing
        functions |= made.needs
        known |= made.binds
        known -= made.deletes


def _reason(
    name: str,
    cell: Placed,
    cells: Sequence[Placed],
    flows: Sequence[Flow],
    runs: Sequence[Run],
) -> str:
    for other, made in zip(cells, flows, strict=True):
        if other.place > cell.place and name in made.binds:
            return f"`{name}` is used before cell {other.place} defines it"
    here = {other.cell_id for other in cells}
    for run in reversed(runs):
        if name in flow(run.python).binds and run.cell_id not in here:
            return f"`{name}` was made by In [{run.number}], which is no longer in the notebook"
    for other, made in zip(cells, flows, strict=True):
        if other.place < cell.place and name in made.deletes:
            return f"`{name}` was deleted by cell {other.place}"
    return f"`{name}` is defined in no cell"


def _latest(runs: Sequence[Run]) -> dict[str, Run]:
    return {run.cell_id: run for run in runs if run.cell_id}


def _edited(cells: Sequence[Placed], runs: Sequence[Run]) -> Iterator[str]:
    latest = _latest(runs)
    for cell in cells:
        run = latest.get(cell.cell_id)
        if run is None or run.source.strip() == cell.source.strip():
            continue
        made = ", ".join(f"`{name}`" for name in sorted(flow(run.python).binds)[:4])
        still = f"; the kernel still has what it made before: {made}" if made else ""
        yield f"cell {cell.place} was edited after In [{run.number}] and not run since{still}"


def _gone(
    cells: Sequence[Placed], flows: Sequence[Flow], runs: Sequence[Run], alive: Collection[str]
) -> Iterator[str]:
    """Yield names whose cell was deleted and which others still read."""
    here = {cell.cell_id for cell in cells}
    bound = set().union(*(made.binds for made in flows))
    made_by: dict[str, Run] = {}
    for run in runs:
        for name in flow(run.python).binds:
            made_by[name] = run
    for name, run in sorted(made_by.items()):
        if run.cell_id and run.cell_id not in here and name in alive and name not in bound:
            readers = [
                f"cell {cell.place}"
                for cell, made in zip(cells, flows, strict=True)
                if name in made.reads or any(name in names for names in made.needs.values())
            ]
            if readers:
                yield (
                    f"`{name}` lives on from In [{run.number}], whose cell was deleted;"
                    f" {', '.join(readers[:3])} still needs it"
                )


def _order(cells: Sequence[Placed], runs: Sequence[Run]) -> Iterator[str]:
    """Yield cells that were run after one below them that reads what they make."""
    latest = _latest(runs)
    ran = [(cell, latest[cell.cell_id]) for cell in cells if cell.cell_id in latest]
    for index, (cell, run) in enumerate(ran):
        made = flow(run.python)
        for below, later in ran[index + 1 :]:
            shared = (made.binds | made.changes) & flow(later.python).reads
            if later.number < run.number and shared:
                yield (
                    f"cell {below.place} (In [{later.number}]) was run before cell {cell.place}"
                    f" (In [{run.number}]), whose `{min(shared)}` it reads"
                )
                break
