"""Keeps llama.cpp from using Intel's AMX tiles in this process.

GCC 12 miscompiles how ggml loads its tile configuration (the store of all but its first bytes is
dropped as dead), and the first long prompt then dies of a general protection fault. ggml uses AMX
only if the kernel grants it, so we let the kernel refuse: the other fast paths stay.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_SYS_SECCOMP = 317
_SET_MODE_FILTER = 1
_ALL_THREADS = 1  # another one may load the model
_AUDIT_ARCH_X86_64 = 0xC000003E
_SYS_ARCH_PRCTL = 158
_ARCH_REQ_XCOMP_PERM = 0x1023
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | 1  # EPERM

# Classic BPF over struct seccomp_data: nr at 0, arch at 4, the first argument at 16.
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_PROGRAM = [
    (_LOAD, 0, 0, 4),
    (_EQUAL, 0, 4, _AUDIT_ARCH_X86_64),
    (_LOAD, 0, 0, 0),
    (_EQUAL, 0, 2, _SYS_ARCH_PRCTL),
    (_LOAD, 0, 0, 16),
    (_EQUAL, 1, 0, _ARCH_REQ_XCOMP_PERM),
    (_RETURN, 0, 0, _ALLOW),
    (_RETURN, 0, 0, _REFUSE),
]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_amx() -> bool:
    """Have the kernel refuse AMX to this process for good; False where that is not possible.

    Must come before the first model is loaded.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _PROGRAM)
    program = _Program(len(_PROGRAM), code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return not libc.syscall(_SYS_SECCOMP, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program))
