"""Produces one answer: finds the cached prefix, reads the rest of the prompt, samples tokens.

Runs on the engine's worker thread only.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Sequence

from ...errors import EngineError
from ...types import Done, Progress, StopReason, Text, Usage
from .jobs import Job
from .native import Context, Model
from .sequences import SequenceCache, Slot
from .stops import StopFilter, repeats


class _Cancelled(Exception):
    """The request was cancelled; raised only inside this module."""


class Answer:
    """One job being answered; `overtake` is called between batches to let others pass."""

    def __init__(
        self,
        job: Job,
        model: Model,
        context: Context,
        cache: SequenceCache,
        overtake: Callable[[], None],
    ) -> None:
        self._job = job
        self._model = model
        self._context = context
        self._cache = cache
        self._overtake = overtake
        self._cached = 0
        self._read_s = 0.0
        self._first: float | None = None
        self._shown: list[str] = []
        self.tokens: list[int] = []
        self.exact = True  # whether `tokens` are just those of `text`

    @property
    def text(self) -> str:
        """What was sent to the caller so far."""
        return "".join(self._shown)

    def produce(self, model_id: str) -> Done:
        """Send Progress and Text events; raises EngineError if llama.cpp fails."""
        reason: StopReason = "cancelled"
        if not self._job.request.cancel.is_set():
            slot = self._place()
            slot.pinned = True
            try:
                self._read(slot)
                reason = self._write(slot)
            except _Cancelled:
                pass
            finally:
                slot.pinned = False
        return Done(reason, self._usage(model_id))

    def _place(self) -> Slot:
        if not self._model.can_cut:
            self._context.clear()
            self._cache.clear()
        placed = self._cache.place(self._job.tokens)
        slot = placed.slot
        if placed.source is not None:
            self._context.copy(placed.source.number, slot.number, placed.reused)
        else:
            self._context.cut(slot.number, placed.reused)
        slot.tokens = self._job.tokens[: placed.reused]
        self._cached = placed.reused
        return slot

    def _read(self, slot: Slot) -> None:
        tokens, size = self._job.tokens, self._context.batch_size
        for start in range(self._cached, len(tokens), size):
            self._let_pass(slot)
            began = time.perf_counter()
            self._step(tokens[start : start + size], slot)
            self._read_s += time.perf_counter() - began
            self._job.events.put(Progress(len(slot.tokens), len(tokens)))

    def _write(self, slot: Slot) -> StopReason:
        sampling = self._job.request.sampling
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        stops = StopFilter(sampling.stop)
        reason: StopReason = "stop"
        try:
            while True:
                token = self._job.sampler.next(self._context)
                self._first = self._first or time.perf_counter()
                if self._model.ends(token):
                    break
                self.tokens.append(token)
                self._show(stops.feed(decoder.decode(self._model.piece(token))))
                if stops.hit:
                    self.exact = False  # the last tokens hold the stop string
                    break
                if len(self.tokens) >= sampling.max_tokens or self._full(slot):
                    reason = "length"
                    break
                if repeats(self.tokens):
                    reason = "repetition"
                    break
                self._let_pass(slot)
                self._step([token], slot)
        finally:  # a cancelled answer keeps what was held back, too
            self._show(stops.feed(decoder.decode(b"", final=True)) + stops.flush())
        return reason

    def _let_pass(self, slot: Slot) -> None:
        """Let others pass; read again what they had to forget of this sequence."""
        held = len(slot.tokens)
        self._overtake()
        while len(slot.tokens) < held:
            known = [*self._job.tokens, *self.tokens][len(slot.tokens) : held]
            self._step(known[: self._context.batch_size], slot)
            self._overtake()

    def _full(self, slot: Slot) -> bool:
        return len(slot.tokens) + 1 >= self._context.length

    def _step(self, tokens: Sequence[int], slot: Slot) -> None:
        """Decode one batch, making room by forgetting other sequences; raises _Cancelled."""
        while not self._job.request.cancel.is_set():
            code = self._context.decode(tokens, len(slot.tokens), slot.number)
            if code == 0:
                slot.tokens.extend(tokens)
                return
            if code == 1:
                self._make_room(slot)
            # 2: aborted. If that was meant for another job, this one just tries again.
        raise _Cancelled

    def _make_room(self, slot: Slot) -> None:
        others = [s for s in self._cache.slots if s is not slot and s.tokens]
        if not others:
            raise EngineError("the KV memory is full")
        victim = min(others, key=lambda s: (s.pinned, s.last_used))  # pinned: an overtaken job's
        self._context.cut(victim.number, 0)
        victim.tokens = []

    def _show(self, text: str) -> None:
        if text:
            self._shown.append(text)
            self._job.events.put(Text(text))

    def _usage(self, model_id: str) -> Usage:
        now = time.perf_counter()
        first = self._first or now
        read = len(self._job.tokens) - self._cached
        written = len(self.tokens)
        return Usage(
            model=model_id,
            prompt_tokens=len(self._job.tokens),
            cached_tokens=self._cached,
            completion_tokens=written,
            ttft_ms=(first - self._job.arrived) * 1000,
            tokens_per_s=(written - 1) / (now - first) if written > 1 else 0.0,
            prefill_tokens_per_s=read / self._read_s if self._read_s else 0.0,
            context_length=self._context.length,
        )
