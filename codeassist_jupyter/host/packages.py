"""The documentation of the packages that notebooks import: read once, by one thread, kept bounded.

Knows nothing of HTTP, and nothing of who imports what: kernels tell.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import IndexFailed
from ..types import Chunk, Package
from .index_home import index_home

if TYPE_CHECKING:
    from ..index.packages.docs import Docs

log = logging.getLogger(__name__)

MOST_PACKAGES = 40
MOST_BYTES = 200_000_000
UNUSED_S = 60 * 86_400.0  # what no notebook has imported for so long is deleted
_BUSY_POLL_S = 0.2


class _Stop(Exception):
    """Ends the reading of a package: the host leaves, or the package was removed."""


class Packages:
    """Use `tell` when a notebook imports packages; the rest follows in the background."""

    def __init__(self, is_busy: Callable[[], bool]) -> None:
        self._is_busy = is_busy
        self._changed = threading.Condition()
        self._docs: dict[str, Docs] | None = None  # by the name of the folder; None: not looked yet
        self._told: dict[str, Package] = {}  # what kernels of this host import, as installed now
        self._waiting: list[str] = []
        self._failed: dict[str, str] = {}
        self._removed: set[str] = set()  # import names; they stay away as long as the host lives
        self._reading = ""
        self._stopped = False
        self._thread: threading.Thread | None = None

    def tell(self, packages: Iterable[Package]) -> None:
        """A notebook imports these: read what is new, and keep the rest from being deleted."""
        from ..index.packages.docs import folder_name

        with self._changed:
            known = self._known()
            for package in packages:
                key = folder_name(package)
                self._told[key] = package
                if key in known:
                    known[key].mark_used()
                elif package.reason:
                    self._failed[key] = package.reason
                elif not self._is_settled(key):
                    self._waiting.append(key)
            if self._waiting and self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="packages", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def ready(self, packages: Iterable[Package]) -> list[Docs]:
        """The documentation of these packages, as far as it has been read."""
        from ..index.packages.docs import folder_name

        with self._changed:
            known = self._known()
            keys = [folder_name(package) for package in packages]
            return [known[key] for key in keys if key in known]

    def check(self, packages: Iterable[Package]) -> None:
        """Open the documentation of these packages again, and read anew what is damaged."""
        packages = list(packages)
        with self._changed:
            for docs in self.ready(packages):
                if _opened(docs.folder) is None:
                    self._delete(docs.folder.name)
        self.tell(packages)

    def root_of(self, package: str) -> Path | None:
        """The folder that a package lies in, by its title and version."""
        with self._changed:
            stored = [docs.package for docs in self._known().values()]
            for known in (*self._told.values(), *stored):
                if str(known) == package and known.path:
                    return Path(known.path).parent
        return None

    def verify(self, chunk: Chunk) -> str:
        """Read the place of a package again: verified, moved, changed or gone."""
        from ..index.packages.docs import verify

        root = self.root_of(chunk.package)
        return verify(root, chunk) if root is not None else "gone"

    def remove(self, name: str) -> int:
        """Delete a package in all versions, by its import name or its title; returns how many.

        It does not come back while this host lives.
        """
        with self._changed:
            known = self._known()
            found = {
                key: package
                for key, package in (
                    *self._told.items(),
                    *((key, docs.package) for key, docs in known.items()),
                )
                if name.lower() in (package.name.lower(), package.title.lower())
            }
            self._removed |= {package.name for package in found.values()}
            for key in found:
                self._delete(key)
                self._failed.pop(key, None)
                self._told.pop(key, None)
            self._waiting = [key for key in self._waiting if key not in found]
            return len(found)

    def status(self) -> list[dict[str, Any]]:
        """Each package: title, name, version, symbols, size in bytes, state, and what is amiss."""
        with self._changed:
            known = self._known()
            packages = {key: docs.package for key, docs in known.items()} | self._told
            return [
                {
                    "name": package.name,
                    "title": package.title,
                    "version": package.version,
                    "symbols": known[key].symbols if key in known else 0,
                    "size": known[key].size if key in known else 0,
                    "state": self._state(key),
                    "note": known[key].notes if key in known else self._failed.get(key, ""),
                }
                for key, package in sorted(packages.items())
                if package.name not in self._removed
            ]

    def close(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _state(self, key: str) -> str:
        if key in self._known():
            return "ready"
        if key == self._reading:
            return "reading"
        return "left out" if key in self._failed else "waiting"

    def _is_settled(self, key: str) -> bool:
        """Whether nothing is to be done for a package that has not been read."""
        package = self._told[key]
        return (
            key in self._failed
            or key in self._waiting
            or key == self._reading
            or package.name in self._removed
        )

    def _known(self) -> dict[str, Docs]:
        """What is on disk, by folder; damaged and long unused folders are deleted on the way."""
        if self._docs is None:
            self._docs = {}
            folders = sorted(_home().iterdir()) if _home().is_dir() else []
            for folder in folders:
                docs = _opened(folder)
                if docs is not None and time.time() - docs.used_at < UNUSED_S:
                    self._docs[folder.name] = docs
                else:
                    shutil.rmtree(folder, ignore_errors=True)
        return self._docs

    def _delete(self, key: str) -> None:
        self._known().pop(key, None)
        shutil.rmtree(_home() / key, ignore_errors=True)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._reading = ""
                self._changed.wait_for(lambda: self._stopped or bool(self._waiting))
                if self._stopped:
                    return
                self._reading = self._waiting.pop(0)
                package = self._told[self._reading]
            try:
                self._read(self._reading, package)
            except _Stop:
                log.info("%s is not read", package)
            except IndexFailed as exc:
                self._failed[self._reading] = exc.message
            except Exception as exc:  # the door: nobody else sees the failure of a thread
                log.exception("documentation of %s", package)
                self._failed[self._reading] = f"unexpected failure: {exc!r}"

    def _read(self, key: str, package: Package) -> None:
        from ..index.packages.docs import build

        folder = _home() / key
        build(folder, package, lambda: self._give_way(package))
        with self._changed:
            docs = _opened(folder)
            if docs is None or package.name in self._removed:
                shutil.rmtree(folder, ignore_errors=True)
                return
            self._known()[key] = docs
            self._make_room(key)

    def _give_way(self, package: Package) -> None:
        """Between two files: let a running answer have the cores; raises _Stop when it is over."""
        with self._changed:
            while not self._stopped and package.name not in self._removed:
                if not self._is_busy():
                    return
                self._changed.wait(_BUSY_POLL_S)
        raise _Stop

    def _make_room(self, newest: str) -> None:
        """Delete what was not used for the longest time, until the rest is within bounds."""
        known = self._known()
        size = {key: docs.size for key, docs in known.items()}
        for key in sorted(known, key=lambda key: known[key].used_at):
            if len(known) <= MOST_PACKAGES and sum(size[key] for key in known) <= MOST_BYTES:
                return
            if key != newest:
                self._delete(key)
                self._failed[key] = "there was no room"


def _home() -> Path:
    return index_home() / "packages"


def _opened(folder: Path) -> Docs | None:
    """The documentation in a folder; None for what a crash left and for what is damaged."""
    from ..index.packages.docs import UNFINISHED, Docs

    if folder.name.endswith(UNFINISHED):
        return None
    try:
        return Docs(folder)
    except IndexFailed as exc:
        log.warning("%s is thrown away: %s", folder, exc.message)
        return None
