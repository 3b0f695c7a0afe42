"""Hostile candidates in a real kernel: its variables, its files and its answers stay unharmed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from front_end import FrontEnd

SETUP = """
import dataclasses, json, os
import numpy as np
from multiprocessing.shared_memory import SharedMemory
from codeassist_jupyter.kernel.outcomes import Limits
from codeassist_jupyter.kernel.trial import attempt
LIMITS = lambda seconds: Limits(seconds, memory=2 << 30, processes=40)
numbers = np.arange(10)
block = SharedMemory(create=True, size=4096)
words = ["a", "b"]
def tried(code, seconds=20.0, **more):
    outcome = attempt(get_ipython(), code, limits=LIMITS(seconds), **more)
    print(json.dumps([type(outcome).__name__, dataclasses.asdict(outcome)]))
"""


class Kernel:
    """A kernel whose state is known, and the files around it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.front_end = FrontEnd(folder, TMPDIR=str(folder / "tmp"))
        shown = self.front_end.run(SETUP)
        assert shown.status == "ok", shown.error
        self.pid = int(self.front_end.value("os.getpid()"))

    def tried(self, code: str, **more: Any) -> tuple[str, dict[str, Any]]:
        """The outcome of a candidate: its kind and its fields."""
        shown = self.front_end.run(f"tried({code!r}, **{more!r})")
        assert shown.status == "ok", shown.error
        kind, fields = json.loads(shown.printed)
        return kind, fields

    def children(self) -> list[str]:
        commands = [c.cmdline() for c in psutil.Process(self.pid).children(recursive=True)]
        return [" ".join(c) for c in commands if "resource_tracker" not in " ".join(c)]

    def pipes(self) -> int:
        """How many pipe ends it has open; IPython opens and closes its history as it likes."""
        links = "[os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')]"
        return int(self.front_end.value(f"sum('pipe:' in link for link in {links})"))

    def files(self) -> dict[str, tuple[int, int, bytes]]:
        return {
            str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns, _content(path))
            for path in sorted(self.folder.rglob("*"))
            if "ipython" not in path.parts and path != self.folder / "tmp"
        }


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "home").mkdir()
    (folder / "tmp").mkdir()
    (folder / "data.csv").write_text("a,b\n1,2\n")
    (folder / "home" / "secret.txt").write_text("mine")
    (folder / "link").symlink_to(folder / "data.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        kernel = Kernel(folder)
    yield kernel
    kernel.front_end.close()


@pytest.fixture(autouse=True)
def unharmed(kernel: Kernel) -> Iterator[None]:
    """After every test: files, variables, processes and file descriptors are as before."""
    files = kernel.files()
    pipes = kernel.pipes()
    yield
    assert kernel.files() == files
    state = "(numbers.tolist(), words, os.getcwd())"
    assert kernel.front_end.value(state) == repr(([*range(10)], ["a", "b"], str(kernel.folder)))
    assert kernel.children() == []
    assert kernel.pipes() == pipes
    assert not list((kernel.folder / "tmp").glob("codeassist-trial-*"))


HOME = "os.path.abspath('home')"
ATTACKS = {
    "rebind": "numbers[:] = 7; words.append('c'); del words[0]; numbers = None",
    "delete": "import os; os.remove('data.csv')",
    "delete home": f"import os, shutil; shutil.rmtree({HOME})",
    "overwrite": "open('data.csv', 'w').write('gone')",
    "append": "open('home/secret.txt', 'a').write('more')",
    "truncate": "import os; os.truncate('data.csv', 0)",
    "truncate on open": "import os; os.close(os.open('data.csv', os.O_RDONLY | os.O_TRUNC))",
    "create": "open('new.txt', 'w')",
    "create in tmp": "open('tmp/new.txt', 'w')",
    "chmod": "import os; os.chmod('data.csv', 0)",
    "chown": "import os; os.chown('data.csv', 12345, 12345)",
    "touch": "import os; os.utime('data.csv', (1, 1))",
    "attribute": "import os; os.setxattr('data.csv', 'user.a', b'1')",
    "rename": "import os; os.rename('data.csv', 'other.csv')",
    "swap": "import os; os.replace('home/secret.txt', 'data.csv')",
    "hard link": "import os; os.link('data.csv', 'tmp/data.csv')",
    "symlink": "import os; os.symlink('data.csv', 'tmp/link')",
    "through own symlink": """
import os, tempfile
os.symlink(os.path.abspath('data.csv'), tempfile.gettempdir() + '/link')
open(tempfile.gettempdir() + '/link', 'w').write('gone')
""",
    "through proc": """
import os
reading = os.open('data.csv', os.O_RDONLY)
open(f'/proc/self/fd/{reading}', 'w').write('gone')
""",
    "make folder": "import os; os.mkdir('folder')",
    "make fifo": "import os; os.mkfifo('fifo')",
    "shell": "import subprocess; subprocess.run('rm -rf home data.csv', shell=True, check=True)",
    "magic": "%%bash\nset -e\nrm -rf home data.csv",
    "exclamation mark": "!rm -rf home data.csv",
    "write file magic": "%%writefile data.csv\ngone",
    "ctypes": "import ctypes; assert ctypes.CDLL(None).unlink(b'data.csv') == 0",
    "shared memory map": "import numpy as np; np.memmap('data.csv', 'u1', 'r+')[:] = 0",
    "kill parent": "import os; os.kill(os.getppid(), 9)",
    "kill parent group": "import os; os.killpg(os.getpgid(os.getppid()), 9)",
    "interrupt parent": "import os, signal; os.kill(os.getppid(), signal.SIGINT)",
    "limit parent": "import os, resource as r; r.prlimit(os.getppid(), r.RLIMIT_AS, (1, 1))",
    "slow parent": "import os; os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "pin parent": "import os; os.sched_setaffinity(os.getppid(), {0})",
    "read parent's memory": "import os; open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    "write parent's memory": "import os; open(f'/proc/{os.getppid()}/mem', 'r+b')",
    "trace parent": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(16, os.getppid(), None, None):
    raise OSError(ctypes.get_errno(), 'ptrace')
""",
    "take parent's files": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
other = os.pidfd_open(os.getppid())
if libc.syscall(438, other, 1, 0) < 0:
    raise OSError(ctypes.get_errno(), 'pidfd_getfd')
""",
    "tcp": "import socket; socket.create_connection(('127.0.0.1', 9))",
    "listen": "import socket; socket.create_server(('127.0.0.1', 0))",
    "udp": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "unix socket": "import socket; socket.socket(socket.AF_UNIX).connect('/run/any.sock')",
    "datagram pair": "import socket; socket.socketpair(type=socket.SOCK_DGRAM)",
    "session": "import os; os.setsid()",
    "namespace": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000):
    raise OSError(ctypes.get_errno(), 'unshare')
""",
    "mount": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b'none', b'/mnt', b'tmpfs', 0, None):
    raise OSError(ctypes.get_errno(), 'mount')
""",
    "ring": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(425, 1, ctypes.create_string_buffer(120)) < 0:
    raise OSError(1, 'io_uring_setup')
""",
    "input": "input('your password?')",
}
REFUSED = ATTACKS.keys() - {
    "rebind",
    "exclamation mark",
    "shell",
    "magic",
    "ctypes",
    "shared memory map",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_changes_nothing(kernel: Kernel, name: str) -> None:
    kind, fields = kernel.tried(ATTACKS[name])
    if name in REFUSED:
        assert kind == "NotTried", fields
    else:
        assert kind in ("Ran", "Failed", "NotTried"), fields
    if name == "rebind":
        assert fields["observed"]["variables"]["words"] == "words: list of 2: ['b', 'c']"


ENDINGS = {
    "loop": ("while True: pass", "TimeLimit"),
    "stubborn loop": (
        """
import signal
for n in range(1, 65):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True:
    try:
        while True: pass
    except BaseException: pass
""",
        "TimeLimit",
    ),
    "sleep": ("import time; time.sleep(1000)", "TimeLimit"),
    "stop itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "TimeLimit"),
    "fork bomb": ("import os\nwhile True: os.fork()", "ResourceLimit"),
    "quiet fork bomb": (
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "ResourceLimit",
    ),
    "thread bomb": (
        """
import threading, time
threading.stack_size(1 << 16)
while True:
    try: threading.Thread(target=time.sleep, args=(99,)).start()
    except RuntimeError: pass
""",
        "ResourceLimit",
    ),
    "exit": ("import sys; sys.exit(3)", "SystemExit"),
    "exit at once": ("import os; os._exit(0)", "Crash"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "abort": ("import os; os.abort()", "Crash"),
    "crash": ("import ctypes; ctypes.string_at(0)", "Crash"),
    "kill all": ("import os, signal; os.kill(0, signal.SIGKILL)", "Crash"),
    "huge": ("x = bytearray(100 << 30)", "MemoryError"),
    "growing": ("x = []\nwhile True: x.append(bytearray(64 << 20))", "MemoryError"),
    "close everything": ("import os; os.closerange(0, 4096)", "Crash"),
    "deep": ("def f(): return f()\nf()", "RecursionError"),
    "syntax": ("def f(:", "SyntaxError"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_whatever_ends_the_copy_the_kernel_lives_on(kernel: Kernel, name: str) -> None:
    code, error = ENDINGS[name]
    seconds = 1.0 if error == "TimeLimit" else 20.0
    kind, fields = kernel.tried(code, seconds=seconds)
    assert (kind, fields["error"]) == ("Failed", error), fields


LEFT_BEHIND = {
    "thread": "import threading, time; threading.Thread(target=time.sleep, args=(99,)).start()",
    "process": "import subprocess; subprocess.Popen(['sleep', '99'])",
    "daemon": """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        while True: time.sleep(1)
    os._exit(0)
""",
    "nested report": "import os\nif os.fork() == 0: words.append('child')",
    "atexit": "import atexit; atexit.register(open, 'left.txt', 'w')",
    "signal handler": "import signal; signal.signal(signal.SIGINT, lambda *a: None)",
    "unclosed file": "import tempfile; f = tempfile.NamedTemporaryFile('w', delete=False)",
    "deep folders": """
import os, tempfile
os.chdir(tempfile.gettempdir())
for _ in range(1100):
    os.mkdir('d'); os.chdir('d')
""",
    "closed folder": """
import os, tempfile
os.makedirs(tempfile.gettempdir() + '/shut/inner')
os.umask(0o777)
os.mkdir(tempfile.gettempdir() + '/shut/inner/closed')
""",
    "directory": "%cd home",
    "environment": "import os; os.environ.clear(); os.umask(0)",
    "new output": "import sys; sys.stdout = None",
    "history": "get_ipython().run_cell('1 + 1', store_history=True)",
    "magics": "%time sum([1])\n!echo hi\nx = !ls",
    "display": "from IPython.display import display; display({'a': 1}, display_id='x')",
    "log": "import logging; logging.getLogger('x').error('to the old stream')",
}


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_nothing_is_left_of_what_ran(kernel: Kernel, name: str) -> None:
    kind, fields = kernel.tried(LEFT_BEHIND[name])
    assert kind == "Ran", fields


def test_a_gigabyte_of_output_is_not_kept(kernel: Kernel) -> None:
    before = psutil.Process(kernel.pid).memory_info().rss
    kind, fields = kernel.tried("for n in range(1 << 14): print('x' * (1 << 16))\nprint('end')")
    assert kind == "Ran"
    assert fields["observed"]["output"].endswith("end\n")
    assert len(fields["observed"]["output"]) <= 4000
    assert psutil.Process(kernel.pid).memory_info().rss - before < 64 << 20


def test_an_interrupt_ends_the_copy_and_not_the_kernel(kernel: Kernel) -> None:
    begun = kernel.folder / "tmp"

    def interrupt() -> None:
        while not list(begun.glob("codeassist-trial-*/begun")):
            time.sleep(0.01)
        os.kill(kernel.pid, signal.SIGINT)

    code = "import tempfile, time; open(tempfile.gettempdir() + '/begun', 'w'); time.sleep(60)"
    shown = kernel.front_end.run(
        f"from IPython.display import display\ndisplay('go')\ntried({code!r}, seconds=60.0)",
        interrupt,
    )
    assert shown.status == "error"
    assert "KeyboardInterrupt" in shown.error


def test_open_files_keep_their_position(kernel: Kernel) -> None:
    kernel.front_end.run("reading = open('data.csv', 'rb', buffering=0); reading.read(2)")
    kind, fields = kernel.tried("rest = reading.read()")
    assert (kind, fields["observed"]["variables"]["rest"]) == (
        "Ran",
        "rest: bytes of 6: b'b\\n1,2\\n'",
    )
    assert kernel.front_end.value("reading.tell()") == "2"
    kernel.front_end.run("reading.close(); del reading")


def test_what_waits_in_a_buffer_is_not_written_twice(kernel: Kernel) -> None:
    kernel.front_end.run("log = open('/tmp/' + str(os.getpid()), 'w+'); log.write('one')")
    kernel.tried("log.write('two'); log.flush()")
    written = kernel.front_end.value("(log.flush(), log.seek(0), log.read(), os.remove(log.name))")
    assert "'one'" in written
    kernel.front_end.run("log.close(); del log")


def test_shared_memory_is_private_in_the_copy(kernel: Kernel) -> None:
    kernel.front_end.run("""
import mmap, tempfile
anonymous = mmap.mmap(-1, 4096)
mapped = np.memmap(tempfile.TemporaryFile(), 'u1', 'w+', shape=4096)
""")
    code = "anonymous[0:1] = b'x'; block.buf[0] = 1; mapped[0] = 1\n"
    code += "seen = (anonymous[0:1], block.buf[0], int(mapped[0]))"
    kind, fields = kernel.tried(code)
    assert (kind, fields["observed"]["variables"]["seen"]) == (
        "Ran",
        "seen: tuple of 3: (b'x', 1, 1)",
    )
    values = kernel.front_end.value("(anonymous[0:1], block.buf[0], int(mapped[0]))")
    kernel.front_end.run("block.buf[0] = 0; anonymous.close(); del mapped")
    assert values == repr((b"\0", 0, 0))


def test_history_is_not_written_by_the_copy(kernel: Kernel) -> None:
    kernel.tried("secret_marker_of_the_copy = 1")
    history = "get_ipython().history_manager.search('*marker_of_the_copy = 1')"
    found = kernel.front_end.value(f"[row[2] for row in {history} if 'tried' not in row[2]]")
    assert found == "[]"
