"""What the side panel shows of the model and lets the user set, for this kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from .. import config, security
from ..errors import CodeAssistError, ModelError, UsageError
from ..protocol import Request
from .comm import Reply

if TYPE_CHECKING:
    from ..config import Settings
    from .panel import Panel
    from .session import Session


class _Setting(NamedTuple):
    about: str
    choices: tuple[str, ...] = ()


_ON_OFF = ("on", "off")
# Those that a user changes between questions; all others stand in the settings file.
_SETTINGS: Mapping[str, _Setting] = {
    "model": _Setting("The model that answers."),
    "max_tokens": _Setting("The longest answer, in tokens."),
    "temperature": _Setting("0 always gives the same answer; more varies it."),
    "latency_budget_s": _Setting("Seconds that reading what is new for a question may take."),
    "keep_history": _Setting("Whether questions and answers are kept on this machine.", _ON_OFF),
    "hints": _Setting("Whether a line under a traceback says what the kernel knows.", _ON_OFF),
}
_STATES = {"idle": "stopped"}  # of the host, in the panel's words


def model(panel: Panel, _: Request, reply: Reply) -> None:
    """Tell the model and its state now; starts nothing."""
    reply.send("model", model=name_of(panel.session.settings()), state=_state(panel.session))


def settings(panel: Panel, _: Request, reply: Reply) -> None:
    """Tell the settings that the panel shows."""
    now, session = panel.session.settings(), panel.session
    values = []
    for name, setting in _SETTINGS.items():
        value = str(getattr(now, name))
        choices = setting.choices
        if name == "model":
            choices = tuple(dict.fromkeys((value, *_installed(session))))
        origin = "session" if name in session.chosen else now.origin.get(name, "default")
        values.append(
            {
                "name": name,
                "value": security.clean(value, 200),
                "origin": security.clean(origin, 300),
                "choices": list(choices),
                "about": setting.about,
            }
        )
    reply.send("settings", values=values)


def put(panel: Panel, request: Request, reply: Reply) -> None:
    """Set one for this kernel; raises ConfigError for what is not valid."""
    session, name, value = panel.session, request.fields["name"], request.fields["value"].strip()
    if name not in _SETTINGS:
        raise UsageError(f"{name[:60]!r} is not set here", f"It stands in {config.config_file()}.")
    if name == "model":
        value = session.client.resolve(value)
    session.settings({name: value})
    session.chosen[name] = value
    settings(panel, request, reply)


def name_of(now: Settings) -> str:
    """The model that answers, in the words of its engine."""
    names = {"llama_cpp": now.model, "openai": now.openai_model}
    return names.get(now.engine) or now.engine


HANDLERS: dict[str, Callable[[Panel, Request, Reply], None]] = {
    "model": model,
    "settings": settings,
    "set": put,
}


def _state(session: Session) -> str:
    """loading, ready, busy, missing, or stopped where no model is loaded."""
    now = session.settings()
    try:
        session.client.require_model(now.engine, now.model)
    except ModelError:
        return "missing"
    health = session.client.health(start=False)
    state = health["state"] if health is not None else "idle"
    return _STATES.get(state, state)


def _installed(session: Session) -> list[str]:
    """Names of the models that are here; the host need not run for the others to be shown."""
    try:
        models = session.client.models()
    except CodeAssistError:
        return []
    return [session.client.resolve(one["id"]) for one in models if one["installed"]]
