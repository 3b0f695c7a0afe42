"""A static encoder of a few words, made on the spot: real files, no download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from codeassist_jupyter.index.embed import StaticEncoder

# Words of one line mean the same; each line is one direction of the space.
_MEANINGS = [
    ["parse", "read", "load", "ingest"],
    ["date", "dates", "day", "calendar"],
    ["plot", "draw", "chart", "figure"],
    ["name", "names", "label"],
    ["clean", "normalize", "tidy"],
    ["py", "ipynb"],
]


def make(folder: Path, name: str = "tiny") -> StaticEncoder:
    folder.mkdir(parents=True, exist_ok=True)
    words = ["[UNK]", *(word for line in _MEANINGS for word in line)]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Punctuation("removed"), pre_tokenizers.Whitespace()]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    table = np.zeros((len(words), len(_MEANINGS)), np.float32)
    for i, line in enumerate(_MEANINGS):
        for word in line:
            table[words.index(word), i] = 1.0
    save_file({"embeddings": table}, folder / "model.safetensors")
    return StaticEncoder(name, folder / "model.safetensors", folder / "tokenizer.json")
