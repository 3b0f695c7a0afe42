"""The sandbox itself, in a forked process: on this system, and as an older one would have it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codeassist_jupyter.kernel import sandbox, sandbox_seccomp

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

# Runs each attempt in a shut-in copy; prints the name of the error that each one met, or "".
SCRIPT = """
import json, os, socket, sys
from pathlib import Path
from codeassist_jupyter.kernel import sandbox
folder, version, attempts = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
inherited = open(folder.parent / "data", "r+b", buffering=0)
inherited.seek(2)
left, right = socket.socketpair()
pid = os.fork()
if pid == 0:
    os.setsid()
    sandbox.enter(folder, {0, 1, 2}, version)
    found = {}
    for attempt in attempts:
        try:
            exec(attempt)
            found[attempt] = ""
        except Exception as exc:
            found[attempt] = type(exc).__name__
    print(json.dumps(found), flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert inherited.tell() == 2
right.setblocking(False)
try:
    print(right.recv(1))
except BlockingIOError:
    print("silent")
"""
REFUSED = {
    "open(folder.parent / 'data', 'w')": "PermissionError",
    "os.close(os.open(folder.parent / 'data', os.O_RDONLY | os.O_TRUNC))": "PermissionError",
    "os.truncate(folder.parent / 'data', 0)": "PermissionError",
    "os.unlink(folder.parent / 'data')": "PermissionError",
    "os.mkdir(folder.parent / 'new')": "PermissionError",
    "os.chmod(folder.parent / 'data', 0)": "PermissionError",
    "os.kill(os.getppid(), 9)": "PermissionError",
    "os.kill(-1, 9)": "PermissionError",
    "os.killpg(os.getpgid(os.getppid()), 9)": "PermissionError",
    "os.write(inherited.fileno(), b'x')": "OSError",
    "left.send(b'x')": "OSError",
    "socket.socket()": "PermissionError",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)": "PermissionError",
    "socket.socket(socket.AF_UNIX)": "PermissionError",
    "socket.socketpair(type=socket.SOCK_DGRAM)": "PermissionError",
    "os.setsid()": "PermissionError",
    "__import__('fcntl').fcntl(1, 8, os.getppid())": "PermissionError",
}
ALLOWED = [
    "open(folder / 'own', 'w').write('x')",
    "os.mkdir(folder / 'inner'); os.rename(folder / 'own', folder / 'inner' / 'own')",
    "os.unlink(folder / 'inner' / 'own')",
    "open(os.devnull, 'w').write('x')",
    "assert inherited.read() == b'ta'",
    "assert (folder.parent / 'data').read_text() == 'data'",
    "socket.socketpair()",
    "os.kill(os.getpid(), 0)",
    "import threading; t = threading.Thread(target=int); t.start(); t.join()",
    "import subprocess; subprocess.run(['true'], check=True)",
    "import resource; resource.getrlimit(resource.RLIMIT_AS)",
]


def shut_in(tmp_path: Path, version: int, attempts: list[str]) -> tuple[dict[str, str], str]:
    (tmp_path / "data").write_text("data")
    (tmp_path / "own").mkdir()
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path / "own"), str(version)]
    done = subprocess.run(
        [*command, json.dumps(attempts)],
        capture_output=True, text=True, check=False, start_new_session=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found, peer = done.stdout.splitlines()
    return json.loads(found), peer


VERSIONS = [v for v in (1, 2, 3, 4, 5, 6, 7) if v <= sandbox.landlock_version()]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_refused_with_each_version_of_landlock(tmp_path: Path, version: int) -> None:
    found, peer = shut_in(tmp_path, version, list(REFUSED))
    assert found == REFUSED
    assert peer == "silent"
    assert (tmp_path / "data").read_text() == "data"
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_what_still_works(tmp_path: Path, version: int) -> None:
    found, _ = shut_in(tmp_path, version, ALLOWED)
    assert found == dict.fromkeys(ALLOWED, "")


def test_device_memory_and_much_shared_memory_cannot_be_copied() -> None:
    device = b"7f00-7f10 rw-s 00000000 00:06 123 /dev/nvidia0\n"
    assert sandbox.uncopied(device) == "memory of the device /dev/nvidia0"
    big = b"7f0000000000-7f0040000000 rw-s 00000000 00:01 5 /dev/zero (deleted)\n"
    assert sandbox.uncopied(big) == "1024 MB of memory that is shared with other processes"
    private = b"7f0000000000-7f0040000000 rw-p 00000000 00:00 0 \n"
    assert sandbox.uncopied(private) == ""


@pytest.mark.parametrize("scoped", [True, False])
def test_the_filter_is_short_enough_and_for_this_machine(scoped: bool) -> None:
    code = sandbox_seccomp.program(os.getpid(), scoped)
    assert len(code) % 8 == 0
    assert len(code) // 8 <= 4096
