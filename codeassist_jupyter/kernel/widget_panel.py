"""`%assist panel`: the chat as an ipywidgets widget, for front ends that the side panel is not in.

A click only starts something and returns: answers stream from a thread of their own, so that the
kernel stays free, for Stop too. Does not know how an answer comes about.
"""

from __future__ import annotations

import contextvars
import functools
import html
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import security
from ..assistant import Answer, Question, checked
from ..citations import Cited
from ..errors import CodeAssistError, UsageError
from ..imports import complete
from ..stream import banner
from .insert import can_insert

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline

    from .session import Session

log = logging.getLogger(__name__)

_INTERVAL_S = 0.08
# Each update renders and sends the whole answer; so much of the kernel's time it may take.
_SHARE = 0.1
_RESUMED = 5  # turns of the conversation that is gone on with
_MOST_TURNS = 50
_FORMULA = re.compile(r"\$\$.+?\$\$|\$[^\s$](?:[^$\n]*[^\s$])?\$(?!\d)", re.DOTALL)
_VIEW = "application/vnd.jupyter.widget-view+json"


def show(session: Session) -> None:
    """Show a panel under the running cell, in place of the one that this cell showed before.

    Raises UsageError where there is no kernel or no ipywidgets.
    """
    from IPython.display import display

    if session.panel is None:
        raise UsageError("a terminal cannot show the panel", "Use it in a notebook, or %assist.")
    try:
        import ipywidgets
    except ImportError as exc:
        hint = 'Install it: python -m pip install "ipywidgets>=8.1"; then restart the kernel.'
        raise UsageError("the panel needs ipywidgets, which is not installed", hint) from exc
    parent = session.shell.kernel.get_parent()  # type: ignore[attr-defined] # of ipykernel's
    # Who does not tell the cell gets a panel more.
    cell = parent.get("metadata", {}).get("cellId") or uuid.uuid4().hex
    if (before := session.widget_panels.pop(cell, None)) is not None:
        before.close()
    panel = session.widget_panels[cell] = WidgetPanel(session, ipywidgets)
    view = {"version_major": 2, "version_minor": 0, "model_id": panel.box.model_id}
    plain = "CodeAssist's panel; this front end shows no widgets, so ask with %assist."
    display({_VIEW: view, "text/plain": plain}, raw=True)


class WidgetPanel:
    """One panel; all panels of a kernel, and its magics, go on with the same conversation."""

    def __init__(self, session: Session, widgets: Any) -> None:
        self._session = session
        self._widgets = widgets
        self._asked: Question | None = None  # what is being answered
        self._answer: Answer | None = None  # whose code Insert is about
        self._model = widgets.HTML()
        self._turns = widgets.VBox()
        self._note = widgets.HTML()
        self._code = widgets.Textarea(description="Code", layout={"width": "98%"})
        # Not while it is typed in: the last change could then arrive behind the click on Send.
        self._question = widgets.Textarea(
            description="Question",
            placeholder="Ask about this notebook; {name} describes a live object",
            continuous_update=False,
            layout={"width": "98%"},
        )
        self._buttons = {
            name: self._button(name, hint, clicked)
            for name, hint, clicked in (
                ("Send", "Ask the question", self._send),
                ("Stop", "Stop the answer", self._stop),
                ("Insert", "Show the code of the answer, to be put into a cell", self._insert),
                ("New", "Begin a new conversation; the others are kept", self._new),
            )
        }
        buttons = widgets.HBox(tuple(self._buttons.values()), layout={"flex_flow": "row wrap"})
        self._composer = (self._question, buttons, self._note)
        self.box = widgets.VBox((self._model, self._turns, *self._composer))
        for widget in (self._question, self._code, *self._buttons.values()):
            _listen(widget)
        self._resume()
        self._refresh()

    def close(self) -> None:
        """Stop the answer and take the panel away."""
        self._stop()
        widgets = (*self._turns.children, self._turns, self._model, self._code, *self._composer)
        for widget in (self.box, *widgets, *self._buttons.values()):
            widget.close()

    def _button(self, name: str, hint: str, clicked: Callable[[], None]) -> Any:
        button = self._widgets.Button(description=name, tooltip=hint)
        button.on_click(lambda _: self._guarded(clicked))
        return button

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do `work`; a door, as nobody sees what a widget's callback or a thread raises."""
        try:
            work()
        except CodeAssistError as exc:
            self._say(f"{exc.message} {exc.hint}".strip())
        except Exception as exc:  # the same for a fault of ours
            log.exception("the widget panel failed")
            self._say(f"unexpected failure: {type(exc).__name__}. Please report this as a bug.")

    def _start(self, work: Callable[[], None]) -> None:
        """Do `work` on a thread whose messages count as answers to this click."""
        # Without the context they would count as the output of a cell that is running.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._guarded, work), daemon=True).start()

    def _say(self, text: str) -> None:
        self._note.value = _quiet(text)

    def _send(self) -> None:
        text, session = self._question.value.strip(), self._session
        if not text or self._asked is not None:
            return
        settings = session.settings()
        busy = session.panel is not None and session.panel.busy
        question = Question(checked(text), settings, kernel_busy=busy)
        self._asked, self._answer = question, None
        self._refresh()
        self._hide_code()
        turn = self._turn(text)
        turn.status("thinking …")
        self._question.value = ""
        self._start(lambda: self._stream(question, turn))

    def _stream(self, question: Question, turn: _Turn) -> None:
        try:
            self._answer = self._session.answer_to(question, turn)
        except CodeAssistError as exc:
            turn.fail(exc)
        finally:
            self._asked = None
            self._refresh()

    def _stop(self) -> None:
        if (asked := self._asked) is not None:
            self._start(lambda: self._session.client.cancel(asked.id))

    def _insert(self) -> None:
        """Show the code: a front end takes code for a new cell only when a cell has run."""
        answer, shell = self._answer, self._session.shell
        if answer is None:
            return
        self._session.answer = answer  # what `%assist insert` takes
        code = complete(answer.code, shell.user_ns)
        self._code.value = code
        self._code.rows = min(20, code.count("\n") + 2)
        self.box.children = (self._model, self._turns, self._code, *self._composer)
        way = ", or run %assist insert in a cell: it comes in a new cell below"
        self._say(f"Copy it into a cell{way if can_insert(shell) else ''}.")

    def _new(self) -> None:
        if self._asked is None:
            self._session.assistant.reset()
            self._session.answer = self._answer = None
            self._show_turns(())
            self._hide_code()
            self._refresh()
            self._say("A new conversation begins.")

    def _hide_code(self) -> None:
        self.box.children = (self._model, self._turns, *self._composer)
        self._note.value = ""

    def _turn(self, question: str) -> _Turn:
        turn = _Turn(self._widgets.HTMLMath(), question)
        self._show_turns((*self._turns.children, turn.widget)[-_MOST_TURNS:])
        return turn

    def _show_turns(self, shown: tuple[Any, ...]) -> None:
        before = self._turns.children
        self._turns.children = shown  # first: a front end must not look for one that is closed
        for gone in set(before).difference(shown):
            gone.close()

    def _resume(self) -> None:
        """Show the last turns of the conversation, as far as it can be read."""
        session = self._session
        try:
            chosen = session.chat.find()
            kept = session.memory.exchanges(chosen.id, _RESUMED) if chosen is not None else ()
        except CodeAssistError as exc:
            self._say(f"{exc.message} {exc.hint}".strip())
            return
        for one in kept:
            self._turn(one.question).finish(one.answer, "")
        if chosen is not None and kept:
            last = kept[-1]
            self._answer = Answer(
                last.answer, stopped=last.stopped, conversation=chosen.id, number=last.number
            )

    def _refresh(self) -> None:
        """Bring buttons and the model's line up to date."""
        asked, answer = self._asked is not None, self._answer
        whole = answer is not None and answer.stopped == "stop" and answer.code != ""
        disabled = {"Send": asked, "Stop": not asked, "Insert": not whole, "New": asked}
        for name, button in self._buttons.items():
            button.disabled = disabled[name]
        settings = self._session.settings()
        models = {"llama_cpp": settings.model, "openai": settings.openai_model}
        state = "answering" if asked else self._state()
        parts = (models.get(settings.engine) or settings.engine, state, banner(settings))
        self._model.value = _quiet(" · ".join(part for part in parts if part))

    def _state(self) -> str:
        health = self._session.client.health(start=False)
        state = str(health["state"]) if health is not None else "idle"
        return "starts with the next question" if state == "idle" else state


