"""The key file: what wraps the keys, what opens them, and what an interruption leaves."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from file_keyring import BrokenKeyring, FileKeyring, ForgetfulKeyring, LockedKeyring
from keyring.backends import chainer, fail, null

from codeassist_jupyter import config
from codeassist_jupyter.config import Settings
from codeassist_jupyter.errors import MemoryFailed, MemoryLocked, UsageError
from codeassist_jupyter.memory import keys, os_keyring, rekey
from codeassist_jupyter.memory.conversations import Conversations
from codeassist_jupyter.memory.crypto import Plain, Sealed
from codeassist_jupyter.types import Exchange

WORDS = "correct horse battery"
SECRET = "the canary sang at dawn"
PASSPHRASE = Settings(encryption="passphrase")
KEYRING = Settings(encryption="keyring")


@pytest.fixture(autouse=True)
def os_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], None]]:
    """Give each test a key ring of its own; call the fixture's value to take another one."""
    monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "keyring.json"))
    monkeypatch.delenv(keys.PASSPHRASE, raising=False)
    before = keyring.get_keyring()
    keyring.set_keyring(FileKeyring())
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A key file that WORDS opens; made once, as scrypt is slow on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODEASSIST_HOME", str(tmp_path_factory.mktemp("home")))
        keys.create("passphrase", WORDS)
        return keys.path().read_bytes()


@pytest.fixture
def locked(key_file: bytes) -> bytes:
    """Put the key file in its place."""
    keys.path().write_bytes(key_file)
    return key_file


def write(cipher: Any, text: str = SECRET, conversation: str = "c") -> None:
    store = Conversations(keys.store_path(), cipher)
    store.begin(conversation, "/project", "a.ipynb")
    store.save(conversation, Exchange(f"where? {text}", f"```python\nprint('{text}')\n```"))
    store.close()


def read(cipher: Any, conversation: str = "c") -> list[str]:
    store = Conversations(keys.store_path(), cipher)
    try:
        return [exchange.question for exchange in store.exchanges(conversation)]
    finally:
        store.close()


def files_with(text: str, folder: Path | None = None) -> list[Path]:
    wanted = text.encode()
    folder = folder or config.home()
    return [path for path in folder.rglob("*") if path.is_file() and wanted in path.read_bytes()]


def changed(**values: Any) -> None:
    data = json.loads(keys.path().read_text())
    keys.path().write_text(json.dumps(data | values))


# What opens


def test_without_encryption_records_are_plain() -> None:
    assert isinstance(keys.open_cipher(Settings()), Plain)
    assert not keys.exists()


def test_a_passphrase_opens_what_it_sealed() -> None:
    keys.create("passphrase", WORDS)
    record = keys.open_cipher(PASSPHRASE, WORDS).seal(b"text", b"about")
    assert keys.open_cipher(PASSPHRASE, WORDS).open(record, b"about") == b"text"
    assert stat.S_IMODE(keys.path().stat().st_mode) == 0o600


def test_an_accent_opens_however_it_was_typed() -> None:
    keys.create("passphrase", "cafe\u0301 au lait")
    assert keys.open_cipher(PASSPHRASE, "caf\u00e9 au lait").encrypts


@pytest.mark.parametrize("wrong", ["", None, WORDS + " ", WORDS.upper(), "\ud800" * 9])
def test_a_wrong_passphrase_opens_and_changes_nothing(wrong: str | None, locked: bytes) -> None:
    with pytest.raises(MemoryLocked):
        keys.open_cipher(PASSPHRASE, wrong)
    assert keys.path().read_bytes() == locked
    assert not keys.store_path().exists()


def test_the_environment_gives_the_passphrase_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.PASSPHRASE, WORDS)
    assert keys.open_cipher(PASSPHRASE).encrypts  # the first use: there was no store yet
    assert keys.PASSPHRASE not in os.environ
    with pytest.raises(MemoryLocked, match="locked"):
        keys.open_cipher(PASSPHRASE)


def test_a_first_passphrase_is_chosen_with_care_not_by_unlocking() -> None:
    with pytest.raises(MemoryLocked, match="no passphrase was chosen"):
        keys.open_cipher(PASSPHRASE, WORDS)
    assert not keys.exists()


@pytest.mark.parametrize("weak", ["", "1234567"])
def test_a_short_passphrase_is_refused(weak: str) -> None:
    with pytest.raises(UsageError, match="fewer than 8"):
        keys.create("passphrase", weak)
    assert not keys.exists()


def test_the_key_ring_opens_without_a_question() -> None:
    record = keys.open_cipher(KEYRING).seal(b"text", b"about")
    assert keys.open_cipher(KEYRING).open(record, b"about") == b"text"
    entries = json.loads(Path(os.environ["TEST_KEYRING"]).read_text())
    secret = next(iter(entries.values()))
    assert secret not in keys.path().read_text()


