"""The kernel's end of the side panel: answers questions, and hands other requests to their rooms.

Each request is carried out on a thread of its own. Knows nothing of comms; calls no user code.
"""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING, Any

from .. import security
from ..errors import CodeAssistError
from ..protocol import Request
from ..types import Failed, Progress, Text
from . import panel_history, panel_settings
from .comm import Comms, Handler, Reply

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..assistant import Answer, Question
    from ..citations import Cited
    from .session import Session

_INTERVAL_S = 0.05
_CHARS_PER_S = 300_000  # as much as is sanitized again per second, at most
_PIECE = 40_000  # characters of one event; JSON may take 6 bytes for each


class Panel:
    """Serves all panels of one kernel; they show the same chat.

    The functions of the rooms get it with each request: `session`, whether a cell is `busy`, the id
    of the request that is `running`, and the lock `turn` that whoever answers holds.
    """

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        self._shell = shell
        self.session = session
        self.turn = threading.Lock()  # answers come one after the other
        self.running = ""  # the request that is being answered
        self.busy = False  # a cell is running
        own: dict[str, Handler] = {
            "hello": self._hello,
            "ask": self._ask,
            "context": self._context,
            "cancel": self._cancel,
            "edited": self._edited,
        }
        rooms = {**panel_history.HANDLERS, **panel_settings.HANDLERS}
        others = {op: functools.partial(handle, self) for op, handle in rooms.items()}
        self._comms = Comms(shell, {**own, **others}, {"ask"})
        shell.events.register("pre_run_cell", self._cell_begins)
        shell.events.register("post_run_cell", self._cell_ends)

    def replace(self, cell: str, expected: str, source: str) -> bool:
        """Change a cell of the open notebook, by its id; False if no panel does that."""
        return self._comms.replace(cell, expected, source)

    def close(self) -> None:
        """Leave the panels and take the hooks away."""
        self._comms.close()
        self._shell.events.unregister("pre_run_cell", self._cell_begins)
        self._shell.events.unregister("post_run_cell", self._cell_ends)

    def _cell_begins(self, _: object = None) -> None:
        self.busy = True

    def _cell_ends(self, _: object = None) -> None:
        self.busy = False

    def _hello(self, _: Request, reply: Reply) -> None:
        from .. import __version__
        from ..stream import banner

        settings = self.session.settings()
        reply.send(
            "hello",
            version=__version__,
            model=panel_settings.name_of(settings),
            engine=settings.engine,
            sent_to=banner(settings),
            busy=self.busy,
        )

    def _ask(self, request: Request, reply: Reply) -> None:
        from ..assistant import checked

        question = self._question(request, checked(request.fields["question"]))
        reply.send("start", question=question.text)
        with self.turn:
            self.running = request.id
            try:
                self._answer(question, reply)
            finally:
                self.running = ""

    def _answer(self, question: Question, reply: Reply) -> None:
        from ..assistant import Answer
        from ..stream import footer

        session, answer, failure = self.session, Answer(), None
        reply.send("status", text="thinking …")
        shown = _Shown(reply)
        for event in session.assistant.ask(question, answer):
            if isinstance(event, Text):
                shown.show(answer.text)
            elif isinstance(event, Progress) and not answer.text and event.total:
                percent = 100 * event.done // event.total
                reply.send("status", text=f"reading the notebook … {percent} %")
            elif isinstance(event, Failed):
                failure = CodeAssistError(event.message, event.hint)
        shown.finish(answer.text)
        session.answer = answer
        # Who pressed stop does not want to wait for more.
        cited = [] if answer.stopped == "cancelled" else session.project.check(answer)
        reply.send("done", **_done(answer, footer(answer, failure), cited))

    def _context(self, request: Request, reply: Reply) -> None:
        from ..prompt import parts

        text = request.fields["question"].strip() or "…"
        built = self.session.assistant.preview(self._question(request, text))
        found = [{"name": p.name, "tokens": p.tokens, "detail": p.detail} for p in parts(built)]
        reply.send("context", parts=found, left_out=list(built.left_out))

    def _question(self, request: Request, text: str) -> Question:
        from ..assistant import Question

        return Question(
            text,
            self.session.settings(),
            without=frozenset(request.fields["without"]),
            rewrite=request.fields.get("rewrite", 0),
            kernel_busy=self.busy,
            facts=request.attachments,
            id=request.id,
        )

    def _cancel(self, request: Request, reply: Reply) -> None:
        self.session.client.cancel(request.fields["target"])
        reply.send("ok")

    def _edited(self, request: Request, reply: Reply) -> None:
        self.session.edited(request.fields["cell"], request.fields["source"])
        reply.send("ok")


class _Shown:
    """Sends a growing answer as it is safe to render: what is new, at most every 50 ms."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._sent = ""
        self._next = 0.0

    def show(self, text: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self.finish(text)
            self._next = now + max(_INTERVAL_S, len(text) / _CHARS_PER_S)

    def finish(self, text: str) -> None:
        """Send all that was not sent yet."""
        safe = security.sanitize(text)
        same = _same(self._sent, safe)
        at = len(self._sent[:same].encode("utf-16-le")) // 2
        if safe == self._sent:
            return
        new = safe[same:]
        for start in range(0, max(1, len(new)), _PIECE):
            piece = new[start : start + _PIECE]
            self._reply.send("text", at=at, text=piece)
            at += len(piece.encode("utf-16-le")) // 2
        self._sent = safe


def _same(old: str, new: str) -> int:
    """A length up to which both are equal; a later word can change what is safe before it."""
    same, back = len(old), 64
    while old[:same] != new[:same]:
        same, back = max(0, len(old) - back), 2 * back
    return same


def _done(answer: Answer, footer: str, cited: list[Cited]) -> dict[str, Any]:
    return {
        "stopped": answer.stopped,
        "footer": footer,
        "sources": [panel_history.source(one) for one in cited],
        "conversation": answer.conversation,
        "number": answer.number,
    }
