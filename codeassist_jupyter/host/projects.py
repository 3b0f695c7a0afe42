"""The projects whose index is open: each is kept fresh by a thread of its own.

Knows nothing of HTTP.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import config
from ..config import Settings
from ..errors import CodeAssistError, UsageError
from ..index.discover import find_root
from ..models import catalogue

if TYPE_CHECKING:
    from ..index.embed import Encoder

log = logging.getLogger(__name__)

_MAX_OPEN = 4
_BUSY_POLL_S = 0.2


class Project:
    """One open index; `stage` says what its thread is doing, `done` of `total` how far it is."""

    def __init__(
        self, root: Path, encoders: Sequence[Encoder], is_busy: Callable[[], bool]
    ) -> None:
        from ..index.project import Index  # not at the top: the stores take a second to import

        self.root = root
        self.index = Index.open(folder_of(root), root, encoders)
        self.stage = "starting"
        self.done = self.total = 0
        self.failure = ""
        self.refreshed = threading.Event()
        self.last_used = time.monotonic()
        self._is_busy = is_busy
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._keep_fresh, name=f"index-{root.name}")
        self._thread.daemon = True
        self._thread.start()

    def progress(self, patience_s: float) -> Iterator[tuple[str, int, int]]:
        """Stage, done and total, whenever they change, until the index is fresh."""
        while not self._stop.is_set():
            yield self.stage, self.done, self.total
            if self.refreshed.is_set():
                return
            with self._changed:
                self._changed.wait(patience_s)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.index.close()

    def _tell(self, stage: str, done: int = 0, total: int = 0) -> None:
        with self._changed:
            self.stage, self.done, self.total = stage, done, total
            self._changed.notify_all()

    def _keep_fresh(self) -> None:
        from ..index.watch import wakeups

        for _ in wakeups(self.root, self._stop):
            try:
                self._refresh()
            except CodeAssistError as exc:
                log.error("index of %s: %s", self.root, exc)  # noqa: TRY400 - told to the user
                self.failure = str(exc)
            except Exception as exc:  # the door: nobody else sees the failure of a thread
                log.exception("index of %s", self.root)
                self.failure = f"unexpected failure: {exc!r}"
            self.refreshed.set()
            self._tell("fresh")

    def _refresh(self) -> None:
        from ..index import build

        build.refresh(self.index, lambda n, of, _: self._tell("reading", n, of), self._stop)
        self.failure = ""
        self.refreshed.set()
        build.embed_pending(self.index, self._embedded, self._stop)

    def _embedded(self, done: int, total: int, _: str) -> None:
        """Between two batches: let an answer that is being written have the cores."""
        self._tell("embedding", done, total)
        while self._is_busy() and not self._stop.wait(_BUSY_POLL_S):
            pass


class Projects:
    """Opens projects on demand, the least recently used one out."""

    def __init__(self, is_busy: Callable[[], bool]) -> None:
        self._is_busy = is_busy
        self._open: dict[Path, Project] = {}
        self._lock = threading.Lock()
        self._encoders: tuple[Encoder, ...] | None = None

    def open(self, start: str) -> Project:
        """The project that a folder or file belongs to; raises UsageError where there is none."""
        place = Path(start).expanduser()
        if not place.is_absolute() or not place.exists():
            raise UsageError(f"there is no folder {start}", "Give the path of a project.")
        root = find_root(place)
        with self._lock:
            project = self._open.get(root)
            if project is None:
                self._close_one()
                project = Project(root, self._all_encoders(), self._is_busy)
                self._open[root] = project
            project.last_used = time.monotonic()
            return project

    def close(self) -> None:
        with self._lock:
            for project in self._open.values():
                project.close()
            self._open.clear()

    def _close_one(self) -> None:
        if len(self._open) >= _MAX_OPEN:
            oldest = min(self._open.values(), key=lambda project: project.last_used)
            del self._open[oldest.root]
            oldest.close()

    def _all_encoders(self) -> tuple[Encoder, ...]:
        if self._encoders is None:
            self._encoders = tuple(open_encoders(config.load()))
        return self._encoders


def folder_of(root: Path) -> Path:
    """Where the index of a project is kept."""
    digest = hashlib.blake2b(str(root).encode("utf-8", "surrogateescape"), digest_size=8)
    return config.home() / "index" / digest.hexdigest()


def open_encoders(settings: Settings) -> Iterator[Encoder]:
    """The encoders whose files are here, the fastest first; without any, words alone must do."""
    from ..index.embed import OnnxEncoder, SentenceTransformerEncoder, StaticEncoder

    folder = settings.models_path
    for name in catalogue.STATIC_ENCODERS:
        if catalogue.installed(name, folder) is not None:
            weights = catalogue.verified_path(name, folder)
            yield StaticEncoder(name, weights, weights.with_name("tokenizer.json"))
            break
    if settings.encoder:
        yield SentenceTransformerEncoder(settings.encoder)
    elif catalogue.installed(catalogue.ENCODER, folder) is not None:
        weights = catalogue.verified_path(catalogue.ENCODER, folder)
        yield OnnxEncoder(catalogue.ENCODER, weights, weights.with_name("tokenizer.json"))