def test_on_takes_the_key_ring_where_there_is_one(os_ring: Callable[[Any], None]) -> None:
    assert keys.wrapper_of(Settings(encryption="on")) == "keyring"
    os_ring(fail.Keyring())
    assert keys.wrapper_of(Settings(encryption="on")) == "passphrase"


# What is refused


class PlaintextKeyring(FileKeyring):
    """Of a module whose key rings write plain files."""


PlaintextKeyring.__module__ = "keyrings.alt.file"
REFUSED = [fail.Keyring, null.Keyring, PlaintextKeyring, chainer.ChainerBackend]


@pytest.mark.parametrize("ring", REFUSED)
def test_a_key_ring_that_keeps_nothing_safe_is_refused(ring: Any, os_ring: Any) -> None:
    os_ring(ring())
    assert not os_keyring.usable()
    with pytest.raises(MemoryLocked, match="no key ring"):
        keys.open_cipher(KEYRING)
    assert not keys.exists()


@pytest.mark.parametrize(
    ("ring", "words"),
    [
        (LockedKeyring, "KeyringLocked"),
        (BrokenKeyring, "DBUS_SESSION_BUS_ADDRESS"),
        (ForgetfulKeyring, "does not have the key"),
    ],
)
def test_a_key_ring_that_fails_makes_no_key_file(ring: Any, words: str, os_ring: Any) -> None:
    os_ring(ring())
    with pytest.raises(MemoryFailed, match=words):
        keys.open_cipher(KEYRING)
    assert not keys.exists()


@pytest.mark.parametrize("ring", [fail.Keyring, null.Keyring, LockedKeyring, BrokenKeyring])
def test_a_key_ring_that_is_gone_locks_and_loses_nothing(ring: Any, os_ring: Any) -> None:
    write(keys.open_cipher(KEYRING))
    before = keys.path().read_bytes()
    os_ring(ring())
    with pytest.raises(MemoryLocked):
        keys.open_cipher(KEYRING)
    assert keys.path().read_bytes() == before
    os_ring(FileKeyring())
    assert SECRET in read(keys.open_cipher(KEYRING))[0]


def test_an_entry_that_is_gone_or_changed_locks() -> None:
    keys.open_cipher(KEYRING)
    ring = Path(os.environ["TEST_KEYRING"])
    (name,) = json.loads(ring.read_text())
    for value in ("short", "AAAA", "A" * 43 + "=", "ä"):
        ring.write_text(json.dumps({name: value}))
        with pytest.raises(MemoryLocked):
            keys.open_cipher(KEYRING)
    ring.unlink()
    with pytest.raises(MemoryLocked, match="does not have the key"):
        keys.open_cipher(KEYRING)


def test_a_lost_key_file_is_not_replaced_by_a_new_key() -> None:
    write(keys.open_cipher(KEYRING))
    kept = keys.path().read_bytes()
    keys.path().unlink()
    for settings in (KEYRING, PASSPHRASE, Settings(encryption="on")):
        with pytest.raises(MemoryLocked, match="no key file"):
            keys.open_cipher(settings, WORDS)
    with pytest.raises(MemoryLocked, match="encrypted and no key"):
        Conversations(keys.store_path(), keys.open_cipher(Settings()))
    keys.path().write_bytes(kept)
    assert SECRET in read(keys.open_cipher(KEYRING))[0]


def test_a_key_file_of_another_store_adds_nothing_to_this_one() -> None:
    write(keys.open_cipher(KEYRING))
    keys.path().rename(keys.path().with_suffix(".kept"))
    keys.create("passphrase", WORDS)
    with pytest.raises(MemoryLocked, match="does not belong"):
        Conversations(keys.store_path(), keys.open_cipher(PASSPHRASE, WORDS))


def test_a_plain_store_is_not_opened_where_encryption_is_set(key_file: bytes) -> None:
    write(Plain())
    for settings in (KEYRING, PASSPHRASE):
        with pytest.raises(MemoryLocked, match="keys encrypt"):
            keys.open_cipher(settings)
    keys.path().write_bytes(key_file)
    with pytest.raises(MemoryLocked, match="off in the settings"):
        keys.open_cipher(Settings())
    with pytest.raises(MemoryLocked, match="keys encrypt"):
        Conversations(keys.store_path(), keys.open_cipher(PASSPHRASE, WORDS))


