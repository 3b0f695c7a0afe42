"""`codeassist ask`: one question from a terminal; what is piped in is its context."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from .. import config
from ..assistant import ALL, NOTHING, Answer, Assistant, Question, checked
from ..host.client import HostClient
from ..options import OPTIONS, settings_of
from ..project import Project
from ..stream import TerminalView, banner, stream
from ..types import Context
from . import INTERRUPTED

_MAX_INPUT = 4_000_000  # characters read from a pipe; the prompt keeps what fits


def add(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("ask", help="ask one question; stdin is its context")
    parser.add_argument("question", nargs="+", help="the question, in words")
    for names, kwargs in OPTIONS:
        parser.add_argument(*names, **kwargs)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Stream the answer to stdout; its sources and the line about speed go to stderr."""
    settings = config.load(settings_of(args))
    words = checked(" ".join(args.question))
    question = Question(words, settings, without=ALL if args.no_context else NOTHING)
    piped = "" if args.no_context else _piped()
    context = Context(attachments=(("standard input", piped),) if piped else ())
    client = HostClient(settings)
    answer = Answer()
    project = Project(client)
    assistant = Assistant(client, lambda text: (text, context), project.retrieve)
    events = assistant.ask(question, answer)
    try:
        view = TerminalView(banner(settings))
        stream(events, answer, view, lambda: client.cancel(question.id), project.check)
    finally:
        client.close()
    if answer.stopped == "cancelled":
        return INTERRUPTED
    return 0 if answer.stopped in ("stop", "length") else 1


def _piped() -> str:
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return ""
    try:
        return sys.stdin.buffer.read(_MAX_INPUT).decode("utf-8", "replace")
    except OSError:  # a terminal that went away, a closed descriptor
        return ""
