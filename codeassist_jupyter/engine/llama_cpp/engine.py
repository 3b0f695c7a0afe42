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
_LONGEST_TOKEN = 256  # characters; 10 MB are refused without being tokenized for half a minute


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
        self._running: list[Job] = []  # the last one runs, those before it were overtaken
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
        context = None
        try:
            length = min(settings.context_length, model.trained_context)
            context = Context(model, length, _SEQUENCES, threads)
            return cls(model_id, model, context, threads)
        except CodeAssistError:
            if context is not None:
                context.close()
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
        tokens = self._fitting(request.prompt)
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
        for job in list(self._running):
            job.request.cancel.set()
        self._context.abort()
        for job in waiting:
            job.events.put(Failed("EngineError", "the engine was closed", EngineError.hint))
            job.sampler.close()
        self._worker.join()
        self._context.close()
        self._model.close()

    def _fitting(self, prompt: Prompt | Infill) -> list[int]:
        limit = self._context.length - _ROOM_FOR_ANSWER
        tokens: list[int] = []
        count = _characters(prompt) // _LONGEST_TOKEN
        if count <= limit:
            tokens = self.tokenize(prompt)
            count = len(tokens)
        if count > limit:
            message = f"the prompt has at least {count} tokens and {limit} fit"
            raise ContextOverflow(message, tokens=count, limit=limit)
        if not tokens:
            raise EngineError("the prompt is empty", "Ask something.")
        return tokens

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
                    if job.request.cancel.is_set():
                        self._cancel(job)
                    continue
                ended = isinstance(event, Done | Failed)
                yield event
        finally:
            if not ended:  # the caller turned away
                job.request.cancel.set()
                self._cancel(job)

    def _cancel(self, job: Job) -> None:
        if self._line.withdraw(job):  # it had not begun
            job.events.put(self._answer(job).produce(self._id))
            job.sampler.close()
        elif self._running[-1:] == [job]:
            self._context.abort()

    def _answer(self, job: Job) -> Answer:
        return Answer(job, self._model, self._context, self._cache, lambda: self._let_others(job))

    # On the worker thread only:

    def _work(self) -> None:
        while (job := self._line.take()) is not None:
            self._run(job)

    def _run(self, job: Job) -> None:
        self._running.append(job)
        if self._line.closed:
            job.request.cancel.set()
        self._share_cores(job)
        answer = self._answer(job)
        end: Event
        try:
            end = answer.produce(self._id)
        except EngineError as exc:
            log.exception("job failed")
            self._context.clear()
            self._cache.clear()
            end = Failed(exc.code, exc.message, exc.hint)
        finally:
            self._running.remove(job)
            job.sampler.close()
        self._remember(answer)
        job.events.put(end)  # last: the caller may ask on at once

    def _let_others(self, job: Job) -> None:
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
        if answer.tokens and answer.exact:
            self._answers[answer.text] = answer.tokens
        while len(self._answers) > _ANSWERS_KEPT:
            self._answers.popitem(last=False)


def _characters(prompt: Prompt | Infill) -> int:
    if isinstance(prompt, Infill):
        return len(prompt.prefix) + len(prompt.suffix)
    return sum(len(message.content) for message in prompt.messages)
