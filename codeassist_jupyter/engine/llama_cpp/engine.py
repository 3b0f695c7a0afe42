"""The engine: one worker thread owns the model and answers jobs by priority.

Lets an interactive job overtake a background one between two batches; a cancelled job ends within
one. Does not know HTTP or where model files come from.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import psutil

from ...config import Settings
from ...errors import CodeAssistError, ContextOverflow, EngineError
from ...types import Abilities, Done, Event, Failed, Infill, Prompt, Request, Speed
from .answer import Answer
from .jobs import Job, Line
from .native import Context, Model
from .sampler import Sampler
from .sequences import SequenceCache
from .template import ChatTemplate

log = logging.getLogger(__name__)

_SEQUENCES = 4  # two or three notebooks and a background job each keep their own prefix
_POLL_S = 0.02  # how soon a cancelled request is noticed while the model computes
_ANSWERS_KEPT = 64
_ROOM_FOR_ANSWER = 64  # tokens of context that a prompt must leave free


def default_threads() -> int:
    """Physical cores this process may use: more threads only fight over the vector units."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed or 1))


class LlamaCppEngine:
    """A GGUF model behind the Engine contract (types.Engine)."""

    def __init__(self, model_id: str, model: Model, context: Context, threads: tuple[int, int]):
        self._id = model_id
        self._model = model
        self._context = context
        self._threads = threads
        self._template = ChatTemplate(
            model.chat_template(),
            model.piece(model.bos, control=True).decode("utf-8", "replace"),
            model.piece(model.eos, control=True).decode("utf-8", "replace"),
        )
        self._cache = SequenceCache(_SEQUENCES)
        self._answers: OrderedDict[str, list[int]] = OrderedDict()
        self._line = Line()
        self._running: Job | None = None
        self._worker = threading.Thread(target=self._work, name="llama_cpp", daemon=True)
        self._worker.start()

    @classmethod
    def open(
        cls, model_id: str, path: Path, settings: Settings, speed: Speed | None
    ) -> LlamaCppEngine:
        """Load a verified model file; raises ModelUnusable where llama.cpp refuses it."""
        cores = default_threads()
        threads = (speed.prefill_threads, speed.decode_threads) if speed else (cores, cores)
        model = Model(path)
        try:
            length = min(settings.context_length, model.trained_context)
            return cls(model_id, model, Context(model, length, _SEQUENCES, threads), threads)
        except CodeAssistError:
            model.close()
            raise

    @property
    def model(self) -> str:
        return self._id

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            context_length=self._context.length,
            can_infill=self._model.fill_tokens() is not None,
            prefix_cache=self._model.can_cut,
        )

    def count_tokens(self, text: str) -> int:
        return len(self._model.tokenize(text, control=False))

    def generate(self, request: Request) -> Iterator[Event]:
        """Queue the request; raises ContextOverflow or SchemaInvalid at once."""
        tokens = self.tokenize(request.prompt)
        limit = self._context.length - _ROOM_FOR_ANSWER
        if len(tokens) > limit:
            raise ContextOverflow(
                f"the prompt has {len(tokens)} tokens and {limit} fit",
                tokens=len(tokens),
                limit=limit,
            )
        job = Job(request, tokens, Sampler(self._model, request.sampling))
        if not self._line.put(job):
            job.sampler.close()
            raise EngineError("the engine was closed")
        return self._events(job)

    def tokenize(self, prompt: Prompt | Infill) -> list[int]:
        """Token ids of a prompt; only the template's own text may become control tokens."""
        if isinstance(prompt, Infill):
            return self._tokenize_infill(prompt)
        tokens: list[int] = []
        for segment in self._template.render(prompt.messages):
            known = self._answers.get(segment.text) if segment.role == "assistant" else None
            if known is not None:  # as generated: another split of the text would miss the cache
                tokens.extend(known)
            else:
                tokens.extend(self._model.tokenize(segment.text, control=segment.from_template))
        if self._model.adds_bos and tokens[:1] != [self._model.bos]:
            tokens.insert(0, self._model.bos)
        return tokens

    def close(self) -> None:
        """Break off all jobs and free the model's memory; may be called twice."""
        waiting = self._line.close()
        running = self._running
        if running is not None:
            running.request.cancel.set()
            self._context.abort()
        for job in waiting:
            job.events.put(Failed("EngineError", "the engine was closed", EngineError.hint))
            job.sampler.close()
        self._worker.join()
        self._context.close()
        self._model.close()

    def _tokenize_infill(self, prompt: Infill) -> list[int]:
        fill = self._model.fill_tokens()
        if fill is None:
            raise EngineError(
                f"{self._id} cannot fill in the middle",
                "Use a Qwen2.5-Coder model for completion.",
            )
        prefix, suffix, middle = fill
        before = self._model.tokenize(prompt.prefix, control=False)
        after = self._model.tokenize(prompt.suffix, control=False)
        return [prefix, *before, suffix, *after, middle]

    def _events(self, job: Job) -> Iterator[Event]:
        """Hand the events to the caller, and carry the caller's wish to cancel to the worker."""
        ended = False
        try:
            while not ended:
                try:
                    event = job.events.get(timeout=_POLL_S)
                except queue.Empty:
                    self._abort_if_cancelled(job)
                    continue
                ended = isinstance(event, Done | Failed)
                yield event
        finally:
            if not ended:  # the caller turned away
                job.request.cancel.set()
                self._abort_if_cancelled(job)

    def _abort_if_cancelled(self, job: Job) -> None:
        if job.request.cancel.is_set() and self._running is job:
            self._context.abort()

    # On the worker thread only:

    def _work(self) -> None:
        while (job := self._line.take()) is not None:
            self._run(job)

    def _run(self, job: Job) -> None:
        outer, self._running = self._running, job
        self._share_cores(job)
        answer = Answer(job, self._model, self._context, self._cache, lambda: self._let_pass(job))
        try:
            answer.produce(self._id)
        except EngineError as exc:
            log.exception("job failed")
            self._context.clear()
            self._cache.clear()
            job.events.put(Failed(exc.code, exc.message, exc.hint))
        finally:
            self._running = outer
            job.sampler.close()
        self._remember(answer)

    def _let_pass(self, job: Job) -> None:
        """Between two batches of a background job, answer whoever is waiting at a screen."""
        while job.background and (waiting := self._line.take_interactive()) is not None:
            self._run(waiting)
            self._share_cores(job)

    def _share_cores(self, job: Job) -> None:
        prefill, decode = self._threads
        if job.request.kernel_busy:  # the user's own computation needs them
            prefill, decode = max(1, prefill // 2), max(1, decode // 2)
        self._context.set_threads(prefill, decode)

    def _remember(self, answer: Answer) -> None:
        if answer.tokens:
            self._answers[answer.text] = answer.tokens
        while len(self._answers) > _ANSWERS_KEPT:
            self._answers.popitem(last=False)
