"""The conversations of one user, kept in DuckDB: every text sealed, every save on disk on return.

Order is by a number that grows with each message, never by time: clocks move. Knows nothing of
search, HTTP or keys. A damaged record is told as unreadable; the others stay readable.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..engine.text import clean
from ..errors import Tampered, UsageError
from ..types import Conversation, Exchange, Saved
from . import messages
from .crypto import Cipher
from .database import Database
from .messages import Place
from .sealing import Sealer, admit, seal_head
from .snippets import Snippets

MAX_CHARS = 2_000_000  # of a question or an answer; what is longer is cut, with a mark

_CUT = "\n[… cut here: the text was longer than what is kept]"
_TITLE_CHARS = 60
_TOKENS = 1024  # remembered saves; one that is sent again comes within moments
_UNTITLED = "(unreadable)"


@dataclass(slots=True)
class _Known:
    """A conversation in memory; `last_no` is that of its last message."""

    conversation: Conversation
    last_no: int = 0
    unreadable: bool = False


class Conversations:
    """The store; any thread. Raises MemoryFailed, MemoryLocked, and UsageError for unknown ids."""

    def __init__(self, path: Path, cipher: Cipher) -> None:
        self.database = Database(path)
        self._lock = threading.RLock()
        try:
            self._sealer = Sealer(cipher, self.database.store)
            admit(self._sealer, self.database)
            self._known = self._load()
            self.snippets = Snippets(self.database, self._sealer)
        except BaseException:
            self.database.close()
            raise
        self._next_no = 1 + max((known.last_no for known in self._known.values()), default=0)
        self._tokens = self._last_tokens()

    @property
    def encrypts(self) -> bool:
        return self._sealer.cipher.encrypts

    @property
    def erasing(self) -> bool:
        """Whether rows were deleted whose bytes are still in some file; `erase` ends it."""
        return "erasing" in self.database.meta()

    @property
    def last_no(self) -> int:
        """The number of the exchange that was saved last, or -1; see Place."""
        return self._next_no - 2

    def begin(
        self, conversation: str, project: str, notebook: str, title: str = ""
    ) -> Conversation:
        """Start a conversation of a new id; one that was begun already is given as it is.

        Without a title it gets one from its first question.
        """
        with self._lock:
            if conversation in self._known:
                return self._known[conversation].conversation
            now = time.time()
            begun = Conversation(
                conversation, clean(title), clean(project), clean(notebook), now, now
            )
            with self.database.transaction() as db:
                values = [conversation, now, seal_head(self._sealer, begun)]
                db.execute("INSERT INTO conversations (id, created, head) VALUES (?, ?, ?)", values)
            self._known[conversation] = _Known(begun)
            return begun

    def get(self, conversation: str) -> Conversation:
        return self._find(conversation).conversation

    def newest(self, project: str = "", notebook: str = "", limit: int = 50) -> list[Conversation]:
        """Those that were added to last; an empty place means any, a limit of 0 all."""
        with self._lock:
            known = sorted(self._known.values(), key=lambda one: -one.last_no)
        found = [
            one.conversation
            for one in known
            if one.conversation.turns
            and project in ("", one.conversation.project)
            and notebook in ("", one.conversation.notebook)
        ]
        return found[:limit] if limit else found

    def save(
        self, conversation: str, exchange: Exchange, token: str = "", instead_of: int = 0
    ) -> Saved:
        """Keep an exchange as the next one; on disk on return.

        A `token` that was seen before means that the same exchange was sent again. With
        `instead_of` it takes the place of that number and of all after it; what their rows leave
        in free blocks goes with the next `erase`.
        """
        with self._lock:
            known = self._find(conversation)
            if token and token in self._tokens:
                return self._saved(known.conversation, self._tokens[token])
            number = known.conversation.turns + 1
            if instead_of:
                number = min(number, instead_of)
            kept = replace(
                exchange,
                question=_bounded(exchange.question),
                answer=_bounded(exchange.answer),
                asked_at=exchange.asked_at or time.time(),
                number=number,
            )
            self._insert(known, kept, token)
            return self._saved(known.conversation, number)

    def exchanges(self, conversation: str, last: int = 0, before: int = 0) -> list[Exchange]:
        """The last exchanges, of those before a number, in their order; 0 means all."""
        end = self._find(conversation).conversation.turns + 1
        if before:
            end = min(end, before)
        first = end - last if last else 1
        where = "conversation = ? AND number >= ? AND number < ?"
        found = messages.read(self.database, self._sealer, where, [conversation, first, end])
        return [exchange for _, exchange in found]

    def at(self, places: Sequence[Place]) -> list[tuple[Place, Exchange]]:
        """The exchanges of some places, in the order given; erased ones are left out."""
        if not places:
            return []
        wanted = [no for place in places for no in (place.no, place.no + 1)]
        read = messages.read(self.database, self._sealer, "no = ANY(?)", [wanted])
        found = {(conversation, exchange.number): exchange for conversation, exchange in read}
        return [
            (place, found[place.conversation, place.number])
            for place in places
            if (place.conversation, place.number) in found
        ]

    def places(self, after: int = -1) -> list[Place]:
        """Every exchange after the one of number `after`, in order."""
        return messages.places(self.database, "no > ?", [after + 1])

    def place(self, conversation: str, number: int) -> Place:
        """Raises UsageError where there is no such exchange."""
        where = "conversation = ? AND number = ?"
        found = messages.places(self.database, where, [conversation, number])
        if not found:
            raise UsageError(f"there is no answer {number} in {conversation}", "")
        return found[0]

    def mark(
        self,
        conversation: str,
        number: int,
        feedback: int | None = None,
        bookmarked: bool | None = None,
        pinned: bool | None = None,
        inserted: bool | None = None,
    ) -> None:
        """Say something about an exchange; None leaves it as it is."""
        self.place(conversation, number)
        marks = {"feedback": feedback, "pinned": pinned, "inserted": inserted}
        with self._lock, self.database.transaction() as db:
            for name, value in marks.items():
                if value is not None:
                    db.execute(
                        f"UPDATE messages SET {name} = ?"
                        " WHERE conversation = ? AND number = ? AND role = 'assistant'",
                        [value, conversation, number],
                    )
            if bookmarked is not None:
                messages.bookmark(db, conversation, number, bookmarked)

    def bookmark(self, conversation: str, on: bool) -> None:
        with self._lock:
            known = self._find(conversation)
            with self.database.transaction() as db:
                messages.bookmark(db, conversation, 0, on)
            known.conversation = replace(known.conversation, bookmarked=on)

    def rename(self, conversation: str, title: str) -> None:
        with self._lock:
            known = self._find(conversation)
            renamed = replace(known.conversation, title=clean(title).strip()[:200])
            with self.database.transaction() as db:
                self._put_head(db, renamed)
            known.conversation, known.unreadable = renamed, False

    def summarize(self, conversation: str, summary: str, upto: int) -> None:
        """Keep what the first `upto` exchanges were about."""
        with self._lock:
            known = self._find(conversation)
            told = replace(known.conversation, summary=clean(summary), summary_upto=upto)
            sealed = self._sealer.seal(told.summary, conversation, upto, "summary")
            with self.database.transaction() as db:
                db.execute(
                    "UPDATE conversations SET summary = ?, summary_upto = ? WHERE id = ?",
                    [sealed, upto, conversation],
                )
            known.conversation = told

    def matching(self, project: str = "", conversation: str = "", before: float = 0.0) -> set[str]:
        """Ids to forget: of a project, one, those last added to before a time, or all."""
        with self._lock:
            return {
                one.id
                for one in (known.conversation for known in self._known.values())
                if project in ("", one.project)
                and conversation in ("", one.id)
                and (not before or one.updated < before)
            }

    def delete(self, conversations: Collection[str]) -> None:
        """Delete conversations with all that belongs to them; `erase` must follow."""
        with self._lock:
            with self.database.transaction() as db:
                for conversation in conversations:
                    db.execute("DELETE FROM conversations WHERE id = ?", [conversation])
                    messages.delete(db, conversation)
                gone = self.snippets.forget(db, conversations)
                db.execute("DELETE FROM meta WHERE key = 'erasing'")
                db.execute("INSERT INTO meta VALUES ('erasing', 'yes')")
            self.snippets.drop(gone, conversations)
            for conversation in conversations:
                self._known.pop(conversation, None)

    def erase(self) -> None:
        """Make sure that nothing which was deleted is left in the file."""
        with self._lock:
            self.database.rewrite(without="erasing")

    def reseal(self, cipher: Cipher) -> None:
        """Seal every record that can be read with another cipher; all or nothing."""
        sealer = Sealer(cipher, self.database.store)
        with self._lock:
            with self.database.transaction() as db:
                messages.reseal(db, self._sealer, sealer)
                for known in self._known.values():
                    self._reseal_conversation(db, sealer, known)
                self.snippets.reseal(db, sealer)
                db.execute("DELETE FROM meta WHERE key IN ('sealed', 'proof', 'erasing')")
                values = ["yes" if cipher.encrypts else "no", sealer.proof()]
                db.execute(
                    "INSERT INTO meta VALUES ('sealed', ?), ('proof', ?), ('erasing', 'yes')",
                    values,
                )
            self._sealer = sealer
            self.erase()

    def export(self) -> Iterator[dict[str, Any]]:
        """All that is kept, as JSON objects: conversations, each with its exchanges; snippets."""
        for conversation in reversed(self.newest(limit=0)):
            yield {"conversation": asdict(conversation)}
            for exchange in self.exchanges(conversation.id):
                yield {"of": conversation.id, "exchange": asdict(exchange)}
        for snippet in self.snippets.find():
            yield {"snippet": asdict(snippet)}

    def counts(self) -> dict[str, int]:
        turns = [known.conversation.turns for known in self._known.values()]
        return {
            "conversations": sum(turn > 0 for turn in turns),
            "exchanges": sum(turns),
            "snippets": len(self.snippets),
        }

    def close(self) -> None:
        self.database.close()

    def _find(self, conversation: str) -> _Known:
        known = self._known.get(conversation)
        if known is None:
            raise UsageError(
                f"there is no conversation {conversation}", "`%assist history` lists them."
            )
        return known

    def _insert(self, known: _Known, exchange: Exchange, token: str) -> None:
        before = known.conversation
        now = replace(before, turns=exchange.number, updated=exchange.asked_at)
        if before.summary_upto >= exchange.number:  # it tells what is taken back
            now = replace(now, summary="", summary_upto=0)
        if not before.title and not known.unreadable:
            now = replace(now, title=title_of(exchange.question))
        no = self._next_no
        gone: list[str] = []
        with self.database.transaction() as db:
            if exchange.number <= before.turns:
                gone = self._take_back(db, now)
            messages.insert(db, self._sealer, no, before.id, exchange, token)
            if now.title != before.title:
                self._put_head(db, now)
            if exchange.bookmarked:
                messages.bookmark(db, before.id, exchange.number, on=True)
            snippets = self.snippets.collect(db, exchange.answer, before.id, exchange.number, gone)
        self._next_no += 2
        known.conversation, known.last_no = now, no + 1
        if exchange.number <= before.turns:
            self.snippets.drop(gone, {before.id}, exchange.number)
        self.snippets.add(snippets, before.id, exchange.number)
        if token:
            self._tokens[token] = exchange.number
            while len(self._tokens) > _TOKENS:
                self._tokens.popitem(last=False)

    def _take_back(self, db: Any, now: Conversation) -> list[str]:
        """Delete the exchanges from the last number of `now` on; gives the snippets gone."""
        messages.delete(db, now.id, now.turns)
        if not now.summary_upto:
            where = "UPDATE conversations SET summary = NULL, summary_upto = NULL WHERE id = ?"
            db.execute(where, [now.id])
        return self.snippets.forget(db, {now.id}, now.turns)

    def _load(self) -> dict[str, _Known]:
        turns = {
            row[0]: row[1:]
            for row in self.database.rows(
                "SELECT conversation, max(number), max(no), arg_max(asked_at, no)"
                " FROM messages GROUP BY conversation"
            )
        }
        marked = {
            c for (c,) in self.database.rows("SELECT conversation FROM bookmarks WHERE number = 0")
        }
        known = {}
        for conversation, created, *sealed in self.database.rows(
            "SELECT id, created, head, summary, summary_upto FROM conversations ORDER BY rowid"
        ):
            count, last_no, updated = turns.get(conversation, (0, 0, created))
            one = self._opened(Conversation(conversation, "", "", "", created, updated), *sealed)
            one.last_no = last_no
            one.conversation = replace(
                one.conversation, turns=count, bookmarked=conversation in marked
            )
            known[conversation] = one
        return known

    def _opened(
        self, bare: Conversation, head: bytes, summary: bytes | None, upto: int | None
    ) -> _Known:
        known = _Known(bare)
        try:
            known.conversation = replace(bare, **self._sealer.open(head, bare.id, 0, "head"))
        except Tampered:
            known.conversation = replace(bare, title=_UNTITLED)
            known.unreadable = True
        if summary is not None and upto:
            try:
                told = self._sealer.open(summary, bare.id, upto, "summary")
                known.conversation = replace(known.conversation, summary=told, summary_upto=upto)
            except Tampered:
                pass  # it is made again from the exchanges
        return known

    def _last_tokens(self) -> OrderedDict[str, int]:
        rows = self.database.rows(
            "SELECT token, number FROM messages WHERE role = 'user' AND token <> ''"
            f" ORDER BY no DESC LIMIT {_TOKENS}"
        )
        return OrderedDict(reversed(rows))

    def _put_head(self, db: Any, conversation: Conversation) -> None:
        values = [seal_head(self._sealer, conversation), conversation.id]
        db.execute("UPDATE conversations SET head = ? WHERE id = ?", values)

    def _saved(self, conversation: Conversation, number: int) -> Saved:
        return Saved(number, conversation.title, conversation.summary, conversation.summary_upto)

    def _reseal_conversation(self, db: Any, sealer: Sealer, known: _Known) -> None:
        one = known.conversation
        if not known.unreadable:
            values = [seal_head(sealer, one), one.id]
            db.execute("UPDATE conversations SET head = ? WHERE id = ?", values)
        if one.summary_upto:
            summary = sealer.seal(one.summary, one.id, one.summary_upto, "summary")
            db.execute("UPDATE conversations SET summary = ? WHERE id = ?", [summary, one.id])


def title_of(question: str) -> str:
    """The first line of a question that says something, shortened."""
    lines = (line.strip(" \t#>*-") for line in question.splitlines())
    line = next((line for line in lines if line), "(no words)")
    if len(line) <= _TITLE_CHARS:
        return line
    return line[: _TITLE_CHARS - 1].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"


def _bounded(text: str) -> str:
    text = clean(text)
    return text if len(text) <= MAX_CHARS else text[:MAX_CHARS] + _CUT
