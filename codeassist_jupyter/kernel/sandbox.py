"""Shuts a forked copy of the kernel off from the user's files, processes and network; Linux only.

Landlock refuses writes outside one folder, TCP, and (since version 6) signals to others; seccomp
refuses what Landlock does not know (see `sandbox_seccomp`); limits bound memory, processor time
and files; what the copy inherited open is opened anew for reading or replaced by /dev/null, and
shared memory becomes private. Where one of these cannot be had, `enter` raises and nothing may run.

It does not hide what can be read: the code may read the user's files and secrets, as the user's
own cell could, but has nowhere to send them. It holds against mistakes and ordinary malice, not
against holes in the operating system.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import resource
import stat
import struct
import sys
from collections.abc import Collection
from pathlib import Path

from . import sandbox_seccomp

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every architecture
_VERSION = 1  # flag of _CREATE_RULESET
_PATH_BENEATH = 1
_WRITE_FILE, _TRUNCATE, _IOCTL_DEVICE = 1 << 1, 1 << 14, 1 << 15
# All that changes the file system in the first version; later ones add to it.
_CHANGES = _WRITE_FILE | sum(1 << bit for bit in range(4, 13))  # remove and make
_REFER = 1 << 13
_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract Unix sockets, signals

_NO_NEW_PRIVS, _PARENT_DEATH_SIGNAL, _SUBREAPER = 38, 1, 36  # prctl
_CAPABILITIES = 0x20080522
_MAY_READ_ALL = 1 << 2  # CAP_DAC_READ_SEARCH: root may read on, as its kernel can

_RESERVE = 256 << 20  # bytes of memory kept for the report of a MemoryError
_SHARED = re.compile(
    rb"^(\w+)-(\w+) ([r-])([w-])([x-])s (\w+) (\w+):(\w+) (\d+) *([^\n]*)$", re.MULTILINE
)
_PRIVATE_FIXED, _ANONYMOUS = 0x02 | 0x10, 0x20  # mmap
MOST_SHARED = 256 << 20  # bytes of shared memory without a file that are copied


def missing() -> str:
    """Why code cannot be shut in here; "" if it can."""
    if sys.platform != "linux":
        return "trying code needs Linux"
    if not sandbox_seccomp.supported():
        return "trying code needs an x86-64 or AArch64 processor"
    if landlock_version() < 1:
        return "this system has no Landlock, so nothing would keep the code from your files"
    return ""


def landlock_version() -> int:
    """The version of Landlock in this system; 0 without it."""
    version: int = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    return max(0, version)


def enter(folder: Path, keep: Collection[int], version: int | None = None) -> None:
    """Shut this process and its children in for good; files may be changed below `folder` only.

    `keep` are file descriptors that stay as they are; `version` is for tests of older systems.
    Raises OSError if any part of it fails: then no code may run.
    """
    version = landlock_version() if version is None else version
    _prefer_as_victim()
    _unshare_files(keep)
    _unshare_memory()
    _drop_powers()
    if _libc().prctl(_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))):
        raise _error("no_new_privs")
    _restrict_files(folder, version)
    sandbox_seccomp.load(sandbox_seccomp.program(os.getpid(), version >= 6))


def die_with_parent(parent: int) -> None:
    """End this process when its parent does."""
    _libc().prctl(_PARENT_DEATH_SIGNAL, *map(ctypes.c_ulong, (9, 0, 0, 0)))
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans(adopt: bool) -> None:
    """Whether processes that lose their parent below us become ours, to be found and reaped."""
    _libc().prctl(_SUBREAPER, *map(ctypes.c_ulong, (adopt, 0, 0, 0)))


def memory_map() -> bytes:
    """What this process has mapped, as the system writes it."""
    return Path("/proc/self/maps").read_bytes()


def resident() -> int:
    """Bytes of memory that this process really holds."""
    return _pages(1)


def _pages(column: int) -> int:
    return int(Path("/proc/self/statm").read_text().split()[column]) * resource.getpagesize()


def limit(seconds: float, memory: int, file: int, processes: int) -> None:
    """Bound processor time, memory on top of the present (bytes), a file's size, processes.

    `processes` counts all tasks of the user and does not bind root; the parent watches as well.
    """
    cpu = int(seconds * (os.cpu_count() or 1)) + 2
    used = _pages(0)
    _lower(resource.RLIMIT_CPU, cpu, cpu + 1)
    _lower(resource.RLIMIT_AS, used + memory, used + memory + _RESERVE)
    _lower(resource.RLIMIT_FSIZE, file, file)
    _lower(resource.RLIMIT_NPROC, processes, processes)
    _lower(resource.RLIMIT_CORE, 0, 0)


def use_reserve() -> None:
    """Free the memory that was kept back, to report in."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _lower(what: int, soft: int, hard: int) -> None:
    """Set a limit unless a lower one is set."""
    old_soft, old_hard = resource.getrlimit(what)
    known = [value for value in (hard, old_hard) if value != resource.RLIM_INFINITY]
    lowest = min(known)
    softs = [value for value in (soft, old_soft, lowest) if value != resource.RLIM_INFINITY]
    resource.setrlimit(what, (min(softs), lowest))


