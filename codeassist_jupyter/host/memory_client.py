"""What a kernel asks of the store of conversations, through the host."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from ..engine.text import clean
from ..errors import HostLost
from ..memory import records
from ..types import Conversation, Exchange, Remembered, Saved, Snippet
from . import wire
from .client import HostClient

_MAX_TEXT = 2_000_000  # characters; the store cuts longer ones anyway
_LOADED_AT_ONCE = 50  # lines of an export


class MemoryClient:
    """The user's conversations; every method raises MemoryFailed, MemoryLocked and HostError."""

    def __init__(self, host: HostClient) -> None:
        self._host = host

    def begin(self, project: str, notebook: str) -> Conversation:
        """Start a conversation; it is listed once it has an exchange."""
        # The id comes from here: a request that is sent again begins nothing twice.
        body = {"id": uuid.uuid4().hex, "project": clean(project), "notebook": clean(notebook)}
        return records.conversation(self._post("", body)["conversation"])

    def latest(self, project: str, notebook: str) -> Conversation | None:
        """The conversation of this notebook that was added to last."""
        found = self.conversations(project, notebook, 1)
        return found[0] if found else None

    def conversations(
        self, project: str = "", notebook: str = "", limit: int = 50
    ) -> tuple[Conversation, ...]:
        """Those that were added to last; an empty place means any."""
        body = {"project": clean(project), "notebook": clean(notebook), "limit": limit}
        return tuple(map(records.conversation, self._post("/list", body)["conversations"]))

    def exchanges(self, conversation: str, last: int = 0, before: int = 0) -> tuple[Exchange, ...]:
        """The last exchanges, of those before a number, in their order; 0 means all."""
        body = {"conversation": conversation, "last": last, "before": before}
        return tuple(map(records.exchange, self._post("/exchanges", body)["exchanges"]))

    def save(self, conversation: str, exchange: Exchange, instead_of: int = 0) -> Saved:
        """Keep an exchange; on disk when this returns. Its number is the next one, never given.

        With `instead_of` it takes the place of the exchange of that number and of all after it.
        """
        body = {
            "conversation": conversation,
            "token": uuid.uuid4().hex,  # a save that is sent again is kept once
            "exchange": _cleaned(asdict(exchange)),
            "instead_of": instead_of,
        }
        return Saved(**self._post("/save", body))

    def recall(
        self, conversation: str, question: str, before: int, k: int
    ) -> tuple[Remembered, ...]:
        """The `k` exchanges with numbers below `before` that a question is most likely about."""
        body = {"conversation": conversation, "question": clean(question[:_MAX_TEXT])}
        return self._remembered("/v1/conversations/recall", body | {"before": before, "k": k})

    def search(self, text: str, project: str = "", k: int = 10) -> tuple[Remembered, ...]:
        """The best `k` exchanges of all conversations, or of a project's, by words and meaning."""
        body = {"text": clean(text[:100_000]), "project": clean(project), "k": k}
        return self._remembered("/v1/history/search", body)

    def mark(
        self,
        conversation: str,
        number: int,
        *,
        feedback: int | None = None,
        bookmarked: bool | None = None,
        pinned: bool | None = None,
        inserted: bool | None = None,
    ) -> None:
        """Say something about an exchange; None leaves it as it is."""
        marks = {
            "feedback": feedback,
            "bookmarked": bookmarked,
            "pinned": pinned,
            "inserted": inserted,
        }
        self._post("/mark", {"conversation": conversation, "number": number, **marks})

    def rename(self, conversation: str, title: str) -> None:
        self._post("/rename", {"conversation": conversation, "title": clean(title)})

    def delete(self, conversation: str) -> None:
        """Erase a conversation, as `forget` does."""
        self.forget(conversation=conversation)

    def bookmark(self, conversation: str, on: bool) -> None:
        self._post("/bookmark", {"conversation": conversation, "on": on})

    def snippets(self, text: str = "", language: str = "", tag: str = "") -> tuple[Snippet, ...]:
        """Code of answers that has these words, language and tag; the most used first."""
        body = {"text": clean(text), "language": clean(language), "tag": clean(tag)}
        found = self._host.post("/v1/snippets", body)["snippets"]
        return tuple(map(records.snippet, found))

    def use_snippet(self, snippet: str) -> Snippet:
        """Give a snippet and count one more use."""
        return records.snippet(self._host.post("/v1/snippets/use", {"snippet": snippet}))

    def tag_snippet(self, snippet: str, tags: Sequence[str]) -> None:
        """Replace the tags of a snippet."""
        body = {"snippet": snippet, "tags": [clean(tag) for tag in tags]}
        self._host.post("/v1/snippets/tag", body)

    def forget(self, project: str = "", conversation: str = "") -> int:
        """Erase a conversation, a project's, or with neither all; gives how many there were.

        On return no file of the store holds their text any more.
        """
        body = {"project": clean(project), "conversation": conversation}
        return int(self._post("/forget", body)["forgotten"])

    def export(self) -> Iterator[str]:
        """All that is kept, as lines of JSON, in plain text."""
        for data in self._host.stream("/v1/conversations/export", {}):
            line = json.loads(data)
            if "error" in line:
                raise wire.raised(line)
            if "end" in line:
                return
            yield data
        raise HostLost("the host broke off in the middle of the export")

    def load(self, lines: Iterable[str]) -> int:
        """Take in what `export` gave, except what is here already; gives the new exchanges."""
        remaining = iter(lines)
        loaded = 0
        while batch := [clean(line) for line in islice(remaining, _LOADED_AT_ONCE)]:
            loaded += int(self._post("/load", {"lines": batch})["loaded"])
        return loaded

    def state(self) -> dict[str, Any]:
        """Where it is kept (`path`), `size` in bytes, counts, `encrypted` and `locked`."""
        return self._post("/state", {})

    def unlock(self, passphrase: str) -> None:
        """Open an encrypted store for as long as the host runs; raises MemoryLocked."""
        self._post("/unlock", {"passphrase": passphrase})

    def _remembered(self, path: str, body: dict[str, Any]) -> tuple[Remembered, ...]:
        return tuple(map(records.remembered, self._host.post(path, body)["found"]))

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._host.post(f"/v1/conversations{path}", body)


def _cleaned(value: Any) -> Any:
    """Replace in all texts within a JSON value what no transport can carry."""
    if isinstance(value, str):
        return clean(value[:_MAX_TEXT])
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value
