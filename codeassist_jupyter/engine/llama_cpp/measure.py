"""Measures how fast this machine reads and writes with one model, for the latency budget."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import CodeAssistError
from ...types import Speed
from .native import Context, Model

_PROMPT_TOKENS = 128
_ANSWER_TOKENS = 16
_Run = Callable[[Context, Sequence[int]], float]
_TEXT = "def mean(values):\n    return sum(values) / len(values)\n\n" * 20


def measure(path: Path, thread_choices: Sequence[int]) -> Speed:
    """Time prefill and decode for each number of threads and keep the fastest of each.

    Takes seconds per choice; raises ModelUnusable where the model does not load.
    """
    model = Model(path)
    try:
        context = Context(model, 512, 1, (1, 1))
    except CodeAssistError:
        model.close()
        raise
    try:
        tokens = model.tokenize(_TEXT, control=False)[:_PROMPT_TOKENS]
        _prefill(context, tokens)  # maps the weights
        prefill = {n: _best(context, tokens, n, _prefill) for n in thread_choices}
        decode = {n: _best(context, tokens, n, _decode) for n in thread_choices}
    finally:
        context.close()
        model.close()
    read_threads = max(prefill, key=prefill.__getitem__)
    write_threads = max(decode, key=decode.__getitem__)
    return Speed(prefill[read_threads], decode[write_threads], read_threads, write_threads)


def _best(context: Context, tokens: Sequence[int], threads: int, run: _Run) -> float:
    context.set_threads(threads, threads)
    return statistics.median(run(context, tokens) for _ in range(2))


def _prefill(context: Context, tokens: Sequence[int]) -> float:
    """Tokens per second read from an empty context."""
    context.cut(0, 0)
    began = time.perf_counter()
    for start in range(0, len(tokens), context.batch_size):
        context.decode(tokens[start : start + context.batch_size], start, 0)
    return len(tokens) / (time.perf_counter() - began)


def _decode(context: Context, tokens: Sequence[int]) -> float:
    """Tokens per second written after the prompt; which token is written does not matter."""
    context.cut(0, len(tokens))
    began = time.perf_counter()
    for i in range(_ANSWER_TOKENS):
        context.decode([tokens[0]], len(tokens) + i, 0)
    return _ANSWER_TOKENS / (time.perf_counter() - began)
