"""The key file of the conversations: the keys that seal them, themselves wrapped.

A data key (32 random bytes, of a generation) seals records. All data keys are wrapped, with
AES-256-GCM that binds the whole header, by a key in the key ring of the operating system or by a
passphrase through scrypt (RFC 7914). Without the key file or without what wraps it, nothing opens.
"""

from __future__ import annotations

import json
import os
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import psutil

from .. import config
from ..config import Settings
from ..errors import MemoryFailed, MemoryLocked, Tampered, UsageError
from . import os_keyring
from .crypto import KEY_BYTES, Cipher, Plain, Sealed
from .database import sync

Wrapper = Literal["keyring", "passphrase"]
PASSPHRASE = "CODEASSIST_PASSPHRASE"  # the name of an environment variable, no secret

_FORMAT = 1
_SALT_BYTES = 16
_MIN_CHARS = 8
_MIN_N, _MAX_N = 1 << 16, 1 << 20
_MAX_WORK = 1 << 30  # bytes that scrypt may take: a key file must not exhaust the memory
_SHORT_OF_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class Scrypt:
    """Costs and salt (hexadecimal) of the derivation; it takes 128 · n · r bytes of memory."""

    n: int
    r: int
    p: int
    salt: str


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in the key file: `keys` maps generations to wrapped keys (hexadecimal).

    `id` names the entry in the key ring. Two keys stand there while a rotation is under way.
    """

    id: str
    wrapper: Wrapper
    scrypt: Scrypt | None
    keys: Mapping[int, str]


def path() -> Path:
    """Where the key file is; without it, encrypted conversations are lost."""
    return config.home() / "conversations.key"


def store_path() -> Path:
    """Where the conversations are that the keys seal."""
    return config.home() / "conversations.duckdb"


def exists() -> bool:
    return path().exists()


def read() -> Header:
    """Read the key file; raises MemoryLocked if it is not there, MemoryFailed if it is damaged.

    Parameters weaker than ours are refused: who writes the file could otherwise ask for a key that
    is easy to guess.
    """
    try:
        data = json.loads(path().read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise MemoryLocked(
            f"the key file {path()} is not there",
            "Restore it from a backup: encrypted conversations do not open without it.",
        ) from exc
    except (OSError, ValueError) as exc:
        raise _damaged("it cannot be read") from exc
    if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] > _FORMAT:
        raise MemoryFailed(f"{path()} was written by a newer version", "Upgrade.")
    try:
        header = _header(data)
        if header.scrypt is not None:
            _check_cost(header.scrypt)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise _damaged("it is not a key file of ours") from exc
    return header


def create(wrapper: Wrapper, passphrase: str = "") -> Header:
    """Make a first data key and its key file; never replaces one.

    Raises UsageError for a weak passphrase, MemoryLocked where there is no key ring.
    """
    if exists():
        raise MemoryFailed(f"{path()} is there already", "`codeassist keys status` shows it.")
    bare = Header(secrets.token_hex(8), wrapper, None, {})
    if wrapper == "passphrase":
        bare = replace(bare, scrypt=_fresh_scrypt())
        _check_strength(passphrase)
        wrapping = _derived(passphrase, bare)
    else:
        wrapping = secrets.token_bytes(KEY_BYTES)
        os_keyring.put(bare.id, wrapping)  # an entry without a file harms nobody
    header = _wrapped(bare, wrapping, {1: secrets.token_bytes(KEY_BYTES)})
    _write(header)
    return header


def unwrap(header: Header, passphrase: str | None) -> dict[int, bytes]:
    """The data keys by generation; raises MemoryLocked for a wrong or missing passphrase."""
    return _unwrapped(header, _wrapping(header, passphrase))


def open_cipher(settings: Settings, passphrase: str | None = None) -> Cipher:
    """The cipher of the store as it is set; without encryption, Plain.

    Raises MemoryLocked where a key, passphrase or key ring is missing, and MemoryFailed; a store
    that was encrypted, or is to be, is never opened without a key. CODEASSIST_PASSPHRASE is read
    once and leaves the environment.
    """
    given = os.environ.pop(PASSPHRASE, None)
    passphrase = given if passphrase is None else passphrase
    if settings.encryption == "off":
        if exists():
            raise MemoryLocked(
                f"there is a key file {path()}, but encryption is off in the settings",
                "`codeassist keys encrypt` finishes turning it on, `codeassist keys decrypt` off.",
            )
        return Plain()
    if exists():
        return Sealed(unwrap(read(), passphrase))
    if store_path().exists():
        raise MemoryLocked(
            f"encryption is on, but {store_path()} has no key file {path().name} beside it",
            "If it never was encrypted: `codeassist keys encrypt`. Else restore the key file.",
        )
    wrapper = wrapper_of(settings)
    if wrapper == "passphrase" and not given:
        raise MemoryLocked("no passphrase was chosen yet", "Run `codeassist keys encrypt` once.")
    header = create(wrapper, passphrase or "")
    return Sealed(unwrap(header, passphrase))


def wrapper_of(settings: Settings) -> Wrapper:
    """What is to wrap a new key: as set, else the key ring where there is one."""
    if settings.encryption == "keyring":
        return "keyring"
    if settings.encryption == "passphrase" or not os_keyring.usable():
        return "passphrase"
    return "keyring"


def change_passphrase(old: str, new: str) -> None:
    """Wrap the same data keys by another passphrase; raises MemoryLocked if the old one is wrong.

    An old copy of the key file still opens with the old passphrase; `rotate` makes it useless.
    """
    header = read()
    if header.wrapper != "passphrase":
        raise UsageError("there is no passphrase: the key is in the key ring", "")
    _check_strength(new)
    keys = unwrap(header, old)
    fresh = replace(header, scrypt=_fresh_scrypt(), keys={})
    _write(_wrapped(fresh, _derived(new, fresh), keys))


def add_generation(passphrase: str | None) -> dict[int, bytes]:
    """Begin a rotation: give old and new data keys, both in the key file now.

    Where a rotation was interrupted, its keys are given again.
    """
    header = read()
    wrapping = _wrapping(header, passphrase)
    keys = _unwrapped(header, wrapping)
    if len(keys) == 1:
        keys[max(keys) + 1] = secrets.token_bytes(KEY_BYTES)
        _write(_wrapped(header, wrapping, keys))
    return keys


def drop_old_generations(passphrase: str | None) -> None:
    """End a rotation: only the newest data key stays."""
    header = read()
    newest = max(header.keys)
    unwrap(header, passphrase)  # a file that would not open must not lose a key
    _write(replace(header, keys={newest: header.keys[newest]}))


def remove() -> None:
    """Remove the key file and what wraps it; whatever it sealed is lost."""
    header = read()
    path().unlink()
    sync(path().parent)
    if header.wrapper == "keyring":
        os_keyring.remove(header.id)


def _wrapping(header: Header, passphrase: str | None) -> bytes:
    if header.wrapper == "keyring":
        return os_keyring.get(header.id)
    if not passphrase:
        raise MemoryLocked("the conversations are encrypted and locked")
    return _derived(passphrase, header)


def _derived(passphrase: str, header: Header) -> bytes:
    from cryptography.hazmat.primitives.kdf import scrypt

    assert header.scrypt is not None
    cost = header.scrypt
    # One spelling, however the keyboard composes an accent.
    secret = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    salt = bytes.fromhex(cost.salt)
    try:
        return scrypt.Scrypt(salt=salt, length=KEY_BYTES, n=cost.n, r=cost.r, p=cost.p).derive(
            secret
        )
    except MemoryError as exc:
        needed = 128 * cost.n * cost.r >> 20
        raise MemoryFailed(
            f"unlocking needs {needed} MiB of memory, which are not free", "Free some, ask again."
        ) from exc


def _wrapped(header: Header, wrapping: bytes, keys: Mapping[int, bytes]) -> Header:
    """The header with these data keys; each is bound to all else that stands there."""
    sealing = Sealed({1: wrapping})
    wrapped = {
        generation: sealing.seal(key, _about(header, generation)).hex()
        for generation, key in keys.items()
    }
    return replace(header, keys=wrapped)


def _unwrapped(header: Header, wrapping: bytes) -> dict[int, bytes]:
    try:
        sealing = Sealed({1: wrapping})
        return {
            generation: sealing.open(bytes.fromhex(wrapped), _about(header, generation))
            for generation, wrapped in header.keys.items()
        }
    except (Tampered, ValueError) as exc:
        if header.wrapper == "passphrase":
            raise MemoryLocked(
                "this passphrase does not open the conversations",
                f"Try again; nothing was changed. If it is right, {path().name} was altered.",
            ) from exc
        raise MemoryLocked(
            f"the key in the key ring does not open {path()}", "Restore the key file you had."
        ) from exc


def _about(header: Header, generation: int) -> bytes:
    cost = asdict(header.scrypt) if header.scrypt else None
    bound = [_FORMAT, header.id, header.wrapper, cost, generation]
    return json.dumps(["codeassist key", *bound], sort_keys=True).encode()


def _fresh_scrypt() -> Scrypt:
    # 128 MiB and 0.4 s on a desktop core; half of both where memory is short
    short = psutil.virtual_memory().available < _SHORT_OF_MEMORY
    return Scrypt(1 << 16 if short else 1 << 17, 8, 1, secrets.token_hex(_SALT_BYTES))


def _check_cost(cost: Scrypt) -> None:
    bytes.fromhex(cost.salt)
    power_of_two = cost.n & (cost.n - 1) == 0
    in_bounds = _MIN_N <= cost.n <= _MAX_N and cost.r >= 8 and 1 <= cost.p <= 16
    work = 128 * cost.n * cost.r
    if not (power_of_two and in_bounds and work <= _MAX_WORK):
        raise _damaged(f"its scrypt costs n={cost.n} r={cost.r} p={cost.p} are not allowed")
    if len(cost.salt) < 2 * _SALT_BYTES:
        raise _damaged("its salt is too short")


def _check_strength(passphrase: str) -> None:
    if len(passphrase) < _MIN_CHARS:
        raise UsageError(
            f"the passphrase has fewer than {_MIN_CHARS} characters",
            "Four random words make a good one.",
        )


def _damaged(why: str) -> MemoryFailed:
    return MemoryFailed(
        f"the key file {path()} cannot be used: {why}",
        "It was left as it is; restore it from a backup.",
    )


def _header(data: Any) -> Header:
    """Raises KeyError, TypeError, ValueError for what is none."""
    if data["format"] != _FORMAT or data["wrapper"] not in ("keyring", "passphrase"):
        raise ValueError(data["format"])
    scrypt = Scrypt(**data["scrypt"]) if data["wrapper"] == "passphrase" else None
    if scrypt and not all(type(cost) is int for cost in (scrypt.n, scrypt.r, scrypt.p)):
        raise TypeError("costs are whole numbers")
    keys = {int(generation): str(wrapped) for generation, wrapped in data["keys"].items()}
    if not keys or not isinstance(data["id"], str):
        raise ValueError("no keys")
    return Header(data["id"], data["wrapper"], scrypt, keys)


def _write(header: Header) -> None:
    """Replace the key file as a whole, on disk before it takes the place of the old one."""
    text = json.dumps({"format": _FORMAT, **asdict(header)}, indent=1)
    part = path().with_suffix(".key.part")
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path())
        sync(path().parent)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise MemoryFailed(
            f"the key file {path()} cannot be written: {exc.strerror}",
            "Make room or give the right to write; the old one is still there.",
        ) from exc
