"""Turns JSON values into sealed records of one store and back, and tells whose key a store has."""

from __future__ import annotations

import json
from typing import Any

from ..errors import MemoryLocked, Tampered
from ..types import Conversation
from .crypto import Cipher
from .database import Database


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

    def proof(self) -> str:
        """A record that only the key of the store opens, for the table of plain facts."""
        return self.seal("proof", "", 0, "proof").hex()

    def fits(self, proof: str) -> bool:
        """Whether the key made this proof."""
        try:
            self.open(bytes.fromhex(proof), "", 0, "proof")
        except (Tampered, ValueError):
            return False
        return True

    def _about(self, owner: str, number: int, kind: str) -> bytes:
        return "\0".join(("codeassist", "1", self._store, owner, str(number), kind)).encode()


def seal_head(sealer: Sealer, conversation: Conversation) -> bytes:
    """What is told of a conversation in lists."""
    value = {name: getattr(conversation, name) for name in ("title", "project", "notebook")}
    return sealer.seal(value, conversation.id, 0, "head")


def admit(sealer: Sealer, database: Database) -> None:
    """Note in a new store how it is sealed; raises MemoryLocked for one sealed otherwise.

    A key that is not the store's must not add records that the right one cannot open.
    """
    meta = database.meta()
    sealed, encrypts = meta.get("sealed"), sealer.cipher.encrypts
    if sealed is None:
        database.set_meta(sealed="yes" if encrypts else "no", proof=sealer.proof())
    elif sealed == "yes" and not encrypts:
        raise MemoryLocked(f"{database.path} is encrypted and no key was given")
    elif sealed == "no" and encrypts:
        raise MemoryLocked(
            f"{database.path} is not encrypted yet", "Run `codeassist keys encrypt`."
        )
    elif not sealer.fits(meta.get("proof", "")):
        raise MemoryLocked(
            f"the key does not belong to {database.path}",
            "Restore the key file that was made for it; nothing was changed.",
        )
