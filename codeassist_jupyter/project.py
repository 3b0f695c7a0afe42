"""The project around a question: finds sources for it, and reads again what an answer cites.

The packages that the notebook imports are searched too.

Never delays or fails a question: without an index in time there are simply no sources.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from . import citations
from .assistant import Answer
from .citations import Cited
from .errors import CodeAssistError, UsageError
from .host.client import HostClient
from .host.index_client import Imports, IndexClient
from .types import Context, Hit, Source

log = logging.getLogger(__name__)

_HITS = 4
_FIRST_WAIT_S = 3.0  # for an index that is only being opened
_RELATED = "near the sources, in the same project"
_MAP = "map of the project: what most of it uses"


class Project:
    """The index as this kernel sees it; the project is that of the current folder.

    `imports` says what the notebook imports and what the names of a question stand for.
    """

    def __init__(
        self, client: HostClient, imports: Callable[[str], Imports] = lambda _: Imports()
    ) -> None:
        self._client = client
        self._imports = imports
        self._hits: dict[Source, Hit] = {}
        self._root = ""

    @property
    def folder(self) -> str:
        """The current folder; raises UsageError if it was deleted."""
        try:
            return str(Path.cwd())
        except OSError as exc:
            raise UsageError("the current folder is gone", "Change to another: %cd PATH.") from exc

    @property
    def index(self) -> IndexClient:
        return IndexClient(self._client, self.folder)

    def retrieve(self, question: str) -> Context:
        """Places that answer the question, and what stands around them.

        Empty where the index is not sure or not there.
        """
        try:
            imports = self._imports(question)
            found = self.index.search(question, _HITS, _FIRST_WAIT_S, imports, around=True)
        except CodeAssistError as exc:
            log.info("no sources: %s", exc)
            return Context()
        hits = found.hits if found.confident else ()
        self._root = found.root
        self._hits = dict(zip(citations.sources(hits), hits, strict=True))
        notes = ((_MAP, found.overview), (_RELATED, found.related))
        return Context(hits=hits, attachments=tuple(note for note in notes if note[1]))

    def check(self, answer: Answer) -> list[Cited]:
        """The sources that an answer cites, each read again: verified, moved, changed or gone.

        A small model often forgets to cite; then all that it was given are listed.
        """
        numbers = citations.cited(answer.text)
        known = [source for source in answer.sources if source in self._hits]
        used = [source for source in known if source.id in numbers] or known
        if not used:
            return []
        try:
            verdicts = self.index.verify([self._hits[source].chunk for source in used])
        except CodeAssistError as exc:
            log.info("sources not checked: %s", exc)
            verdicts = ["not checked"] * len(used)
        links = [citations.link(source, self._root) for source in used]
        return [Cited(*item) for item in zip(used, verdicts, links, strict=True)]
