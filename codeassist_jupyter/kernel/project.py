"""The project around a notebook: finds sources for a question and tells the index of run cells.

Never delays or fails a question: without an index in time there are simply no sources.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import citations
from ..citations import Cited
from ..errors import CodeAssistError
from ..types import Hit, Source
from . import context

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from ..assistant import Answer
    from ..host.client import HostClient
    from ..host.index_client import IndexClient

log = logging.getLogger(__name__)

_HITS = 4
_FIRST_WAIT_S = 3.0  # for an index that is only being opened
_QUEUED_CELLS = 500


class Project:
    """The index as this kernel sees it; the project is that of the current folder."""

    def __init__(self, client: HostClient) -> None:
        self._client = client
        self._hits: dict[Source, Hit] = {}
        self._root = ""

    @property
    def index(self) -> IndexClient:
        from ..host.index_client import IndexClient

        return IndexClient(self._client, str(Path.cwd()))

    def retrieve(self, question: str) -> tuple[Hit, ...]:
        """Places that answer the question; none where the index is not sure or not there."""
        try:
            found = self.index.search(question, _HITS, wait_s=_FIRST_WAIT_S)
        except CodeAssistError as exc:
            log.info("no sources: %s", exc)
            return ()
        hits = found.hits if found.confident else ()
        self._root = found.root
        self._hits = dict(zip(citations.sources(hits), hits, strict=True))
        return hits

    def check(self, answer: Answer) -> list[Cited]:
        """The sources that an answer cites, each read again: verified, moved, changed or gone."""
        numbers = citations.cited(answer.text)
        used = [source for source in answer.sources if source.id in numbers]
        if not used:
            return []
        try:
            verdicts = self.index.verify([self._hits[source].chunk for source in used])
        except CodeAssistError as exc:
            log.info("sources not checked: %s", exc)
            verdicts = ["not checked"] * len(used)
        links = [os.path.relpath(Path(self._root) / source.path) for source in used]
        return [Cited(*item) for item in zip(used, verdicts, links, strict=True)]


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
