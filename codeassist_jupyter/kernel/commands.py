"""What `%assist` can be told besides a question."""

from __future__ import annotations

from collections.abc import Callable

from .. import config
from ..citations import place, sources
from ..errors import UsageError
from ..reports import first_line, render_graph, render_status
from . import history
from .session import Session, say

_WAIT_S = 60.0  # for an index that is being built; a search is asked for, so it may wait


def run(session: Session, line: str) -> bool:
    """Carry out `line` if it is a command; False if it must be a question.

    A command that returns False takes the line for a question after all.
    """
    words = line.split()
    for length in (2, 1):  # "history open" before "history"
        command = COMMANDS.get(" ".join(words[:length]))
        if command is not None:
            function, least, most = command
            if least <= len(words) - length <= most:
                return function(session, *words[length:]) is not False
    return False  # such as "%assist help me with groupby", which is a question


def _help(_: Session) -> None:
    """this list"""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {f.__doc__}" for name, (f, _, _) in COMMANDS.items()]
    say(
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
    say("\n".join(lines))


def _doctor(session: Session) -> None:
    """check the set-up and say what to mend"""
    from ..doctor import check, render

    say(render(check(session.settings())))


def _models(session: Session) -> None:
    """models that are known, and which are here"""
    lines = []
    for model in session.client.models():
        mark = "*" if model["installed"] else " "
        lines.append(f"{mark} {model['id']}")
    say("\n".join([*lines, "* is here. `codeassist models list` says more."]))


def _model(session: Session, name: str) -> None:
    """NAME: answer with this model from now on"""
    session.chosen["model"] = session.client.resolve(name)
    say(f"model: {session.chosen['model']}")


def _reset(session: Session) -> None:
    """begin a new conversation; the others are kept"""
    session.assistant.reset()
    session.answer = None
    say("A new conversation begins.")


def _metrics(session: Session, *words: str) -> None:
    """[--plot]: how fast answers came, by model and by day"""
    from . import metrics

    metrics.show(session.client.metrics(metrics.DAYS), words)


def _stop(session: Session) -> None:
    """stop the answer that is being written"""
    session.stop()
    say("Stopped." if session.asked else "Nothing was asked yet.")


def _insert(session: Session) -> None:
    """put the code of the last answer into a new cell; it is not run"""
    session.insert_last()


def _panel(session: Session) -> None:
    """the chat as a widget in this cell's output, where there is no side panel"""
    from . import widget_panel

    widget_panel.show(session)


def _search(session: Session, *words: str) -> None:
    """WORDS: places in this project's code, notebooks and documents, without the model"""
    found = session.index.search(" ".join(words).strip("\"'"), wait_s=_WAIT_S)
    lines = [f"{n:>2}  {place(s)}" for n, s in enumerate(sources(found.hits), 1)]
    for number, hit in enumerate(found.hits):
        lines[number] += f"\n      {first_line(hit.chunk)}"
    if found.hits and not found.confident:
        lines.insert(0, "No confident match; the nearest:")
    if not found.hits:
        lines.append("Nothing was found.")
    if not found.complete:
        lines.append("The project is still being read; %assist index shows how far.")
    say("\n".join(lines))


def _index(session: Session, verb: str = "", name: str = "") -> None:
    """what is indexed, what was left out and why; `index remove NAME` forgets a package"""
    if not verb:
        say(render_status(session.index.status()))
    elif verb == "remove" and name:
        session.index.remove_package(name)
        say(f"{name} was removed; it is not read again before the host is restarted.")
    else:
        raise UsageError(f"unknown: index {verb}", "%assist index, or %assist index remove NAME")


def _graph(session: Session, name: str) -> None:
    """NAME: its definition, callers, callees and uses across files and notebooks"""
    say(render_graph(name, session.index.graph(name, _WAIT_S)))


def _fix(session: Session, *words: str) -> bool:
    """[--expect "x == 3"] [-o NAME]: explain the last failure and try fixes in a copy"""
    from . import fix

    if words and not words[0].startswith("-"):
        return False  # "%assist fix the labels of this plot"
    fix.fix(session, words)
    return True


def _apply(session: Session) -> None:
    """take the fix over into the notebook"""
    from . import fix

    say(fix.apply(session))


def _undo(session: Session) -> None:
    """give the cell back as it was before `apply`"""
    from . import fix

    say(fix.undo(session))


def _explain(session: Session, target: str = "") -> None:
    """[In[3] | NAME]: explain the last failure, or a cell or variable"""
    from . import fix

    fix.explain(session, target)


def _why(session: Session, name: str) -> None:
    """NAME: the executed cells that its present value came from"""
    from . import checks

    say(checks.why(session.shell, session.failures, name))


def _check(session: Session) -> None:
    """whether Restart & Run All would work, and what differs from the notebook"""
    from . import checks

    say(checks.check(session.shell, session.failures))


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
        say(f"{key:<20} {shown!s:<24} {origin}")
    if not name:
        say(f"Lasting values go into {config.config_file()}")


# name: (function, least and most number of words after it)
COMMANDS: dict[str, tuple[Callable[..., bool | None], int, int]] = {
    "help": (_help, 0, 0),
    "status": (_status, 0, 0),
    "doctor": (_doctor, 0, 0),
    "models": (_models, 0, 0),
    "model": (_model, 1, 1),
    "reset": (_reset, 0, 0),
    **history.COMMANDS,
    "metrics": (_metrics, 0, 1),
    "stop": (_stop, 0, 0),
    "insert": (_insert, 0, 0),
    "panel": (_panel, 0, 0),
    "search": (_search, 1, 100),
    "index": (_index, 0, 2),
    "graph": (_graph, 1, 1),
    "fix": (_fix, 0, 100),
    "apply": (_apply, 0, 0),
    "undo": (_undo, 0, 0),
    "explain": (_explain, 0, 1),
    "why": (_why, 1, 1),
    "check": (_check, 0, 0),
    "config": (_config, 0, 2),
}
