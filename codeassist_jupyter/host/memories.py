"""The user's conversations in the host: the store, its search and its key, opened at first use.

Knows nothing of HTTP. Every method may take a while: for threads, not for the event loop.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import config
from ..errors import MemoryLocked
from ..types import Remembered

if TYPE_CHECKING:
    from ..index.embed import Encoder
    from ..memory.conversations import Conversations
    from ..memory.search import Found, History

log = logging.getLogger(__name__)

_DAY_S = 86_400.0


class Memories:
    """One per host. Methods raise MemoryFailed, MemoryLocked, and UsageError for unknown ids."""

    def __init__(
        self, encoders: Callable[[], Sequence[Encoder]], is_busy: Callable[[], bool]
    ) -> None:
        self._encoders = encoders
        self._is_busy = is_busy
        self._lock = threading.Lock()
        self._open: tuple[Conversations, History] | None = None

    def store(self) -> Conversations:
        """The open store, which this opens if need be."""
        return self._opened()[0]

    def unlock(self, passphrase: str) -> None:
        """Open an encrypted store; raises MemoryLocked for a wrong passphrase."""
        self._opened(passphrase)

    def search(self, text: str, project: str, k: int) -> list[Remembered]:
        """The best exchanges of all conversations, or of a project's."""
        store, history = self._opened()
        allowed = store.matching(project=project) if project else None
        return _remembered(store, history.search(text, k, allowed))

    def recall(self, conversation: str, question: str, before: int, k: int) -> list[Remembered]:
        """The older exchanges of a conversation that a question needs."""
        store, history = self._opened()
        store.get(conversation)
        return _remembered(store, history.recall(conversation, question, before, k))

    def saved(self) -> None:
        """Tell the search that there is something new."""
        self._opened()[1].wake()

    def forget(self, project: str = "", conversation: str = "") -> int:
        """Erase conversations from every file; gives how many there were."""
        store, history = self._opened()
        gone = store.matching(project, conversation)
        told = sum(store.get(one).turns > 0 for one in gone)
        if gone or store.erasing:
            store.delete(gone)
            history.erase()
            store.erase()
        return told

    def state(self) -> dict[str, Any]:
        """Where the store is, its size, counts, whether it is encrypted and locked."""
        path = config.home() / "conversations.duckdb"
        try:
            store, history = self._opened()
        except MemoryLocked as exc:
            size = path.stat().st_size if path.exists() else 0
            return {
                "path": str(path),
                "size": size,
                "encrypted": True,
                "locked": True,
                "message": exc.message,
            }
        return {
            "path": str(path),
            "size": store.database.size(),
            "encrypted": store.encrypts,
            "locked": False,
            "pending": history.pending,
            **store.counts(),
        }

    def close(self) -> None:
        with self._lock:
            if self._open is not None:
                store, history = self._open
                history.close()
                store.close()
            self._open = None

    def _opened(self, passphrase: str | None = None) -> tuple[Conversations, History]:
        with self._lock:
            if self._open is None:
                self._open = self._opening(passphrase)
            return self._open

    def _opening(self, passphrase: str | None) -> tuple[Conversations, History]:
        from ..memory import keys  # not at the top: DuckDB and Tantivy take a moment to import
        from ..memory.conversations import Conversations
        from ..memory.search import History

        settings = config.load()
        cipher = keys.open_cipher(settings, passphrase)
        store = Conversations(config.home() / "conversations.duckdb", cipher)
        folder = config.home() / "memory"
        try:
            old = _too_old(store, settings.history_days)
            if old:
                store.delete(old)
            if store.erasing:  # now, or when a `forget` was cut short
                shutil.rmtree(folder, ignore_errors=True)
                store.erase()
            if store.encrypts:  # what is left of plain times
                shutil.rmtree(folder, ignore_errors=True)
        except BaseException:
            store.close()
            raise
        return store, History(
            store, None if store.encrypts else folder, self._encoders, self._is_busy
        )


def _too_old(store: Conversations, days: float) -> set[str]:
    if not days:
        return set()
    old = store.matching(before=time.time() - days * _DAY_S)
    log.info("%d conversations are older than %g days", len(old), days)
    return old


def _remembered(store: Conversations, found: Found) -> list[Remembered]:
    return [
        Remembered(store.get(place.conversation), exchange, score)
        for place, exchange, score in found
    ]
