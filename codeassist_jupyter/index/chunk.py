"""From a Document to the chunks that are indexed and cited."""

from __future__ import annotations

from hashlib import blake2b

from ..types import Chunk
from .parse import Document


def chunk(document: Document) -> list[Chunk]:
    """Split a document into units of retrieval, in the order of their lines."""
    return [
        Chunk(
            id=blake2b(f"{document.path}\0{i}".encode(), digest_size=12).hexdigest(),
            path=document.path,
            kind=unit.kind,
            name=unit.name,
            language=document.language,
            start_line=unit.start_line,
            end_line=unit.end_line,
            header=document.path,
            text=unit.text,
        )
        for i, unit in enumerate(document.units)
    ]
