"""Turns JSON values into sealed records of one store and back."""

from __future__ import annotations

import json
from typing import Any

from ..errors import Tampered
from .crypto import Cipher


class Sealer:
    """Seals values for their place: store, conversation (or snippet), number and kind."""

    def __init__(self, cipher: Cipher, store: str) -> None:
        self.cipher = cipher
        self._store = store

    def seal(self, value: Any, owner: str, number: int, kind: str) -> bytes:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return self.cipher.seal(text.encode(), self._about(owner, number, kind))

    def open(self, record: bytes | None, owner: str, number: int, kind: str) -> Any:
        """Raises Tampered where the record is not what was sealed for this place."""
        if record is None:
            raise Tampered(f"the {kind} of {owner}, {number}, is missing")
        try:
            return json.loads(self.cipher.open(record, self._about(owner, number, kind)))
        except ValueError as exc:
            raise Tampered(f"the {kind} of {owner}, {number}, is damaged") from exc

    def _about(self, owner: str, number: int, kind: str) -> bytes:
        return "\0".join(("codeassist", "1", self._store, owner, str(number), kind)).encode()
