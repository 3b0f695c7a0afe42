"""Stop strings that arrive in pieces, and answers that repeat themselves."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codeassist_jupyter.engine.llama_cpp.stops import StopFilter, repeats

TEXTS = st.text("ab`\n", max_size=30)
STOPS = st.lists(st.text("ab`\n", min_size=1, max_size=5), max_size=4)


def filtered(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    stop = StopFilter(stops)
    shown = "".join(stop.feed(piece) for piece in pieces)
    return shown + stop.flush(), stop.hit


def expected(text: str, stops: list[str]) -> tuple[str, bool]:
    """The text before the stop string that is complete first, read character by character."""
    for end in range(len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: end - max(map(len, found))], True
    return text, False


@given(TEXTS, STOPS, st.lists(st.integers(0, 30)))
@example("abcd", ["bc", "abcd"], [3])
@example("aab", ["ab"], [1, 2])
def test_stops_at_the_same_place_however_the_text_is_cut(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(bounds)]
    assert filtered(pieces, stops) == expected(text, stops)


@pytest.mark.parametrize("cut", range(12))
def test_every_way_to_cut_a_stop_string_in_two(cut: int) -> None:
    text = "answer\n```\n\nmore"
    assert filtered([text[:cut], text[cut:]], ["\n```\n"]) == ("answer", True)


def test_text_is_held_back_no_longer_than_it_may_become_a_stop_string() -> None:
    stop = StopFilter(["</end>"])
    assert stop.feed("one </e") == "one "
    assert stop.feed("m>") == "</em>"
    assert stop.feed("</") == ""
    assert stop.flush() == "</"
    assert not stop.hit


def test_nothing_comes_after_a_stop_string() -> None:
    stop = StopFilter(["END"])
    assert stop.feed("a END b") == "a "
    assert stop.feed("c") == ""
    assert stop.flush() == ""
    assert stop.hit


def test_an_empty_stop_string_stops_nothing() -> None:
    assert filtered(["abc"], [""]) == ("abc", False)


@pytest.mark.parametrize("period", [1, 2, 7, 31, 64])
def test_endless_repetition_is_noticed_within_its_bounds(period: int) -> None:
    tokens = list(range(500, 600))
    noticed = None
    for count in range(1000):
        tokens.append(count % period)
        if repeats(tokens):
            noticed = count + 1
            break
    assert noticed is not None
    assert 192 <= noticed <= max(192, 6 * period) + period


def test_what_an_honest_answer_may_hold_is_not_repetition() -> None:
    assert not repeats([])
    assert not repeats([7] * 190)
    assert not repeats([*range(65)] * 10)  # a long period: a list of like lines
    counting = [token for number in range(300) for token in (1, 2, 1000 + number, 3)]
    assert not repeats(counting)
    assert not repeats([*[7] * 400, 8])  # it went on with something else
