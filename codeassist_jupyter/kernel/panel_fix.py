"""Mends a failed cell for the side panel, as `%assist fix` does, from a thread of its own.

Copies of the kernel are made on its main thread only, and not while a cell is running there.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import security
from ..errors import UsageError
from ..protocol import Request
from .comm import Reply
from .outcomes import NotTried, Outcome
from .panel_text import Shown

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..citations import Cited
    from .fix import Fix, Work
    from .panel import Panel

_PATIENCE_S = 3.0  # for the main thread to be free
_POLL_S = 0.02
_MOST_CODE = 30_000  # characters of one side of a proposal; both fit into a message
_BUSY = "a cell is running, and the kernel can only be copied between cells"


def fix(panel: Panel, request: Request, reply: Reply) -> None:
    """Explain the failure of a cell, and search and propose what mends it."""
    from .fix import Work, failure_of, mend, shown, title

    session, cell = panel.session, request.fields["cell"]
    failure = failure_of(session)
    if cell not in ("", failure.post_mortem.cell_id):
        raise UsageError("that cell's error is not the latest one", "Run the cell again, then ask.")
    reply.send("start", question=f"Explain and fix: {security.clean(title(failure), 200)}")
    run = _Run(panel)
    panel.stops[request.id] = run.stop
    try:
        with panel.turn:
            panel.running = request.id
            view = _View(reply)
            expect = tuple(request.fields["expect"])
            run.work = Work(session, failure, session.settings(), expect, view, run.attempt)
            found = mend(run.work)
            view.finish(shown(found, diff=not _proposed(found)))
            if _proposed(found):
                reply.send("proposal", **_proposal(found))
            reply.send("done", **_done(run.work))
    finally:
        panel.running = ""
        del panel.stops[request.id]


def apply(panel: Panel, _: Request, reply: Reply) -> None:
    """Write the latest proposal for a project file."""
    from .fix import apply as take_over

    found = panel.session.fixed
    if found is None or found.target is None:
        raise UsageError("there is no proposal for a file", "Ask for a fix first.")
    reply.send("told", text=security.clean(take_over(panel.session), 1000))


HANDLERS: dict[str, Callable[[Panel, Request, Reply], None]] = {"fix": fix, "apply": apply}


class _Run:
    """One search from the panel: tries on the main thread, and can be stopped at any time."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._stopped = threading.Event()
        self.work: Work | None = None

    def stop(self) -> None:
        """End what is tried or answered now, and the search with it."""
        self._stopped.set()
        if self.work is not None and self.work.asked is not None:
            self._panel.session.client.cancel(self.work.asked.id)

    def attempt(
        self,
        shell: InteractiveShell,
        code: str,
        *,
        then: Sequence[str] = (),
        expect: Sequence[str] = (),
    ) -> Outcome:
        """As `trial.attempt`; raises KeyboardInterrupt once it is stopped."""
        from . import trial

        def work() -> Outcome:
            return trial.attempt(shell, code, then=then, expect=expect, stop=self._stopped.is_set)

        if self._stopped.is_set():
            raise KeyboardInterrupt
        return self._on_main(shell, work)

    def _on_main(self, shell: InteractiveShell, work: Callable[[], Outcome]) -> Outcome:
        """Do something on the kernel's main thread, if it gets free soon enough."""
        begun = threading.Lock()  # held by who decides: the main thread begins, or we give up
        came: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()

        def call() -> None:
            if not begun.acquire(blocking=False):
                return
            if self._panel.busy:  # a cell that waits for something lets the loop go on
                came.put(NotTried(_BUSY))
                return
            try:
                came.put(work())
            except BaseException as exc:  # noqa: BLE001 - the thread that asks raises it
                came.put(exc)

        shell.kernel.io_loop.add_callback(call)  # type: ignore[attr-defined] # of ipykernel's
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            with contextlib.suppress(queue.Empty):
                ended = came.get(timeout=_POLL_S)
                if isinstance(ended, BaseException):
                    raise ended
                return ended
            waited = self._stopped.is_set() or time.monotonic() > deadline
            if waited and begun.acquire(blocking=False):
                if self._stopped.is_set():
                    raise KeyboardInterrupt
                return NotTried(_BUSY)


class _View:
    """Shows the search in the panel."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._shown = Shown(reply)

    def status(self, message: str) -> None:
        self._reply.send("status", text=security.clean(message, 300))

    def show(self, text: str) -> None:
        self._shown.show(text)

    def finish(self, text: str, footer: str = "", cited: Sequence[Cited] = ()) -> None:  # noqa: ARG002
        self._shown.finish(text)


def _proposed(found: Fix) -> bool:
    """Whether there is something that the panel can show as a change."""
    return bool(found.code) and max(len(found.code), len(found.source)) <= _MOST_CODE


def _proposal(found: Fix) -> dict[str, Any]:
    return {
        "cell": found.cell_id if found.target is None else "",
        "path": security.clean(found.path, 1000),
        "expected": found.source,
        "source": found.code,
        "status": found.status,
        "verdict": security.clean(found.verdict, 2000),
        "flags": [security.clean(flag, 500) for flag in found.flags],
    }


def _done(work: Work) -> dict[str, Any]:
    answer = work.answer
    return {
        "stopped": "cancelled" if work.interrupted else "stop",
        "footer": work.footer,
        "sources": [],
        "conversation": answer.conversation,
        "number": answer.number,
    }
