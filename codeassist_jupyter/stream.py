"""Shows an answer while a worker thread fetches it, so that Ctrl-C is served at once.

Used by the magics and the command line alike; knows nothing of IPython. A view decides how.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from . import security
from .assistant import Answer
from .citations import Cited
from .config import Settings
from .errors import CodeAssistError, EngineError
from .risks import risks
from .types import Event, Failed, Progress, Text

log = logging.getLogger(__name__)

_SLOW = 2.5  # times the usual; two answers differ by as much as 2 on a shared machine
_POLL_S = 0.05  # a signal is served between two waits


class View(Protocol):
    """Where an answer appears; `text` is always the whole answer so far, as the model wrote it."""

    def status(self, message: str) -> None: ...

    def show(self, text: str) -> None: ...

    def finish(self, text: str, footer: str, cited: Sequence[Cited] = ()) -> None: ...


def stream(
    events: Iterator[Event],
    answer: Answer,
    view: View,
    stop: Callable[[], None],
    check: Callable[[Answer], Sequence[Cited]] = lambda _: (),
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Show `events`, which fill `answer`, until they end; on Ctrl-C call `stop` and return.

    `check` reads the places again that the answer cites; `keep` saves an answer whose events are
    not awaited.

    Raises what `events` raises. The caller's thread only waits and draws: a native call in it would
    hold up the interrupt.
    """
    arrived: queue.SimpleQueue[Event | CodeAssistError | None] = queue.SimpleQueue()
    failure: CodeAssistError | None = None
    try:
        threading.Thread(target=_pump, args=(events, arrived), daemon=True).start()
        view.status("thinking …")
        while (event := _next(arrived)) is not None:
            if isinstance(event, CodeAssistError):
                raise event
            failure = _show(event, answer, view) or failure
    except KeyboardInterrupt:
        answer.stopped = "cancelled"
        threading.Thread(target=_quietly, args=(stop,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            keep()
    cited: Sequence[Cited] = ()
    with contextlib.suppress(KeyboardInterrupt):
        if answer.stopped != "cancelled":  # who pressed stop does not want to wait for more
            cited = check(answer)
    with contextlib.suppress(KeyboardInterrupt):  # pressed twice: the answer stays as drawn
        view.finish(answer.text, footer(answer, failure), cited)


def _next(arrived: queue.SimpleQueue[Event | CodeAssistError | None]) -> object:
    while True:
        try:
            return arrived.get(timeout=_POLL_S)
        except queue.Empty:
            continue


def _show(event: object, answer: Answer, view: View) -> CodeAssistError | None:
    if isinstance(event, Text):
        view.show(answer.text)
    elif isinstance(event, Progress) and not answer.text and event.total:
        view.status(f"reading the notebook … {100 * event.done // event.total} %")
    elif isinstance(event, Failed):
        return CodeAssistError(event.message, event.hint)
    return None


def _pump(
    events: Iterator[Event], arrived: queue.SimpleQueue[Event | CodeAssistError | None]
) -> None:
    """Move events to the main thread; a door, so whatever is raised arrives there as our error."""
    try:
        for event in events:
            arrived.put(event)
    except CodeAssistError as exc:
        arrived.put(exc)
    except Exception as exc:  # the waiting main thread must never hang
        log.exception("answer failed")
        arrived.put(EngineError(f"unexpected failure: {exc!r}", "Please report this as a bug."))
    finally:
        arrived.put(None)


def _quietly(stop: Callable[[], None]) -> None:
    try:
        stop()
    except CodeAssistError as exc:
        log.info("cancel did not reach the host: %s", exc)


def footer(answer: Answer, failure: CodeAssistError | None = None) -> str:
    """The quiet last line: model, tokens, time to first token, speed, context used."""
    parts = []
    if usage := answer.usage:
        parts = [
            usage.model,
            f"{usage.completion_tokens} tokens",
            f"first after {usage.ttft_ms / 1000:.1f} s",
            f"{usage.tokens_per_s:.1f} tokens/s",
        ]
        if usage.slower >= _SLOW:
            parts.append(f"{usage.slower:.1f} times slower than usual here: is this machine busy?")
        if usage.context_length:
            used = usage.prompt_tokens + usage.completion_tokens
            parts.append(f"context {100 * used / usage.context_length:.0f} %")
    parts += {
        "cancelled": ["stopped"],
        "length": ["cut off at the token limit: raise --max-tokens to get more"],
        "repetition": ["stopped: it began to repeat itself"],
    }.get(answer.stopped, [])
    if answer.left_out:
        parts.append(f"left out: {', '.join(answer.left_out)}")
    if dangers := risks(answer.code):
        parts.append(f"look before you run it: this code {', '.join(dangers)}")
    if answer.not_kept:
        parts.append(f"not kept: {answer.not_kept}")
    if failure is not None:
        parts.append(f"broke off: {failure.message} {failure.hint}")
    return " · ".join(parts)


def banner(settings: Settings) -> str:
    """Where the question goes, if it leaves this machine."""
    if settings.engine != "openai":
        return ""
    return f"sent to {urlsplit(settings.openai_base_url).hostname}"


class TerminalView:
    """Prints each new piece of the answer as it comes; stdout gets the answer and nothing else."""

    def __init__(self, banner: str = "") -> None:
        self._printed = ""
        self._noted = ""
        if banner:
            sys.stderr.write(f"[{banner}]\n")

    def status(self, message: str) -> None:
        if sys.stderr.isatty() and message != self._noted:
            sys.stderr.write(f"\r\x1b[2K{message}")
            sys.stderr.flush()
            self._noted = message

    def show(self, text: str) -> None:
        self._clear_status()
        clean = security.clean(text)
        same = len(self._printed)
        if not clean.startswith(self._printed):
            # Cleaning may change an end that was printed already: half an escape sequence.
            pairs = enumerate(zip(clean, self._printed, strict=False))
            same = next((i for i, (new, old) in pairs if new != old), len(clean))
        sys.stdout.write(clean[same:])
        sys.stdout.flush()
        self._printed = clean

    def finish(self, text: str, footer: str, cited: Sequence[Cited] = ()) -> None:
        self.show(text)
        self._clear_status()
        sys.stdout.write("\n")
        sys.stdout.flush()
        for note in ("\n".join(map(str, cited)), footer):
            if note:
                sys.stderr.write(f"\n{note}\n")
        sys.stderr.flush()

    def _clear_status(self) -> None:
        if self._noted:
            sys.stderr.write("\r\x1b[2K")
            self._noted = ""
