"""Tells the index of executed and edited cells, so that they are found before they are saved."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import CodeAssistError
from . import context

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from ..host.client import HostClient
    from ..project import Project
    from .imported import Imported

log = logging.getLogger(__name__)

_MOST_CELLS = 2000
_LONGEST = 1_000_000  # characters; what is longer is data
_LEAVE_S = 2.0


class _Ran(NamedTuple):
    source: str
    at: float


class CellFeed:
    """Tells a running host of each executed cell, from a thread of its own.

    A host that has not heard of this kernel, or of the folder it is in now, is told of all cells.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        client: HostClient,
        project: Project,
        imported: Imported,
    ) -> None:
        self._shell = shell
        self._client = client
        self._project = project
        self._imported = imported
        # JupyterLab's server names the notebook; other front ends do not.
        self._path = os.environ.get("JPY_SESSION_NAME") or f"kernel-{os.getpid()}.ipynb"
        now = time.time()
        self._cells = {f"In-{c.number}": _Ran(c.source, now) for c in context.cells(shell)}
        self._untold = set(self._cells)
        self._told: tuple[int, str] | None = None  # the host's pid, our folder
        self._lock = threading.Lock()
        self._ran_one = threading.Event()
        self._closed = False
        shell.events.register("post_run_cell", self._ran)
        self._thread = threading.Thread(target=self._run, name="codeassist-cells", daemon=True)
        self._thread.start()

    def tell(self, start: bool = True) -> None:
        """Tell the host what it does not know yet, and start one if asked to; raises nothing."""
        with self._lock:
            untold = (self._cells.get(cell_id) for cell_id in list(self._untold))
            has_new = self._imported.read(ran.source for ran in untold if ran is not None)
            try:
                health = self._client.health(start)
                if health is not None:
                    if has_new or self._told is None or self._told[0] != health["pid"]:
                        self._project.index.tell_packages(self._imported.packages)
                    self._send((health["pid"], self._project.folder))
            except CodeAssistError as exc:
                log.info("cells were not told: %s", exc)

    def edited(self, cell_id: str, source: str) -> None:
        """Note a cell's present text, run or not; raises nothing."""
        if len(source) <= _LONGEST and not context.is_ours(source):
            self._cells.pop(cell_id, None)  # the latest come last
            self._cells[cell_id] = _Ran(source, time.time())
            self._untold.add(cell_id)
            self._ran_one.set()

    def close(self) -> None:
        """Let the host forget this kernel's cells."""
        self._shell.events.unregister("post_run_cell", self._ran)
        self._closed = True
        self._ran_one.set()
        self._thread.join(_LEAVE_S)

    def _ran(self, result: ExecutionResult) -> None:
        """The hook: only notes, and raises nothing."""
        info: Any = result.info
        source = getattr(info, "raw_cell", None)
        if type(source) is not str or not info.store_history:
            return
        self.edited(getattr(info, "cell_id", None) or f"In-{result.execution_count}", source)

    def _run(self) -> None:
        while not self._closed:
            self.tell(start=False)
            self._ran_one.wait()
            self._ran_one.clear()
        if self._told is not None:
            self._cells.clear()
            self._told = None
            self.tell(start=False)

    def _send(self, to: tuple[int, str]) -> None:
        whole = self._told != to
        if not whole and not self._untold:
            return
        telling = set(self._untold)
        self._untold -= telling  # before they are sent: one may run again meanwhile
        saved = self._saved_at()
        cells = [
            {"id": cell_id, "source": ran.source}
            for cell_id, ran in list(self._cells.items())[-_MOST_CELLS:]
            if (whole or cell_id in telling) and ran.at > saved
        ]
        try:
            self._project.index.put_cells(self._path, cells, whole)
        except CodeAssistError:
            self._untold |= telling
            raise
        self._told = to

    def _saved_at(self) -> float:
        """When the notebook was saved: what ran before that, the index has read there."""
        try:
            return Path(self._path).stat().st_mtime
        except OSError:
            return 0.0
