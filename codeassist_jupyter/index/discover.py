"""Which files of a project may and should be indexed, and why not the others.

Looks at names, sizes and ignore files only; never opens a file that it offers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Found:
    """A file to index; `path` is relative to the root, with forward slashes."""

    path: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that is left out, and why; a folder's path ends with a slash."""

    path: str
    reason: str


def find_root(start: Path) -> Path:
    """The project that `start` (a file or folder) belongs to: git, pyproject, else its folder."""
    start = start.expanduser().resolve()
    folder = start if start.is_dir() else start.parent
    for mark in (".git", "pyproject.toml"):
        for candidate in (folder, *folder.parents):
            if (candidate / mark).exists():
                return candidate
    return folder


def walk(root: Path) -> Iterator[Found | Skipped]:
    """Everything below `root`, in sorted order."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            file = Path(folder, name)
            stat = file.stat()
            yield Found(
                file.relative_to(root).as_posix(), stat.st_size, stat.st_mtime_ns, stat.st_ino
            )
