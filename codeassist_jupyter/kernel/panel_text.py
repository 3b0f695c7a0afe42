"""Sends an answer that grows to the side panel: safe to render, in pieces."""

from __future__ import annotations

import time

from .. import security
from .comm import Reply

_INTERVAL_S = 0.05
_CHARS_PER_S = 300_000  # as much as is sanitized again per second, at most
_PIECE = 40_000  # characters of one event; JSON may take 6 bytes for each


class Shown:
    """Sends a growing answer as it is safe to render: what is new, at most every 50 ms."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._sent = ""
        self._next = 0.0

    def show(self, text: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self.finish(text)
            self._next = now + max(_INTERVAL_S, len(text) / _CHARS_PER_S)

    def finish(self, text: str) -> None:
        """Send all that was not sent yet."""
        safe = security.sanitize(text)
        same = _same(self._sent, safe)
        at = len(self._sent[:same].encode("utf-16-le")) // 2
        if safe == self._sent:
            return
        new = safe[same:]
        for start in range(0, max(1, len(new)), _PIECE):
            piece = new[start : start + _PIECE]
            self._reply.send("text", at=at, text=piece)
            at += len(piece.encode("utf-16-le")) // 2
        self._sent = safe


def _same(old: str, new: str) -> int:
    """A length up to which both are equal; a later word can change what is safe before it."""
    same, back = len(old), 64
    while old[:same] != new[:same]:
        same, back = max(0, len(old) - back), 2 * back
    return same
