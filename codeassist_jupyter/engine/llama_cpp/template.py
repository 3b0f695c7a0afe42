"""Renders a model's own chat template, keeping apart what is template and what is content.

Knows nothing of tokens. The template is Jinja from the model file, so it runs in a sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ...errors import ModelUnusable
from ...types import Message

# Private-use characters: no template produces them, and `trim` leaves them alone.
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"
_MARK = re.compile(f"({_OPEN}[0-9]+{_CLOSE})")
# What a template's own mistakes raise, a macro that calls itself for ever among them.
_MISTAKES = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of the rendered chat; only text of the template itself may hold control tokens."""

    text: str
    from_template: bool
    role: str = ""


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)


class ChatTemplate:
    """A chat template compiled once; raises ModelUnusable where it cannot be compiled or used."""

    def __init__(self, source: str, bos: str, eos: str) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        try:
            self._template = environment.from_string(source)
        except TemplateError as exc:
            raise ModelUnusable(f"the model's chat template is broken: {exc}") from exc
        self._tokens = {"bos_token": bos, "eos_token": eos}

    def render(self, messages: Sequence[Message]) -> list[Segment]:
        """Render `messages` up to the start of the assistant's turn, as segments in order."""
        try:
            return self._render(messages)
        except TemplateError:
            merged = _without_system(messages)
            if merged == list(messages):
                raise ModelUnusable("the model's chat template refuses this chat") from None
        try:
            return self._render(merged)
        except TemplateError as exc:
            raise ModelUnusable(f"the model's chat template failed: {exc}") from exc

    def _render(self, messages: Sequence[Message]) -> list[Segment]:
        marks = {f"{_OPEN}{index}{_CLOSE}": index for index in range(len(messages))}
        marked: list[dict[str, Any]] = [
            {"role": message.role, "content": mark}
            for message, mark in zip(messages, marks, strict=True)
        ]
        try:
            text = self._template.render(
                messages=marked, add_generation_prompt=True, **self._tokens
            )
        except _MISTAKES as exc:
            raise TemplateError(str(exc)) from exc
        segments: list[Segment] = []
        shown = set()
        for part in _MARK.split(text):
            if part in marks:
                message = messages[marks[part]]
                shown.add(part)
                segments.append(Segment(message.content, False, message.role))
            else:
                segments.append(Segment(part, True))
        if shown != set(marks):
            raise TemplateError("it leaves out messages")
        return [segment for segment in segments if segment.text]


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """Move system messages into the next user turn, for templates that know no system role."""
    result: list[Message] = []
    carried = ""
    for message in messages:
        if message.role == "system":
            carried += message.content + "\n\n"
        else:
            result.append(Message(message.role, carried + message.content))
            carried = ""
    return result
