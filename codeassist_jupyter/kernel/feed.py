"""Tells the index of executed cells, so that they can be found before the notebook is saved."""

from __future__ import annotations

import logging
import os
import queue
import threading
from typing import TYPE_CHECKING, Any

from ..errors import CodeAssistError
from ..project import Project
from . import context

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from ..host.client import HostClient

log = logging.getLogger(__name__)

_QUEUED_CELLS = 500


class CellFeed:
    """Tells a running host of each executed cell, from a thread of its own; never starts one."""

    def __init__(self, shell: InteractiveShell, client: HostClient) -> None:
        self._shell = shell
        self._client = client
        self._project = Project(client)
        self._cells: queue.Queue[dict[str, Any] | None] = queue.Queue(_QUEUED_CELLS)
        for cell in context.cells(shell):
            self._put({"id": f"In-{cell.number}", "source": cell.source})
        shell.events.register("post_run_cell", self._ran)
        threading.Thread(target=self._send, name="codeassist-cells", daemon=True).start()

    def close(self) -> None:
        self._shell.events.unregister("post_run_cell", self._ran)
        self._put(None)

    def _ran(self, result: ExecutionResult) -> None:
        """The hook: only queues, and raises nothing."""
        info: Any = result.info
        source = getattr(info, "raw_cell", None)
        cell_id = getattr(info, "cell_id", None) or f"In-{self._shell.execution_count}"
        if type(source) is str and info.store_history and not context.is_ours(source):
            self._put({"id": str(cell_id), "source": source})

    def _put(self, item: dict[str, Any] | None) -> None:
        try:
            self._cells.put_nowait(item)
        except queue.Full:
            log.info("the host does not keep up; a cell is not told")

    def _send(self) -> None:
        # JupyterLab's server names the notebook; other front ends do not.
        path = os.environ.get("JPY_SESSION_NAME") or f"kernel-{os.getpid()}.ipynb"
        while (cell := self._cells.get()) is not None:
            try:
                if self._client.health(start=False) is not None:
                    self._project.index.put_cells(path, [cell])
            except CodeAssistError as exc:
                log.info("a cell was not told: %s", exc)
