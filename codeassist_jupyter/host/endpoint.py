"""Where the host listens: the private runtime folder, its files, and a connection to it.

The host writes `host.json` (address, pid, version and a random key) once it is bound; whoever can
read that file may talk to the host.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .. import config
from ..errors import NotAllowed

if TYPE_CHECKING:
    import httpx

_SOCKET = "host.sock"
_FILE = "host.json"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How to reach one running host; `path` is its Unix socket, or `port` its loopback port."""

    pid: int
    version: str
    key: str = field(repr=False)
    path: str = ""
    port: int = 0

    def listening(self) -> bool:
        """Say whether anybody accepts connections there."""
        family = socket.AF_UNIX if self.path else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(self.path or ("127.0.0.1", self.port))
            except OSError:
                return False
            return True

    def connect(self, read_timeout_s: float) -> httpx.Client:
        """Make an HTTP client for this host; every request opens a connection of its own.

        A connection that is not kept cannot go stale, and a forked child inherits none.
        """
        import httpx  # not at the top: the kernel loads us before it needs a host

        from .transport import HostTransport

        return httpx.Client(
            transport=HostTransport(self.path),
            base_url="http://localhost" if self.path else f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=httpx.Timeout(10.0, read=read_timeout_s),
            trust_env=False,
        )


def runtime_dir() -> Path:
    """Make the private runtime folder; raises NotAllowed if somebody else made it before us."""
    directory = config.runtime_dir()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix":
        info = directory.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
            raise NotAllowed(
                f"{directory} does not belong to you",
                "Remove it, or point XDG_RUNTIME_DIR at a folder of your own.",
            )
        if stat.S_IMODE(info.st_mode) != 0o700:
            directory.chmod(0o700)
    return directory


def read() -> Endpoint | None:
    """Read the endpoint that a host last wrote; None if there is none (or half of one)."""
    try:
        return Endpoint(**json.loads((config.runtime_dir() / _FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def bind(version: str) -> tuple[socket.socket, Endpoint]:
    """Bind a fresh socket and make the endpoint that leads to it.

    For the process that holds the host lock only: whatever lies at the socket's path is stale.
    """
    (runtime_dir() / _FILE).unlink(missing_ok=True)  # its pid is no host's any more
    key = secrets.token_urlsafe(32)
    if not hasattr(socket, "AF_UNIX"):
        tcp = socket.create_server(("127.0.0.1", 0))
        return tcp, Endpoint(os.getpid(), version, key, port=tcp.getsockname()[1])
    path = runtime_dir() / _SOCKET
    path.unlink(missing_ok=True)
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        unix.bind(str(path))
    finally:
        os.umask(before)
    unix.listen(1024)  # from now on a client waits for us to be ready, it is not refused
    return unix, Endpoint(os.getpid(), version, key, path=str(path))


def publish(endpoint: Endpoint) -> None:
    """Write the endpoint file at once and for the owner only."""
    final = runtime_dir() / _FILE
    part = final.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(endpoint), file)
    part.replace(final)


def withdraw(endpoint: Endpoint) -> None:
    """Remove what `bind` and `publish` made."""
    (config.runtime_dir() / _FILE).unlink(missing_ok=True)
    if endpoint.path:
        Path(endpoint.path).unlink(missing_ok=True)
