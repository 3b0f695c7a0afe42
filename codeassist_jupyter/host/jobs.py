"""Runs each request's engine on a thread of its own and hands its events to the event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict

from ..errors import CodeAssistError, EngineError, HostUnavailable
from ..memory.metrics import Metrics
from ..types import Done, Event, Failed, Request, Usage
from .pool import EnginePool

log = logging.getLogger(__name__)

_MAX_JOBS = 64  # one user's kernels; more is a program gone wild
_REMEMBERED_CANCELS = 256


class Job:
    """One request on its way: its events, in order, from the engine's thread."""

    def __init__(self, job_id: str, request: Request) -> None:
        self.id = job_id
        self.model = ""
        self.cancel = request.cancel
        self.priority = request.priority
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | CodeAssistError] = asyncio.Queue()

    async def next(self, patience_s: float) -> Event | None:
        """Give the next event, or None after `patience_s`; raises what the engine raised."""
        try:
            event = await asyncio.wait_for(self._events.get(), patience_s)
        except TimeoutError:
            if self.cancel.is_set() and not self.model:  # cancelled while its model still loads
                return Done("cancelled", Usage("", 0, 0, 0, 0.0, 0.0))
            return None
        if isinstance(event, CodeAssistError):
            raise event
        return event

    def ready(self) -> Event | None:
        """Give an event that has arrived already, so that one write carries many."""
        return None if self._events.empty() else self._next_event()

    def _next_event(self) -> Event:
        event = self._events.get_nowait()
        if isinstance(event, CodeAssistError):
            return Failed(event.code, event.message, event.hint)
        return event

    def run(
        self, pool: EnginePool, metrics: Metrics, engine: str | None, model: str | None
    ) -> Done | None:
        """Do the work and give its end; for the job's own thread."""
        done = None
        try:
            with pool.lease(engine, model) as opened:
                self.model = opened.model
                for event in opened.generate(self._request):
                    if isinstance(event, Done):
                        event = done = metrics.compared(event)
                    self._tell(event)
        except CodeAssistError as exc:
            self._tell(exc)
        except Exception as exc:  # the door: nobody else sees the failure of a thread
            log.exception("job %s failed", self.id)
            self._tell(EngineError(f"the engine failed: {type(exc).__name__}: {exc}"))
        return done

    def _tell(self, event: Event | CodeAssistError) -> None:
        try:
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
        except RuntimeError:  # the loop is closed: the host is on its way out
            self.cancel.set()


class Jobs:
    """All jobs in progress, and how to cancel them by id."""

    def __init__(self, pool: EnginePool, metrics: Metrics) -> None:
        self.pool = pool
        self.metrics = metrics
        self.last_active = time.monotonic()
        self._running: dict[str, Job] = {}
        # A cancel may overtake its request on the way here; ids are never used twice.
        self._cancelled: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, job_id: str, request: Request, engine: str | None, model: str | None) -> Job:
        """Start a job on the running event loop; raises HostUnavailable if there are too many."""
        job = Job(job_id, request)
        with self._lock:
            if len(self._running) >= _MAX_JOBS:
                raise HostUnavailable(
                    f"{_MAX_JOBS} requests are waiting already", "Try again when some are done."
                )
            before = self._running.get(job_id)
            if before is not None:  # a client that lost its connection asks again
                before.cancel.set()
            if job_id in self._cancelled:
                job.cancel.set()
            self._running[job_id] = job
        threading.Thread(
            target=self._run, args=(job, engine, model), name=f"job-{job_id}", daemon=True
        ).start()
        return job

    def cancel(self, job_id: str) -> bool:
        """Cancel a job, even one that has not arrived yet; says whether it was running."""
        with self._lock:
            self._cancelled[job_id] = None
            while len(self._cancelled) > _REMEMBERED_CANCELS:
                self._cancelled.popitem(last=False)
            job = self._running.get(job_id)
        if job is not None:
            job.cancel.set()
        return job is not None

    def cancel_all(self) -> None:
        with self._lock:
            jobs = list(self._running.values())
        for job in jobs:
            job.cancel.set()

    @property
    def active(self) -> int:
        return len(self._running)

    def _run(self, job: Job, engine: str | None, model: str | None) -> None:
        begun = time.monotonic()
        try:
            done = job.run(self.pool, self.metrics, engine, model)
        finally:
            with self._lock:
                if self._running.get(job.id) is job:
                    del self._running[job.id]
                self.last_active = time.monotonic()
        if done is not None:
            self._record(job, done, 1000 * (time.monotonic() - begun))

    def _record(self, job: Job, done: Done, total_ms: float) -> None:
        """Write the figures down once the answer was told and nobody waits."""
        try:
            self.metrics.record(done, job.priority, total_ms)
        except Exception:  # the door to the metrics: a host never fails by them
            log.exception("metrics of job %s", job.id)
