"""What the side panel asks of the conversations: list, find, open, name, mark, export, delete."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import citations, protocol, security, transcript
from ..citations import Cited
from ..errors import UsageError
from ..protocol import Request
from ..types import Conversation, Exchange
from .comm import Reply

if TYPE_CHECKING:
    from .panel import Panel

_LISTED = 50
_FOUND_CHARS = 200
# Of what is kept; the longest question and answer together fit into one message.
_QUESTION_CHARS = 8_000
_ANSWER_CHARS = 32_000
_PAGE = 50  # exchanges of one message


def conversations(panel: Panel, request: Request, reply: Reply) -> None:
    """Those of this notebook and project; with words, those that say something like them."""
    words = request.fields["words"].strip()
    found = _matching(panel, words) if words else [(one, "") for one in _listed(panel)]
    current = panel.session.chat.find()
    listed = [
        {
            "id": one.id,
            "title": security.clean(one.title, 200),
            "updated": one.updated,
            "turns": one.turns,
            "bookmarked": one.bookmarked,
            "found": piece,
        }
        for one, piece in found
    ]
    here = current.id if current is not None else ""
    reply.send("conversations", conversations=listed, current=here)


def open_one(panel: Panel, request: Request, reply: Reply) -> None:
    """Go on with a conversation, and tell its last exchanges."""
    session, wanted = panel.session, request.fields["conversation"]
    if wanted:
        session.chat.open(_known(panel, wanted))
        session.assistant.resume()
        session.answer = None
    chosen = session.chat.find()
    kept = session.memory.exchanges(chosen.id, _PAGE) if chosen is not None else ()
    fields = {
        "conversation": chosen.id if chosen is not None else "",
        "title": security.clean(chosen.title, 200) if chosen is not None else "",
        "running": panel.running,
    }
    root = chosen.project if chosen is not None else ""
    _send_page(reply, "opened", kept, root, **fields)


def earlier(panel: Panel, request: Request, reply: Reply) -> None:
    """The exchanges before a number, as many as fit into one message."""
    before = request.fields["before"]
    if before < 1:
        raise UsageError("exchanges are numbered from 1", "")
    chosen = _known(panel, request.fields["conversation"])
    kept = panel.session.memory.exchanges(chosen.id, _PAGE, before)
    _send_page(reply, "earlier", kept, chosen.project)


def begin(panel: Panel, _: Request, reply: Reply) -> None:
    panel.session.assistant.reset()
    panel.session.answer = None
    reply.send("ok")


def rename(panel: Panel, request: Request, reply: Reply) -> None:
    title = " ".join(security.clean(request.fields["title"], 200).split())
    if not title:
        raise UsageError("the title is empty", "Write one.")
    panel.session.chat.rename(_known(panel, request.fields["conversation"]), title)
    reply.send("ok")


def bookmark(panel: Panel, request: Request, reply: Reply) -> None:
    chosen = _known(panel, request.fields["conversation"])
    panel.session.memory.bookmark(chosen.id, request.fields["on"])
    reply.send("ok")


def delete(panel: Panel, request: Request, reply: Reply) -> None:
    session, current = panel.session, panel.session.chat.find()
    chosen = _known(panel, request.fields["conversation"])
    session.memory.delete(chosen.id)
    session.listed = ()
    if current is not None and current.id == chosen.id:
        session.assistant.reset()
    reply.send("ok")


def export(panel: Panel, request: Request, reply: Reply) -> None:
    """Write a conversation as Markdown beside the notebook, under a name that is free."""
    session = panel.session
    chosen = _known(panel, request.fields["conversation"])
    name = re.sub(r"[^\w-]+", "-", chosen.title).strip("-")[:60] or "chat"
    notebook = session.chat.notebook
    folder = Path(notebook).parent if notebook else Path.cwd()
    kept = session.memory.exchanges(chosen.id)
    names = (f"{name}{f'-{n}' if n else ''}.md" for n in range(1000))
    path = next(path for path in map(folder.joinpath, names) if not path.exists())
    transcript.export(path, chosen, kept)
    reply.send("told", text=f"Written: {security.clean(str(path), 1000)}")


def feedback(panel: Panel, request: Request, reply: Reply) -> None:
    fields = request.fields
    if fields["value"] not in (-1, 0, 1):
        raise UsageError("feedback is -1, 0 or 1", "")
    panel.session.memory.mark(fields["conversation"], fields["number"], feedback=fields["value"])
    reply.send("ok")


HANDLERS: dict[str, Callable[[Panel, Request, Reply], None]] = {
    "conversations": conversations,
    "open": open_one,
    "earlier": earlier,
    "new": begin,
    "rename": rename,
    "bookmark": bookmark,
    "delete": delete,
    "export": export,
    "feedback": feedback,
}


def source(cited: Cited) -> dict[str, Any]:
    """A source as the panel shows it; `path` is relative to the notebook, "" if none is there."""
    found = cited.source
    return {
        "id": found.id,
        "label": citations.place(found),
        "verdict": cited.verdict,
        "path": cited.link,
        "line": found.start_line,
        "cell": found.cell,
    }


def _send_page(reply: Reply, ev: str, kept: tuple[Exchange, ...], root: str, **fields: Any) -> None:
    """Send as many of the last of these exchanges as one message holds."""
    exchanges = [_exchange(one, root) for one in kept]
    first = kept[0].number if kept else 1
    while True:
        older = first > 1
        message = {**fields, "exchanges": exchanges, "older": older}
        if not exchanges or protocol.fits(protocol.event(reply.id, ev, 0, **message)):
            reply.send(ev, **message)
            return
        exchanges.pop(0)
        first += 1


def _exchange(kept: Exchange, root: str) -> dict[str, Any]:
    return {
        "number": kept.number,
        "question": security.clean(kept.question, _QUESTION_CHARS),
        "answer": security.sanitize(security.clean(kept.answer, _ANSWER_CHARS)),
        "stopped": kept.stopped,
        "feedback": kept.feedback,
        "sources": [source(one) for one in _cited(kept, root)],
    }


def _cited(kept: Exchange, root: str) -> list[Cited]:
    """What an answer of earlier cites, as it was then."""
    if not kept.sources:
        return []
    numbers = citations.cited(kept.answer)
    used = [one for one in kept.sources if one.id in numbers]
    return [citations.Cited(one, "as of then", citations.link(one, root)) for one in used]


def _matching(panel: Panel, words: str) -> list[tuple[Conversation, str]]:
    """Conversations whose title has the words, or that say something like them, each once."""
    found: dict[str, tuple[Conversation, str]] = {}
    lowered = words.casefold()
    for one in _listed(panel):
        if lowered in one.title.casefold():
            found[one.id] = (one, "")
    session = panel.session
    for hit in session.memory.search(words, session.project.folder, _LISTED):
        text = f"{hit.exchange.question}\n{hit.exchange.answer}"
        found.setdefault(hit.conversation.id, (hit.conversation, _piece(text, words)))
    return list(found.values())[:_LISTED]


def _piece(text: str, words: str) -> str:
    """A line's worth of a text, around the first of the words that stands in it."""
    line = " ".join(security.clean(text, 200_000).split())
    places = (line.casefold().find(word) for word in words.casefold().split())
    at = max(0, min((place for place in places if place >= 0), default=0) - _FOUND_CHARS // 4)
    end = at + _FOUND_CHARS - 4  # for both marks
    return f"{'… ' if at else ''}{line[at:end]}{' …' if end < len(line) else ''}"


def _listed(panel: Panel) -> tuple[Conversation, ...]:
    """Those of this notebook, then the project's others."""
    session = panel.session
    notebook, memory = session.chat.notebook, session.memory
    mine = memory.conversations("", notebook, _LISTED) if notebook else ()
    theirs = memory.conversations(session.project.folder, "", _LISTED)
    return tuple({one.id: one for one in (*mine, *theirs)}.values())


def _known(panel: Panel, id: str) -> Conversation:
    session = panel.session
    current = session.chat.find()
    if current is not None and current.id == id:
        return current
    for one in session.memory.conversations("", "", 10_000):
        if one.id == id:
            return one
    raise UsageError("that conversation is not here any more", "Open the history again.")