@pytest.mark.parametrize(
    "cost",
    [
        {"n": 1 << 15},
        {"n": 2},
        {"n": (1 << 17) + 1},
        {"n": 1 << 40},
        {"n": 0},
        {"n": -(1 << 17)},
        {"n": 131072.0},
        {"n": True},
        {"n": "131072"},
        {"r": 1},
        {"r": 1 << 20},
        {"p": 0},
        {"p": 1000},
        {"salt": ""},
        {"salt": "00"},
        {"salt": "xy" * 16},
        {"salt": 7},
        {"salt": None},
        {"more": 1},
    ],
)
def test_weaker_or_absurd_costs_are_refused_before_they_are_paid(
    cost: dict[str, Any], locked: bytes
) -> None:
    changed(scrypt=json.loads(keys.path().read_text())["scrypt"] | cost)
    with pytest.raises(MemoryFailed, match="key file"):
        keys.open_cipher(PASSPHRASE, WORDS)


def test_an_allowed_cost_that_is_not_the_one_used_does_not_open(locked: bytes) -> None:
    scrypt = json.loads(keys.path().read_text())["scrypt"]
    changed(scrypt=scrypt | {"n": 1 << 16, "p": 2})
    with pytest.raises(MemoryLocked):
        keys.open_cipher(PASSPHRASE, WORDS)


@pytest.mark.parametrize(
    "values",
    [
        {"format": 0},
        {"format": "1"},
        {"format": 2},
        {"wrapper": "none"},
        {"keys": {}},
        {"keys": {"one": "00"}},
        {"keys": {"1": "zz"}},
        {"keys": {"1": ""}},
        {"keys": ["1"]},
        {"scrypt": None},
        {"id": 3},
        {"id": "another"},
        {"wrapper": "keyring"},
    ],
)
def test_a_changed_key_file_is_refused_and_left_as_it_is(
    values: dict[str, Any], locked: bytes
) -> None:
    changed(**values)
    before = keys.path().read_bytes()
    with pytest.raises(MemoryFailed):
        keys.open_cipher(PASSPHRASE, WORDS)
    assert keys.path().read_bytes() == before


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b"{}"])
def test_junk_in_place_of_the_key_file_is_refused(junk: bytes) -> None:
    keys.path().write_bytes(junk)
    with pytest.raises(MemoryFailed, match="key file"):
        keys.open_cipher(KEYRING)


def test_a_key_file_is_never_replaced(locked: bytes) -> None:
    with pytest.raises(MemoryFailed, match="there already"):
        keys.create("keyring")


# What changes


def test_a_changed_passphrase_opens_the_same_records(locked: bytes) -> None:
    write(keys.open_cipher(PASSPHRASE, WORDS))
    with pytest.raises(MemoryLocked):
        keys.change_passphrase("not the old one", "another passphrase")
    assert keys.path().read_bytes() == locked
    keys.change_passphrase(WORDS, "another passphrase")
    assert SECRET in read(keys.open_cipher(PASSPHRASE, "another passphrase"))[0]
    with pytest.raises(MemoryLocked):
        keys.open_cipher(PASSPHRASE, WORDS)


def test_a_passphrase_cannot_change_where_there_is_none() -> None:
    keys.create("keyring")
    with pytest.raises(UsageError, match="no passphrase"):
        keys.change_passphrase(WORDS, "another passphrase")


def test_turning_encryption_on_leaves_no_plain_byte() -> None:
    write(Plain())
    index = config.home() / "index" / "abc"
    index.mkdir(parents=True)
    (index / "meta").write_text(SECRET)
    assert files_with(SECRET)
    rekey.encrypt("keyring", None)
    assert files_with(SECRET) == []
    assert SECRET in read(keys.open_cipher(KEYRING))[0]


def test_turning_encryption_off_gives_the_text_back_and_removes_the_key() -> None:
    write(keys.open_cipher(KEYRING))
    rekey.decrypt(None)
    assert SECRET in read(keys.open_cipher(Settings()))[0]
    assert not keys.exists()
    assert json.loads(Path(os.environ["TEST_KEYRING"]).read_text()) == {}


def test_after_a_rotation_the_old_key_opens_nothing() -> None:
    write(keys.open_cipher(KEYRING))
    old = keys.unwrap(keys.read(), None)
    rekey.rotate(None)
    new = keys.unwrap(keys.read(), None)
    assert set(new) == {2}
    assert SECRET in read(Sealed(new))[0]
    with pytest.raises(MemoryLocked, match="does not belong"):
        Conversations(keys.store_path(), Sealed(old))


# What an interruption leaves


@pytest.mark.parametrize("work", ["encrypt", "rotate", "decrypt"])
def test_whatever_step_is_interrupted_the_command_finishes_when_run_again(work: str) -> None:
    """Killed at each step in turn; everything is there when run again."""
    script = [sys.executable, "-W", "error", str(Path(__file__).with_name("interrupted.py")), work]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 10
