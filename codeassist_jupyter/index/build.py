"""Bring an index up to date with its files: discover → parse → chunk → embed → store.

`refresh` makes text searchable; `embed_pending` lets the encoders read it afterwards.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from . import graph
from .chunk import chunk
from .discover import Found, Skipped, walk
from .parse import parse
from .project import Index, Parsed
from .store import File

Progress = Callable[[int, int, str], None]  # done, total, and what was done last

# One commit a batch: small enough that Ctrl-C or a crash costs about a second of work.
_BATCH_FILES = 400
_BATCH_BYTES = 4_000_000
# Small enough that the encoder gives way to an answer within a second.
_BATCH_TEXTS = 128


@dataclass(frozen=True, slots=True)
class Report:
    """What a refresh did; `changed` files were read and stored, `removed` ones forgotten."""

    found: int
    changed: int
    removed: int
    skipped: int
    seconds: float
    cancelled: bool


def refresh(
    index: Index, progress: Progress | None = None, cancel: threading.Event | None = None
) -> Report:
    """Index what is new or changed and forget what is gone; searchable by text on return.

    Setting `cancel` ends it after the batch at hand; all finished batches stay. Raises
    IndexFailed when the stores cannot be written (a full disk).
    """
    started = time.monotonic()
    cancel = cancel or threading.Event()
    found, skipped = _discover(index)
    known = index.manifest.files()
    index.remove(_gone(index, known, found))
    stale = [file for file in found if not _same_stat(file, known.get(file.path))]
    changed = done = 0
    for batch in _batches(stale):
        if cancel.is_set():
            break
        parsed, touched = [], []
        for file in batch:
            outcome = _read(index, file, known.get(file.path))
            if isinstance(outcome, Parsed):
                parsed.append(outcome)
            elif isinstance(outcome, File):
                touched.append(outcome)
            else:
                skipped.append(outcome)
            done += 1
            if progress:
                progress(done, len(stale), file.path)
        index.write(parsed)
        index.manifest.touch(touched)
        changed += len(parsed)
    index.finish_refresh([(s.path, s.reason) for s in skipped], complete=not cancel.is_set())
    if changed:
        _give_back_memory()
    return Report(
        found=len(found),
        changed=changed,
        removed=len(known.keys() - {file.path for file in found}),
        skipped=len(skipped),
        seconds=time.monotonic() - started,
        cancelled=cancel.is_set(),
    )


def embed_pending(
    index: Index, progress: Progress | None = None, cancel: threading.Event | None = None
) -> int:
    """Let each encoder read the texts it does not know, the fastest first; returns how many."""
    index.load_vectors()
    total = 0
    for tier in index.readers():
        version = index.roster.version
        pending = index.pending(tier)
        for start in range(0, len(pending), _BATCH_TEXTS):
            if cancel and cancel.is_set():
                return total
            texts = index.texts(tier, pending[start : start + _BATCH_TEXTS])
            if not texts:  # all gone since
                continue
            tier.vectors.add(list(texts), tier.encoder.encode(list(texts.values())))
            total += len(texts)
            if progress:
                done = min(start + _BATCH_TEXTS, len(pending))
                progress(done, len(pending), tier.encoder.name)
        tier.vectors.complete_at = version
        tier.vectors.tidy()
    if total:
        _give_back_memory()
    return total


def _give_back_memory() -> None:
    """Return to the system what reading has freed; Arrow and glibc would keep it (2 ms)."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not in musl
        if trim is not None:
            trim(0)


def _discover(index: Index) -> tuple[list[Found], list[Skipped]]:
    found: list[Found] = []
    skipped: list[Skipped] = []
    for item in walk(index.root):
        if isinstance(item, Found):
            found.append(item)
        else:
            skipped.append(item)
    return found, skipped


def _gone(index: Index, known: dict[str, File], found: Sequence[Found]) -> list[str]:
    here = {file.path for file in found}
    return [path for path in (*known, *index.manifest.interrupted()) if path not in here]


def _same_stat(found: Found, known: File | None) -> bool:
    return known is not None and (found.size, found.mtime_ns, found.inode) == (
        known.size,
        known.mtime_ns,
        known.inode,
    )


def _batches(files: Sequence[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for file in files:
        batch.append(file)
        size += file.size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read(index: Index, found: Found, known: File | None) -> Parsed | File | Skipped:
    """Read one file: parsed, or only its new times when the bytes are what they were."""
    try:
        data = (index.root / found.path).read_bytes()
    except OSError as exc:
        # It vanished or was replaced since it was found; what we knew of it is outdated.
        index.remove([found.path])
        return Skipped(found.path, f"cannot be read: {exc.strerror}")
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    file = File(found.path, found.size, found.mtime_ns, found.inode, digest)
    if known is not None and known.digest == digest:
        return replace(known, size=file.size, mtime_ns=file.mtime_ns, inode=file.inode)
    document = parse(found.path, data)
    file = replace(
        file, language=document.language, lines=document.text.count("\n") + 1, note=document.note
    )
    return Parsed(file, chunk(document), graph.edges([document]))
