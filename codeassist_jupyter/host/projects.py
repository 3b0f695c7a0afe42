"""The projects whose index is open: each is kept fresh by a thread of its own.

Knows nothing of HTTP.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .. import config
from ..config import Settings
from ..errors import CodeAssistError, IndexFailed, UsageError
from ..index.discover import find_root
from ..models import catalogue
from .index_home import index_home

if TYPE_CHECKING:
    from ..index.around import Around
    from ..index.embed import Encoder

log = logging.getLogger(__name__)

_MAX_OPEN = 4
_BUSY_POLL_S = 0.2
_LOOK_AGAIN_S = 10.0  # for encoders that set-up may fetch while we run


class Project:
    """One open index; `stage` says what its thread is doing, `done` of `total` how far it is.

    `refreshed` is set once all files have been read. `users` and `last_used` are kept by Projects.
    """

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
        self.users = 0
        self.last_used = time.monotonic()
        self._is_busy = is_busy
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._rounds_begun = self._rounds_read = 0
        self._read_on = False
        self._changed = threading.Condition()
        self._around: Around | None = None
        self._around_lock = threading.Lock()
        self._thread = threading.Thread(target=self._keep_fresh, name=f"index-{root.name}")
        self._thread.daemon = True
        self._thread.start()

    def progress(self, patience_s: float) -> Iterator[tuple[str, int, int]]:
        """Stage, done and total, whenever they change, until all that is on disk now is read."""
        wanted = self._rounds_begun + 1
        self._wake.set()
        while not self._stop.is_set():
            yield self.stage, self.done, self.total
            with self._changed:
                if self._rounds_read >= wanted:
                    return
                self._changed.wait(patience_s)

    def around(self) -> Around:
        """The relations of what is indexed now; after a change, up to a second's work."""
        from ..index.around import Around

        with self._around_lock:
            if self._around is None or self._around.generation != self.index.manifest.generation:
                self._around = Around(self.index)
            return self._around

    def close(self) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join()
        self.index.close()

    def _tell(self, stage: str, done: int = 0, total: int = 0) -> None:
        with self._changed:
            self.stage, self.done, self.total = stage, done, total
            self._changed.notify_all()

    def _keep_fresh(self) -> None:
        from ..index.watch import wakeups

        for _ in wakeups(self.root, self._stop, wake=self._wake):
            try:
                self._read()
                self._embed()
            except CodeAssistError as exc:
                log.error("index of %s: %s", self.root, exc)  # noqa: TRY400 - told to the user
                self.failure = str(exc)
            except Exception as exc:  # the door: nobody else sees the failure of a thread
                log.exception("index of %s", self.root)
                self.failure = f"unexpected failure: {exc!r}"
            self._rounds_read = self._rounds_begun
            self.refreshed.set()
            self._tell("fresh")

    def _read(self) -> None:
        from ..index import build

        self._rounds_begun += 1
        build.refresh(self.index, lambda n, of, _: self._tell("reading", n, of), self._stop)
        self.failure = ""
        self._rounds_read = self._rounds_begun
        self.refreshed.set()
        self._tell("fresh")

    def _embed(self) -> None:
        from ..index import build

        self._read_on = False
        build.embed_pending(self.index, self._embedded, self._stop)
        if self._read_on:  # what came meanwhile is embedded in the next round
            self._wake.set()

    def _embedded(self, done: int, total: int, _: str) -> None:
        """Between two batches: read what has changed, and let a running answer have the cores."""
        while True:
            if self._wake.is_set() and not self._stop.is_set():
                self._wake.clear()
                self._read_on = True
                self._read()
            self._tell("embedding", done, total)
            if not self._is_busy() or self._stop.wait(_BUSY_POLL_S):
                return


