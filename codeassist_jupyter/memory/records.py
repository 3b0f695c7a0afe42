"""Conversations, exchanges and snippets as JSON objects, for the store and for the wire.

`dataclasses.asdict` makes them; these read them back. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Conversation, Exchange, Remembered, Snippet, Source, Usage


def conversation(data: Mapping[str, Any]) -> Conversation:
    """Raises TypeError for what is not one."""
    return Conversation(**data)


def exchange(data: Mapping[str, Any]) -> Exchange:
    """Raises TypeError and KeyError for what is not one."""
    usage = data["usage"]
    return Exchange(
        **{
            **data,
            "sources": tuple(Source(**source) for source in data["sources"]),
            "usage": Usage(**usage) if usage is not None else None,
        }
    )


def remembered(data: Mapping[str, Any]) -> Remembered:
    """Raises TypeError and KeyError for what is not one."""
    return Remembered(
        conversation(data["conversation"]), exchange(data["exchange"]), float(data["score"])
    )


def snippet(data: Mapping[str, Any]) -> Snippet:
    """Raises TypeError and KeyError for what is not one."""
    return Snippet(**{**data, "tags": tuple(data["tags"])})
