"""Sealed records: what comes back, and every way in which a record may not be what it was."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist_jupyter.errors import MemoryFailed, Tampered
from codeassist_jupyter.memory.crypto import KEY_BYTES, OVERHEAD, Plain, Sealed

ABOUT = b"store:conversation:3:question"
KEY = os.urandom(KEY_BYTES)


@given(data=st.binary(max_size=2000), about=st.binary(max_size=200))
def test_a_record_comes_back_and_shows_nothing_but_its_length(data: bytes, about: bytes) -> None:
    cipher = Sealed({1: KEY})
    record = cipher.seal(data, about)
    assert cipher.open(record, about) == data
    assert len(record) == len(data) + OVERHEAD
    if len(data) > 8:
        assert data not in record


def test_a_megabyte_comes_back() -> None:
    data = os.urandom(1 << 20)
    cipher = Sealed({1: KEY})
    assert cipher.open(cipher.seal(data, ABOUT), ABOUT) == data


def test_a_flip_of_any_byte_is_noticed() -> None:
    cipher = Sealed({1: KEY})
    record = cipher.seal(b"the quick brown fox", ABOUT)
    for place in range(len(record)):
        for bit in (0x01, 0x80, 0xFF):
            changed = bytearray(record)
            changed[place] ^= bit
            with pytest.raises(MemoryFailed):
                cipher.open(bytes(changed), ABOUT)


def test_a_record_that_was_cut_or_lengthened_is_noticed() -> None:
    cipher = Sealed({1: KEY})
    record = cipher.seal(b"the quick brown fox", ABOUT)
    for length in range(len(record)):
        with pytest.raises(Tampered):
            cipher.open(record[:length], ABOUT)
    with pytest.raises(Tampered):
        cipher.open(record + b"\0", ABOUT)


def test_records_do_not_open_in_the_place_of_another() -> None:
    cipher = Sealed({1: KEY})
    record = cipher.seal(b"text", ABOUT)
    elsewhere = (b"", ABOUT[:-1], ABOUT + b"x", b"other:conversation:3:question")
    for about in elsewhere:
        with pytest.raises(Tampered):
            cipher.open(record, about)
    assert cipher.open(record, ABOUT) == b"text"


@given(record=st.binary(max_size=300))
def test_whatever_stands_in_a_record_is_refused_as_one_of_our_errors(record: bytes) -> None:
    with pytest.raises(MemoryFailed):
        Sealed({1: KEY}).open(record, ABOUT)


def test_another_key_does_not_open_it() -> None:
    record = Sealed({1: KEY}).seal(b"text", ABOUT)
    with pytest.raises(Tampered, match="changed"):
        Sealed({1: os.urandom(KEY_BYTES)}).open(record, ABOUT)
    with pytest.raises(Tampered, match="names key 1"):
        Sealed({2: KEY}).open(record, ABOUT)


def test_the_newest_key_seals_and_every_one_opens() -> None:
    old, new = Sealed({1: KEY}), Sealed({2: os.urandom(KEY_BYTES), 1: KEY})
    assert new.open(old.seal(b"text", ABOUT), ABOUT) == b"text"
    with pytest.raises(Tampered, match="names key 2"):
        old.open(new.seal(b"text", ABOUT), ABOUT)


def test_a_record_of_a_newer_format_asks_to_upgrade() -> None:
    record = bytearray(Sealed({1: KEY}).seal(b"text", ABOUT))
    record[1] = 9
    with pytest.raises(MemoryFailed, match="format 9") as caught:
        Sealed({1: KEY}).open(bytes(record), ABOUT)
    assert not isinstance(caught.value, Tampered)


@pytest.mark.parametrize("keys", [{}, {1: b"short"}, {0: KEY}, {1 << 16: KEY}])
def test_keys_that_cannot_be_used_are_refused(keys: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealed(keys)


def test_no_nonce_comes_twice_even_after_a_fork() -> None:
    """In a process of its own, as only one without threads may fork."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["102000", "102000"], done.stderr


FORKING = """
import os
from codeassist_jupyter.memory.crypto import Sealed

cipher = Sealed({1: bytes(32)})
nonces = lambda count: [cipher.seal(b"", b"")[4:16] for _ in range(count)]
seen = nonces(100_000)
reading, writing = os.pipe()
if os.fork() == 0:
    os.write(writing, b"".join(nonces(1000)))
    os._exit(0)
os.wait()
theirs = os.read(reading, 12_000)
seen += nonces(1000) + [theirs[at : at + 12] for at in range(0, len(theirs), 12)]
print(len(seen), len(set(seen)))
"""


def test_plain_leaves_everything_as_it_is() -> None:
    assert Plain().open(Plain().seal(b"text", ABOUT), ABOUT) == b"text"
    assert not Plain().encrypts
