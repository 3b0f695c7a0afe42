"""Encoders: unit vectors from real model files."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tiny_encoder
from conftest import REAL_MODELS

from codeassist_jupyter.errors import EmbedderMissing, ModelUnusable
from codeassist_jupyter.index.embed import (
    Encoder,
    OnnxEncoder,
    SentenceTransformerEncoder,
    StaticEncoder,
    text_key,
)
from codeassist_jupyter.models import catalogue, download


def test_static_vectors_have_length_one_and_follow_meaning(tmp_path: Path) -> None:
    encoder = tiny_encoder.make(tmp_path)
    vectors = encoder.encode(["parse dates", "read the calendar", "draw a chart"])
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, encoder.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0)
    (query,) = encoder.encode(["load day"])
    assert query @ vectors[0] > 0.99
    assert query @ vectors[2] < 0.01


def test_text_without_known_words_is_like_nothing(tmp_path: Path) -> None:
    encoder = tiny_encoder.make(tmp_path)
    assert not encoder.encode(["zyzzyva", ""]).any()


def test_no_texts_give_no_rows(tmp_path: Path) -> None:
    assert tiny_encoder.make(tmp_path).encode([]).shape == (0, 6)


@pytest.mark.parametrize("broken", ["model.safetensors", "tokenizer.json"])
def test_damaged_static_files_are_refused(tmp_path: Path, broken: str) -> None:
    tiny_encoder.make(tmp_path)
    (tmp_path / broken).write_bytes(b"\x00not a model")
    with pytest.raises(ModelUnusable):
        StaticEncoder("x", tmp_path / "model.safetensors", tmp_path / "tokenizer.json")


def test_damaged_onnx_file_is_refused(tmp_path: Path) -> None:
    tiny_encoder.make(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelUnusable, match=r"model\.onnx"):
        OnnxEncoder("x", tmp_path / "model.onnx", tmp_path / "tokenizer.json")


def test_missing_extra_names_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("sentence_transformers"):
        # As on a machine without the extra: the import system refuses the package.
        monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(EmbedderMissing) as caught:
        SentenceTransformerEncoder("any/model")
    assert "codeassist-jupyter[sentence-transformers]" in caught.value.hint


def test_text_key_names_the_content() -> None:
    assert text_key("a b") == text_key("a b") != text_key("a  b")
    assert text_key("\ud800")  # a lone surrogate from a notebook's JSON


@pytest.fixture(params=["potion-base-8m", "bge-small-en-v1.5-onnx-q8"])
def real(request: pytest.FixtureRequest) -> Encoder:
    model = catalogue.find(request.param)
    weights = download.fetch(model, REAL_MODELS).path
    make = StaticEncoder if model.task == "static-embed" else OnnxEncoder
    return make(model.id, weights, weights.with_name("tokenizer.json"))


@pytest.mark.model
def test_real_encoders_put_the_answer_before_the_rest(real: Encoder) -> None:
    headers = [
        "etl clean normalize names strip spaces and lower the case of column names",
        "plots histogram draw the distribution of a column",
        "io loader read csv files into one table",
    ]
    queries = ["make column labels uniform", "show how values are distributed", "open a csv file"]
    scores = real.encode(queries) @ real.encode(headers).T
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.model
def test_real_encoders_do_not_mind_the_company(real: Encoder) -> None:
    texts = ["short", "a text that is a good deal longer than the other one " * 20, ""]
    together = real.encode(texts)
    alone = np.concatenate([real.encode([text]) for text in texts])
    # Quantised activations depend on the padding of the batch, a little.
    assert (together * alone).sum(axis=1)[:2].min() > 0.99
