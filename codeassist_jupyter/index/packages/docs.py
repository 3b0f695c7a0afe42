"""The documentation of one package in one version: names in SQLite, words in Tantivy.

Written once, whole, and then only read.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ... import security
from ...errors import IndexFailed
from ...types import Chunk, Hit, Package
from ..lexical import FORMAT, Lexical
from ..parse import decode
from ..verify import Verdict
from .api import Api, read_api

# Raise it whenever what is read or stored changes: older folders are thrown away.
_VERSION = f"1 {FORMAT}"
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE symbols (
    no INTEGER PRIMARY KEY, id TEXT, path TEXT, kind TEXT, name TEXT,
    start_line INTEGER, end_line INTEGER, header TEXT, text TEXT);
CREATE TABLE names (last TEXT, name TEXT, no INTEGER);
CREATE INDEX by_last ON names (last);
"""
_COLUMNS = "id, path, kind, name, start_line, end_line, header, text"
UNFINISHED = ".part"  # ends the name of a folder that is being written
_MOST_NAMESAKES = 200
_MOST_NOTES = 5


class Docs:
    """The documentation in a folder that `build` has written; any thread may ask.

    Raises IndexFailed when it is damaged or of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        meta: dict[str, str] = dict(self._rows("SELECT key, value FROM meta"))
        if meta.pop("format", "") != _VERSION:
            raise IndexFailed("the documentation is of another version")
        try:
            self.symbols = int(meta.pop("symbols"))
            self.notes = meta.pop("notes")
            self.package = Package(**meta)
        except (KeyError, TypeError, ValueError) as exc:
            raise IndexFailed("the documentation is damaged") from exc
        self._lexical = Lexical(folder / "words")
        self._lexical.close()  # the writer; it can still be searched
        if self._lexical.size != self.symbols:
            raise IndexFailed("the words of the documentation are damaged")

    @property
    def name(self) -> str:
        return self.package.name

    @property
    def title(self) -> str:
        return self.package.title

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    @property
    def used_at(self) -> float:
        """When a notebook last used it, in seconds since 1970."""
        with contextlib.suppress(OSError):
            return self.folder.stat().st_mtime
        return 0.0

    def mark_used(self) -> None:
        with contextlib.suppress(OSError):
            os.utime(self.folder)

    def find(self, name: str) -> list[Chunk]:
        """What is public under a dotted name or the end of one, the best first.

        The class of a value names the module that it is defined in, not the one it is public in:
        `pandas.core.frame.DataFrame.merge` finds `pandas.DataFrame.merge`. Of a dotted name at
        least the last two parts must fit.
        """
        parts = name.split(".")
        rows = self._rows(
            f"SELECT names.name, no, {_COLUMNS.replace('name', 'symbols.name')} FROM names"
            " JOIN symbols USING (no) WHERE last = ? LIMIT ?",
            [parts[-1].lower(), _MOST_NAMESAKES],
        )
        for start in range(max(1, len(parts) - 1)):
            end = "." + ".".join(parts[start:]).lower()
            found = [row for row in rows if f".{row[0]}".lower().endswith(end)]
            if found:
                found.sort(key=lambda row: (not row[0].endswith(parts[-1]), row[0].count(".")))
                unique = {row[1]: row for row in reversed(found)}
                return [self._chunk(row[2:], row[0]) for row in reversed(unique.values())]
        return []

    def find_words(self, text: str, limit: int) -> list[Hit]:
        """The best chunks by their words; the score is the share of the question they account for.

        Words count by their rarity in this package.
        """
        scores = self._lexical.search(text, limit)
        hits = []
        for no in sorted(scores, key=lambda no: (-scores[no], no)):
            row = self._rows(f"SELECT {_COLUMNS} FROM symbols WHERE no = ?", [no])[0]
            chunk = self._chunk(row, row[3])
            words = f"{chunk.path} {chunk.header} {chunk.text}"
            hits.append(Hit(chunk, self._lexical.coverage(text, words)))
        return hits

    def _chunk(self, row: Sequence[Any], name: str) -> Chunk:
        id_, path, kind, _, start_line, end_line, header, text = row
        return Chunk(
            id_,
            path,
            kind,
            name,
            "python",
            start_line,
            end_line,
            header,
            text,
            package=str(self.package),
        )

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with _database(self.folder, "ro") as database:
            return database.execute(sql, values).fetchall()


def build(folder: Path, package: Package, between: Callable[[], None]) -> None:
    """Read a package and write its documentation to `folder`, which is there whole or not at all.

    `between` is called before each file that is read. Raises IndexFailed where nothing is
    documented or nothing can be written.
    """
    api = read_api(package, between)
    if not api.symbols:
        raise IndexFailed("it has no Python source with public names")
    part = folder.with_name(f"{folder.name}{UNFINISHED}")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True, mode=0o700)
        _write(part, package, api)
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    except OSError as exc:
        raise IndexFailed(f"it cannot be written: {exc.strerror}") from exc
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(part: Path, package: Package, api: Api) -> None:
    chunks = {no: symbol.chunk for no, symbol in enumerate(api.symbols, 1)}
    meta = asdict(package) | {
        "format": _VERSION,
        "symbols": str(len(chunks)),
        "notes": "; ".join(api.notes[:5]),
    }
    with _database(part, "rwc") as database:
        database.executescript(_TABLES)
        database.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        database.executemany(
            f"INSERT INTO symbols VALUES ({', '.join('?' * 9)})",
            (
                (no, *(getattr(chunk, column) for column in _COLUMNS.split(", ")))
                for no, chunk in chunks.items()
            ),
        )
        database.executemany(
            "INSERT INTO names VALUES (?, ?, ?)",
            (
                (name.rpartition(".")[2].lower(), name, no)
                for no, symbol in enumerate(api.symbols, 1)
                for name in symbol.names
            ),
        )
        database.commit()
    lexical = Lexical(part / "words")
    lexical.change((), chunks)
    lexical.close()


def verify(root: Path, chunk: Chunk) -> Verdict:
    """Read the installed file again: is the chunk's text there, elsewhere in it, or nowhere?

    `root` is the folder that the package lies in.
    """
    path = root / chunk.path
    if not security.may_read(path, root):
        return "gone"
    try:
        text = decode(path.read_bytes()) or ""
    except OSError:
        return "gone"
    lines = text.split("\n")[chunk.start_line - 1 : chunk.end_line]
    if "\n".join(lines) == chunk.text:
        return "verified"
    return "moved" if chunk.text in text else "changed"


def folder_name(package: Package) -> str:
    """`pandas-3.1.1`: what the documentation of a package is filed under."""
    return re.sub(r"[^\w.+-]", "_", f"{package.name}-{package.version}")


@contextmanager
def _database(folder: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """The names of a package; a connection of its own for each use, so that any thread may ask."""
    try:
        uri = f"{(folder / 'names.sqlite').absolute().as_uri()}?mode={mode}"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            yield database
    except sqlite3.Error as exc:
        raise IndexFailed(f"the documentation cannot be used: {exc}") from exc
