"""Reads server-sent events (the `text/event-stream` format) from a stream of bytes.

Knows nothing of HTTP or of what the events mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MAX_EVENT_BYTES = 50_000_000  # a server that sends no line ends must not fill our memory


class Decoder:
    """Turns bytes, cut anywhere, into the data of whole events; ValueError for an endless one."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False

    def feed(self, piece: bytes) -> Iterator[str]:
        """Yield the data of every event that `piece` completes."""
        if not piece:
            return
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]  # the CRLF was cut in two; its CR has ended the line already
            self._after_cr = False
            if not piece:
                return
        self._after_cr = piece.endswith(b"\r")
        *whole, rest = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for end in whole:
            line = bytes(self._line + end)
            self._line.clear()
            yield from self._take(line)
        self._line += rest
        self._check()

    def end(self) -> Iterator[str]:
        """Yield what is left when the stream ends without a last empty line."""
        line = bytes(self._line)
        self._line.clear()
        yield from self._take(line)
        yield from self._take(b"")

    def _take(self, line: bytes) -> Iterator[str]:
        if line:
            field, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
            if field == b"data":  # comments have no field name; event, id and retry say nothing
                self._data.append(value.removeprefix(b" "))
                self._size += len(value)
                self._check()
        elif self._data:
            data = b"\n".join(self._data)
            self._data.clear()
            self._size = 0
            yield data.decode("utf-8", "replace")

    def _check(self) -> None:
        if self._size + len(self._line) > MAX_EVENT_BYTES:
            raise ValueError(f"an event of more than {MAX_EVENT_BYTES:,} bytes")


def payloads(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the data of each event in `pieces`, up to `[DONE]` or the end of the stream."""
    decoder = Decoder()
    for piece in pieces:
        for data in decoder.feed(piece):
            if data == "[DONE]":
                return
            yield data
    for data in decoder.end():
        if data != "[DONE]":
            yield data
