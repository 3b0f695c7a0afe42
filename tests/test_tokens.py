"""The terms that documents and queries share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist_jupyter.index import tokens
from codeassist_jupyter.index.jargon import in_code
from codeassist_jupyter.index.tokens import code_tokens, split_name


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("normalize_names", ["normalize_names", "normal", "name"]),
        ("readCSVFiles", ["readcsvfiles", "read", "csv", "file"]),
        ("HTTPServer2 URLs", ["httpserver2", "http", "server", "2", "url"]),
        ("np.linalg.norm", ["np.linalg.norm", "np", "linalg", "norm"]),
        ("self.parse_date(text)", ["parse_date", "pars", "date", "text"]),
        ("return the parsing of dates", ["pars", "date"]),
        ("__init__", ["__init__", "init"]),
        ("größe GRÖSSE_MAX", ["größe", "grösse_max", "grösse", "max"]),
        ("東京都 tokyo", ["東京都", "東京", "京都", "tokyo"]),
        ("x" * 65, []),
        ("", []),
    ],
)
def test_terms_of_code_and_prose(text, terms):
    assert code_tokens(text) == terms


def test_terms_do_not_depend_on_what_came_before(monkeypatch):
    monkeypatch.setattr(tokens, "_CACHE_SIZE", 3)
    first = code_tokens("alpha beta gamma delta alpha betaGamma")
    assert first == code_tokens("alpha beta gamma delta alpha betaGamma")


@given(st.text(max_size=80))
def test_any_text_has_terms_without_blanks(text):
    for term in (*code_tokens(text), *split_name(text)):
        assert term and term == term.strip() and not term.isspace()


def test_a_query_meets_the_name_it_means():
    assert set(code_tokens("where do we parse dates")) & set(code_tokens("def parse_date(text):"))
    assert "ordercleaner" in code_tokens("OrderCleaner.clean")


def test_parts_of_names_and_paths():
    assert split_name("etl/clean_orders") == ["etl", "clean", "orders"]
    assert split_name("OrderCleaner.__init__") == ["order", "cleaner", "init"]
    assert split_name("größe_max") == ["größe", "max"]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("the maximum number of columns", ["max", "num", "n", "col"]),
        ("deletes the directories", ["remov", "dir"]),
        ("max of the maximum", []),  # what is asked for in words is not added
        ("an ordinary sentence", []),
        ("", []),
    ],
)
def test_words_have_a_form_in_code(text, short):
    assert code_tokens(in_code(text)) == short
