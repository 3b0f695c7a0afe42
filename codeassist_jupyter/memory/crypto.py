"""Seals the records of a store, each on its own, so that damage to one leaves the others readable.

Knows nothing of files, key rings or databases: keys come in, bytes go out.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from typing import Protocol

from ..errors import MemoryFailed, Tampered

KEY_BYTES = 32
OVERHEAD = 4 + 12 + 16  # bytes that a sealed record is longer than its text: head, nonce, tag

_FORMAT = 1
_HEAD = struct.Struct(">BBH")  # magic, format, key generation
_MAGIC = 0xCA
_NONCE_BYTES = 12


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

    def seal(self, data: bytes, about: bytes) -> bytes:  # noqa: ARG002 - the contract's name
        return data

    def open(self, data: bytes, about: bytes) -> bytes:  # noqa: ARG002
        return data


class Sealed:
    """AES-256-GCM with a random 96-bit nonce per record (NIST SP 800-38D).

    `keys` maps key generations (1 to 65535) to 32 bytes each. The newest seals; every one of them
    opens, so a store may hold records of two generations while its key is being rotated. A key
    should seal at most 2^32 records, which a person does not reach.

    A record is magic, format, generation, nonce, ciphertext and tag; all that is before the nonce
    is authenticated together with `about`. Detected: any changed or missing byte, a record put in
    the place of another, of another conversation or of another store. Not detected: an older
    state of the same record put back in its own place, a record removed, a whole store replaced by
    its own backup; only a counter kept outside the disk could tell.
    """

    encrypts = True

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if not keys or not all(
            0 < generation < 1 << 16 and len(key) == KEY_BYTES for generation, key in keys.items()
        ):
            raise ValueError("keys must be 32 bytes each, of generations 1 to 65535")
        self._keys = {generation: AESGCM(key) for generation, key in keys.items()}
        self._head = _HEAD.pack(_MAGIC, _FORMAT, max(keys))
        self._newest = self._keys[max(keys)]

    def seal(self, data: bytes, about: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)  # of the system: differs after a fork too
        return self._head + nonce + self._newest.encrypt(nonce, data, self._head + about)

    def open(self, data: bytes, about: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        if len(data) < OVERHEAD:
            raise Tampered("a record is cut short or was never encrypted")
        head = data[: _HEAD.size]
        magic, form, generation = _HEAD.unpack(head)
        if magic != _MAGIC:
            raise Tampered("a record was changed or was never encrypted")
        if form != _FORMAT:
            raise MemoryFailed(
                f"a record has format {form}, which this version does not know", "Upgrade."
            )
        if generation not in self._keys:
            raise Tampered(f"a record names key {generation}, which this store does not have")
        nonce, sealed = data[_HEAD.size : _HEAD.size + _NONCE_BYTES], data[_HEAD.size :]
        try:
            return self._keys[generation].decrypt(nonce, sealed[_NONCE_BYTES:], head + about)
        except InvalidTag as exc:
            raise Tampered("a record was changed, or belongs to another place") from exc
