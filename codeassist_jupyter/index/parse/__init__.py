"""From the bytes of a file to a Document: symbols, cells, sections.

Knows nothing of chunks, stores or the file system.
"""

from __future__ import annotations

from .document import Document, Unit

__all__ = ["Document", "Unit", "parse"]


def parse(path: str, data: bytes) -> Document:
    """Parse one file; `path` is relative to the project root. Never fails: what it cannot
    understand becomes plain text, what is no text becomes a note.
    """
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = text.count("\n") + 1
    return Document(path, "text", text, (Unit("text", "", 1, lines, text),))
