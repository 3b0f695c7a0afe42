"""What to tell when a store fails."""

from __future__ import annotations

from ..errors import IndexFailed

# ENOSPC, EDQUOT and EFBIG, as every store reports them: in words.
_FULL = ("No space left", "quota exceeded", "File too large", "not enough disk space")


def failed(what: str, exc: Exception) -> IndexFailed:
    """The error to raise for `exc` of a store; a full disk gets a cure of its own."""
    if any(sign in str(exc) for sign in _FULL):
        return IndexFailed(
            f"{what}: the disk is full",
            "Free some space, or point CODEASSIST_HOME at another disk; indexing then goes on.",
        )
    return IndexFailed(f"{what}: {exc}")
