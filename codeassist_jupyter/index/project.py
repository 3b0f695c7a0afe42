"""One project's index, opened: manifest, text index, vectors and the cells of open notebooks.

Only the host opens it. Whatever is damaged or of another version is thrown away and said so in
`message`; `build.refresh` fills it again.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import IndexBusy, IndexFailed
from ..types import Chunk
from .chunk import body_words
from .embed import Encoder, text_key
from .embed import Vectors as Matrix
from .graph import Edge
from .jargon import in_code
from .lexical import FORMAT, Lexical
from .overlay import FIRST_NUMBER, Overlay
from .roster import Roster
from .similar import by_headers, with_bodies
from .store import VERSION, Entry, File, Manifest, entry_of
from .vectors import Vectors

_SYMBOLS = {"function", "method", "class"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tier:
    """An encoder and its vectors."""

    encoder: Encoder
    vectors: Vectors

    def encode(self, text: str) -> Matrix:
        """The vector of one text."""
        vector: Matrix = self.encoder.encode([text])[0]
        return vector


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file on its way into the stores."""

    file: File
    chunks: Sequence[Chunk]
    edges: Sequence[Edge] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """What `%assist index` shows; `age_s` is None before the first refresh has ended.

    `pending` counts the texts that each encoder has still to read; `size` is bytes on disk.
    """

    root: str
    files: int
    lines: int
    chunks: int
    open_cells: int
    skipped: tuple[tuple[str, str], ...]
    size: int
    age_s: float | None
    pending: dict[str, int] = field(default_factory=dict)
    message: str = ""


