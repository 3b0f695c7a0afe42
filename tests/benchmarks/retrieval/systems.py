"""The systems under comparison: questions in, places and milliseconds out.

Every system indexes the same folder on the same machine in the same run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from corpora import CACHE
from measure import Place
from suites import Question

from codeassist_jupyter import config
from codeassist_jupyter.index import build
from codeassist_jupyter.index.embed import Encoder, OnnxEncoder, StaticEncoder
from codeassist_jupyter.index.project import Index
from codeassist_jupyter.models import catalogue, download
from codeassist_jupyter.retrieval import fuse, search

SEMBLE = "0.7.0"
TOP = 10


@dataclass
class Answers:
    """What a system returned for each question, in order, and how long each took."""

    places: list[list[Place]] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    confident: list[bool] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)


def fetch_encoders() -> tuple[Path, list[Encoder]]:
    """The default encoders, fetched and verified, and the folder of the static one."""
    folder = config.load().models_path
    static, deep = (
        download.fetch(catalogue.find(name), folder).path
        for name in ("potion-base-8m", "bge-small-en-v1.5-onnx-q8")
    )
    return _as_model2vec(static.parent), [
        StaticEncoder("potion-base-8m", static, static.with_name("tokenizer.json")),
        OnnxEncoder("bge-small-en-v1.5-onnx-q8", deep, deep.with_name("tokenizer.json")),
    ]


def open_index(root: Path, models: Sequence[Encoder]) -> Index:
    """The finished index of a corpus; kept in the cache from one run to the next."""
    index = Index.open(CACHE / "indexes" / root.name, root, models)
    build.refresh(index)
    build.embed_pending(index)
    return index


def codeassist(index: Index, questions: Sequence[Question]) -> Answers:
    answers = Answers()
    search.search(index, "warm up")
    for question in questions:
        started = time.perf_counter()
        result = search.search(index, question.text, TOP)
        answers.milliseconds.append((time.perf_counter() - started) * 1000)
        answers.confident.append(result.confident)
        answers.places.append([_place(hit.chunk) for hit in result.hits])
    return answers


def fielded_bm25(index: Index, questions: Sequence[Question]) -> Answers:
    """The baseline: our own text index alone, no symbols, no vectors, no presentation."""
    answers = Answers()
    for question in questions:
        started = time.perf_counter()
        scores = index.find_words(question.text, TOP)
        ranking = fuse.fuse(scores, {}, (), fuse.Weights(0.0, 0.0))
        chunks = index.chunks([no for no, _ in ranking])
        answers.milliseconds.append((time.perf_counter() - started) * 1000)
        answers.places.append([_place(chunks[no]) for no, _ in ranking])
    return answers


def semble(mode: str) -> Callable[[Path, Path, Sequence[Question]], Answers]:
    """The peer, in an environment of its own; `mode` is "bm25" or "full".

    Its own code model is not in any package registry: it runs with potion-base-8m.
    """

    def answer(root: Path, model: Path, questions: Sequence[Question]) -> Answers:
        task = {"root": str(root), "model": str(model), "mode": mode, "top": TOP}
        task["questions"] = [question.text for question in questions]
        done = subprocess.run(
            [str(_semble_python()), str(Path(__file__).with_name("semble_peer.py"))],
            input=json.dumps(task),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "XDG_CACHE_HOME": str(CACHE / "semble")},
        )
        result = json.loads(done.stdout.splitlines()[-1])
        places = [[Place(*place) for place in found] for found in result["places"]]
        return Answers(places, result["milliseconds"], facts={"index_s": result["index_s"]})

    return answer


def _as_model2vec(model: Path) -> Path:
    """The folder of a static model with the settings that semble's loader asks for."""
    folder = CACHE / "semble-model"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copyfile(model / name, folder / name)
    (folder / "config.json").write_text('{"normalize": true}')
    return folder


def _semble_python() -> Path:
    environment = CACHE / "semble-venv"
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", f"semble=={SEMBLE}"]
        subprocess.run(command, check=True)
    return python


def _place(chunk: object) -> Place:
    return Place(chunk.path, chunk.start_line, chunk.end_line, chunk.cell)  # type: ignore[attr-defined]
