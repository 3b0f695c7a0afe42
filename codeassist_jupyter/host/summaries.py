"""Keeps the summaries of conversations up to date while nobody is waiting for anything.

Uses only an engine that is open already and runs on this machine: a summary never loads a model,
and nothing is sent to a server but with a question. Gives way to every request at once.
"""

from __future__ import annotations

import logging
import threading
import time

from .. import config, security
from ..errors import CodeAssistError
from ..memory import summary
from ..types import Conversation, Done, Engine, Request, Sampling, Text
from .jobs import Jobs
from .memories import Memories

log = logging.getLogger(__name__)

_QUIET_S = 5.0  # without a request before the first summary
_LOOK_S = 1.0


class Summaries:
    """A thread that summarises the conversations it was told of."""

    def __init__(self, memory: Memories, jobs: Jobs, quiet_s: float = _QUIET_S) -> None:
        self._memory = memory
        self._jobs = jobs
        self._quiet_s = quiet_s
        self._told: set[str] = set()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="summaries", daemon=True)
        self._thread.start()

    def tell(self, conversation: Conversation) -> None:
        """A conversation has grown."""
        if summary.due(conversation):
            self._told.add(conversation.id)
            self._wake.set()

    def close(self) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while self._wake.wait() and not self._stop.is_set():
            if not self._quiet():
                self._stop.wait(min(_LOOK_S, self._quiet_s))
                continue
            self._wake.clear()
            for conversation in list(self._told):
                self._told.discard(conversation)
                try:
                    again = self._summarize(conversation)
                except CodeAssistError as exc:
                    log.info("no summary: %s", exc)
                except Exception:  # the door: nobody else sees the failure of a thread
                    log.exception("a summary failed")
                else:
                    if again:
                        self._told.add(conversation)
                        self._wake.set()

    def _quiet(self) -> bool:
        idle_s = time.monotonic() - self._jobs.last_active
        return not self._jobs.active and idle_s >= self._quiet_s

    def _summarize(self, conversation: str) -> bool:
        """Take in the next turns; True if there is more to do, or somebody came between."""
        store = self._memory.store()
        known = store.get(conversation)
        numbers = summary.due(known)
        if not numbers:
            return False
        exchanges = [e for e in store.exchanges(conversation) if e.number in numbers]
        model = next((e.model for e in reversed(store.exchanges(conversation, 1))), "")
        prompt = summary.prompt(known.summary, exchanges, security.fence_key(config.home()))
        sampling = Sampling(max_tokens=summary.MAX_TOKENS)
        with self._jobs.pool.borrow(model) as engine:
            if engine is None:
                return False  # the next answer tells us again
            told = self._answer(engine, Request(prompt, sampling, "background"))
        if told:
            store.summarize(conversation, summary.kept(told), numbers[-1])
        return bool(told) or self._jobs.active > 0

    def _answer(self, engine: Engine, request: Request) -> str:
        """The whole answer, or "" if a request came between or it broke off."""
        pieces = []
        for event in engine.generate(request):
            if self._jobs.active or self._stop.is_set():
                request.cancel.set()
            if isinstance(event, Text):
                pieces.append(event.text)
            elif isinstance(event, Done) and event.reason in ("stop", "length"):
                return "".join(pieces).strip()
        return ""
