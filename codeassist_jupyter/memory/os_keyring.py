"""Keeps one secret in the key ring of the operating system; refuses those that keep nothing safe.

Knows nothing of what the secret opens.
"""

from __future__ import annotations

import base64
import binascii
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..errors import MemoryFailed, MemoryLocked

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

log = logging.getLogger(__name__)

_SERVICE = "codeassist conversations"
# No key ring at all, one that forgets, and those that write files of their own beside the system's.
_REFUSED = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")
_PATIENCE_S = 20.0  # a locked one may ask its user; a headless one would wait for ever
_NO_KEYRING = "Choose a passphrase instead: codeassist keys encrypt --with passphrase"
_UNLOCK = "Unlock the key ring of your desktop session, then ask again. Nothing was changed."

Result = TypeVar("Result")


def usable() -> bool:
    """Whether this session has a key ring that keeps a secret safe; none is opened for that."""
    return _backend() is not None


def put(name: str, secret: bytes) -> None:
    """Keep a secret, and make sure that it is there; raises MemoryFailed and MemoryLocked."""
    text = base64.b64encode(secret).decode()
    backend = _required()
    _asked(lambda: backend.set_password(_SERVICE, name, text))
    if get(name) != secret:
        raise MemoryFailed(f"the key ring {backend.name} did not keep the key", _NO_KEYRING)


def get(name: str) -> bytes:
    """Give a secret back; raises MemoryLocked where the key ring or the secret is not here."""
    backend = _required()
    text = _asked(lambda: backend.get_password(_SERVICE, name))
    if text is None:
        raise MemoryLocked(
            f"the key ring {backend.name} does not have the key of these conversations",
            f"It is the entry {name!r} of {_SERVICE!r}. Restore it from a backup of the key ring.",
        )
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as exc:
        raise MemoryLocked(f"the key in the key ring {backend.name} was changed", _UNLOCK) from exc


def remove(name: str) -> None:
    """Remove a secret; one that is gone already is no error."""
    backend = _required()
    if _asked(lambda: backend.get_password(_SERVICE, name)) is not None:
        _asked(lambda: backend.delete_password(_SERVICE, name))


def _required() -> KeyringBackend:
    backend = _backend()
    if backend is None:
        raise MemoryLocked("this session has no key ring of the operating system", _NO_KEYRING)
    return backend


def _backend() -> KeyringBackend | None:
    import keyring
    from keyring.backends.chainer import ChainerBackend

    found = _asked(keyring.get_keyring)
    # A chain would fall through to the next one, which may write plain text.
    choices = found.backends if isinstance(found, ChainerBackend) else [found]
    return next((one for one in choices if not type(one).__module__.startswith(_REFUSED)), None)


def _asked(question: Callable[[], Result]) -> Result:
    """Ask in a thread: a key ring behind a dialog that nobody sees never answers."""
    from keyring.errors import KeyringError

    answers: list[Result] = []
    failures: list[Exception] = []

    def ask() -> None:
        try:
            answers.append(question())
        except Exception as exc:  # noqa: BLE001 - the door: back-ends raise what they like
            failures.append(exc)

    thread = threading.Thread(target=ask, name="keyring", daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    if answers:
        return answers[0]
    if not failures:
        raise MemoryLocked(f"the key ring gave no answer within {_PATIENCE_S:.0f} s", _UNLOCK)
    failure = failures[0]
    if not isinstance(failure, KeyringError):
        log.error("the key ring failed", exc_info=failure)
    raise MemoryLocked(
        f"the key ring cannot be used: {type(failure).__name__}: {str(failure)[:200]}", _UNLOCK
    ) from failure
