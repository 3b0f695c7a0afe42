"""Server-sent events in every shape that servers send them, cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist_jupyter.engine import sse

STREAM = (
    'data: {"a": "grüße 🐍"}\n\n: a comment\n\n'
    "data: two\ndata:  lines\n\nevent: x\nid: 1\ndata:3\n\n"
)
EVENTS = ['{"a": "grüße 🐍"}', "two\n lines", "3"]


def read(*pieces: bytes) -> list[str]:
    return list(sse.payloads(pieces))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_cut_anywhere_with_any_line_end(end: str, size: int) -> None:
    data = STREAM.replace("\n", end).encode()
    assert read(*(data[at : at + size] for at in range(0, len(data), size))) == EVENTS


def test_done_ends_the_stream() -> None:
    assert read(b"data: 1\n\ndata: [DONE]\n\ndata: 2\n\n") == ["1"]


def test_a_stream_may_end_without_done_or_empty_line() -> None:
    assert read(b"data: 1\n\ndata: 2") == ["1", "2"]
    assert read(b"data: 1\n\ndata: [DONE]") == ["1"]


def test_a_byte_order_mark_is_skipped() -> None:
    assert read(b"\xef\xbb\xbfdata: 1\n\n") == ["1"]


def test_broken_utf8_is_replaced() -> None:
    assert read(b"data: a\xffb\n\n") == ["a\ufffdb"]


def test_an_event_of_fifty_megabytes_is_read_and_a_larger_one_refused() -> None:
    piece = b"x" * 1_000_000
    assert len(read(b"data: ", *[piece] * 49, b"\n\n")[0]) == 49_000_000
    with pytest.raises(ValueError, match="more than 50,000,000 bytes"):
        read(b"data: ", *[piece] * 51)
    with pytest.raises(ValueError, match="more than 50,000,000 bytes"):
        read(*[b"data: " + piece + b"\n"] * 51)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_give_the_same_events_however_cut(data: bytes, size: int) -> None:
    assert read(*(data[at : at + size] for at in range(0, len(data), size))) == read(data)
