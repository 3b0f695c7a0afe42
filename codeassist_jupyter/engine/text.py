"""Text that every transport and tokenizer can carry."""

from __future__ import annotations


def clean(text: str) -> str:
    """Replace what no transport can carry: lone surrogates and NUL."""
    return (
        text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    )
