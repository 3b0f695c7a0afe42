"""What `%assist` can be told besides a question, and the session that answers both."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .. import config
from ..errors import CodeAssistError, UsageError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..assistant import Answer, Assistant
    from ..host.client import HostClient


class Session:
    """One kernel's chat: its settings, its assistant and its connection, all made on first use."""

    def __init__(self, shell: InteractiveShell, traits: Callable[[], Mapping[str, Any]]) -> None:
        self.shell = shell
        self.chosen: dict[str, Any] = {}  # by `%assist model` and `%assist config`
        self._traits = traits
        self._client: HostClient | None = None
        self._assistant: Assistant | None = None
        self.asked = ""  # id of the latest question

    def settings(self, overrides: Mapping[str, Any] | None = None) -> config.Settings:
        """All layers merged; what was chosen in this session counts like an argument."""
        given = {k: v for k, v in (overrides or {}).items() if v is not None}
        return config.load({**self.chosen, **given}, self._traits())

    @property
    def client(self) -> HostClient:
        if self._client is None:
            from ..host.client import HostClient

            self._client = HostClient(self.settings())
        return self._client

    @property
    def assistant(self) -> Assistant:
        if self._assistant is None:
            from ..assistant import Assistant
            from .context import capture

            self._assistant = Assistant(self.client, lambda question: capture(self.shell, question))
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
            stream(events, answer, view, lambda: self.client.cancel(question.id))
        except CodeAssistError:
            view.finish(answer.text, "")
            raise
        except KeyboardInterrupt:  # before the stream began to listen for it
            answer.stopped = "cancelled"
            view.finish("", "stopped")
        if args.output is not None:
            self.shell.user_ns[args.output] = answer
        if args.insert:
            self._insert(answer, args.insert)

    def _insert(self, answer: Answer, where: str) -> None:
        from ..imports import complete
        from .insert import can_insert, insert

        if answer.stopped != "stop":
            _say("The answer is not complete, so its code was not inserted.")
        elif not answer.code:
            _say("The answer has no Python code to insert.")
        elif can_insert(self.shell):
            insert(self.shell, complete(answer.code, self.shell.user_ns), where)
        else:
            _say("This front end cannot be asked for a new cell; copy the code above into one.")

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def _say(text: str) -> None:
    print(text)  # noqa: T201 - the answer to a command is what a cell prints


def run(session: Session, line: str) -> bool:
    """Carry out `line` if it is a command; False if it must be a question."""
    words = line.split()
    if not words or words[0] not in COMMANDS:
        return False
    function, least, most = COMMANDS[words[0]]
    if not least <= len(words) - 1 <= most:
        return False  # "%assist help me with groupby" is a question
    function(session, *words[1:])
    return True


def _help(_: Session) -> None:
    """this list"""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {f.__doc__}" for name, (f, _, _) in COMMANDS.items()]
    _say(
        "%assist QUESTION, or %%assist with the question in the cell. Options: %assist --help\n"
        + "\n".join(lines)
    )


def _status(session: Session) -> None:
    """host, model, speed and chat at a glance"""
    settings = session.settings()
    health = session.client.health(start=False)
    lines = [f"model    {settings.model} ({settings.engine})"]
    if health is None:
        lines.append("host     not running; it starts with the first question")
    else:
        lines.append(f"host     {health['state']}, pid {health['pid']}, {health['version']}")
    speed = session.client.speed(settings.model)
    if speed is not None:
        lines.append(
            f"speed    reads {speed.prefill_tokens_per_s:.0f} and writes "
            f"{speed.decode_tokens_per_s:.0f} tokens/s, measured by set-up"
        )
    lines.append(f"chat     {len(session.assistant.journal.turns)} turns")
    _say("\n".join(lines))


def _doctor(session: Session) -> None:
    """check the set-up and say what to mend"""
    from ..doctor import check, render

    _say(render(check(session.settings())))


def _models(session: Session) -> None:
    """models that are known, and which are here"""
    lines = []
    for model in session.client.models():
        mark = "*" if model["installed"] else " "
        lines.append(f"{mark} {model['id']}")
    _say("\n".join([*lines, "* is here. `codeassist models list` says more."]))


def _model(session: Session, name: str) -> None:
    """NAME: answer with this model from now on"""
    session.chosen["model"] = session.client.resolve(name)
    _say(f"model: {session.chosen['model']}")


def _reset(session: Session) -> None:
    """begin a new chat"""
    session.assistant.reset()
    _say("A new chat begins.")


def _history(session: Session) -> None:
    """the questions of this chat"""
    turns = session.assistant.journal.turns
    lines = [f"{i}  {turn.question.splitlines()[0][:100]}" for i, turn in enumerate(turns, 1)]
    _say("\n".join(lines) or "Nothing was asked yet.")


def _stop(session: Session) -> None:
    """stop the answer that is being written"""
    if session.asked:
        session.client.cancel(session.asked)
    _say("Stopped." if session.asked else "Nothing was asked yet.")


def _config(session: Session, name: str = "", value: str = "") -> None:
    """[NAME VALUE]: show the settings and where they come from, or set one for this session"""
    if value:
        session.settings({name: value})  # raises ConfigError for what is not valid
        session.chosen[name] = value
    settings = session.settings()
    names = (name,) if name else config.NAMES
    if name and name not in config.NAMES:
        raise UsageError(f"unknown setting {name!r}", f"One of: {', '.join(config.NAMES)}.")
    for key in names:
        shown = "***" if "key" in key and getattr(settings, key) else getattr(settings, key)
        origin = "session" if key in session.chosen else settings.origin.get(key, "default")
        _say(f"{key:<20} {shown!s:<24} {origin}")
    if not name:
        _say(f"Lasting values go into {config.config_file()}")


# name: (function, least and most number of words after it)
COMMANDS: dict[str, tuple[Callable[..., None], int, int]] = {
    "help": (_help, 0, 0),
    "status": (_status, 0, 0),
    "doctor": (_doctor, 0, 0),
    "models": (_models, 0, 0),
    "model": (_model, 1, 1),
    "reset": (_reset, 0, 0),
    "history": (_history, 0, 0),
    "stop": (_stop, 0, 0),
    "config": (_config, 0, 2),
}
