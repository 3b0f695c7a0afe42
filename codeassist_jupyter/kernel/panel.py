"""What the side panel may ask of a kernel: one function per request, called from worker threads.

Knows nothing of comms or threads; calls no user code.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from .. import citations, protocol, security
from ..errors import CodeAssistError, UsageError
from ..protocol import Request
from ..types import Conversation, Exchange, Failed, Progress, Text
from .comm import Comms, Handler, Reply

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..assistant import Answer, Question
    from ..citations import Cited
    from .session import Session

_INTERVAL_S = 0.05
_CHARS_PER_S = 300_000  # as much as is sanitized again per second, at most
_PIECE = 40_000  # characters of one event; JSON may take 6 bytes for each
_LISTED = 50
# Of what is kept; the longest question and answer together fit into one message.
_QUESTION_CHARS = 8_000
_ANSWER_CHARS = 32_000
_EXCHANGES = 50


class Panel:
    """Serves all panels of one kernel; they show the same chat."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        self._shell = shell
        self._session = session
        self._turn = threading.Lock()  # answers come one after the other
        self._running = ""  # the request that is being answered
        self._busy = False  # a cell is running
        handlers: dict[str, Handler] = {
            "hello": self._hello,
            "ask": self._ask,
            "context": self._context,
            "cancel": self._cancel,
            "conversations": self._conversations,
            "open": self._open,
            "new": self._new,
            "rename": self._rename,
            "delete": self._delete,
            "feedback": self._feedback,
            "edited": self._edited,
        }
        self._comms = Comms(shell, handlers, {"ask"})
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
        self._busy = True

    def _cell_ends(self, _: object = None) -> None:
        self._busy = False

    def _hello(self, _: Request, reply: Reply) -> None:
        from .. import __version__
        from ..stream import banner

        settings = self._session.settings()
        models = {"llama_cpp": settings.model, "openai": settings.openai_model}
        reply.send(
            "hello",
            version=__version__,
            model=models.get(settings.engine) or settings.engine,
            engine=settings.engine,
            sent_to=banner(settings),
            busy=self._busy,
        )

    def _ask(self, request: Request, reply: Reply) -> None:
        from ..assistant import checked

        question = self._question(request, checked(request.fields["question"]))
        reply.send("start", question=question.text)
        with self._turn:
            self._running = request.id
            try:
                self._answer(question, reply)
            finally:
                self._running = ""

    def _answer(self, question: Question, reply: Reply) -> None:
        from ..assistant import Answer
        from ..stream import footer

        session, answer, failure = self._session, Answer(), None
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
        built = self._session.assistant.preview(self._question(request, text))
        found = [{"name": p.name, "tokens": p.tokens, "detail": p.detail} for p in parts(built)]
        reply.send("context", parts=found, left_out=list(built.left_out))

    def _question(self, request: Request, text: str) -> Question:
        from ..assistant import Question

        return Question(
            text,
            self._session.settings(),
            use_context=set(request.fields["without"]) != set(protocol.PARTS),
            kernel_busy=self._busy,
            facts=request.attachments,
            id=request.id,
        )

    def _cancel(self, request: Request, reply: Reply) -> None:
        self._session.client.cancel(request.fields["target"])
        reply.send("ok")

    def _conversations(self, _: Request, reply: Reply) -> None:
        current = self._session.chat.find()
        listed = [
            {
                "id": one.id,
                "title": security.clean(one.title, 200),
                "updated": one.updated,
                "turns": one.turns,
                "bookmarked": one.bookmarked,
                "found": "",
            }
            for one in self._listed()
        ]
        here = current.id if current is not None else ""
        reply.send("conversations", conversations=listed, current=here)

    def _open(self, request: Request, reply: Reply) -> None:
        session, wanted = self._session, request.fields["conversation"]
        if wanted:
            session.chat.open(self._found(wanted))
            session.assistant.resume()
            session.answer = None
        chosen = session.chat.find()
        kept = session.memory.exchanges(chosen.id, _EXCHANGES) if chosen is not None else ()
        fields: dict[str, Any] = {
            "conversation": chosen.id if chosen is not None else "",
            "title": security.clean(chosen.title, 200) if chosen is not None else "",
            "exchanges": [_exchange(one) for one in kept],
            "older": chosen is not None and chosen.turns > len(kept),
            "running": self._running,
        }
        while not protocol.fits(protocol.event(request.id, "opened", 0, **fields)):
            fields["exchanges"].pop(0)
            fields["older"] = True
        reply.send("opened", **fields)

    def _new(self, _: Request, reply: Reply) -> None:
        self._session.assistant.reset()
        self._session.answer = None
        reply.send("ok")

    def _rename(self, request: Request, reply: Reply) -> None:
        title = " ".join(security.clean(request.fields["title"], 200).split())
        if not title:
            raise UsageError("the title is empty", "Write one.")
        self._session.memory.rename(self._found(request.fields["conversation"]).id, title)
        reply.send("ok")

    def _delete(self, request: Request, reply: Reply) -> None:
        session, current = self._session, self._session.chat.find()
        chosen = self._found(request.fields["conversation"])
        session.memory.delete(chosen.id)
        session.listed = ()
        if current is not None and current.id == chosen.id:
            session.assistant.reset()
        reply.send("ok")

    def _feedback(self, request: Request, reply: Reply) -> None:
        fields = request.fields
        if fields["value"] not in (-1, 0, 1):
            raise UsageError("feedback is -1, 0 or 1", "")
        self._session.memory.mark(
            fields["conversation"], fields["number"], feedback=fields["value"]
        )
        reply.send("ok")

    def _edited(self, request: Request, reply: Reply) -> None:
        self._session.edited(request.fields["cell"], request.fields["source"])
        reply.send("ok")

    def _listed(self) -> tuple[Conversation, ...]:
        """Those of this notebook, then the project's others."""
        session = self._session
        notebook, memory = session.chat.notebook, session.memory
        mine = memory.conversations("", notebook, _LISTED) if notebook else ()
        theirs = memory.conversations(session.project.folder, "", _LISTED)
        return tuple({one.id: one for one in (*mine, *theirs)}.values())

    def _found(self, id: str) -> Conversation:
        for one in self._listed():
            if one.id == id:
                return one
        raise UsageError("that conversation is not here any more", "Open the history again.")


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
        "sources": [_source(one) for one in cited],
        "conversation": answer.conversation,
        "number": answer.number,
    }


def _source(cited: Cited) -> dict[str, Any]:
    """A source as the panel shows it; `path` is relative to the notebook, "" if none is there."""
    source = cited.source
    return {
        "id": source.id,
        "label": citations.place(source),
        "verdict": cited.verdict,
        "path": cited.link,
        "line": source.start_line,
        "cell": source.cell,
    }


def _exchange(kept: Exchange) -> dict[str, Any]:
    return {
        "number": kept.number,
        "question": security.clean(kept.question, _QUESTION_CHARS),
        "answer": security.sanitize(security.clean(kept.answer, _ANSWER_CHARS)),
        "stopped": kept.stopped,
        "feedback": kept.feedback,
        "sources": [],
    }
