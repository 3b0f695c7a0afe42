"""Fusion, the query's class and the gate: pure functions of scores and texts."""

from __future__ import annotations

import pytest

from codeassist_jupyter.retrieval.fuse import Weights, fuse
from codeassist_jupyter.retrieval.gate import is_confident
from codeassist_jupyter.retrieval.query import understand
from codeassist_jupyter.types import Chunk, Hit

WEIGHTS = Weights(vectors=0.5, exact=2.0)


def test_best_text_match_counts_one() -> None:
    assert fuse({1: 8.0, 2: 4.0}, {}, (), WEIGHTS) == [(1, 1.0), (2, 0.5)]


def test_vectors_can_overturn_the_words() -> None:
    ranking = fuse({1: 8.0, 2: 6.0}, {1: 0.1, 2: 1.0}, (), WEIGHTS)
    assert [no for no, _ in ranking] == [2, 1]


def test_chunk_found_by_vectors_alone_is_a_candidate() -> None:
    assert (3, pytest.approx(0.5 * 0.8)) in fuse({1: 5.0}, {3: 0.8}, (), WEIGHTS)


def test_exact_symbol_comes_before_better_words() -> None:
    assert fuse({1: 9.0, 2: 1.0}, {}, {2}, WEIGHTS)[0][0] == 2


def test_equal_scores_keep_one_order() -> None:
    assert [no for no, _ in fuse({5: 1.0, 3: 1.0, 4: 1.0}, {}, (), WEIGHTS)] == [3, 4, 5]


def test_nothing_found_is_an_empty_ranking() -> None:
    assert fuse({}, {}, (), WEIGHTS) == []


@pytest.mark.parametrize(
    ("text", "kind", "names"),
    [
        ("normalize_names", "symbol", ("normalize_names",)),
        ("Cleaner.normalize()", "symbol", ("Cleaner.normalize",)),
        ("Cleaner::normalize", "symbol", ("Cleaner.normalize",)),
        ("etl/clean.py", "path", ()),
        ("clean.py:41", "path", ()),
        ("where do we parse dates", "prose", ()),
        ("what does parse_dates do with `None`?", "prose", ("parse_dates", "None")),
        ("who calls loadTable(x)", "prose", ("loadTable",)),
        ("ValueError: bad date 'x'", "error", ("ValueError",)),
        ("why do I get KeyError: 'name' here", "prose", ("KeyError",)),
        ("", "prose", ()),
    ],
)
def test_query_classes(text: str, kind: str, names: tuple[str, ...]) -> None:
    query = understand(text)
    assert (query.kind, query.names) == (kind, names)


def test_traceback_is_searched_by_its_last_error_only() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "a.py", line 3, in load\n    parse_table(x)\n'
        "KeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n"
        'Traceback (most recent call last):\n  File "a.py", line 5, in <module>\n'
        "etl.TableError: column 'a' is missing\n"
    )
    query = understand(text)
    assert query.kind == "error"
    assert query.text == "etl.TableError: column 'a' is missing"


class _AllOrNothing:
    def coverage(self, query: str, text: str) -> float:
        return float(query in text)


def _hit(text: str) -> Hit:
    return Hit(Chunk("i", "a.py", "function", "f", "python", 1, 2, "a f", text), 1.0)


@pytest.mark.parametrize(("text", "expected"), [("we parse dates here", True), ("else", False)])
def test_gate_judges_by_what_the_hits_hold(text: str, expected: bool) -> None:
    query = understand("parse dates")
    assert is_confident(_AllOrNothing(), query, (), [_hit("no"), _hit(text)]) is expected


def test_exact_symbol_is_beyond_doubt() -> None:
    assert is_confident(_AllOrNothing(), understand("zip_all"), {1}, [_hit("else")])


def test_no_hits_are_no_confidence() -> None:
    assert not is_confident(_AllOrNothing(), understand("zip_all"), (), [])
