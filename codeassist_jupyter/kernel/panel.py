"""The kernel's end of the side panel: answers questions, and hands other requests to their rooms.

Each request is carried out on a thread of its own. Knows nothing of comms; calls no user code.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import security
from ..errors import CodeAssistError
from ..protocol import Request
from ..types import Failed, Progress, Text
from . import panel_fix, panel_history, panel_settings, panel_tools
from .comm import Comms, Handler, Reply
from .panel_text import Shown

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..assistant import Answer, Question
    from ..citations import Cited
    from .session import Session


_DETAIL = 500  # characters of what is said about a part of a question


class Panel:
    """Serves all panels of one kernel; they show the same chat.

    The functions of the rooms get it with each request: `session`, whether a cell is `busy`, the id
    of the request that is `running`, the lock `turn` that whoever answers holds, and `stops` for
    what is not ended by the engine alone.
    """

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        self._shell = shell
        self.session = session
        self.turn = threading.Lock()  # answers come one after the other
        self.running = ""  # the request that is being answered
        self.busy = False  # a cell is running
        self.stops: dict[str, Callable[[], None]] = {}  # how requests are ended, by id
        own: dict[str, Handler] = {
            "hello": self._hello,
            "ask": self._ask,
            "context": self._context,
            "cancel": self._cancel,
            "edited": self._edited,
        }
        rooms = {
            **panel_history.HANDLERS,
            **panel_settings.HANDLERS,
            **panel_tools.HANDLERS,
            **panel_fix.HANDLERS,
        }
        others = {op: functools.partial(handle, self) for op, handle in rooms.items()}
        self._comms = Comms(shell, {**own, **others}, {"ask", "fix"})
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
        shown = Shown(reply)
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
        found = [
            {"name": p.name, "tokens": p.tokens, "detail": security.clean(p.detail, _DETAIL)}
            for p in parts(built)
        ]
        left_out = [security.clean(what, _DETAIL) for what in built.left_out]
        reply.send("context", parts=found, left_out=left_out)

    def _question(self, request: Request, text: str) -> Question:
        from ..assistant import Question

        return Question(
            text,
            self.session.settings(),
            without=frozenset(request.fields["without"]),
            rewrite=request.fields.get("rewrite", 0),
            kernel_busy=self.busy,
            facts=request.attachments + panel_tools.mentioned(self, request.mentions),
            id=request.id,
        )

    def _cancel(self, request: Request, reply: Reply) -> None:
        target = request.fields["target"]
        stop = self.stops.get(target)
        if stop is not None:
            stop()
        else:
            self.session.client.cancel(target)
        reply.send("ok")

    def _edited(self, request: Request, reply: Reply) -> None:
        self.session.edited(request.fields["cell"], request.fields["source"])
        reply.send("ok")


def _done(answer: Answer, footer: str, cited: list[Cited]) -> dict[str, Any]:
    return {
        "stopped": answer.stopped,
        "footer": footer,
        "sources": [panel_history.source(one) for one in cited],
        "conversation": answer.conversation,
        "number": answer.number,
    }
