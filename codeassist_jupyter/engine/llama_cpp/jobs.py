"""The line of jobs before the one worker: interactive ones first, then in order of arrival."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from ...types import Event, Request
from .sampler import Sampler


@dataclass(eq=False, slots=True)
class Job:
    """One request on its way through the worker; `events` carries what the caller will see."""

    request: Request
    tokens: list[int]
    sampler: Sampler
    arrived: float = field(default_factory=time.perf_counter)
    events: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)

    @property
    def background(self) -> bool:
        return self.request.priority == "background"


class Line:
    """A two-class queue; may be used from any thread."""

    def __init__(self) -> None:
        self._interactive: deque[Job] = deque()
        self._background: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, job: Job) -> bool:
        """Queue a job; False once the line is closed."""
        with self._changed:
            if self._closed:
                return False
            (self._background if job.background else self._interactive).append(job)
            self._changed.notify()
            return True

    def take(self) -> Job | None:
        """Wait for the next job; None once the line is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._interactive or self._background)
            if self._closed:
                return None
            return (self._interactive or self._background).popleft()

    def take_interactive(self) -> Job | None:
        """An interactive job if one waits, without waiting for it."""
        with self._changed:
            return self._interactive.popleft() if self._interactive else None

    def withdraw(self, job: Job) -> bool:
        """Take a job back out; False where it does not wait here any more."""
        with self._changed:
            waiting = self._background if job.background else self._interactive
            if job not in waiting:
                return False
            waiting.remove(job)
            return True

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> list[Job]:
        """Let nothing more in; returns the jobs that were still waiting."""
        with self._changed:
            self._closed = True
            waiting = [*self._interactive, *self._background]
            self._interactive.clear()
            self._background.clear()
            self._changed.notify_all()
            return waiting
