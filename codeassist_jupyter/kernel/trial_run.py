"""Forks the copy, looks after it while it runs, ends all that it started, and cleans up.

Reads what the copy says with bounds and believes none of it: whatever arrives is JSON or nothing.
"""

from __future__ import annotations

import json
import os
import select
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from . import sandbox, trial_child
from .outcomes import Limits

_TICK_S = 0.02  # how often the copy is looked after
_PIECE = 1 << 16
_MOST_REPORT = 1 << 20  # bytes
_MOST_OUTPUT = 16_000  # bytes kept of the end of what was printed
_FLOOR = 256 << 20  # bytes of memory that must stay free
_MOST_FILES = 4  # all files together may take as much as so many of the largest


@dataclass(frozen=True, slots=True)
class Place:
    """What one trial has of its own: a folder, and two pipes to write to."""

    folder: Path
    report: int
    output: int
    parent: int
    tasks: int  # of the whole system, when it began


@dataclass(slots=True)
class Ended:
    """How a copy ended: its report ({} if there is none), the end of its output, and why.

    `stopped` is a kind and a sentence if we ended it; `death` says how it died by itself.
    """

    report: dict[str, Any] = field(default_factory=dict)
    output: str = ""
    stopped: tuple[str, str] | None = None
    death: str = ""
    seconds: float = 0.0


def unfit(maps: bytes) -> str:
    """Why this process cannot be forked now; "" if it can. `maps` is /proc/self/maps."""
    if b"libcuda.so" in maps or b"/dev/nvidia" in maps:
        return "CUDA is in use and does not survive a fork"
    own = sandbox.resident()
    free = available()
    if free < _FLOOR + own // 4:
        return f"memory is short: {free >> 20} MB are free, the kernel holds {own >> 20} MB"
    device = sandbox.uncopied(maps)
    return f"the kernel holds {device}" if device else ""


def available() -> int:
    """Bytes of memory that are free to this process, in the system and in its control group."""
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    free = next(int(line.split()[1]) for line in text.splitlines() if line.startswith("MemAvail"))
    return min(free << 10, _free_in_group())


def _free_in_group() -> int:
    """What a container's limit leaves (control groups, version 2); huge without one."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        group = next(line[3:] for line in lines if line.startswith("0::"))
        folder = Path("/sys/fs/cgroup" + group)
        limit, used = ((folder / f"memory.{n}").read_text() for n in ("max", "current"))
        return int(limit) - int(used)
    except (OSError, ValueError, StopIteration):  # "max" is no number: there is no limit
        return 1 << 62


def run(job: Callable[[Place], trial_child.Job], limits: Limits, stop: Callable[[], bool]) -> Ended:
    """Run a job in a copy of this process and wait for its end.

    Raises OSError if there can be no copy, KeyboardInterrupt after having ended it, also when
    `stop` says that it is to end.
    """
    with _folder() as folder, _pipe() as report, _pipe() as output:
        place = Place(folder, report[1], output[1], os.getpid(), _tasks())
        ready = job(place)
        began = time.monotonic()
        ended = Ended()
        with _copy(ready) as copy:
            os.close(report.pop())
            os.close(output.pop())
            watch = _Watch(copy.pid, report[0], output[0], place, limits)
            ended.stopped = watch.wait(stop)
            ended.report = watch.parsed()
        ended.output = watch.printed(output[0])
        ended.death = _death(copy.status)
        ended.seconds = time.monotonic() - began
    return ended


@dataclass(slots=True)
class _Copy:
    pid: int
    status: int = 0


@contextmanager
def _copy(job: trial_child.Job) -> Iterator[_Copy]:
    """Fork; however the body ends, end all that the copy started, and reap it."""
    sandbox.adopt_orphans(True)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    copy = _Copy(0)
    try:
        with warnings.catch_warnings():
            # Python 3.12 warns of threads; the time limit is the net for what they held.
            warnings.simplefilter("ignore", DeprecationWarning)
            copy.pid = os.fork()
        if copy.pid == 0:
            trial_child.live(job)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        yield copy
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        if copy.pid:
            copy.status = _end(copy.pid)
        sandbox.adopt_orphans(False)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _end(pid: int) -> int:
    """Kill the copy's whole session, which nothing in it can leave; return the copy's status."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has not made its session yet
        os.kill(pid, signal.SIGKILL)
    status = 0
    try:
        _, status = os.waitpid(pid, 0)
        while True:  # what it left behind is ours by now
            os.waitpid(-pid, 0)
    except ChildProcessError:  # nobody is left
        return status


