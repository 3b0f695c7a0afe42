"""The kernel's end of the comm to side panels: who is connected, what they ask, what is sent.

Handlers of the comm return at once, on whatever thread the kernel calls them; the work is done by
one thread per request. Does not know what a request means.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import protocol
from ..errors import CodeAssistError, UsageError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

log = logging.getLogger(__name__)

_KEPT = 8  # streams that a panel which was away can ask for again
_MOST_LINKS = 16  # a page that is reloaded does not say that its comm is gone
_ACKNOWLEDGED_S = 3.0  # a page that is there answers within this


@dataclass(slots=True, eq=False)
class Link:
    """One open comm; `context` tells ipykernel which request, of which subshell, is answered."""

    comm: Any
    context: contextvars.Context
    beside: bool  # its messages are served while a cell is running

    def post(self, message: dict[str, Any]) -> None:
        # A copy, because two threads cannot be in one context. Without it the message would count
        # as one of the cell that is running, and the panel's answers would wait behind that cell.
        self.context.copy().run(self.comm.send, message)


@dataclass(slots=True)
class Reply:
    """Sends the events that answer one request, numbered from 0; any thread."""

    id: str
    post: Callable[[dict[str, Any]], None]
    keeps: bool = False
    _sent: list[dict[str, Any]] = field(default_factory=list)
    _seq: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, ev: str, **fields: Any) -> None:
        with self._lock:
            message = protocol.event(self.id, ev, self._seq, **fields)
            self._seq += 1
            if self.keeps:
                self._sent.append(message)
            self.post(message)

    def fail(self, error: CodeAssistError) -> None:
        self.send("error", code=error.code, message=error.message, hint=error.hint)

    def replay(self, link: Link, from_seq: int) -> None:
        """Send again, to one panel, what was sent from number `from_seq` on."""
        with self._lock:
            for message in self._sent[max(0, from_seq) :]:
                link.post(message)


Handler = Callable[[protocol.Request, Reply], None]


class Comms:
    """All panels that are connected to this kernel.

    `handlers` carry out requests, each on a thread of its own; the answers to those in `streams`
    go to every panel and are kept for a while, all others to who asked.
    """

    def __init__(
        self, shell: InteractiveShell, handlers: Mapping[str, Handler], streams: set[str]
    ) -> None:
        self._manager = shell.kernel.comm_manager  # type: ignore[attr-defined] # of ipykernel's
        self._handlers = handlers
        self._streams = streams
        self._links: list[Link] = []
        self._replies: dict[str, Reply] = {}
        self._waiting: dict[str, tuple[threading.Event, list[bool]]] = {}
        self._manager.register_target(protocol.TARGET, self._opened)

    def close(self) -> None:
        """Take the target away and leave the panels."""
        self._manager.unregister_target(protocol.TARGET, self._opened)
        for link in list(self._links):
            link.comm.close()
        self._links.clear()

    def replace(self, cell: str, expected: str, source: str) -> bool:
        """Ask a panel to change a cell from `expected` to `source`; whether it says it did.

        Only a panel that can answer while this thread waits is asked: the one that spoke last.
        """
        beside = [link for link in self._links if link.beside]
        if not beside:
            return False
        id, done = uuid.uuid4().hex, threading.Event()
        said: list[bool] = []
        self._waiting[id] = (done, said)
        try:
            reply = Reply(id, beside[-1].post)
            reply.send("replace_cell", cell=cell, expected=expected, source=source)
            return done.wait(_ACKNOWLEDGED_S) and said == [True]
        finally:
            del self._waiting[id]

    def _opened(self, comm: Any, _: object) -> None:
        """A panel has connected."""
        beside = threading.current_thread() is not threading.main_thread()
        link = Link(comm, contextvars.copy_context(), beside)
        self._links = [*self._links, link][-_MOST_LINKS:]
        # Not `on_msg`: that has ipykernel trigger pre_execute and post_execute around the callback,
        # at which matplotlib would draw the figures of the running cell from this thread.
        comm.handle_msg = lambda msg: self._received(link, msg)
        comm.on_close(lambda _: self._links.remove(link) if link in self._links else None)

    def _received(self, link: Link, msg: dict[str, Any]) -> None:
        """A message of a panel; only hands it on."""
        link.context = contextvars.copy_context()
        if link in self._links and link is not self._links[-1]:
            self._links.remove(link)
            self._links.append(link)
        data = msg["content"]["data"]
        try:
            request = protocol.parse(data)
        except UsageError as exc:
            id = data.get("id") if isinstance(data, dict) else ""
            Reply(id if isinstance(id, str) else "", link.post).fail(exc)
            return
        if request.op == "replaced":
            self._acknowledged(request)
            return
        if request.op == "resume":
            self._resume(request, link)
            return
        reply = Reply(request.id, link.post)
        if request.op in self._streams:
            reply = Reply(request.id, self._broadcast, keeps=True)
            self._replies[request.id] = reply
            for old in list(self._replies)[:-_KEPT]:
                del self._replies[old]
        threading.Thread(target=self._work, args=(request, reply), daemon=True).start()

    def _work(self, request: protocol.Request, reply: Reply) -> None:
        """Carry out a request; a door, so whatever is raised reaches the panel as our error."""
        try:
            self._handlers[request.op](request, reply)
        except CodeAssistError as exc:
            reply.fail(exc)
        except Exception as exc:  # nobody else would see it, and the panel would wait
            log.exception("request %s failed", request.op)
            hint = "Please report this as a bug."
            reply.fail(CodeAssistError(f"unexpected failure: {type(exc).__name__}", hint))

    def _broadcast(self, message: dict[str, Any]) -> None:
        for link in list(self._links):
            link.post(message)

    def _resume(self, request: protocol.Request, link: Link) -> None:
        reply = self._replies.get(request.fields["target"])
        if reply is None:
            error = UsageError("that answer is no longer here", "Open the conversation again.")
            Reply(request.id, link.post).fail(error)
        else:
            reply.replay(link, request.fields["from_seq"])

    def _acknowledged(self, request: protocol.Request) -> None:
        done, said = self._waiting.get(request.fields["target"], (None, []))
        if done is not None:
            said.append(request.fields["done"])
            done.set()
