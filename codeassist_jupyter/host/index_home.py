"""Where indexes are kept: in the data folder, or in memory alone when conversations are encrypted.

An index holds the text of the user's files. Knows nothing of what is in it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path

from .. import config
from ..config import Settings
from ..errors import IndexFailed

_MEMORY = Path("/dev/shm")  # a file system without a disk, on every Linux


def index_home() -> Path:
    """The folder of all indexes; raises IndexFailed where there is no safe place for it.

    With encryption on that is a private folder in memory. It may reach a disk by swapping only.
    """
    if config.load().encryption == "off":
        return config.home() / "index"
    folder = _folder_in_memory()
    if not _is_memory(_MEMORY):
        raise IndexFailed(
            "encryption is on and this machine has no folder in memory: the project is not indexed",
            "Ask without the index, or `codeassist keys decrypt`.",
        )
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    info = folder.lstat()  # anybody may write beside it: a link must not lead us elsewhere
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
        raise IndexFailed(f"{folder} does not belong to you", "Remove it.")
    folder.chmod(0o700)
    return folder


def sweep(settings: Settings) -> None:
    """Remove what other hosts left in memory, and on disk if it must not be there any more.

    For the process that holds the host's lock: when it begins, and when it ends.
    """
    shutil.rmtree(_folder_in_memory(), ignore_errors=True)
    if settings.encryption != "off":
        for name in ("index", "memory"):
            shutil.rmtree(config.home() / name, ignore_errors=True)


def _folder_in_memory() -> Path:
    return _MEMORY / config.runtime_dir().name


def _is_memory(folder: Path) -> bool:
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return False
    kinds = {place: kind for _, place, kind, *_ in map(str.split, mounts)}
    return kinds.get(str(folder)) == "tmpfs" and os.access(folder, os.W_OK)
