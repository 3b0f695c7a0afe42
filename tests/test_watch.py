"""Waking up when files change, against the real file system."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeassist_jupyter.index.watch import wakeups


class Listener:
    """Collects wake-ups in a thread, as the host does."""

    def __init__(self, root: Path, sweep_s: float = 60.0) -> None:
        self.heard: queue.Queue[None] = queue.Queue()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(root, sweep_s))
        self.thread.start()

    def _run(self, root: Path, sweep_s: float) -> None:
        for wakeup in wakeups(root, self.stop, sweep_s):
            self.heard.put(wakeup)

    def end(self) -> None:
        self.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(tmp_path)
    listener.heard.get(timeout=20)  # the one at the start
    yield listener
    listener.end()


def _until_heard(listener: Listener, change: Path) -> None:
    """Write until the watch is up and has heard of it."""
    for n in range(100):
        change.write_text(str(n))
        try:
            listener.heard.get(timeout=0.6)
        except queue.Empty:
            continue
        return
    raise AssertionError("never heard")


def test_new_and_replaced_files_wake_up(listener: Listener, tmp_path: Path) -> None:
    _until_heard(listener, tmp_path / "a.py")
    (tmp_path / "b.part").write_text("saved by rename, as Jupyter does")
    (tmp_path / "b.part").rename(tmp_path / "b.ipynb")
    listener.heard.get(timeout=20)


def test_sweep_comes_without_any_event(tmp_path: Path) -> None:
    listener = Listener(tmp_path, sweep_s=0.3)
    for _ in range(3):
        listener.heard.get(timeout=20)
    listener.end()


def test_missing_root_is_swept_all_the_same(tmp_path: Path) -> None:
    listener = Listener(tmp_path / "away", sweep_s=0.1)
    for _ in range(3):
        listener.heard.get(timeout=20)
    listener.end()
