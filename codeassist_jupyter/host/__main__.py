"""The host process: `python -m codeassist_jupyter.host`, started by the launcher or by hand."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from .. import __version__, config
from ..config import Settings
from ..errors import CodeAssistError
from . import endpoint, index_home
from .app import create_app
from .endpoint import Endpoint
from .jobs import Jobs
from .pool import EnginePool

log = logging.getLogger("codeassist_jupyter.host")

_LOCK_PATIENCE_S = 0.5  # a launcher holds the lock for a moment to see whether anybody lives
_ROUND_S = 0.5


def main() -> int:
    """Serve until asked to stop, idle for long, or cut off from our own files."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    _forbid_core_dumps()
    os.umask(0o077)
    try:
        return _run()
    except CodeAssistError as exc:
        log.error("%s", exc)  # noqa: TRY400 - the launcher shows it to the user
        return 1


def _run() -> int:
    config.home().mkdir(parents=True, exist_ok=True)
    settings = config.load()
    lock = FileLock(endpoint.runtime_dir() / "host.lock", thread_local=False)
    try:
        lock.acquire(timeout=_LOCK_PATIENCE_S)
    except Timeout:
        log.warning("another host is running already")
        return 0
    try:
        index_home.sweep(settings)
        listener, here = endpoint.bind(__version__)
        with listener:
            endpoint.publish(here)
            log.info("host %s, pid %d, %s", __version__, here.pid, here.path or here.port)
            asyncio.run(_serve(listener, here, settings))
            endpoint.withdraw(here)
    finally:
        index_home.sweep(settings)
        lock.release()
    log.info("the host has stopped")
    return 0


async def _serve(listener: socket.socket, here: Endpoint, settings: Settings) -> None:
    pool = EnginePool()
    app = create_app(here.key, pool, stop=lambda: leave())
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=3,
        )
    )

    def leave() -> None:
        server.should_exit = True

    watch = asyncio.create_task(_watch(here, app.state.host.jobs, settings, leave))
    try:
        await server.serve(sockets=[listener])
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch


async def _watch(here: Endpoint, jobs: Jobs, settings: Settings, leave: Callable[[], None]) -> None:
    """Unload what is idle; leave when nobody needs us or nobody can find us any more."""
    bound = _identity(here)
    while True:
        await asyncio.sleep(_ROUND_S)
        if _identity(here) != bound or not config.home().is_dir():
            log.warning("our socket or data folder is gone")
            return leave()
        if jobs.active:
            continue
        await asyncio.to_thread(jobs.pool.unload_idle, settings.host_idle_unload_s)
        if time.monotonic() - jobs.last_active >= settings.host_idle_exit_s:
            log.info("idle for %.0f s", settings.host_idle_exit_s)
            return leave()


def _identity(here: Endpoint) -> tuple[int, int] | None:
    if not here.path:
        return None
    try:
        info = Path(here.path).stat()
    except FileNotFoundError:
        return None
    return info.st_dev, info.st_ino


def _forbid_core_dumps() -> None:
    """A core file would hold the user's questions and data."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
