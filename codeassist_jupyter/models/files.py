"""Whether a file on disk is the one that was meant: size, SHA-256, and a stamp to hash it once.

Does not know the catalogue, nor where files come from.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from ..errors import ModelDamaged

CHUNK = 1 << 20


def sha256_of(path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """Hash a whole file; `on_bytes` is told the number of bytes read so far."""
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            on_bytes(done)
    return digest.hexdigest()


def wrong_kind(head: bytes) -> str:
    """Say what these first bytes are if they are surely no model file, else ""."""
    start = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "is an HTML page, not a model: a login or error page was saved in its place"
    if start.startswith(b"version https://git-lfs"):
        return "is a git-LFS pointer, not the model: the file itself was never fetched"
    return ""


def damage(path: Path, size: int) -> str:
    """Say what is wrong with a file, without hashing it; "" if it looks whole.

    Raises OSError if it cannot be read.
    """
    found = path.stat().st_size
    if found == size:
        return ""
    if found == 0:
        return "is empty"
    with path.open("rb") as file:
        kind = wrong_kind(file.read(512))
    if kind:
        return kind
    if found < size:
        return f"is truncated: {found:,} of {size:,} bytes"
    return f"has {found:,} bytes instead of {size:,}"


def check(path: Path, size: int, sha256: str, stamp: Path, hint: str) -> None:
    """Hash a file unless `stamp` says that this very one was hashed before.

    Raises ModelDamaged, with `hint`, if size or hash is wrong, and FileNotFoundError.
    """
    reason = damage(path, size)
    if reason:
        raise ModelDamaged(f"{path} {reason}", hint)
    seen = _identity(path, sha256)
    if _read_stamp(stamp) == seen:
        return
    if sha256_of(path) != sha256:
        raise ModelDamaged(f"{path} is damaged: its SHA-256 is not the expected one", hint)
    _write_stamp(stamp, seen)


def write_stamp(path: Path, sha256: str, stamp: Path) -> None:
    """Remember that this file was just hashed."""
    _write_stamp(stamp, _identity(path, sha256))


def _identity(path: Path, sha256: str) -> dict[str, object]:
    stat = path.stat()
    return {
        "size": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
        "inode": stat.st_ino,
        "sha256": sha256,
    }


def _read_stamp(stamp: Path) -> object:
    try:
        return json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_stamp(stamp: Path, identity: dict[str, object]) -> None:
    # A folder that we may only read costs one hash per start, nothing else.
    with contextlib.suppress(OSError):
        write_text(stamp, json.dumps(identity))


def write_text(path: Path, text: str) -> None:
    """Replace a small file as a whole; readers see the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
