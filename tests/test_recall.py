"""Which older turns a question needs: the ranking is pure."""

from __future__ import annotations

import pytest

from codeassist_jupyter.memory.recall import importance, rank
from codeassist_jupyter.types import Exchange


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("Remember: the database is on port 5433.", "Plot the orders by day."),
        ("From now on always use polars.", "Use polars here?"),
        ("No, the key is order_id and not id.", "What is the key?"),
        ("no - I meant the second sheet", "Read the second sheet"),
        ("Let's go with the median.", "What about the median?"),
        ("We decided on weekly reports.", "How do I make weekly reports?"),
        ("GMV means gross merchandise value.", "What does the chart show?"),
        ("By churn I mean no order in 90 days.", "How do I count churn?"),
        ("Our fiscal year is April to March.", "Which year is it?"),
        ("threshold = 0.35", "print the threshold?"),
    ],
)
def test_what_is_meant_to_last_counts_more(more: str, less: str) -> None:
    assert importance(Exchange(more, "")) > importance(Exchange(less, "")) == 0.0


def test_what_the_user_did_with_an_answer_counts() -> None:
    plain = Exchange("plot it", "done")
    assert importance(plain) == 0.0
    assert importance(Exchange("plot it", "done", inserted=True)) > 0.5
    assert importance(Exchange("plot it", "done", pinned=True)) == 1.0
    assert importance(Exchange("Remember 5.", "done", feedback=-1)) == 0.0
    assert importance(Exchange("plot it", "done", pinned=True, feedback=-1)) == 1.0


def turns(*questions: str) -> list[Exchange]:
    return [Exchange(q, "ok", number=i) for i, q in enumerate(questions, start=1)]


def numbers(ranking: list[tuple[Exchange, float]]) -> list[int]:
    return [exchange.number for exchange, _ in ranking]


def test_the_turn_with_the_rare_words_comes_first() -> None:
    told = turns("plot the orders", "the staging bucket is kept in Lyon", "plot the prices", "plot")
    assert numbers(rank("where is the staging bucket?", told, {}, 1)) == [2]


def test_meaning_finds_what_words_do_not() -> None:
    told = turns("plot the orders", "group them by region", "plot the prices")
    assert numbers(rank("draw a chart", told, {1: 0.2, 2: 0.1, 3: 1.0}, 1)) == [3]


def test_of_two_like_turns_the_important_then_the_later_one_comes_first() -> None:
    told = turns("limit 5", "remember: limit 7", "limit 6", "limit 8")
    assert numbers(rank("limit?", told, {}, 4)) == [2, 4, 3, 1]


def test_pinned_turns_always_come_and_damaged_ones_never() -> None:
    told = turns("orders by day", "orders by week")
    told.append(Exchange("nothing alike", "", number=3, pinned=True))
    told.append(Exchange("orders", "", stopped="unreadable", number=4))
    assert numbers(rank("orders by day", told, {}, 2)) == [3, 1]
    assert 4 not in numbers(rank("orders", told, {}, 10))


def test_nothing_gives_nothing() -> None:
    assert rank("anything", [], {}, 4) == []
    assert numbers(rank("?!", turns("a turn"), {}, 4)) == [1]
