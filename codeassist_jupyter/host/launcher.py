"""Finds the one host of this user or starts it; replaces one that is stuck or of another version.

Two locks in the runtime folder: `host.lock` is held by a host as long as it lives, `start.lock` by
the one client that is starting or replacing it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__, config
from ..config import Settings
from ..errors import HostUnavailable
from . import endpoint
from .endpoint import Endpoint

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger(__name__)

_START_S = 60.0  # importing everything on a loaded machine; a dead child is noticed at once
_LEAVE_S = 5.0
_PROBE_S = 1.0  # a healthy host needs some milliseconds
_LOG_BYTES = 5_000_000
_LOG_LINES_SHOWN = 12

_children: list[subprocess.Popen[bytes]] = []


def ensure_host(settings: Settings) -> Endpoint:
    """Give the endpoint of a healthy host of our version, starting one if there is none.

    Raises HostUnavailable with the last lines of the host's log if it does not come up.
    """
    from filelock import FileLock, Timeout

    _children[:] = [child for child in _children if child.poll() is None]  # bury the dead
    lock = FileLock(endpoint.runtime_dir() / "start.lock", thread_local=False)
    deadline = time.monotonic() + _START_S + settings.stall_timeout_s
    while time.monotonic() < deadline:
        found = _running_host()
        if found is not None:
            return found
        try:
            with lock.acquire(timeout=0.2, poll_interval=0.02):
                return _living_host(settings) or _start()
        except Timeout:
            continue
    raise HostUnavailable("another process is starting the host and does not finish")


def probe(at: Endpoint) -> dict[str, Any] | None:
    """Ask a host for its health; None if it does not answer or does not know our key."""
    import httpx

    try:
        with at.connect(_PROBE_S) as http:
            answer = http.get("/health")
            health: dict[str, Any] = answer.json()
    except (httpx.TransportError, ValueError):
        return None
    return health if answer.status_code == 200 and health.get("pid") == at.pid else None


def stop_host(patience_s: float = _LEAVE_S) -> bool:
    """Ask the running host to leave and make sure that it does; False if there was none."""
    at = endpoint.read()
    if at is None or not _alive():
        return False
    if probe(at) is not None:
        _ask_to_leave(at, patience_s)
    kill_host(at)
    for child in _children:
        if child.pid == at.pid:
            child.wait(_LEAVE_S)
    return True


def kill_host(at: Endpoint) -> None:
    """Kill a host that does not answer, unless another one has taken its place already."""
    if endpoint.read() == at and _alive():
        # Whoever holds the lock wrote the file: this pid is a host, not a stranger that reuses it.
        log.warning("killing the host, pid %d", at.pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(at.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        _wait_until_gone(_LEAVE_S)


def log_path() -> Path:
    return config.home() / "logs" / "host.log"


def log_tail(lines: int, offset: int = 0) -> list[str]:
    """Read the last lines of the host's log, none from before byte `offset`."""
    try:
        with log_path().open("rb") as file:
            file.seek(offset)
            return [line.decode("utf-8", "replace").rstrip() for line in deque(file, lines)]
    except FileNotFoundError:
        return []


def _running_host() -> Endpoint | None:
    at = endpoint.read()
    health = probe(at) if at is not None else None
    return at if health is not None and health.get("version") == __version__ else None


def _start() -> Endpoint:
    """Start a host; for the process that holds the start lock."""
    offset = _rotate_log()
    child = _spawn()
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        found = _running_host()
        if found is not None:
            return found
        if child.poll() is not None and not _alive():
            break
        time.sleep(0.02)
    else:
        child.kill()
    child.wait()
    said = "\n".join(f"    {line}" for line in log_tail(_LOG_LINES_SHOWN, offset))
    raise HostUnavailable(
        f"the host did not start (exit status {child.returncode}); it said:\n{said}",
        "`codeassist host logs` shows more, `codeassist doctor` checks the set-up.",
    )


def _living_host(settings: Settings) -> Endpoint | None:
    """Wait for a host that is starting or busy; end one that is stuck or of another version.

    None means that no host lives; files that a dead one left are simply replaced.
    """
    at, health = None, None
    deadline = time.monotonic() + settings.stall_timeout_s
    while health is None and time.monotonic() < deadline:
        if not _alive():
            return None
        at = endpoint.read()
        health = probe(at) if at is not None else None
        time.sleep(0.02)
    if at is None:
        raise HostUnavailable("a host holds its lock and does not say where it listens")
    if health is not None:
        if health.get("version") == __version__:
            return at
        _ask_to_leave(at, _LEAVE_S)
    kill_host(at)
    return None


def _ask_to_leave(at: Endpoint, patience_s: float) -> None:
    import httpx

    with contextlib.suppress(httpx.TransportError), at.connect(_PROBE_S) as http:
        http.post("/shutdown")
        _wait_until_gone(patience_s)


def _spawn() -> subprocess.Popen[bytes]:
    if not sys.executable:
        raise HostUnavailable("this Python does not know its own program (sys.executable)")
    environ = {
        **os.environ,
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait for work must not burn the user's cores
        "HF_HUB_OFFLINE": "1",
        "CODEASSIST_HOME": str(config.home()),
    }
    with log_path().open("ab") as output:
        child = subprocess.Popen(
            # -P: a file in the current folder must not shadow a module of ours
            [sys.executable, "-P", "-m", "codeassist_jupyter.host"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environ,
            start_new_session=True,  # Ctrl-C in a terminal is not meant for the host
        )
    _children.append(child)
    return child


def _rotate_log() -> int:
    """Keep the log small; returns its size, where the new host's lines begin."""
    path = log_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    size = path.stat().st_size if path.exists() else 0
    if size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
        return 0
    return size


def _host_lock() -> FileLock:
    from filelock import FileLock

    return FileLock(endpoint.runtime_dir() / "host.lock", thread_local=False)


def _alive() -> bool:
    """Say whether a host process lives: it holds its lock until the system takes it back."""
    from filelock import Timeout

    try:
        with _host_lock().acquire(timeout=0):
            return False
    except Timeout:
        return True


def _wait_until_gone(patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if not _alive():
            return True
        time.sleep(0.02)
    return False