class _Watch:
    """Reads what the copy writes, and says when it must end."""

    def __init__(self, pid: int, report: int, output: int, place: Place, limits: Limits) -> None:
        self.pid, self.place, self.limits = pid, place, limits
        self.pipes = {report: bytearray(), output: bytearray()}
        self.report = self.pipes[report]
        self.output = self.pipes[output]
        self.free = _free_on_disk(place.folder)

    def wait(self, stop: Callable[[], bool]) -> tuple[str, str] | None:
        """Wait for the report or the end; return why it was stopped, if it was.

        Raises KeyboardInterrupt once `stop` says so.
        """
        poll = select.poll()
        for pipe in self.pipes:
            poll.register(pipe, select.POLLIN)
        process = os.pidfd_open(self.pid)
        try:
            poll.register(process, select.POLLIN)
            return self._wait(poll, process, stop)
        finally:
            os.close(process)

    def _wait(
        self, poll: select.poll, process: int, stop: Callable[[], bool]
    ) -> tuple[str, str] | None:
        deadline = time.monotonic() + self.limits.seconds
        next_look = 0.0
        while not self._whole():
            ready = dict(poll.poll(1000 * _TICK_S))
            for pipe in ready.keys() & self.pipes.keys():
                if not self._read(pipe):
                    poll.unregister(pipe)
            if process in ready and not ready.keys() & self.pipes.keys():
                return None
            if stop():
                raise KeyboardInterrupt
            now = time.monotonic()
            if now > deadline:
                return "TimeLimit", f"it was stopped after {self.limits.seconds:g} s"
            if now > next_look:
                strain = self._strain()
                if strain:
                    return "ResourceLimit", f"it was stopped: {strain}"
                next_look = now + _TICK_S
        return None

    def _read(self, pipe: int) -> bool:
        """Take what is there; False at the end of the pipe."""
        data = os.read(pipe, _PIECE)
        kept = self.pipes[pipe]
        kept += data
        if kept is self.output:
            del kept[:-_MOST_OUTPUT]
        else:
            del kept[_MOST_REPORT:]
        return bool(data)

    def _whole(self) -> bool:
        size = int.from_bytes(self.report[:8], "big")
        return len(self.report) >= 8 and len(self.report) >= min(8 + size, _MOST_REPORT)

    def _strain(self) -> str:
        """What of this machine the copy uses up; "" if nothing."""
        most = self.limits.processes
        if _tasks() > self.place.tasks + most and _tasks_of(self.pid) > most:
            return f"it started more than {most} processes"
        if available() < _FLOOR:
            return "memory ran short"
        if self.free - _free_on_disk(self.place.folder) > _MOST_FILES * self.limits.file:
            return "it filled the disk"
        return ""

    def parsed(self) -> dict[str, Any]:
        """The report; {} unless it is whole and an object."""
        try:
            found = json.loads(bytes(self.report[8:])) if self._whole() else {}
        except (ValueError, RecursionError):
            return {}
        return found if type(found) is dict else {}

    def printed(self, pipe: int) -> str:
        """The end of the output, with what is still in the pipe of the ended copy."""
        os.set_blocking(pipe, False)
        try:
            while self._read(pipe):
                pass
        except BlockingIOError:
            pass
        return self.output.decode("utf-8", "replace")


def _tasks() -> int:
    """How many processes and threads the system has."""
    return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[2])


def _tasks_of(group: int) -> int:
    """How many processes and threads a process group has."""
    count = 0
    for entry in list(Path("/proc").iterdir()):
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:  # it is gone
            continue
        count += int(fields[17]) if int(fields[2]) == group else 0
    return count


def _free_on_disk(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _death(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return "the copy used up its processor time"
        return f"the copy was ended by {signal.Signals(number).name}"
    return "the copy ended itself before it had reported"


@contextmanager
def _pipe() -> Iterator[list[int]]:
    """A pipe; who has closed an end takes it from the list."""
    ends = list(os.pipe())
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="codeassist-trial-"))
    try:
        yield folder
    finally:
        _clear(folder)
        folder.rmdir()


def _clear(folder: Path) -> None:
    """Empty a folder however deep it is: what lies deeper is first moved up.

    Not `shutil.rmtree`, which fails on depth and on folders without permissions.
    """
    numbers = count()
    waiting = list(folder.iterdir())
    while waiting:
        path = waiting.pop()
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            continue
        path.chmod(0o700)
        for inner in list(path.iterdir()):
            waiting.append(inner.rename(folder / f".moved {next(numbers)} {folder.name}"))
        path.rmdir()
