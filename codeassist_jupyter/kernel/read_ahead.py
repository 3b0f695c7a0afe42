"""Lets the model read a failure's facts before anybody asks, so that `fix` answers at once.

Only where a host with that model is running already; ends when another cell is run.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from ..errors import CodeAssistError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..assistant import Question
    from .session import Session
    from .watch import LastFailure

log = logging.getLogger(__name__)


class ReadAhead:
    """At most one reading at a time."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        self._shell = shell
        self._session = session
        self._reading: Question | None = None
        shell.events.register("pre_run_cell", self._interrupt)

    def start(self, failure: LastFailure) -> None:
        """Begin, unless a hint determines the edit: then the model will hardly be asked."""
        if failure.hint is None or not failure.hint.edits:
            threading.Thread(target=self._read, args=(failure,), daemon=True).start()

    def close(self) -> None:
        """Take the hook away and end what is being read; a second call does nothing."""
        if self._interrupt in self._shell.events.callbacks["pre_run_cell"]:
            self._shell.events.unregister("pre_run_cell", self._interrupt)
        self._interrupt()

    def _read(self, failure: LastFailure) -> None:
        from .fix import question

        try:
            session = self._session
            settings = session.settings()
            health = session.client.health(start=False)
            if health is None or health["state"] != "ready":
                return
            if health["model"] != session.client.resolve(settings.model):
                return
            self._reading = asked = question(failure, settings)
            session.assistant.prefill(asked)
        except CodeAssistError as exc:
            log.info("the failure was not read ahead: %s", exc)
        except Exception:  # the door of a thread that nobody waits for
            log.exception("the failure was not read ahead")
        finally:
            self._reading = None

    def _interrupt(self, _: object = None) -> None:
        """The hook before a cell: gives the cores back; raises nothing."""
        asked = self._reading
        if asked is not None:
            threading.Thread(target=self._cancel, args=(asked.id,), daemon=True).start()

    def _cancel(self, request_id: str) -> None:
        try:
            self._session.client.cancel(request_id)
        except CodeAssistError as exc:
            log.info("reading ahead was not cancelled: %s", exc)
