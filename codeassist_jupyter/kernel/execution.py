"""The cells as they were run in this kernel, and as they stand in its notebook's file.

Reads IPython's own record; runs nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .context import is_ours
from .lineage import Placed, Run

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_LONGEST = 200_000  # characters; what is longer is data
_LARGEST = 64 << 20  # bytes of a notebook


def notebook_path() -> Path | None:
    """The notebook's file as JupyterLab's server names it; None in other front ends."""
    name = os.environ.get("JPY_SESSION_NAME")
    return Path(name) if name else None


def runs(shell: InteractiveShell, cell_ids: Mapping[int, str]) -> tuple[Run, ...]:
    """What was run, in order; `cell_ids` are the front end's ids by execution number."""
    history = shell.history_manager
    if history is None:
        return ()
    raw, parsed = history.input_hist_raw, history.input_hist_parsed
    found = []
    for number in range(1, min(shell.execution_count, len(raw), len(parsed))):
        if not is_ours(raw[number]) and len(raw[number]) <= _LONGEST:
            failed = number in history.exceptions
            cell_id = cell_ids.get(number, "")
            found.append(Run(number, raw[number], parsed[number], cell_id, failed))
    return tuple(found)


def saved_cells(path: Path) -> tuple[Placed, ...]:
    """The code cells of a notebook's file; () if it cannot be read."""
    try:
        if path.stat().st_size > _LARGEST:
            return ()
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return ()
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    found = []
    for place, cell in enumerate(cells if isinstance(cells, list) else (), 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = _joined(cell.get("source"))
            if len(source) <= _LONGEST and not is_ours(source):
                found.append(Placed(place, str(cell.get("id", "")), source, translated(source)))
    return tuple(found)


def translated(source: str) -> str:
    """A cell's Python text: IPython's own syntax turned into calls, its start-up rules not used."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return str(TransformerManager().transform_cell(source))
    except SyntaxError:
        return source


def _joined(value: Any) -> str:
    parts = value if isinstance(value, list) else [value]
    return "".join(part for part in parts if isinstance(part, str))
