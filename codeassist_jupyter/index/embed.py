"""Turn texts into unit vectors: static word vectors at once, a transformer in the background.

Knows nothing of chunks, files or stores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import EmbedderMissing, ModelUnusable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Vectors = NDArray[np.float32]

# Headers have 20 to 60 tokens; the cost of attention grows with the longest text of a batch.
_MAX_TOKENS = 192
_BATCH_TEXTS = 32


class Encoder(Protocol):
    """A model that turns texts into vectors; `name` tells its vectors from those of any other.

    `encode` gives one row of `dimension` float32 numbers for each text, of length 1, for what is
    stored and what is asked alike. Any thread may call it.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Vectors: ...


class StaticEncoder:
    """The mean of the vectors of a text's word pieces: 10,000 headers a second and more.

    Raises ModelUnusable when the files hold no static embeddings.
    """

    def __init__(self, name: str, weights: Path, tokenizer: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            table = load_file(weights)["embeddings"]
        except (OSError, KeyError, SafetensorError) as exc:
            raise ModelUnusable(f"{weights.name} holds no static embeddings: {exc}") from exc
        self.name = name
        self._table = np.ascontiguousarray(table, dtype=np.float32)
        self._tokenizer = _tokenizer(tokenizer)
        self._unknown = self._tokenizer.token_to_id("[UNK]")

    @property
    def dimension(self) -> int:
        return int(self._table.shape[1])

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        for row, encoding in enumerate(encodings):
            ids = [i for i in encoding.ids if i != self._unknown]
            if ids:
                vectors[row] = self._table[ids].mean(axis=0)
        return _normalized(vectors)


class OnnxEncoder:
    """A sentence transformer run by ONNX Runtime; the first token's state stands for the text.

    Queries get no instruction in front, though bge was trained with one: with headers of code it
    ranks better without, and answers a third faster. `threads` batches are read at once. Raises
    ModelUnusable when ONNX Runtime refuses the file.
    """

    def __init__(self, name: str, weights: Path, tokenizer: Path, threads: int = 2) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        # A query is too short to share among threads: they would wait for each other.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        try:
            self._session = ort.InferenceSession(
                str(weights), options, providers=["CPUExecutionProvider"]
            )
        except Exception as exc:
            raise ModelUnusable(f"ONNX Runtime cannot load {weights.name}: {exc}") from exc
        self.name = name
        self._batches = ThreadPoolExecutor(threads, "encode")
        self._inputs = {i.name for i in self._session.get_inputs()}
        self._tokenizer = _tokenizer(tokenizer)
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._dimension = int(self._session.get_outputs()[0].shape[-1])

    @property
    def dimension(self) -> int:
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        # Texts of like length share a batch, so that little of it is padding.
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        batches = [order[i : i + _BATCH_TEXTS] for i in range(0, len(order), _BATCH_TEXTS)]
        run = self._batches.map if len(batches) > 1 else map
        found = run(self._run, ([encodings[row].ids for row in rows] for rows in batches))
        for rows, states in zip(batches, found, strict=True):
            vectors[rows] = states
        return _normalized(vectors)

    def _run(self, batch: list[list[int]]) -> Vectors:
        ids = np.zeros((len(batch), max(map(len, batch))), np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, {k: v for k, v in feed.items() if k in self._inputs})[0]
        first: Vectors = np.asarray(states)[:, 0]
        return first


class SentenceTransformerEncoder:
    """Any model of the sentence-transformers ecosystem, on the GPU where there is one.

    Raises EmbedderMissing without the extra and ModelUnusable when the model cannot be loaded.
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as exc:
            raise EmbedderMissing("sentence-transformers is not installed") from exc
        try:
            self._model: Any = SentenceTransformer(name, device=device)
        except (OSError, ValueError) as exc:
            raise ModelUnusable(f"sentence-transformers cannot load {name}: {exc}") from exc
        self.name = name

    @property
    def dimension(self) -> int:
        return int(self._model.get_sentence_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> Vectors:
        return _normalized(
            np.asarray(self._model.encode(list(texts), show_progress_bar=False), np.float32)
        )


def text_key(text: str) -> str:
    """Name a text by its content: with the encoder's name, the key of the embedding cache."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _tokenizer(path: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as exc:
        raise ModelUnusable(f"cannot read the tokenizer {path.name}: {exc}") from exc
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _normalized(vectors: Vectors) -> Vectors:
    """Scale each row to length 1; a row of zeros (a text without known words) stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = vectors / np.maximum(length, 1e-12)
    return scaled
