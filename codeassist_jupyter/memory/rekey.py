"""Seals a whole store anew: on, off, and with another key. Whatever was interrupted is done again.

Each step leaves key file and store in a state that opens, or that says which command finishes it.
No other process may have the store open.
"""

from __future__ import annotations

import shutil
from contextlib import closing

from .. import config
from ..errors import MemoryLocked
from . import keys
from .conversations import Conversations
from .crypto import Cipher, Plain, Sealed


def encrypt(wrapper: keys.Wrapper, passphrase: str | None) -> None:
    """Seal the store, with a new key if there is none; no plain text of it is left on disk.

    The indexes of projects and of the history go too: they hold plain text, and are built anew in
    memory.
    """
    if not keys.exists():
        if keys.store_path().exists():
            # A store that is sealed has lost its key: another one would not open it.
            _opened((Plain(),)).close()
        keys.create(wrapper, passphrase or "")
    sealed = Sealed(keys.unwrap(keys.read(), passphrase))
    _reseal(sealed, before=(Plain(), sealed))
    # The last is where DuckDB puts what does not fit into memory; a killed one leaves it.
    for name in ("index", "memory", f"{keys.store_path().name}.tmp"):
        shutil.rmtree(config.home() / name, ignore_errors=True)


def decrypt(passphrase: str | None) -> None:
    """Make the store plain, then remove the key."""
    if not keys.exists():
        _reseal(Plain(), before=(Plain(),))
        return
    sealed = Sealed(keys.unwrap(keys.read(), passphrase))
    _reseal(Plain(), before=(sealed, Plain()))
    keys.remove()


def rotate(passphrase: str | None) -> None:
    """Seal the store with a new data key, then forget the old one.

    While both are in the key file the store opens, whichever of them sealed it.
    """
    sealed = Sealed(keys.add_generation(passphrase))
    _reseal(sealed, before=(sealed,))
    keys.drop_old_generations(passphrase)


def _reseal(wanted: Cipher, before: tuple[Cipher, ...]) -> None:
    if not keys.store_path().exists():
        return
    with closing(_opened(before)) as store:
        store.reseal(wanted)


def _opened(ciphers: tuple[Cipher, ...]) -> Conversations:
    """Open the store with the first of these that fits it."""
    *first, last = ciphers
    for cipher in first:
        try:
            return Conversations(keys.store_path(), cipher)
        except MemoryLocked:
            continue
    return Conversations(keys.store_path(), last)
