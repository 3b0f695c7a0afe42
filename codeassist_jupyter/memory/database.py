"""The DuckDB file under the conversations: opened, checked, migrated, and written anew to erase.

Knows nothing of what the tables mean. The file is never overwritten or repaired by guesswork: what
cannot be opened is refused with a message, and stays as it is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from ..errors import MemoryFailed

# The host shares the machine with a language model; DuckDB would take 80 % of memory.
_CONFIG: Mapping[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "192MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def _first(db: duckdb.DuckDBPyConnection) -> None:
    """Version 1. Bodies, heads and summaries are sealed; nothing private is a plain column."""
    db.execute("""
CREATE TABLE conversations (
    id VARCHAR, created DOUBLE, head BLOB, summary BLOB, summary_upto INTEGER);
CREATE TABLE messages (
    no BIGINT PRIMARY KEY, conversation VARCHAR, number INTEGER, role VARCHAR, asked_at DOUBLE,
    token VARCHAR, usage VARCHAR, model VARCHAR, feedback TINYINT, pinned BOOLEAN,
    inserted BOOLEAN, body BLOB);
CREATE TABLE bookmarks (conversation VARCHAR, number INTEGER);
CREATE TABLE snippets (id VARCHAR, created DOUBLE, uses INTEGER, body BLOB);
CREATE TABLE snippet_places (snippet VARCHAR, conversation VARCHAR, number INTEGER);
""")


# The n-th brings a file from version n-1 to n. A published one never changes.
_MIGRATIONS: Sequence[Callable[[duckdb.DuckDBPyConnection], None]] = (_first,)
VERSION = len(_MIGRATIONS)


class Database:
    """One open file; any thread, one writer. Every method raises MemoryFailed.

    `store` is its random id. What `transaction` did is on disk once it ends: DuckDB syncs its log
    at each commit.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._draft = path.with_suffix(".draft")
        with self._translating():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._remove_draft()  # of a rewriting that was interrupted
            if path.exists():
                self._check_version()
            self._connect()
            self._migrate()
        self.store = self.meta()["store"]

    def meta(self) -> dict[str, str]:
        return dict(self.rows("SELECT key, value FROM meta"))

    def set_meta(self, **values: str) -> None:
        with self.transaction() as db:
            for key, value in values.items():
                db.execute("DELETE FROM meta WHERE key = ?", [key])
                db.execute("INSERT INTO meta VALUES (?, ?)", [key, value])

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self._translating():
            return self._db.execute(sql, list(values)).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Do all or nothing."""
        with self._lock, self._translating():
            self._db.execute("BEGIN")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(duckdb.Error):  # a failed commit has rolled back itself
                    self._db.execute("ROLLBACK")
                raise

    def rewrite(self, without: str = "") -> None:
        """Write the file anew and put it in the place of the old one, all at once.

        Deleted rows leave their bytes in free blocks and in the log; the new file has neither.
        `without` is a key of the meta table that goes away with them.
        """
        with self._lock, self._translating():
            self._remove_draft()
            # The log must be empty before the file below it is exchanged.
            self._db.execute("FORCE CHECKPOINT")
            name = self._db.execute("SELECT current_database()").fetchall()[0][0]
            self._db.execute(f"ATTACH '{_quoted(self._draft)}' AS draft")
            try:
                self._db.execute(f'COPY FROM DATABASE "{name}" TO draft')
                self._db.execute("DELETE FROM draft.meta WHERE key = ?", [without])
            finally:
                self._db.execute("DETACH draft")
            self._db.close()
            try:
                self._log.unlink(missing_ok=True)
                sync(self._draft)
                self._draft.chmod(0o600)
                self._draft.replace(self.path)
                sync(self.path.parent)
            finally:
                self._connect()

    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in (self.path, self._log) if path.exists())

    def close(self) -> None:
        with self._lock, self._translating():
            self._db.close()

    @property
    def _log(self) -> Path:
        return self.path.with_name(f"{self.path.name}.wal")

    def _connect(self) -> None:
        self._db = duckdb.connect(str(self.path), config=dict(_CONFIG))
        self.path.chmod(0o600)

    def _check_version(self) -> None:
        """Refuse, before anything is written, what a newer version of ours or another made."""
        with duckdb.connect(str(self.path), read_only=True, config=dict(_CONFIG)) as db:
            tables = {name for (name,) in db.execute("SHOW TABLES").fetchall()}
            if not tables:
                return
            if "meta" not in tables:
                raise MemoryFailed(
                    f"{self.path} is not a store of conversations", "Move it elsewhere by hand."
                )
            found = dict(db.execute("SELECT key, value FROM meta").fetchall())
        if int(found["version"]) > VERSION:
            raise MemoryFailed(
                f"{self.path} was written by a newer version of codeassist-jupyter"
                f" (format {found['version']}, this one knows {VERSION})",
                "Upgrade codeassist-jupyter; the file was not changed.",
            )

    def _migrate(self) -> None:
        with self.transaction() as db:
            db.execute("CREATE TABLE IF NOT EXISTS meta (key VARCHAR, value VARCHAR)")
            found = dict(db.execute("SELECT key, value FROM meta").fetchall())
            if not found:
                values = ["0", secrets.token_hex(16)]
                db.execute("INSERT INTO meta VALUES ('version', ?), ('store', ?)", values)
            for migration in _MIGRATIONS[int(found.get("version", 0)) :]:
                migration(db)
            db.execute("UPDATE meta SET value = ? WHERE key = 'version'", [str(VERSION)])

    def _remove_draft(self) -> None:
        for path in (self._draft, self._draft.with_name(f"{self._draft.name}.wal")):
            path.unlink(missing_ok=True)

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as exc:
            raise self._translated(exc) from exc
        except OSError as exc:
            raise MemoryFailed(
                f"the conversations in {self.path} cannot be kept: {exc.strerror}",
                "Make room or give the right to write, or point CODEASSIST_HOME elsewhere.",
            ) from exc

    def _translated(self, exc: duckdb.Error) -> MemoryFailed:
        words = str(exc)
        if "lock on file" in words:
            return MemoryFailed(
                f"{self.path} is open in another process",
                "Only the host may open it; `codeassist host status` shows who does.",
            )
        if any(sign in words for sign in ("Could not write", "No space", "too large", "disk is")):
            return MemoryFailed(
                f"{self.path} cannot be written: {words[:300]}",
                "Free some space; what was acknowledged before is safe.",
            )
        return MemoryFailed(
            f"the store of conversations {self.path} cannot be used: {words[:300]}",
            "It was left as it is. If it is damaged, restore it from a backup, or move it and the"
            " .wal file beside it away to begin with an empty one.",
        )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def sync(path: Path) -> None:
    """Make sure that a file, or the names in a folder, are on disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
