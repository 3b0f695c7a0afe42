"""The seam to llama.cpp: model file, tokens, decoding. Every ctypes call of the engine is here.

Not thread-safe, except for tokenizing and `Context.abort`. Knows no chats, requests or caches.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import EngineError, EngineMissing, ModelUnusable
from .amx import refuse_amx

try:
    import llama_cpp.llama_cpp as lib
except ImportError as exc:
    raise EngineMissing("the local engine (llama-cpp-python) is not installed") from exc
except OSError as exc:  # a build for another CPU or C library
    raise EngineMissing(
        f"the local engine does not load on this machine: {exc}",
        "Build it here: python -m pip install --no-binary :all: --force-reinstall llama-cpp-python",
    ) from exc

__all__ = ["Context", "Model", "lib"]

log = logging.getLogger(__name__)

_WARNING, _ERROR = 3, 4  # ggml's levels; 5 continues a line


def _on_log(level: int, text: bytes, _: Any) -> None:
    message = text.decode(errors="replace").rstrip()
    log.log(logging.WARNING if level in (_WARNING, _ERROR) else logging.DEBUG, "%s", message)


_LOG_CALLBACK = lib.llama_log_callback(_on_log)  # must outlive the library


@functools.cache  # once: each filter that refuses AMX slows every system call a little
def _start_backend() -> None:
    refuse_amx()
    lib.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
    lib.llama_backend_init()


class Model:
    """A GGUF file in memory; raises ModelUnusable where llama.cpp refuses it."""

    def __init__(self, path: Path) -> None:
        _start_backend()
        params = lib.llama_model_default_params()
        self.on_gpu = bool(lib.llama_supports_gpu_offload())
        params.n_gpu_layers = 999 if self.on_gpu else 0
        self.handle = lib.llama_model_load_from_file(os.fsencode(path), params)
        if not self.handle:
            raise ModelUnusable(
                f"llama.cpp cannot load {path.name}",
                "It may be of a kind this version does not know; `codeassist host logs` says more.",
            )
        self.vocab = lib.llama_model_get_vocab(self.handle)
        self.n_tokens = int(lib.llama_vocab_n_tokens(self.vocab))
        self.trained_context = int(lib.llama_model_n_ctx_train(self.handle))
        self.bos = int(lib.llama_vocab_bos(self.vocab))
        self.eos = int(lib.llama_vocab_eos(self.vocab))
        self.adds_bos = bool(lib.llama_vocab_get_add_bos(self.vocab))
        # Recurrent state cannot be cut back to a prefix, so nothing can be reused.
        self.can_cut = not (
            lib.llama_model_is_recurrent(self.handle) or lib.llama_model_is_hybrid(self.handle)
        )

    def chat_template(self) -> str:
        raw = lib.llama_model_chat_template(self.handle, None)
        if not raw:
            raise ModelUnusable("the model file holds no chat template")
        return str(raw.decode("utf-8", "replace"))

    def fill_tokens(self) -> tuple[int, int, int] | None:
        """Token ids for (prefix, suffix, middle) of fill-in-the-middle, or None."""
        found = (
            int(lib.llama_vocab_fim_pre(self.vocab)),
            int(lib.llama_vocab_fim_suf(self.vocab)),
            int(lib.llama_vocab_fim_mid(self.vocab)),
        )
        return found if min(found) >= 0 else None

    def tokenize(self, text: str, *, control: bool) -> list[int]:
        """Turn text into token ids; only with `control` may it become control tokens."""
        if not self.handle:
            raise EngineError("the engine was closed")
        data = text.encode("utf-8", "replace").replace(b"\0", b"\xef\xbf\xbd")
        size = len(data) + 8
        buffer = (lib.llama_token * size)()
        count = lib.llama_tokenize(self.vocab, data, len(data), buffer, size, False, control)
        if count < 0:
            raise EngineError(f"the tokenizer refused a text of {len(data)} bytes")
        return list(buffer[:count])

    def piece(self, token: int, *, control: bool = False) -> bytes:
        """Bytes of one token; a control token is empty unless `control`."""
        if token < 0:  # the id of a token that the vocabulary lacks; llama.cpp would abort
            return b""
        buffer = ctypes.create_string_buffer(64)
        size = lib.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, control)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = lib.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, control)
        return buffer.raw[: max(size, 0)]

    def is_control(self, token: int) -> bool:
        return bool(lib.llama_vocab_is_control(self.vocab, token))

    def ends(self, token: int) -> bool:
        return bool(lib.llama_vocab_is_eog(self.vocab, token))

    def close(self) -> None:
        if self.handle:
            lib.llama_model_free(self.handle)
            self.handle = None


class Context:
    """KV memory of `length` tokens shared by `sequences` sequences, and the decoder over it."""

    def __init__(self, model: Model, length: int, sequences: int, threads: tuple[int, int]) -> None:
        params = lib.llama_context_default_params()
        params.n_ctx = length
        # Small batches on a CPU: 97 % of the rate, and a cancel is served four times sooner.
        params.n_batch = params.n_ubatch = 512 if model.on_gpu else 64
        params.n_seq_max = sequences
        params.kv_unified = True  # so that sequences share cells of a common prefix
        params.swa_full = True  # a sliding window would forget the prefix we want to keep
        params.n_threads, params.n_threads_batch = threads[1], threads[0]
        params.no_perf = True
        self._keep_abort_alive(params)
        self.batch_size = int(params.n_batch)
        self.handle = lib.llama_init_from_model(model.handle, params)
        if not self.handle:
            raise ModelUnusable(
                f"no memory for a context of {length} tokens",
                "Lower CODEASSIST_CONTEXT_LENGTH, or close other programs.",
            )
        self.length = int(lib.llama_n_ctx(self.handle))
        self._memory = lib.llama_get_memory(self.handle)
        self._batch = lib.llama_batch_init(self.batch_size, 0, 1)

    def _keep_abort_alive(self, params: Any) -> None:
        """Let libc's strlen be the abort callback: it reads our flag without Python or the GIL.

        A first byte of zero gives length 0, "go on"; any other gives 1, "abort". ggml asks once per
        graph node, 600 times a token; a Python callback would slow decoding twelvefold.
        """
        self._flag = ctypes.create_string_buffer(2)
        self._libc = ctypes.CDLL(None)
        self._callback = ctypes.cast(self._libc.strlen, lib.ggml_abort_callback)
        params.abort_callback = self._callback
        params.abort_callback_data = ctypes.addressof(self._flag)

    def abort(self) -> None:
        """End the running decode within one graph node; may be called from any thread."""
        self._flag[0] = b"\1"

    def set_threads(self, prefill: int, decode: int) -> None:
        lib.llama_set_n_threads(self.handle, decode, prefill)

    def decode(self, tokens: Sequence[int], start: int, sequence: int) -> int:
        """Process at most `batch_size` tokens at positions from `start`; logits of the last one.

        Returns llama.cpp's code: 0 done, 1 no room in the KV memory, 2 aborted; raises EngineError
        for anything else. After 1 and 2 the sequence is as it was before.
        """
        batch = self._batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = start + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = 0
        batch.logits[len(tokens) - 1] = 1
        self._flag[0] = b"\0"
        code = int(lib.llama_decode(self.handle, batch))
        if code in (1, 2):
            self.cut(sequence, start)
        elif code:
            raise EngineError(f"llama.cpp failed to process the prompt (code {code})")
        return code

    def cut(self, sequence: int, length: int) -> bool:
        """Forget all positions from `length` on; False where the model cannot."""
        return bool(lib.llama_memory_seq_rm(self._memory, sequence, length, -1))

    def copy(self, source: int, target: int, length: int) -> None:
        """Let `target` share the first `length` positions of `source`."""
        lib.llama_memory_seq_rm(self._memory, target, -1, -1)
        lib.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def clear(self) -> None:
        lib.llama_memory_clear(self._memory, True)

    def close(self) -> None:
        if self.handle:
            lib.llama_batch_free(self._batch)
            lib.llama_free(self.handle)
            self.handle = None