class Projects:
    """Opens projects on demand; of those that nobody uses, the least recently used one goes.

    Opening and closing take seconds. Nobody waits for that but who wants the same project.
    """

    def __init__(self, is_busy: Callable[[], bool]) -> None:
        self._is_busy = is_busy
        self._open: dict[Path, Project] = {}
        self._moving: set[Path] = set()  # roots that are being opened or closed
        self._changed = threading.Condition()  # guards both, held for moments only
        self._encoders: tuple[Encoder, ...] = ()
        self._encoders_lock = threading.Lock()
        self._problems: list[str] = []
        self._look_again = 0.0

    @contextmanager
    def use(self, start: str) -> Iterator[Project]:
        """The project that a folder or file belongs to; it stays open meanwhile.

        Raises UsageError where there is none, and IndexFailed where it cannot be opened.
        """
        root = _root_of(start)
        encoders = self.encoders()
        project = self._taken(root, encoders) or self._opened(root, encoders)
        try:
            yield project
        finally:
            with self._changed:
                project.users -= 1
                project.last_used = time.monotonic()

    def close(self) -> None:
        """Close all; whatever is still being asked fails."""
        with self._changed:
            self._changed.wait_for(lambda: not self._moving)
            projects = list(self._open.values())
            self._open.clear()
        for project in projects:
            project.close()

    def _taken(self, root: Path, encoders: Sequence[Encoder]) -> Project | None:
        """The open project, or None if the caller is to open it: then nobody else does."""
        with self._changed:
            self._changed.wait_for(lambda: root not in self._moving)
            project = self._open.get(root)
            outdated = project is not None and encoders and not project.index.tiers
            if project is not None and (project.users or not outdated):
                project.users += 1
                return project
            self._moving.add(root)
            return None

    def _opened(self, root: Path, encoders: Sequence[Encoder]) -> Project:
        try:
            with self._changed:
                outdated = self._open.pop(root, None)
            if outdated is not None:
                outdated.close()  # set-up has fetched encoders since
            project = self._new(root, encoders)
            project.users = 1
            with self._changed:
                self._open[root] = project
        finally:
            self._moved(root)
        self._make_room()
        return project

    def _new(self, root: Path, encoders: Sequence[Encoder]) -> Project:
        try:
            project = Project(root, encoders, self._is_busy)
        except OSError as exc:
            raise IndexFailed(
                f"the index of {root} cannot be kept in {config.home()}: {exc.strerror}",
                "Make room or give the right to write, or point CODEASSIST_HOME elsewhere.",
            ) from exc
        project.index.message = "\n".join(filter(None, (project.index.message, *self._problems)))
        return project

    def _make_room(self) -> None:
        with self._changed:
            idle = [project for project in self._open.values() if not project.users]
            if len(self._open) <= _MAX_OPEN or not idle:
                return
            oldest = min(idle, key=lambda project: project.last_used)
            del self._open[oldest.root]
            self._moving.add(oldest.root)
        threading.Thread(target=self._close_one, args=(oldest,), daemon=True).start()

    def _close_one(self, project: Project) -> None:
        try:
            project.close()
        except Exception:  # the door of a thread
            log.exception("closing the index of %s", project.root)
        finally:
            self._moved(project.root)

    def _moved(self, root: Path) -> None:
        with self._changed:
            self._moving.discard(root)
            self._changed.notify_all()

    def encoders(self) -> tuple[Encoder, ...]:
        """The encoders whose files are here, shared by all that search."""
        with self._encoders_lock:
            if not self._encoders and time.monotonic() >= self._look_again:
                found, self._problems = open_encoders(config.load())
                self._encoders = tuple(found)
                self._look_again = time.monotonic() + _LOOK_AGAIN_S
            return self._encoders


def folder_of(root: Path) -> Path:
    """Where the index of a project is kept; raises IndexFailed where there is no safe place."""
    digest = hashlib.blake2b(str(root).encode("utf-8", "surrogateescape"), digest_size=8)
    return index_home() / digest.hexdigest()


def open_encoders(settings: Settings) -> tuple[list[Encoder], list[str]]:
    """The encoders whose files are here, the fastest first, and what is wrong with others.

    Without any, words alone must do.
    """
    found: list[Encoder] = []
    problems: list[str] = []
    for open_one in (_static_encoder, _transformer):
        try:
            encoder = open_one(settings)
        except CodeAssistError as exc:
            log.warning("an encoder is left out: %s", exc)
            problems.append(str(exc))
        else:
            found += [encoder] if encoder is not None else []
    return found, problems


def _static_encoder(settings: Settings) -> Encoder | None:
    from ..index.embed import StaticEncoder

    for name in catalogue.STATIC_ENCODERS:
        if catalogue.installed(name, settings.models_path) is not None:
            weights = catalogue.verified_path(name, settings.models_path)
            return StaticEncoder(name, weights, weights.with_name("tokenizer.json"))
    return None


def _transformer(settings: Settings) -> Encoder | None:
    from ..index.embed import OnnxEncoder, SentenceTransformerEncoder

    if settings.encoder:
        return SentenceTransformerEncoder(settings.encoder)
    if catalogue.installed(catalogue.ENCODER, settings.models_path) is None:
        return None
    weights = catalogue.verified_path(catalogue.ENCODER, settings.models_path)
    return OnnxEncoder(catalogue.ENCODER, weights, weights.with_name("tokenizer.json"))


def _root_of(start: str) -> Path:
    try:
        place = Path(start).expanduser()
        exists = place.is_absolute() and place.exists()
    except (OSError, RuntimeError):  # no right to look, a name too long, no such user
        exists = False
    if not exists:
        raise UsageError(f"there is no folder {start}", "Give the path of a project.")
    root = find_root(place)
    if root in Path.home().resolve().parents:
        raise UsageError(f"{root} is no project", "Change to the folder of one: %cd PATH.")
    return root