class Index:
    """Use `Index.open`. One thread may write (`write`, `remove`) while any number search."""

    def __init__(self, folder: Path, root: Path, encoders: Sequence[Encoder]) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.root = root
        self.message = ""
        self._closed = False
        self.manifest = Manifest(folder / "meta.duckdb")
        try:
            self._check_version()
            self.lexical = Lexical(folder / "tantivy")
            self._sweep()
            self.roster = Roster(self.manifest.entries())
            if self.lexical.size != len(self.roster):
                raise IndexFailed("the text index does not match the manifest")
        except IndexFailed:
            self.manifest.close()
            raise
        self.tiers = tuple(
            Tier(encoder, Vectors(folder, f"vectors-{_slug(encoder.name)}", encoder.dimension))
            for encoder in encoders
        )
        # The slowest encoder reads, after all headers, the bodies of symbols.
        self.bodies: Tier | None = None
        if len(encoders) > 1:
            encoder = encoders[-1]
            table = f"bodies-{_slug(encoder.name)}"
            self.bodies = Tier(encoder, Vectors(folder, table, encoder.dimension, half=True))
        self.overlay = Overlay(self.roster)

    @classmethod
    def open(cls, folder: Path, root: Path, encoders: Sequence[Encoder] = ()) -> Index:
        """Open the index of `root` kept in `folder`, or start an empty one.

        `encoders` stand in the order of their speed; the first must be instant. Raises IndexBusy
        when another process has the index open.
        """
        try:
            return cls(folder, root, encoders)
        except IndexBusy:
            raise
        except IndexFailed as exc:
            _log.warning("rebuilding %s: %s", folder, exc.message)
            _empty(folder)
            index = cls(folder, root, encoders)
            index.message = f"{exc.message}; it is built anew"
            return index

    def load_vectors(self) -> None:
        """Read the vectors from disk: seconds, so the host calls it behind the first answers."""
        for tier in self.readers():
            keys = set(self._texts(tier))
            try:
                tier.vectors.load(keys)
            except IndexFailed as exc:
                _log.warning("%s", exc.message)
                self.message = f"{exc.message}; they are computed anew"
                tier.vectors.drop()
                tier.vectors.load(keys)

    def write(self, batch: Sequence[Parsed]) -> None:
        """Replace all that is known of some files; durable and searchable on return.

        A chunk whose text has not changed keeps its number, and so its place in every store.
        """
        if not batch:
            return
        files = [parsed.file for parsed in batch]
        # A write of theirs has failed: the text index may hold documents that no number leads to.
        broken = {file.path for file in files}.intersection(self.manifest.interrupted())
        self.manifest.begin(files)
        stored: list[tuple[Entry, Chunk]] = []
        stale: list[int] = []
        fresh: list[tuple[Entry, Chunk]] = []
        for parsed in batch:
            known = defaultdict[str, list[int]](list)
            for entry in self.roster.of_path(parsed.file.path):
                if entry.no < FIRST_NUMBER:
                    known[entry.digest].append(entry.no)
            for chunk in parsed.chunks:
                entry = entry_of(0, chunk)
                if known[entry.digest] and chunk.path not in broken:
                    stored.append((entry._replace(no=known[entry.digest].pop()), chunk))
                else:
                    fresh.append((entry, chunk))
            stale += [no for numbers in known.values() for no in numbers]
        numbers = self.manifest.new_numbers(len(fresh))
        fresh = [(entry._replace(no=no), c) for no, (entry, c) in zip(numbers, fresh, strict=True)]
        self.lexical.change(stale, {entry.no: chunk for entry, chunk in fresh}, broken)
        self.manifest.finish(files, stored + fresh, [e for parsed in batch for e in parsed.edges])
        self.roster.add(entry for entry, _ in stored + fresh)
        self.roster.remove(stale)
        for file in files:
            self.overlay.saved(file.path, file.mtime_ns)

    def remove(self, paths: Sequence[str]) -> None:
        """Forget files."""
        if not paths:
            return
        gone = [e.no for path in paths for e in self.roster.of_path(path) if e.no < FIRST_NUMBER]
        self.manifest.begin([File(path, 0, 0, 0) for path in paths])
        self.lexical.change((), {}, paths)
        self.manifest.remove(paths)
        self.roster.remove(gone)

    def put_cell(
        self,
        path: str,
        cell_id: str,
        source: str,
        cell: int | None = None,
        heading: str = "",
        kind: str = "code",
    ) -> None:
        """Make the text of an open notebook's cell searchable, saved or not; see Overlay.put."""
        entries = self.overlay.put(path, cell_id, source, cell, heading, kind)
        if self.tiers and entries:
            instant = self.tiers[0]
            chunks = self.overlay.chunks(entry.no for entry in entries)
            vectors = instant.encoder.encode([chunks[entry.no].header for entry in entries])
            instant.vectors.add([entry.key for entry in entries], vectors, durable=False)

    def visible(self, no: int) -> Entry | None:
        """The entry of a number, unless it is gone or hidden by an open cell."""
        entry = self.roster.get(no)
        return None if entry is None or self.overlay.hides(entry) else entry

    def find_words(self, text: str, limit: int) -> dict[int, float]:
        """BM25 scores of the best chunks by number, those of open cells included."""
        scores = self.lexical.search(text, limit)
        scores |= self.overlay.search(text, limit, self.lexical)
        return {no: score for no, score in scores.items() if self.visible(no)}

    def find_jargon(self, text: str, limit: int) -> dict[int, float]:
        """BM25 scores for what code may write for the words of a text."""
        return self.find_words(in_code(text), limit)

    def find_like(self, text: str, also: Iterable[int], limit: int) -> dict[int, float]:
        """Similarities of the best `limit` chunks, and of `also`, by number.

        A chunk counts by the last encoder that has read it; the others are asked only for the
        rest. Headers choose the chunks; the bodies of symbols have a say in the score.
        """
        also = list(also)
        similar: dict[int, float] = {}
        vectors: dict[str, Matrix] = {}
        for tier in reversed(self.tiers):
            query = vectors[tier.encoder.name] = tier.encode(text)
            found = by_headers(tier.vectors, self.roster, query, also, limit)
            similar = found | similar
            if tier.vectors.complete_at == self.roster.version:
                break
        if self.bodies is not None:
            query = vectors[self.bodies.encoder.name]
            similar = with_bodies(self.bodies.vectors, self.roster, query, similar)
        return {no: score for no, score in similar.items() if self.visible(no)}

    def find_symbol(self, name: str) -> list[int]:
        """Numbers of the chunks that define a name, `Class.method` or `module.function`."""
        found = self._defined(name)
        if not found and "." in name:
            # The head may be a module, which is part of the path and not of the name.
            head, _, tail = name.rpartition(".")
            module = head.replace(".", "/").lower()
            found = [e for e in self._defined(tail) if f"/{e.path.lower()}".find(f"/{module}") >= 0]
        exact = [e for e in found if f".{e.name}".endswith(f".{name}")]
        return [entry.no for entry in exact or found]

    def coverage(self, query: str, text: str) -> float:
        """The share of a query's words that stand in a text, each weighed by its rarity."""
        return self.lexical.coverage(query, text)

    def kind_of(self, no: int) -> str:
        """The kind of a chunk; "special" for methods like __eq__, "markdown" for cells of prose."""
        entry = self.roster.get(no)
        if entry is None:
            return ""
        if entry.kind == "method" and entry.name.endswith("__"):
            return "special"
        is_prose = entry.kind == "cell" and entry.language == "markdown"
        return "markdown" if is_prose else entry.kind

    def chunks(self, numbers: Sequence[int]) -> dict[int, Chunk]:
        """Chunks with their texts; a number that has died meanwhile is left out."""
        saved = [no for no in numbers if no < FIRST_NUMBER]
        return self.manifest.chunks(saved) | self.overlay.chunks(numbers)

    def pending(self, tier: Tier) -> list[int]:
        """Numbers of chunks, one for each text that the tier's encoder has yet to read."""
        return [no for key, no in self._texts(tier).items() if key not in tier.vectors]

    def readers(self) -> tuple[Tier, ...]:
        """All that read texts, in the order in which they should."""
        return self.tiers if self.bodies is None else (*self.tiers, self.bodies)

    def texts(self, tier: Tier, numbers: Sequence[int]) -> dict[str, str]:
        """The texts that the tier's encoder reads of these chunks, by key."""
        chunks = self.chunks(numbers).values()
        if tier is self.bodies:
            return {text_key(chunk.text): body_words(chunk.text) for chunk in chunks}
        return {text_key(chunk.header): chunk.header for chunk in chunks}

    def finish_refresh(self, skipped: Sequence[tuple[str, str]], complete: bool) -> None:
        """Record what was left out and, after a complete refresh, when it was."""
        self.manifest.set_skipped(skipped)
        if complete:
            self.manifest.set_meta(refreshed=str(time.time()))

    def status(self) -> Status:
        files, lines, chunks = self.manifest.totals()
        refreshed = self.manifest.meta().get("refreshed")
        return Status(
            root=str(self.root),
            files=files,
            lines=lines,
            chunks=chunks,
            open_cells=len(self.overlay),
            skipped=tuple(self.manifest.skipped()),
            size=_size(self.folder),
            age_s=max(0.0, time.time() - float(refreshed)) if refreshed else None,
            pending=self._all_pending(),
            message=self.message,
        )

    def close(self) -> None:
        """Let go of all files; may be called twice."""
        if self._closed:
            return
        self._closed = True
        self.lexical.close()
        self.manifest.close()

    def _defined(self, name: str) -> list[Entry]:
        entries = (self.visible(no) for no in self.roster.named(name))
        return [e for e in entries if e is not None and e.kind in _SYMBOLS]

    def _texts(self, tier: Tier) -> dict[str, int]:
        """The keys of all texts that a tier's encoder reads, each with a chunk that has it."""
        if tier is self.bodies:
            return self.roster.bodies()
        keys = ((key, self.roster.with_key(key)) for key in self.roster.texts())
        return {key: numbers[0] for key, numbers in keys if numbers}

    def _all_pending(self) -> dict[str, int]:
        pending = Counter[str]()
        for tier in self.readers():
            pending[tier.encoder.name] += len(self.pending(tier))
        return dict(pending)

    def _check_version(self) -> None:
        wanted = f"{VERSION} {FORMAT}"
        found = self.manifest.meta().get("version")
        if found is None:
            self.manifest.set_meta(version=wanted, root=str(self.root))
        elif found != wanted:
            raise IndexFailed("the index is of another version")

    def _sweep(self) -> None:
        """Forget the files that a crash left half written, in the text index first."""
        paths = self.manifest.interrupted()
        if paths:
            self.lexical.change((), {}, paths)
            self.manifest.remove(paths)


def _size(folder: Path) -> int:
    """Bytes on disk, while the stores replace their files."""
    size = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            size += file.stat().st_size if file.is_file() else 0
    return size


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _empty(folder: Path) -> None:
    """Delete the text index and the manifest; vectors are good for any index of these texts."""
    shutil.rmtree(folder / "tantivy", ignore_errors=True)
    for name in ("meta.duckdb", "meta.duckdb.wal"):
        (folder / name).unlink(missing_ok=True)
