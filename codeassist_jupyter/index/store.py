"""The manifest of an index, in DuckDB: its files, their chunks and relations, and what is live.

A file's row turns `live` last, after the text index has committed. A file still `pending` when
the manifest is opened was interrupted: it is forgotten here and by the text index.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from ..errors import IndexBusy, IndexFailed
from ..types import Chunk
from .chunk import CODE_KINDS
from .embed import text_key
from .failure import failed
from .graph import Edge

# Raise it whenever stored chunks or tables change their meaning: older indexes are rebuilt.
VERSION = "3"

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key VARCHAR, value VARCHAR);
CREATE TABLE IF NOT EXISTS files (
    path VARCHAR, size BIGINT, mtime_ns BIGINT, inode UBIGINT, digest VARCHAR,
    language VARCHAR, lines BIGINT, note VARCHAR, generation BIGINT, live BOOLEAN);
CREATE TABLE IF NOT EXISTS skipped (path VARCHAR, reason VARCHAR);
CREATE TABLE IF NOT EXISTS chunks (
    no BIGINT PRIMARY KEY, id VARCHAR, path VARCHAR, kind VARCHAR, name VARCHAR,
    language VARCHAR, start_line INTEGER, end_line INTEGER, header VARCHAR, text VARCHAR,
    cell INTEGER, cell_id VARCHAR, output VARCHAR, key VARCHAR, digest VARCHAR, body VARCHAR);
CREATE TABLE IF NOT EXISTS edges (
    source VARCHAR, target VARCHAR, kind VARCHAR, path VARCHAR, line INTEGER);
"""

_FILE_COLUMNS = "path, size, mtime_ns, inode, digest, language, lines, note"
_CHUNK_COLUMNS = (
    "id, path, kind, name, language, start_line, end_line, header, text, cell, cell_id, output"
)
_ENTRY_COLUMNS = (
    "no, path, kind, name, language, start_line, end_line, cell, cell_id, key, digest, body"
)
_EDGE_COLUMNS = "source, target, kind, path, line"
_INTEGERS = ("no", "size", "mtime_ns", "generation", "start_line", "end_line", "cell", "lines")
_TYPES = {name: pa.int64() for name in (*_INTEGERS, "line")} | {
    "inode": pa.uint64(),
    "live": pa.bool_(),
}

