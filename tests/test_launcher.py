"""Starting, finding and replacing the one host, with real processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from codeassist_jupyter import __version__, config
from codeassist_jupyter.cli import main as cli
from codeassist_jupyter.errors import HostUnavailable, NotAllowed
from codeassist_jupyter.host import endpoint, launcher

# Each process starts ten clients at once and prints the pids of the hosts that they found.
RACER = """
import threading
from codeassist_jupyter import config
from codeassist_jupyter.host.launcher import ensure_host
gate = threading.Barrier(10)
pids = []
def find():
    gate.wait()
    pids.append(ensure_host(config.load()).pid)
threads = [threading.Thread(target=find) for _ in range(10)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(*pids)
"""

OTHER_VERSION = """
import sys, codeassist_jupyter
codeassist_jupyter.__version__ = "0.0.1"
from codeassist_jupyter.host.__main__ import main
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def echo_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEASSIST_ENGINE", "echo")


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def starts_in_log() -> int:
    return sum(f"host {__version__}, pid" in line for line in launcher.log_tail(10_000))


def start() -> endpoint.Endpoint:
    return launcher.ensure_host(config.load())


def test_starts_a_host_that_only_its_owner_can_reach() -> None:
    at = start()
    health = launcher.probe(at)
    assert health is not None
    assert (health["pid"], health["version"]) == (at.pid, __version__)
    assert at.pid != os.getpid()
    directory = config.runtime_dir()
    assert directory.stat().st_mode & 0o777 == 0o700
    for name in ("host.sock", "host.json"):
        assert (directory / name).stat().st_mode & 0o777 == 0o600
    assert at.key not in repr(at)
    assert start() == at
    assert starts_in_log() == 1
    if sys.platform.startswith("linux"):
        proc = Path(f"/proc/{at.pid}")
        environ = proc.joinpath("environ").read_bytes().split(b"\0")
        assert {b"OMP_WAIT_POLICY=PASSIVE", b"HF_HUB_OFFLINE=1"} <= set(environ)
        limits = proc.joinpath("limits").read_text().splitlines()
        core = next(line for line in limits if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"]
        # a session of its own: Ctrl-C in the terminal does not reach it
        assert os.getsid(at.pid) == at.pid


def test_fifty_racing_clients_start_exactly_one() -> None:
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER], stdout=subprocess.PIPE) for _ in range(5)
    ]
    pids = [pid for racer in racers for pid in racer.communicate()[0].split()]
    assert len(pids) == 50
    assert len(set(pids)) == 1
    assert starts_in_log() == 1


def test_a_second_host_leaves_by_itself(host: endpoint.Endpoint) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "codeassist_jupyter.host"], capture_output=True, text=True
    )
    assert second.returncode == 0
    assert "another host is running" in second.stderr
    assert endpoint.read() == host


def test_what_a_killed_host_left_is_replaced() -> None:
    dead = start()
    os.kill(dead.pid, signal.SIGKILL)
    assert Path(dead.path).exists()
    at = start()
    assert at.pid != dead.pid
    assert at.key != dead.key


def test_a_reused_pid_is_not_taken_for_a_host() -> None:
    # Our own pid stands for a stranger's: a wrong guess would kill this test.
    directory = endpoint.runtime_dir()
    stale = endpoint.Endpoint(os.getpid(), __version__, "old key", str(directory / "host.sock"))
    endpoint.publish(stale)
    assert not launcher.stop_host()
    launcher.kill_host(stale)
    assert endpoint.read() == stale


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', "\udcff"])
def test_a_damaged_endpoint_file_is_replaced(text: str) -> None:
    path = endpoint.runtime_dir() / "host.json"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    assert endpoint.read() is None


def test_a_host_of_another_version_is_asked_to_leave() -> None:
    old = subprocess.Popen([sys.executable, "-c", OTHER_VERSION], stderr=subprocess.DEVNULL)
    until(lambda: endpoint.read() is not None, "the old host did not start")
    at = start()
    assert old.wait(10) == 0
    assert at.pid != old.pid
    assert at.version == __version__


def test_a_host_that_does_not_answer_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEASSIST_STALL_TIMEOUT_S", "1")
    stuck = start()
    os.kill(stuck.pid, signal.SIGSTOP)
    at = start()
    assert at.pid != stuck.pid


def test_a_host_that_cannot_start_says_why(codeassist_home: Path) -> None:
    (codeassist_home / "logs").mkdir()
    launcher.log_path().write_text("an old line\n")
    (codeassist_home / "config.toml").write_text("temperature = 99.0\n")
    with pytest.raises(HostUnavailable, match=r"temperature.*between") as caught:
        launcher.ensure_host(config.Settings())
    assert "an old line" not in caught.value.message
    assert "codeassist host logs" in caught.value.hint


def test_somebody_elses_runtime_folder_is_refused(tmp_path: Path) -> None:
    config.runtime_dir().symlink_to(tmp_path)
    with pytest.raises(NotAllowed, match="does not belong to you"):
        start()
    config.runtime_dir().unlink()


def test_an_open_runtime_folder_is_closed() -> None:
    config.runtime_dir().mkdir(mode=0o755)
    config.runtime_dir().chmod(0o755)
    assert endpoint.runtime_dir().stat().st_mode & 0o777 == 0o700


def test_leaves_when_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEASSIST_HOST_IDLE_EXIT_S", "1")
    at = start()
    until(lambda: not Path(at.path).exists(), "the idle host stays")
    assert endpoint.read() is None


@pytest.mark.parametrize("gone", ["runtime folder", "data folder"])
def test_leaves_when_its_files_vanish(codeassist_home: Path, gone: str) -> None:
    at = start()
    child = next(child for child in launcher._children if child.pid == at.pid)
    shutil.rmtree(config.runtime_dir() if gone == "runtime folder" else codeassist_home)
    assert child.wait(10) == 0


def test_the_log_is_rotated(codeassist_home: Path) -> None:
    launcher.log_path().parent.mkdir()
    launcher.log_path().write_bytes(b"x" * 5_000_001)
    start()
    assert launcher.log_path().with_suffix(".log.1").stat().st_size == 5_000_001
    assert launcher.log_path().stat().st_size < 10_000


def test_status_logs_and_stop(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["host", "status"]) == 0
    assert "no host is running" in capsys.readouterr().out
    assert cli(["host", "stop"]) == 0
    assert "no host was running" in capsys.readouterr().out
    at = start()
    assert cli(["host", "status"]) == 0
    assert f"pid {at.pid}" in capsys.readouterr().out
    assert cli(["host", "logs", "-n", "3"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert cli(["host", "stop"]) == 0
    assert "has stopped" in capsys.readouterr().out
    assert launcher.probe(at) is None
    assert endpoint.read() is None


def test_run_serves_in_the_foreground_until_interrupted() -> None:
    code = "import sys; from codeassist_jupyter.cli import main; sys.exit(main(['host', 'run']))"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    until(lambda: endpoint.read() is not None, "the host did not start")
    at = endpoint.read()
    assert at is not None
    until(lambda: launcher.probe(at), "the host does not answer")
    assert start().pid == process.pid
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert "Traceback" not in said
    assert endpoint.read() is None


def test_the_key_in_the_file_is_what_opens_the_door(host: endpoint.Endpoint) -> None:
    assert launcher.probe(replace(host, key="wrong")) is None
    assert launcher.probe(host) is not None


def test_a_dead_socket_is_no_host_and_leaks_nothing() -> None:
    listener, at = endpoint.bind(__version__)
    listener.close()
    for _ in range(3):  # a socket that stays open would be a warning, and so a failure
        assert launcher.probe(at) is None
