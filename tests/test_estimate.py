"""The guess of token counts: never far from what a real tokenizer says, and fast."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REAL_MODELS
from hypothesis import given
from hypothesis import strategies as st

import codeassist_jupyter
from codeassist_jupyter.engine.llama_cpp.native import Model
from codeassist_jupyter.models import catalogue
from codeassist_jupyter.window import estimate_tokens

CODE = (Path(codeassist_jupyter.__file__).parent / "prompt.py").read_text()
PROSE = (Path(__file__).parents[1] / "LICENSE").read_text()
NUMBERS = "\n".join(f"{n}, {n * 37 % 1000 / 7:.4f}, {n * n}" for n in range(200))
TEXTS = {
    "code": CODE,
    "prose": PROSE,
    "table": NUMBERS,
    "json": json.dumps([{"name": f"item{n}", "price": n / 8, "ok": None} for n in range(100)]),
    "markdown": "# Title\n\n- *first* `code`\n- [second](https://example.com/a?b=c)\n\n" * 20,
    "traceback": 'Traceback (most recent call last):\n  File "a.py", line 12, in <module>\n' * 20,
    "identifiers": " ".join(f"someLongName_{n:x}Value" for n in range(300)),
    "hex": "".join(random.Random(1).choices("0123456789abcdef", k=2000)),
    "german": "Größenänderungen überprüfen und die Straßen zählen. " * 20,
}
# Beyond the English vocabulary of the test model, which takes up to three tokens a character.
FOREIGN = {
    "russian": "Привет, как сохранить таблицу в файл? " * 20,
    "chinese": "请画出每月平均温度的折线图。" * 20,
    "emoji": "🎉🚀🐍" * 100,
}


def test_nothing_costs_next_to_nothing() -> None:
    assert estimate_tokens("") <= 1


@given(st.text(), st.text())
def test_more_text_never_costs_less_and_parts_add_up(a: str, b: str) -> None:
    assert 1 <= estimate_tokens(a) <= estimate_tokens(a + b)
    assert abs(estimate_tokens(a) + estimate_tokens(b) - estimate_tokens(a + b)) <= 4


@given(st.text())
def test_no_text_costs_more_than_a_token_per_character(text: str) -> None:
    assert estimate_tokens(text) <= len(text) + 1


@pytest.mark.parametrize("unit", ["word ", "7", "{", "é", "\ud800", "\0"])
def test_ten_megabytes_are_estimated(unit: str) -> None:
    text = unit * (10_000_000 // len(unit))
    assert estimate_tokens(text) >= len(text) // 4


@pytest.fixture(scope="module")
def tokenizer(smollm: str) -> Iterator[Model]:
    model = Model(catalogue.verified_path(smollm, REAL_MODELS))
    yield model
    model.close()


@pytest.mark.model
@pytest.mark.parametrize("kind", [*TEXTS, *FOREIGN])
def test_the_estimate_is_near_what_a_tokenizer_says(tokenizer: Model, kind: str) -> None:
    text = (TEXTS | FOREIGN)[kind]
    real = len(tokenizer.tokenize(text, control=False))
    least, most = (0.3, 2.0) if kind in FOREIGN else (0.8, 1.5)
    assert least * real <= estimate_tokens(text) <= most * real
