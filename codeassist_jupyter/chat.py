"""The conversation that a kernel is in, as the store keeps it: goes on with it, saves, recalls.

Knows nothing of prompts. While the store is locked, what is to be saved waits here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from .errors import CodeAssistError, MemoryLocked, UsageError
from .host.memory_client import MemoryClient
from .types import Conversation, Exchange, Remembered

log = logging.getLogger(__name__)

_MOST_WAITING = 100
_ANY_NUMBER = 10**9


class Chat:
    """One kernel's conversation; any thread.

    `project` tells the current folder. `notebook` is the notebook's file; with none, which is so in
    a terminal, each kernel begins a conversation of its own.
    """

    def __init__(self, memory: MemoryClient, project: Callable[[], str], notebook: str) -> None:
        self.memory = memory
        self.notebook = notebook
        self._project = project
        self._lock = threading.RLock()
        self._conversation: Conversation | None = None
        self._begins = not notebook
        self._waiting: list[tuple[Exchange, int]] = []  # with the number it takes the place of

    @property
    def conversation(self) -> Conversation | None:
        """The one we are in, as far as we know; None before the first answer of a new one."""
        return self._conversation

    def find(self) -> Conversation | None:
        """The one we are in, or else the one that this notebook goes on with."""
        with self._lock:
            if self._conversation is None and not self._begins:
                self._conversation = self.memory.latest("", self.notebook)
            return self._conversation

    @property
    def waiting(self) -> int:
        """How many exchanges wait for the store to be unlocked."""
        return len(self._waiting)

    def resume(self, last: int) -> tuple[Exchange, ...]:
        """The last exchanges of what this notebook talked about; none if that cannot be read."""
        try:
            with self._lock:
                current = self.find()
                return self.memory.exchanges(current.id, last) if current is not None else ()
        except CodeAssistError as exc:
            log.info("the conversation is not resumed: %s", exc)
            return ()

    def recall(self, question: str, k: int, before: int = 0) -> tuple[Remembered, ...]:
        """Exchanges of this conversation that a question is about; none if they cannot be read.

        Only those before a number, unless that is 0.
        """
        current = self._conversation
        if current is None or not current.turns:
            return ()
        try:
            return self.memory.recall(current.id, question, before or _ANY_NUMBER, k)
        except CodeAssistError as exc:
            log.info("nothing is recalled: %s", exc)
            return ()

    def save(self, exchange: Exchange, instead_of: int = 0) -> tuple[str, int]:
        """Keep an exchange, on disk on return; gives its conversation and number.

        With `instead_of` it takes the place of the exchange of that number and of all after it.

        Raises MemoryLocked if it waits to be unlocked, MemoryFailed and HostError if it is lost.
        """
        with self._lock:
            self._waiting = [*self._waiting, (exchange, instead_of)][-_MOST_WAITING:]
            try:
                return self._flush()
            except MemoryLocked:
                raise
            except CodeAssistError:
                self._waiting.pop()
                raise

    def unlock(self, passphrase: str) -> int:
        """Unlock the store and save what waits for that; gives how many were saved."""
        self.memory.unlock(passphrase)
        with self._lock:
            count = self.waiting
            if count:
                self._flush()
            return count

    def open(self, conversation: Conversation) -> None:
        """Go on with another conversation."""
        with self._lock:
            self._conversation, self._begins = conversation, False

    def rename(self, conversation: Conversation, title: str) -> None:
        """Give a conversation, the one we are in or another, a new title."""
        self.memory.rename(conversation.id, title)
        with self._lock:
            current = self._conversation
            if current is not None and current.id == conversation.id:
                self._conversation = replace(current, title=title)

    def begin(self) -> None:
        """Go on with a new conversation."""
        with self._lock:
            self._conversation, self._begins = None, True

    def _flush(self) -> tuple[str, int]:
        place = ("", 0)
        while self._waiting:
            place = self._save(*self._waiting[0])
            self._waiting.pop(0)
        return place

    def _save(self, exchange: Exchange, instead_of: int) -> tuple[str, int]:
        current = self.find() or self._begun()
        try:
            saved = self.memory.save(current.id, exchange, instead_of)
        except UsageError:  # it was erased elsewhere
            current = self._begun()
            saved = self.memory.save(current.id, exchange)
        self._conversation = replace(
            current,
            title=saved.title,
            turns=saved.number,
            summary=saved.summary,
            summary_upto=saved.summary_upto,
        )
        return current.id, saved.number

    def _begun(self) -> Conversation:
        self._conversation = self.memory.begin(self._project(), self.notebook)
        return self._conversation
