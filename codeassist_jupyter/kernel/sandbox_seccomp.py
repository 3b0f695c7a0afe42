"""The system calls that a copy of the kernel must not make, as a classic BPF program.

It covers what Landlock does not: permissions and times of files, sockets other than pairs,
sessions, other processes, the machine. Knows nothing of why code is run; Linux on x86-64 and
AArch64 only.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass

# seccomp(2), bpf: instructions, and where `struct seccomp_data` holds what they load.
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_JUMP_EQUAL, _JUMP_ABOVE = 0x15, 0x25
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Of newer calls (fchmodat2, setxattrat, …) we say that they do not exist: libc falls back.
_NEWEST = 451

# Numbers on (x86-64, AArch64); -1 where there is no such call. From 424 on they are the same.
_REFUSED = {
    # permissions, owners, times and attributes of files
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, -1),
    "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "utime": (132, -1),
    "utimes": (235, -1), "utimensat": (280, 88), "futimesat": (261, -1),
    # what Landlock handles only from its third version on
    "truncate": (76, 45),
    # the network, and Unix sockets by path
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242),
    # leaving the session by which the copy is found and ended
    "setsid": (112, 157), "setpgid": (109, 154),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "kcmp": (312, 272), "move_pages": (279, 239), "migrate_pages": (256, 238),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "tkill": (200, 130),
    # objects that processes share by a number or a name
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190),
    "semctl": (66, 191), "semop": (65, 193), "semtimedop": (220, 192), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180),
    "mq_unlink": (241, 181), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219),
    # the machine, most of which needs root, which has lost its powers here
    "mount": (165, 40), "umount2": (166, 39), "move_mount": (429, 429), "open_tree": (428, 428),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "swapon": (167, 224), "swapoff": (168, 225),
    "reboot": (169, 142), "sethostname": (170, 161), "setdomainname": (171, 162),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "iopl": (172, -1), "ioperm": (173, -1),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "fanotify_init": (300, 262), "open_by_handle_at": (304, 265), "vhangup": (153, 58),
    "settimeofday": (164, 170), "clock_settime": (227, 112),
}  # fmt: skip
# Work handed to the kernel by a ring passes no filter; libc does without clone3 and openat2,
# whose flags a filter cannot read.
_ABSENT = {
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "clone3": (435, 435), "openat2": (437, 437),
}  # fmt: skip

_WORD = 0xFFFFFFFF
_NEW_NAMESPACE = 0x7E020000  # all CLONE_NEW… flags
_TRUNCATE, _HOW_OPENED = 0o1000, 0o3
_AF_UNIX, _SOCK_STREAM, _SOCKET_TYPE = 1, 1, 0xF
_SET_OWNER, _SET_SIGNAL, _SET_OWNER_EX = 8, 10, 15  # fcntl: whom a file signals
# ioctl: whom a file signals (two names), attributes of files (two kinds), typing into a terminal
_IOCTLS = (0x8901, 0x8902, 0x40086602, 0x401C5820, 0x5412)


@dataclass(frozen=True, slots=True)
class _Test:
    """Of one call: whether `argument & mask` is one of `values` decides if it passes."""

    call: tuple[int, int]
    argument: int
    values: tuple[int, ...]
    passes: bool  # on a match
    mask: int = _WORD


def _tests(pid: int, signals_are_scoped: bool) -> Iterable[_Test]:
    yield _Test((56, 220), 0, (0,), True, _NEW_NAMESPACE)  # clone
    # Opened for reading and truncated: Landlock's first two versions would let it pass.
    yield _Test((2, -1), 1, (_TRUNCATE,), False, _TRUNCATE | _HOW_OPENED)  # open
    yield _Test((257, 56), 2, (_TRUNCATE,), False, _TRUNCATE | _HOW_OPENED)  # openat
    # asyncio needs pairs; datagram ones could be sent elsewhere.
    yield _Test((53, 199), 1, (_SOCK_STREAM,), True, _SOCKET_TYPE)  # socketpair
    yield _Test((72, 25), 1, (_SET_OWNER, _SET_SIGNAL, _SET_OWNER_EX), False)  # fcntl
    yield _Test((16, 29), 1, _IOCTLS, False)
    own = (0, pid)
    for call in ((302, 261), (203, 122), (144, 119), (142, 118), (314, 274)):
        yield _Test(call, 0, own, True)  # prlimit64, sched_setaffinity, … of itself
    if signals_are_scoped:
        yield _Test((62, 129), 0, (_WORD,), False)  # kill(-1)
        return
    yield _Test((62, 129), 0, own, True)  # kill
    for call in ((234, 131), (129, 138), (297, 240)):
        yield _Test(call, 0, (pid,), True)  # tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo
    yield _Test((424, 424), 0, (), True)  # pidfd_send_signal


def supported() -> bool:
    """Whether we know this machine's system calls."""
    return platform.machine() in _AUDIT_ARCH


def program(pid: int, signals_are_scoped: bool) -> bytes:
    """The filter for process `pid`; without scoped signals it may signal only itself."""
    column = list(_AUDIT_ARCH).index(platform.machine())
    refuse, absent = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS
    code = [
        _one(_LOAD, _ARCHITECTURE),
        _one(_JUMP_EQUAL, _AUDIT_ARCH[platform.machine()], 1, 0),
        _one(_RETURN, refuse),  # a call in the manner of another architecture
        _one(_LOAD, _NUMBER),
        _one(_JUMP_ABOVE, _NEWEST, 0, 1),
        _one(_RETURN, absent),
    ]
    for calls, answer in ((_REFUSED, refuse), (_ABSENT, absent)):
        for numbers in calls.values():
            if numbers[column] >= 0:
                code += [_one(_JUMP_EQUAL, numbers[column], 0, 1), _one(_RETURN, answer)]
    for test in _tests(pid, signals_are_scoped):
        if test.call[column] >= 0:
            code += _tested(test, test.call[column], refuse)
    return b"".join([*code, _one(_RETURN, _ALLOW)])


def _tested(test: _Test, number: int, refuse: int) -> list[bytes]:
    """The lower word of an argument; the calls in question read no more of it."""
    hit, miss = (_ALLOW, refuse) if test.passes else (refuse, _ALLOW)
    count = len(test.values)
    body = [_one(_LOAD, _ARGUMENTS + 8 * test.argument), _one(_AND, test.mask)]
    body += [_one(_JUMP_EQUAL, value, count - n, 0) for n, value in enumerate(test.values)]
    body += [_one(_RETURN, miss), _one(_RETURN, hit)]
    return [_one(_JUMP_EQUAL, number, 0, len(body)), *body]


def _one(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)


def load(code: bytes) -> None:
    """Put a filter on this process for good. Raises OSError; needs no_new_privs."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    libc = ctypes.CDLL(None, use_errno=True)
    filled = Program(len(code) // 8, code)
    # prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, …)
    if libc.prctl(22, 2, ctypes.byref(filled), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
