"""The assistant of one kernel: asks, shows, inserts and binds; everything is made on first use."""

from __future__ import annotations

import argparse
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import config
from ..errors import CodeAssistError, UsageError
from .watch import FailureWatch, LastFailure

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..assistant import Answer, Assistant, Question
    from ..chat import Chat
    from ..host.client import HostClient
    from ..host.index_client import IndexClient
    from ..host.memory_client import MemoryClient
    from ..project import Project
    from ..stream import View
    from ..types import Conversation, Remembered, Snippet
    from .feed import CellFeed
    from .fix import Fix
    from .panel import Panel
    from .read_ahead import ReadAhead
    from .widget_panel import WidgetPanel

log = logging.getLogger(__name__)


class Session:
    """One kernel's chat: its settings, its assistant and its connection, all made on first use."""

    def __init__(self, shell: InteractiveShell, traits: Callable[[], Mapping[str, Any]]) -> None:
        self.shell = shell
        self.chosen: dict[str, Any] = {}  # by `%assist model` and `%assist config`
        self._traits = traits
        self._making = threading.RLock()  # magics and panels may be first at once
        self.panel: Panel | None = None  # in a kernel only
        self.widget_panels: dict[str, WidgetPanel] = {}  # by the cell that shows them
        self._client: HostClient | None = None
        self._assistant: Assistant | None = None
        self._project: Project | None = None
        self._feed: CellFeed | None = None
        self._chat: Chat | None = None
        self.asked: Question | None = None
        self.answer: Answer | None = None  # the latest one
        self.fixed: Fix | None = None  # what `%assist apply` takes over
        # What was listed last; commands that take a number mean these.
        self.listed: tuple[Conversation, ...] = ()
        self.found: tuple[Remembered, ...] = ()
        self.snippets: tuple[Snippet, ...] = ()
        self.failures = FailureWatch(shell, self.settings, self._failed)
        self._read_ahead: ReadAhead | None = None

    def settings(self, overrides: Mapping[str, Any] | None = None) -> config.Settings:
        """All layers merged; what was chosen in this session counts like an argument."""
        given = {k: v for k, v in (overrides or {}).items() if v is not None}
        return config.load({**self.chosen, **given}, self._traits())

    def _failed(self, failure: LastFailure) -> None:
        """A cell has failed: let the model read about it while the user looks at the traceback."""
        if self._read_ahead is None:
            from .read_ahead import ReadAhead

            self._read_ahead = ReadAhead(self.shell, self)
        self._read_ahead.start(failure)

    @property
    def last_failure(self) -> LastFailure | None:
        """The facts of the latest failed cell, and its hint; None if nothing is broken."""
        return self.failures.last

    @property
    def client(self) -> HostClient:
        with self._making:
            if self._client is None:
                from ..host.client import HostClient

                self._client = HostClient(self.settings())
            return self._client

    @property
    def project(self) -> Project:
        with self._making:
            if self._project is None:
                from ..project import Project
                from .feed import CellFeed
                from .imported import Imported

                imported = Imported(self.shell)
                self._project = Project(self.client, imported.imports)
                self._feed = CellFeed(self.shell, self.client, self._project, imported)
            return self._project

    @property
    def index(self) -> IndexClient:
        """The project's index, which by now knows all that was run here."""
        index = self.project.index
        if self._feed is not None:
            self._feed.tell()
        return index

    def edited(self, cell_id: str, source: str) -> None:
        """A cell's text has changed in the front end; let it be found, run or not."""
        _ = self.project  # which makes the feed
        if self._feed is not None:
            self._feed.edited(cell_id, source)

    @property
    def memory(self) -> MemoryClient:
        from ..host.memory_client import MemoryClient

        return MemoryClient(self.client)

    @property
    def chat(self) -> Chat:
        with self._making:
            if self._chat is None:
                from ..chat import Chat

                # JupyterLab's server names the notebook; other front ends do not.
                name = os.environ.get("JPY_SESSION_NAME", "")
                notebook = str(Path(name).absolute()) if name else ""
                self._chat = Chat(self.memory, lambda: self.project.folder, notebook)
            return self._chat

    @property
    def assistant(self) -> Assistant:
        with self._making:
            if self._assistant is None:
                from ..assistant import Assistant
                from .context import capture

                self._assistant = Assistant(
                    self.client,
                    lambda question: capture(self.shell, question),
                    self.project.retrieve,
                    self.chat,
                )
            return self._assistant

    def ask(self, text: str, overrides: Mapping[str, Any], args: argparse.Namespace) -> None:
        """Answer under the cell; then insert and bind as `args` say."""
        from ..assistant import ALL, NOTHING, Question, checked

        if args.output is not None and not args.output.isidentifier():
            raise UsageError(f"-o needs a variable name, not {args.output!r}")
        settings = self.settings(overrides)
        question = Question(checked(text), settings, without=ALL if args.no_context else NOTHING)
        answer = self.answer_to(question)
        if args.output is not None:
            self.shell.user_ns[args.output] = answer
        inserted = bool(args.insert) and self._insert(answer, args.insert)
        if args.output is not None or inserted:
            self._mark_inserted(answer)

    def answer_to(self, question: Question, view: View | None = None) -> Answer:
        """Stream the answer into `view`, which is under the cell if none is given; give it back."""
        from ..assistant import Answer
        from ..stream import stream
        from .display import open_view

        answer = Answer()
        self.asked = question
        view = view or open_view(self.shell, question.settings)
        events = self.assistant.ask(question, answer)
        try:
            stream(
                events,
                answer,
                view,
                self.stop,
                self.project.check,
                lambda: self.assistant.keep(question),
            )
        except CodeAssistError:
            view.finish(answer.text, "")
            raise
        self.answer = answer
        return answer

    def put(self, code: str, where: str = "below") -> bool:
        """Put code into a new cell, or into this one; False if this front end cannot."""
        from ..imports import complete
        from .insert import can_insert, insert

        if can_insert(self.shell):
            insert(self.shell, complete(code, self.shell.user_ns), where)
            return True
        say("This front end cannot be asked for a new cell; copy the code into one.")
        return False

    def insert_last(self) -> None:
        """Put the code of the latest answer into a new cell; raises UsageError if there is none."""
        if self.answer is None:
            raise UsageError("nothing was asked yet", "Ask first: %assist QUESTION.")
        if self._insert(self.answer, "below"):
            self._mark_inserted(self.answer)

    def _insert(self, answer: Answer, where: str) -> bool:
        if answer.stopped != "stop":
            say("The answer is not complete, so its code was not inserted.")
        elif not answer.code:
            say("The answer has no Python code to insert.")
        else:
            return self.put(answer.code, where)
        return False

    def _mark_inserted(self, answer: Answer) -> None:
        """Note that an answer was of use; it is found first in future."""
        if answer.number:
            try:
                self.memory.mark(answer.conversation, answer.number, inserted=True)
                self.assistant.mark_important(answer.number)
            except CodeAssistError as exc:
                log.info("the use of an answer was not noted: %s", exc)

    def stop(self) -> None:
        """Cancel the latest question, if it is still being answered."""
        if self.asked is not None:
            self.client.cancel(self.asked.id)

    def close(self) -> None:
        for widget in self.widget_panels.values():
            widget.close()
        if self.panel is not None:
            self.panel.close()
        self.failures.close()
        if self._read_ahead is not None:
            self._read_ahead.close()
        if self._feed is not None:
            self._feed.close()
        if self._client is not None:
            self._client.close()


def say(text: str) -> None:
    print(text)  # noqa: T201 - the answer to a command is what a cell prints
