"""Seals the records of a store, each on its own, so that damage to one leaves the others readable."""

from __future__ import annotations

from typing import Protocol


class Cipher(Protocol):
    """Turns a record into what stands on disk and back; may be used from any thread.

    `about` says which record it is (store, conversation, number, kind) and is authenticated but
    not stored: a record moved to another place does not open.
    """

    @property
    def encrypts(self) -> bool: ...

    def seal(self, data: bytes, about: bytes) -> bytes: ...

    def open(self, data: bytes, about: bytes) -> bytes:
        """Raises Tampered where the record is not what was sealed for this place."""
        ...


class Plain:
    """No encryption: what is sealed stands on disk as it is."""

    encrypts = False

    def seal(self, data: bytes, about: bytes) -> bytes:
        return data

    def open(self, data: bytes, about: bytes) -> bytes:
        return data
