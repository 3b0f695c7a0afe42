"""An engine without a model: repeats the question, or answers from a script; deterministic.

For tests, example notebooks and trying the interface; shipped with the package.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from ..config import Settings
from ..errors import ConfigError, ContextOverflow, by_code
from ..types import (
    Abilities,
    Done,
    Event,
    Failed,
    Infill,
    Progress,
    Prompt,
    Request,
    StopReason,
    Text,
    Usage,
)
from .text import clean

_TOKEN = re.compile(r"\s*\S{1,12}|\s+")
_REMEMBERED_PROMPTS = 4  # as many cached sequences as the real engine keeps
_PROGRESS_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class _Rule:
    """One scripted answer: given when `match` is found in the last user message."""

    match: str
    answer: str
    delay_s: float = 0.0
    prompt_delay_s: float = 0.0
    fail: dict[str, Any] = field(default_factory=dict)


class EchoEngine:
    """The Engine contract without a model.

    `script` is a JSON file, read at every request: a list of {"match": regex, "answer": str} with
    optional "delay_s" (per token), "prompt_delay_s" (before the first) and "fail" {"code",
    "message", "hint", "after"}: raised at once, or told after that many tokens.
    """

    def __init__(self, script: Path | None = None, context_length: int = 8192) -> None:
        self._script = script
        self._context_length = context_length
        self._seen: deque[list[str]] = deque(maxlen=_REMEMBERED_PROMPTS)
        self._lock = threading.Lock()

    @classmethod
    def open(cls, settings: Settings) -> EchoEngine:
        """Make the engine that the settings describe."""
        script = Path(settings.echo_script).expanduser() if settings.echo_script else None
        return cls(script, settings.context_length)

    @property
    def model(self) -> str:
        return "echo"

    @property
    def abilities(self) -> Abilities:
        return Abilities(self._context_length, can_infill=True, prefix_cache=True, parallel=64)

    def count_tokens(self, text: str) -> int:
        return len(_TOKEN.findall(text))

    def close(self) -> None:
        """Nothing is held open."""

    def generate(self, request: Request) -> Iterator[Event]:
        """Answer `request`; raises ContextOverflow, ConfigError and what the script asks for."""
        rule = self._rule_for(request)
        if rule.fail and "after" not in rule.fail:
            raise by_code(*_failure(rule))
        prompt = _prompt_tokens(request.prompt)
        room = self._context_length - len(prompt)
        if room < 1:
            raise ContextOverflow(
                f"the prompt has {len(prompt)} tokens, the context {self._context_length}",
                tokens=len(prompt),
                limit=self._context_length - 1,
            )
        return self._answer(request, rule, prompt, room)

    def _answer(
        self, request: Request, rule: _Rule, prompt: list[str], room: int
    ) -> Iterator[Event]:
        start = time.perf_counter()
        cached = self._cached(prompt)
        yield Progress(cached, len(prompt))
        yield from _read_slowly(request, rule.prompt_delay_s, cached, len(prompt))
        text = _before_stop(rule.answer, request.sampling.stop)
        tokens = _TOKEN.findall(text)
        reason: StopReason = "stop"
        limit = min(request.sampling.max_tokens, room)
        if len(tokens) > limit:
            tokens, reason = tokens[:limit], "length"
        said: list[str] = []
        first = time.perf_counter()
        for token in tokens:
            if request.cancel.wait(rule.delay_s) if rule.delay_s else request.cancel.is_set():
                break
            if len(said) == rule.fail.get("after"):
                yield Failed(*_failure(rule))
                return
            said.append(token)
            yield Text(clean(token))
        with self._lock:
            self._seen.append([*prompt, *said])
        seconds = max(time.perf_counter() - first, 1e-6)
        usage = Usage(
            model=self.model,
            prompt_tokens=len(prompt),
            cached_tokens=cached,
            completion_tokens=len(said),
            ttft_ms=(first - start) * 1000,
            tokens_per_s=len(said) / seconds,
            prefill_tokens_per_s=(len(prompt) - cached) / max(first - start, 1e-6),
            context_length=self._context_length,
        )
        yield Done("cancelled" if request.cancel.is_set() else reason, usage)

    def _cached(self, prompt: list[str]) -> int:
        with self._lock:
            shared = [_common_prefix(prompt, seen) for seen in self._seen]
        return min(max(shared, default=0), len(prompt) - 1)

    def _rule_for(self, request: Request) -> _Rule:
        question = clean(_question(request.prompt))
        for rule in self._rules():
            if re.search(rule.match, question):
                return rule
        if isinstance(request.prompt, Infill):
            return _Rule("", "pass")
        if request.sampling.json_schema is not None:
            return _Rule("", json.dumps({"answer": question}, ensure_ascii=False))
        return _Rule("", f"You asked: {question}")

    def _rules(self) -> list[_Rule]:
        if self._script is None:
            return []
        try:
            rules = [_Rule(**entry) for entry in json.loads(self._script.read_text("utf-8"))]
            for rule in rules:
                re.compile(rule.match)
        except (OSError, ValueError, TypeError, re.error) as exc:
            raise ConfigError(f"cannot use the echo script {self._script}: {exc}") from exc
        return rules


def _question(prompt: Prompt | Infill) -> str:
    if isinstance(prompt, Infill):
        return prompt.prefix
    asked = [message.content for message in prompt.messages if message.role == "user"]
    return asked[-1] if asked else ""


def _prompt_tokens(prompt: Prompt | Infill) -> list[str]:
    if isinstance(prompt, Infill):
        parts = [("prefix", prompt.prefix), ("suffix", prompt.suffix)]
    else:
        parts = [(message.role, message.content) for message in prompt.messages]
    tokens: list[str] = []
    for role, content in parts:
        tokens += [f"<{role}>", *_TOKEN.findall(clean(content))]
    return [*tokens, "<assistant>"]


def _read_slowly(request: Request, delay_s: float, cached: int, total: int) -> Iterator[Event]:
    """Pass `delay_s` as if reading the prompt, reporting how far it is."""
    steps = max(1, round(delay_s / _PROGRESS_STEP_S))
    for step in range(1, steps + 1):
        if request.cancel.wait(delay_s / steps) if delay_s else request.cancel.is_set():
            return
        yield Progress(cached + (total - cached) * step // steps, total)


def _before_stop(text: str, stops: tuple[str, ...]) -> str:
    found = [text.find(stop) for stop in stops if stop and stop in text]
    return text[: min(found)] if found else text


def _common_prefix(left: list[str], right: list[str]) -> int:
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False))
    )


def _failure(rule: _Rule) -> tuple[str, str, str]:
    fail = rule.fail
    return (
        str(fail.get("code", "EngineError")),
        str(fail.get("message", "the script says so")),
        str(fail.get("hint", "")),
    )