# The host shares the machine with a language model; DuckDB would take 80 % of memory.
_CONFIG: Mapping[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "192MB",
    "allocator_flush_threshold": "16MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class Entry(NamedTuple):
    """What the host keeps in memory of a live chunk; its text stays in the manifest.

    `no` is never used twice, so an outdated entry in any store points at nothing. `key` names
    the embedded header, `body` the embedded text ("" if it is not), `digest` all that is searched.
    """

    no: int
    path: str
    kind: str
    name: str
    language: str
    start_line: int
    end_line: int
    cell: int | None
    cell_id: str | None
    key: str
    digest: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """One indexed file, as it was when it was read; `digest` is the BLAKE2b of its bytes."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    digest: str = ""
    language: str = ""
    lines: int = 0
    note: str = ""


def entry_of(no: int, chunk: Chunk) -> Entry:
    """The part of a chunk that stays in memory."""
    searched = "\0".join((chunk.path, chunk.name, chunk.header, chunk.text, chunk.output))
    digest = hashlib.blake2b(searched.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return Entry(
        no,
        chunk.path,
        chunk.kind,
        chunk.name,
        chunk.language,
        chunk.start_line,
        chunk.end_line,
        chunk.cell,
        chunk.cell_id,
        text_key(chunk.header),
        digest,
        text_key(chunk.text) if chunk.kind in CODE_KINDS else "",
    )


class Manifest:
    """The DuckDB file of one index; one process, any thread.

    Raises IndexBusy when another process has it open and IndexFailed when it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        with self._translating():
            self._db = duckdb.connect(str(path), config=dict(_CONFIG))
            self._db.execute(_TABLES)
        newest = self._rows("SELECT coalesce(max(no), 0) FROM chunks")[0][0]
        generation = self._rows("SELECT coalesce(max(generation), 0) FROM files")[0][0]
        self._next_no = int(newest) + 1
        self.generation = int(generation)  # grows with every change of what is live

    def meta(self) -> dict[str, str]:
        return dict(self._rows("SELECT key, value FROM meta"))

    def set_meta(self, **values: str) -> None:
        with self._transaction():
            for key, value in values.items():
                self._db.execute("DELETE FROM meta WHERE key = ?", [key])
                self._db.execute("INSERT INTO meta VALUES (?, ?)", [key, value])

    def interrupted(self) -> list[str]:
        """Paths of the files whose indexing did not end."""
        return [path for (path,) in self._rows("SELECT path FROM files WHERE NOT live")]

    def files(self) -> dict[str, File]:
        rows = self._rows(f"SELECT {_FILE_COLUMNS} FROM files WHERE live")
        return {row[0]: File(*row) for row in rows}

    def entries(self) -> list[Entry]:
        rows = self._rows(f"SELECT {_ENTRY_COLUMNS} FROM chunks ORDER BY no")
        return [Entry(*row) for row in rows]

    def new_numbers(self, count: int) -> range:
        with self._lock:
            first = self._next_no
            self._next_no += count
        return range(first, first + count)

    def begin(self, files: Sequence[File]) -> None:
        """Mark files as being written, before any other store hears of them."""
        with self._transaction():
            self._delete_paths("files", [f.path for f in files])
            self._insert_files(files, live=False)

    def finish(
        self,
        files: Sequence[File],
        chunks: Sequence[tuple[Entry, Chunk]],
        edges: Sequence[Edge],
    ) -> None:
        """Replace all that is known of files and turn them live, in one transaction."""
        entries = [entry for entry, _ in chunks]
        columns = _columns("no", entries)
        columns |= _columns(_CHUNK_COLUMNS, [chunk for _, chunk in chunks])
        columns |= _columns("key, digest, body", entries)
        with self._transaction():
            self.generation += 1
            for table in ("files", "chunks", "edges"):
                self._delete_paths(table, [f.path for f in files])
            self._insert("chunks", columns)
            self._insert("edges", _columns(_EDGE_COLUMNS, edges))
            self._insert_files(files, live=True)

    def touch(self, files: Sequence[File]) -> None:
        """Record new times and inodes of files whose bytes are what they were."""
        if files:
            with self._transaction():
                self._delete_paths("files", [f.path for f in files])
                self._insert_files(files, live=True)

    def remove(self, paths: Sequence[str]) -> None:
        if paths:
            with self._transaction():
                self.generation += 1
                for table in ("files", "chunks", "edges"):
                    self._delete_paths(table, paths)

    def set_skipped(self, skipped: Iterable[tuple[str, str]]) -> None:
        """Replace the list of what was left out, with the reasons."""
        rows = list(skipped)
        columns = {"path": [path for path, _ in rows], "reason": [why for _, why in rows]}
        with self._transaction():
            self._db.execute("DELETE FROM skipped")
            self._insert("skipped", columns)

    def skipped(self) -> list[tuple[str, str]]:
        """What was left out and why: (path, reason), files that gave no chunk included."""
        rows = self._rows(
            "SELECT path, reason FROM skipped UNION ALL SELECT path, note FROM files"
            " WHERE note <> '' AND path NOT IN (SELECT path FROM chunks) ORDER BY 1"
        )
        return [(path, reason) for path, reason in rows]

    def chunks(self, numbers: Sequence[int]) -> dict[int, Chunk]:
        """Chunks by number; a number that is not alive is left out."""
        if not numbers:
            return {}
        wanted = ",".join(str(int(no)) for no in numbers)  # a literal list uses the key's index
        rows = self._rows(f"SELECT no, {_CHUNK_COLUMNS} FROM chunks WHERE no IN ({wanted})")
        return {row[0]: Chunk(*row[1:]) for row in rows}

    def edges(self, name: str) -> list[Edge]:
        """Relations from and to a name."""
        rows = self._rows(
            f"SELECT {_EDGE_COLUMNS} FROM edges WHERE source = ? OR target = ?", [name, name]
        )
        return [Edge(*row) for row in rows]

    def all_edges(self) -> list[Edge]:
        return [Edge(*row) for row in self._rows("SELECT * FROM edges")]

    def totals(self) -> tuple[int, int, int]:
        """Files, lines and chunks."""
        files, lines = self._rows("SELECT count(*), coalesce(sum(lines), 0) FROM files")[0]
        return int(files), int(lines), int(self._rows("SELECT count(*) FROM chunks")[0][0])

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        # A cursor of its own lets a search read while a refresh writes.
        with self._translating(), self._db.cursor() as cursor:
            return cursor.execute(sql, list(values)).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._translating():
            self._db.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as exc:
            raise _translated(exc) from exc

    def _delete_paths(self, table: str, paths: Sequence[str]) -> None:
        self._db.execute(
            f"DELETE FROM {table} WHERE path IN (SELECT unnest(?::VARCHAR[]))", [list(paths)]
        )

    def _insert(self, table: str, columns: Mapping[str, list[Any]]) -> None:
        types = [(name, _TYPES.get(name, pa.string())) for name in columns]
        rows = pa.table(dict(columns), schema=pa.schema(types))
        if rows.num_rows:
            self._db.register("incoming", rows)
            self._db.execute(f"INSERT INTO {table} SELECT * FROM incoming")
            self._db.unregister("incoming")

    def _insert_files(self, files: Sequence[File], live: bool) -> None:
        columns = _columns(_FILE_COLUMNS, files)
        columns["generation"] = [self.generation] * len(files)
        columns["live"] = [live] * len(files)
        self._insert("files", columns)


def _columns(names: str, values: Sequence[object]) -> dict[str, list[Any]]:
    return {name: [getattr(value, name) for value in values] for name in names.split(", ")}


def _translated(exc: duckdb.Error) -> IndexFailed:
    if "lock on file" in str(exc):
        return IndexBusy("the index is open in another process")
    return failed("the index manifest cannot be used", exc)
