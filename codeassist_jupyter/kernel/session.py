"""The assistant of one kernel: asks, shows, inserts and binds; everything is made on first use."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .. import config
from ..errors import CodeAssistError, UsageError
from .watch import FailureWatch, LastFailure

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..assistant import Answer, Assistant
    from ..host.client import HostClient
    from ..host.index_client import IndexClient
    from ..project import Project
    from .feed import CellFeed


class Session:
    """One kernel's chat: its settings, its assistant and its connection, all made on first use."""

    def __init__(self, shell: InteractiveShell, traits: Callable[[], Mapping[str, Any]]) -> None:
        self.shell = shell
        self.chosen: dict[str, Any] = {}  # by `%assist model` and `%assist config`
        self._traits = traits
        self._client: HostClient | None = None
        self._assistant: Assistant | None = None
        self._project: Project | None = None
        self._feed: CellFeed | None = None
        self.asked = ""  # id of the latest question
        self.failures = FailureWatch(shell, self.settings)

    def settings(self, overrides: Mapping[str, Any] | None = None) -> config.Settings:
        """All layers merged; what was chosen in this session counts like an argument."""
        given = {k: v for k, v in (overrides or {}).items() if v is not None}
        return config.load({**self.chosen, **given}, self._traits())

    @property
    def last_failure(self) -> LastFailure | None:
        """The facts of the latest failed cell, and its hint; None if nothing is broken."""
        return self.failures.last

    @property
    def client(self) -> HostClient:
        if self._client is None:
            from ..host.client import HostClient

            self._client = HostClient(self.settings())
        return self._client

    @property
    def project(self) -> Project:
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

    @property
    def assistant(self) -> Assistant:
        if self._assistant is None:
            from ..assistant import Assistant
            from .context import capture

            self._assistant = Assistant(
                self.client, lambda question: capture(self.shell, question), self.project.retrieve
            )
        return self._assistant

    def ask(self, text: str, overrides: Mapping[str, Any], args: argparse.Namespace) -> None:
        """Answer under the cell; then insert and bind as `args` say."""
        from ..assistant import Answer, Question, checked
        from ..stream import stream
        from .display import open_view

        if args.output is not None and not args.output.isidentifier():
            raise UsageError(f"-o needs a variable name, not {args.output!r}")
        settings = self.settings(overrides)
        question = Question(checked(text), settings, use_context=not args.no_context)
        answer = Answer()
        self.asked = question.id
        view = open_view(self.shell, settings)
        events = self.assistant.ask(question, answer)
        try:
            stream(events, answer, view, self.stop, self.project.check)
        except CodeAssistError:
            view.finish(answer.text, "")
            raise
        if args.output is not None:
            self.shell.user_ns[args.output] = answer
        if args.insert:
            self._insert(answer, args.insert)

    def _insert(self, answer: Answer, where: str) -> None:
        from ..imports import complete
        from .insert import can_insert, insert

        if answer.stopped != "stop":
            say("The answer is not complete, so its code was not inserted.")
        elif not answer.code:
            say("The answer has no Python code to insert.")
        elif can_insert(self.shell):
            insert(self.shell, complete(answer.code, self.shell.user_ns), where)
        else:
            say("This front end cannot be asked for a new cell; copy the code above into one.")

    def stop(self) -> None:
        """Cancel the latest question, if it is still being answered."""
        if self.asked:
            self.client.cancel(self.asked)

    def close(self) -> None:
        self.failures.close()
        if self._feed is not None:
            self._feed.close()
        if self._client is not None:
            self._client.close()


def say(text: str) -> None:
    print(text)  # noqa: T201 - the answer to a command is what a cell prints
