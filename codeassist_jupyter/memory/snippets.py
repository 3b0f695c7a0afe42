"""Code that answers gave: collected once, counted, tagged, found again."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markdown_it import MarkdownIt

from ..errors import Tampered, UsageError
from ..types import Snippet
from .database import Database
from .sealing import Sealer

_MARKDOWN = MarkdownIt("commonmark")
_MAX_PARSED = 200_000  # characters of an answer
_LEAST_CODE = 10  # characters; less is a word in a box
_ALIASES = {"py": "python", "python3": "python", "ipython": "python", "sh": "bash", "shell": "bash"}


def code_blocks(answer: str) -> list[tuple[str, str]]:
    """The fenced blocks of a Markdown text as (language, code), each once."""
    if "```" not in answer and "~~~" not in answer:
        return []
    found: dict[tuple[str, str], None] = {}
    for token in _MARKDOWN.parse(answer[:_MAX_PARSED]):
        code = token.content.strip("\n").rstrip()
        if token.type == "fence" and len(code.strip()) >= _LEAST_CODE:
            language = (token.info.split() or [""])[0].lower()
            found[_ALIASES.get(language, language), code] = None
    return list(found)


@dataclass(slots=True)
class _Kept:
    snippet: Snippet
    places: list[tuple[str, int]] = field(default_factory=list)  # conversation and number


class Snippets:
    """The snippets of a store, all in memory; any thread that holds the store's lock."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._kept: dict[str, _Kept] = {}
        self._by_code: dict[bytes, str] = {}
        for row in database.rows("SELECT id, created, uses, body FROM snippets ORDER BY rowid"):
            self._take(*row)
        places = database.rows("SELECT snippet, conversation, number FROM snippet_places")
        for snippet, conversation, number in places:
            if snippet in self._kept:
                self._kept[snippet].places.append((conversation, number))

    def collect(
        self, db: Any, answer: str, conversation: str, number: int, gone: Collection[str] = ()
    ) -> list[_Kept]:
        """Write the code of an answer within the transaction `db`; give what `add` must learn.

        `gone` are the ids that `forget` has deleted in it.
        """
        found = []
        for language, code in code_blocks(answer):
            known = self._by_code.get(_digest(language, code))
            if known is None or known in gone:
                fresh = Snippet(
                    secrets.token_hex(8), code, language, (), 0, conversation, number, time.time()
                )
                values = [fresh.id, fresh.created, fresh.uses, self._sealed(fresh)]
                db.execute("INSERT INTO snippets VALUES (?, ?, ?, ?)", values)
                kept = _Kept(fresh)
            else:
                kept = self._kept[known]
            place = [kept.snippet.id, conversation, number]
            db.execute("INSERT INTO snippet_places VALUES (?, ?, ?)", place)
            found.append(kept)
        return found

    def add(self, kept: Sequence[_Kept], conversation: str, number: int) -> None:
        """Remember what `collect` wrote, once it is committed."""
        for one in kept:
            one.places.append((conversation, number))
            self._kept[one.snippet.id] = one
            self._by_code[_digest(one.snippet.language, one.snippet.code)] = one.snippet.id

    def find(self, text: str = "", language: str = "", tag: str = "") -> list[Snippet]:
        """Those with all words of the text, of a language, with a tag; the most used first."""
        words = text.casefold().split()
        found = [
            snippet
            for snippet in map(_placed, self._kept.values())
            if (not language or snippet.language == language)
            and (not tag or tag in snippet.tags)
            and all(word in f"{snippet.code} {' '.join(snippet.tags)}".casefold() for word in words)
        ]
        return sorted(found, key=lambda snippet: (-snippet.uses, -snippet.created, snippet.id))

    def use(self, snippet: str) -> Snippet:
        """Count one more use; raises UsageError for an id that is not known."""
        kept = self._known(snippet)
        used = replace(kept.snippet, uses=kept.snippet.uses + 1)
        with self._database.transaction() as db:
            db.execute("UPDATE snippets SET uses = ? WHERE id = ?", [used.uses, snippet])
        kept.snippet = used
        return _placed(kept)

    def tag(self, snippet: str, tags: Sequence[str]) -> None:
        """Replace the tags; raises UsageError for an id that is not known."""
        kept = self._known(snippet)
        tagged = replace(kept.snippet, tags=tuple(dict.fromkeys(filter(None, tags))))
        with self._database.transaction() as db:
            values = [self._sealed(tagged), snippet]
            db.execute("UPDATE snippets SET body = ? WHERE id = ?", values)
        kept.snippet = tagged

    def restore(self, told: Snippet) -> None:
        """Take over tags and uses of an exported snippet that is here too."""
        known = self._by_code.get(_digest(told.language, told.code))
        if known is None:
            return
        kept = self._kept[known]
        more = replace(kept.snippet, uses=max(kept.snippet.uses, told.uses))
        with self._database.transaction() as db:
            db.execute("UPDATE snippets SET uses = ? WHERE id = ?", [more.uses, known])
        kept.snippet = more
        self.tag(known, (*kept.snippet.tags, *told.tags))

    def forget(self, db: Any, conversations: Collection[str], first: int = 1) -> list[str]:
        """Delete within `db` what only these conversations gave, from the number `first` on.

        Gives the ids for `drop`.
        """
        gone = []
        for kept in self._kept.values():
            if all(place in conversations and number >= first for place, number in kept.places):
                gone.append(kept.snippet.id)
                db.execute("DELETE FROM snippets WHERE id = ?", [kept.snippet.id])
        where = "DELETE FROM snippet_places WHERE conversation = ? AND number >= ?"
        for conversation in conversations:
            db.execute(where, [conversation, first])
        return gone

    def drop(self, gone: Sequence[str], conversations: Collection[str], first: int = 1) -> None:
        """Forget in memory what `forget` deleted, once it is committed."""
        for snippet in gone:
            kept = self._kept.pop(snippet)
            self._by_code.pop(_digest(kept.snippet.language, kept.snippet.code), None)
        for kept in self._kept.values():
            kept.places = [
                (place, number)
                for place, number in kept.places
                if place not in conversations or number < first
            ]

    def reseal(self, db: Any, sealer: Sealer) -> None:
        """Seal all bodies with another key within the transaction `db`."""
        for kept in self._kept.values():
            body = _sealed(sealer, kept.snippet)
            db.execute("UPDATE snippets SET body = ? WHERE id = ?", [body, kept.snippet.id])
        self._sealer = sealer

    def __len__(self) -> int:
        return len(self._kept)

    def _known(self, snippet: str) -> _Kept:
        if snippet not in self._kept:
            raise UsageError(f"there is no snippet {snippet}", "`%assist snippets` lists them.")
        return self._kept[snippet]

    def _take(self, snippet: str, created: float, uses: int, body: bytes) -> None:
        try:
            value = self._sealer.open(body, snippet, 0, "snippet")
        except Tampered:  # the answer it came from still has the code
            return
        code, language, tags = value["code"], value["language"], tuple(value["tags"])
        self._kept[snippet] = _Kept(Snippet(snippet, code, language, tags, uses, "", 0, created))
        self._by_code[_digest(language, code)] = snippet

    def _sealed(self, snippet: Snippet) -> bytes:
        return _sealed(self._sealer, snippet)


def _sealed(sealer: Sealer, snippet: Snippet) -> bytes:
    value = {"code": snippet.code, "language": snippet.language, "tags": snippet.tags}
    return sealer.seal(value, snippet.id, 0, "snippet")


def _placed(kept: _Kept) -> Snippet:
    """The snippet as it is shown: with the place it was last given at."""
    conversation, number = kept.places[-1] if kept.places else ("", 0)
    return replace(kept.snippet, conversation=conversation, number=number)


def _digest(language: str, code: str) -> bytes:
    """Names a piece of code; never stored: it would tell who guesses the code that it is here."""
    return hashlib.blake2b(f"{language}\0{code}".encode(), digest_size=16).digest()