class _Turn:
    """A question and its answer as they are shown; the view of a streaming answer."""

    def __init__(self, widget: Any, question: str) -> None:
        self.widget = widget
        asked = html.escape(security.clean(question))
        self._question = f'<p style="white-space: pre-wrap"><strong>{asked}</strong></p>'
        self._text = ""
        self._next = 0.0

    def status(self, message: str) -> None:
        self._update("", message)

    def show(self, text: str) -> None:
        self._update(text)

    def finish(self, text: str, footer: str, cited: Sequence[Cited] = ()) -> None:
        self._draw(text, *map(str, cited), footer)

    def fail(self, error: CodeAssistError) -> None:
        """Say below what is there of the answer why there is no more."""
        self._draw(self._text, f"{error.message} {error.hint}".strip())

    def _update(self, text: str, *notes: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._draw(text, *notes)
            took = time.monotonic() - now
            self._next = now + max(_INTERVAL_S, took / _SHARE)

    def _draw(self, text: str, *notes: str) -> None:
        self._text = text
        below = "".join(_quiet(note) for note in notes if note)
        self.widget.value = self._question + as_html(text) + below


def as_html(markdown: str) -> str:
    """HTML of what a model wrote: text, headings, lists, tables, code and formulas, no links."""
    return str(_renderer().render(security.sanitize(markdown)))


@functools.cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt  # not at the top: %load_ext must stay light

    # `sanitize` leaves neither HTML nor links; this makes sure of it.
    off = ["html_block", "html_inline", "reference", "link", "image", "autolink"]
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table").disable(off)
    renderer.inline.ruler.before("escape", "formula", _formula)
    return renderer


def _formula(state: StateInline, silent: bool) -> bool:
    """Keep a formula as it is: Markdown would eat its backslashes."""
    found = _FORMULA.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("text", "", 0).content = html.unescape(found[0])
    state.pos = found.end()
    return True


def _quiet(text: str) -> str:
    return f"<p><em>{html.escape(security.clean(text))}</em></p>"


def _listen(widget: Any) -> None:
    """Take a widget's messages on the thread that the front end chose, without IPython's hooks.

    ipykernel 7.4 would have them wait for the shell that the widget was made in, and so for the
    cell that is running. `Comm.on_msg` would have pre_execute and post_execute triggered around
    them, at which matplotlib draws the figures of that cell (ipykernel#1557).
    """
    widget.comm._reply_subshell_for = lambda _, chosen: chosen
    widget.comm.handle_msg = widget._handle_msg