def uncopied(maps: bytes) -> str:
    """What memory in /proc/self/maps no copy can be made of; "" if there is none."""
    shared = 0
    for match in _SHARED.finditer(maps):
        name = match[10]
        if name.startswith(b"/dev/") and not name.startswith((b"/dev/shm/", b"/dev/zero")):
            return f"memory of the device {os.fsdecode(name)}"
        if _file_of(match) is None:
            shared += int(match[2], 16) - int(match[1], 16)
    if shared > MOST_SHARED:
        return f"{shared >> 20} MB of memory that is shared with other processes"
    return ""


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _error(what: str) -> OSError:
    return OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _prefer_as_victim() -> None:
    """If memory runs out, the system is to end the copy, not the kernel."""
    Path("/proc/self/oom_score_adj").write_text("1000")


def _drop_powers() -> None:
    """Root's capabilities: Landlock and seccomp should not be all that holds it."""
    kept = (_MAY_READ_ALL, _MAY_READ_ALL, 0) if os.geteuid() == 0 else (0, 0, 0)
    header = struct.pack("Ii", _CAPABILITIES, 0)
    if _libc().capset(header, struct.pack("6I", *kept, 0, 0, 0)):
        raise _error("capset")


def _restrict_files(folder: Path, version: int) -> None:
    changes = _CHANGES
    changes |= _REFER if version >= 2 else 0
    changes |= _TRUNCATE if version >= 3 else 0
    changes |= _IOCTL_DEVICE if version >= 5 else 0
    attributes = struct.pack(
        "QQQ", changes, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    libc = _libc()
    rules = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if rules < 0:
        raise _error("landlock")
    try:
        _allow(rules, folder, changes & ~_IOCTL_DEVICE)
        _allow(rules, Path(os.devnull), changes & (_WRITE_FILE | _TRUNCATE))
        if libc.syscall(_RESTRICT_SELF, rules, 0):
            raise _error("landlock")
    finally:
        os.close(rules)


def _allow(rules: int, path: Path, access: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", access, place)
        if _libc().syscall(_ADD_RULE, rules, _PATH_BENEATH, rule, 0):
            raise _error("landlock")
    finally:
        os.close(place)


def _unshare_files(keep: Collection[int]) -> None:
    """Cut every inherited file descriptor loose from the kernel's.

    A descriptor shares its position, and a socket its peer, with the original. The numbers stay
    taken, so that a stale one never names another file.
    """
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for entry in list(Path("/proc/self/fd").iterdir()):
        number = int(entry.name)
        if number in keep or number == nothing:
            continue
        try:
            mode = os.fstat(number).st_mode
        except OSError as exc:
            if exc.errno == errno.EBADF:  # that of the listing itself
                continue
            raise
        if not stat.S_ISDIR(mode):
            inherit = os.get_inheritable(number)
            if not (stat.S_ISREG(mode) and _reopened(number, inherit)):
                os.dup2(nothing, number, inherit)
    os.close(nothing)


def _reopened(number: int, inherit: bool) -> bool:
    """Open a regular file anew, for reading, where it stands; False if it may not be read."""
    try:
        fresh = os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    if not fcntl.fcntl(number, fcntl.F_GETFL) & os.O_PATH:
        os.lseek(fresh, os.lseek(number, 0, os.SEEK_CUR), os.SEEK_SET)
    os.dup2(fresh, number, inherit)
    os.close(fresh)
    return True


def _unshare_memory() -> None:
    """Replace every shared mapping by a private one with the same content.

    Raises OSError for what cannot be replaced.
    """
    libc = _libc()
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
    ]  # fmt: skip
    for match in _SHARED.finditer(memory_map()):
        start, end, offset = (int(match[n], 16) for n in (1, 2, 6))
        access = sum(1 << bit for bit in range(3) if match[3 + bit] != b"-")
        path = _file_of(match)
        if path is not None:
            place = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            done = libc.mmap(start, end - start, access, _PRIVATE_FIXED, place, offset)
            os.close(place)
        elif access & 1:
            content = ctypes.string_at(start, end - start)
            flags = _PRIVATE_FIXED | _ANONYMOUS
            done = libc.mmap(start, end - start, access | 2, flags, -1, 0)
            if done == start:
                ctypes.memmove(start, content, len(content))
        else:
            done = libc.mmap(start, end - start, access, _PRIVATE_FIXED | _ANONYMOUS, -1, 0)
        if done != start:
            raise _error("mmap")


def _file_of(match: re.Match[bytes]) -> Path | None:
    """The file that is mapped, if it still has that name and may be read."""
    if not match[10].startswith(b"/"):
        return None
    path = Path(os.fsdecode(match[10]))
    device = os.makedev(int(match[7], 16), int(match[8], 16))
    try:
        found = path.stat()
    except OSError:
        return None
    is_same = (found.st_dev, found.st_ino) == (device, int(match[9]))
    return path if is_same and os.access(path, os.R_OK) else None
