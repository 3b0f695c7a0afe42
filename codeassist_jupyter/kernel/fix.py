"""`%assist fix`: explains the last failure, searches a fix, and says what was seen of it.

Candidates run in a copy of the kernel only; the user's cell changes when the user says so.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from ..assistant import Answer, Question
from ..citations import Cited
from ..config import Settings
from ..errors import UsageError
from ..options import OPTIONS, settings_of
from ..stream import View, footer, stream
from ..types import Usage
from . import execution, file_fix, lineage, postmortem, repair, trial
from .display import open_view
from .file_fix import Target
from .insert import can_insert, insert
from .outcomes import NotTried, Observed, Outcome
from .repair import Attempt, Broken, Proposal, Search
from .verdict import STATUS, brief, verdict

if TYPE_CHECKING:
    from .session import Session
    from .watch import LastFailure

FIX = """\
First say in two to five sentences why the cell fails, and name the real values that show it. \
Then give the whole corrected cell in one ```python block.
Change as little as possible and keep every name that the cell makes. Use only columns, keys and \
attributes that are listed above. Do not catch or hide the error, invent values, or drop rows.\
"""
FIX_FILE = """
If the fault is in `{name}` itself, give that whole corrected function instead of the cell.\
"""
EXPLAIN = """\
Say in two to five sentences why it failed, and name the real values that show it. Give no code.\
"""
_GAPS = re.compile(r"\n(?:\s*\n){2,}")
_LEADING_OVER = re.compile(r"[^.!?\n]*:$", re.M)  # "Here is the corrected cell:"
_SECONDS = 90.0  # for the whole search
_TOKENS = 600  # of one answer: a few sentences and a cell; what is longer goes round in circles
Attempting = Callable[..., Outcome]  # as trial.attempt
_BELOW = 5  # cells below that are run after a candidate


@dataclass(slots=True)
class Fix:
    """What `%assist fix -o NAME` binds; `status` is verified, ran, failed or not_tried.

    `source` is what `code` takes the place of: the cell, or a function of the file `path`.
    """

    source: str
    cell_id: str
    path: str = ""
    code: str = ""
    status: str = "not_tried"
    explanation: str = ""
    hint: str = ""
    verdict: str = ""
    observed: Observed | None = None
    attempts: tuple[Attempt, ...] = ()
    flags: tuple[str, ...] = ()
    usages: tuple[Usage, ...] = ()  # of the model's answers
    target: Target | None = None

    @property
    def diff(self) -> str:
        """The change as a unified diff, without headings."""
        before, after = self.source.splitlines(), self.code.splitlines()
        lines = [*difflib.unified_diff(before, after, lineterm="", n=2)][2:]
        return "\n".join(line for line in lines if not line.startswith("@@"))


def fix(session: Session, words: Sequence[str]) -> Fix:
    """Search, show and return a fix of the last failed cell.

    Raises UsageError where nothing failed or the options are wrong; on Ctrl-C the best that was
    found until then is shown.
    """
    args = _parsed(words)
    if args.output is not None and not args.output.isidentifier():
        raise UsageError(f"-o needs a variable name, not {args.output!r}")
    failure = failure_of(session)
    settings = session.settings(settings_of(args))
    view = open_view(session.shell, settings)
    work = Work(session, failure, settings, tuple(args.expect), view, trial.attempt)
    found = mend(work)
    view.finish(shown(found), work.footer)
    if args.output is not None:
        session.shell.user_ns[args.output] = found
    return found


def mend(work: Work) -> Fix:
    """Search until something good is found or the work is stopped; remember and give the best."""
    session = work.session
    try:
        for tried in work.search.run():
            work.view.status(f"tried: {brief(tried.outcome)} …")
    except KeyboardInterrupt:
        work.interrupted = True
    found = _fix(work)
    found.usages = tuple(work.usages)
    work.answer = replace(work.answer, text=shown(found), stopped="stop")
    session.assistant.note(f"%assist fix: {title(work.failure)}", work.answer, work.settings)
    session.fixed = found
    return found


def apply(session: Session) -> str:
    """Take the latest fix over into the notebook; say where it went."""
    found = session.fixed
    if found is None or not found.code:
        raise UsageError("there is no fix to apply", "%assist fix searches one.")
    if found.target is not None:
        return file_fix.write(found.target, found.source, found.code)
    return _put(session, found, found.source, found.code, "the corrected cell")


def undo(session: Session) -> str:
    """Give the cell back as it was before `apply`."""
    found = session.fixed
    if found is None:
        raise UsageError("there is nothing to undo", "%assist apply has not been used.")
    if found.target is not None:
        return file_fix.write(found.target, found.code, found.source)
    return _put(session, found, found.code, found.source, "the cell as it was")


def _put(session: Session, found: Fix, before: str, code: str, what: str) -> str:
    """Change the cell itself where a side panel can, else make a new one."""
    panel = session.panel
    if panel is not None and found.cell_id and panel.replace(found.cell_id, before, code):
        return f"The cell holds {what} now; it was not run."
    if not can_insert(session.shell):
        return f"This front end cannot be asked for a new cell; here is {what}:\n\n{code}"
    insert(session.shell, code, "below")
    return f"A new cell below holds {what}; this front end lets no other cell be changed from here."


def question(failure: LastFailure, settings: Settings, broken: Broken | None = None) -> Question:
    """What the model is asked; the facts stand last, so all before them is read only once."""
    broken = broken or _broken(failure)
    facts = [("the cell that fails", broken.source)]
    target = file_fix.at_fault(failure.post_mortem)
    if target is not None:
        facts.append((f"the function of {target.shown} that it fails in", target.source))
    facts.append(("what was true when it failed", broken.facts))
    if broken.hint:
        facts.append(("known about it", broken.hint))
    return Question(
        "Why does this cell fail, and what must be changed?",
        settings,
        facts=tuple(facts),
        instruction=FIX + (FIX_FILE.format(name=target.name) if target is not None else ""),
        aside=True,
    )


def explain(session: Session, target: str) -> None:
    """Explain the last failure, or what a cell, variable or piece of text is."""
    settings = session.settings()
    if target:
        asked = Question(f"Explain {{{target}}} in a few sentences.", settings)
    else:
        failure = failure_of(session)
        facts = ("what was true when it failed", postmortem.render(failure.post_mortem))
        text = f"Why did this fail: {title(failure)}?"
        asked = Question(text, settings, facts=(facts,), instruction=EXPLAIN)
    session.answer_to(asked)


class Work:
    """One request for a fix: joins the search to the kernel and to the model.

    `view` shows how it goes; `attempt` tries code as `trial.attempt` does.
    """

    def __init__(
        self,
        session: Session,
        failure: LastFailure,
        settings: Settings,
        expect: tuple[str, ...],
        view: View,
        attempt: Attempting,
    ) -> None:
        self.session, self.failure, self.settings = session, failure, settings
        self.view = view
        self.answer = Answer()
        self.last_words = ""
        self.asked: Question | None = None
        self.usages: list[Usage] = []
        self.interrupted = False
        below = _below(failure)

        self.target = file_fix.at_fault(failure.post_mortem)
        broken = _broken(failure)

        def tried(code: str) -> Outcome:
            if self.target is not None and (changed := file_fix.changed(self.target, code)):
                code = file_fix.trial_code(self.target, changed, broken.source)
            return attempt(session.shell, code, then=below, expect=expect)

        def replaced(code: str) -> str:
            in_file = self.target is not None and file_fix.changed(self.target, code)
            return self.target.source if self.target is not None and in_file else broken.source

        self.search = Search(broken, tried, self.ask, execution.translated, replaced, _SECONDS)

    @property
    def footer(self) -> str:
        """How many were tried, and what the model's last answer cost."""
        parts = [repair.summary(self.search.attempts)]
        if self.interrupted:
            parts.append("stopped")
        if self.usages:
            last = replace(self.answer, usage=self.usages[-1], text="", stopped="stop")
            parts.append(footer(last))
        return " · ".join(parts)

    def ask(self, broken: Broken, temperature: float) -> Proposal:
        """Stream the model's answer into the cell's one display."""
        settings = replace(
            self.settings,
            temperature=max(temperature, self.settings.temperature),
            max_tokens=min(_TOKENS, self.settings.max_tokens),
        )
        asked = question(self.failure, settings, broken)
        session, self.answer = self.session, Answer()
        session.asked = self.asked = asked
        events = session.assistant.ask(asked, self.answer)
        stream(events, self.answer, _Unfinished(self.view), session.stop)
        if self.answer.stopped == "cancelled":
            raise KeyboardInterrupt
        if self.answer.usage is not None:
            self.usages.append(self.answer.usage)
        self.last_words = prose_of(self.answer.text)
        return Proposal(self.answer.code, self.last_words)


class _Unfinished:
    """The same display, not ended by the end of one answer."""

    def __init__(self, view: View) -> None:
        self.status = view.status
        self.show = view.show

    def finish(self, text: str, footer: str, cited: Sequence[Cited] = ()) -> None:
        """There is more to come."""


def prose_of(text: str) -> str:
    """A Markdown text without its fenced blocks."""
    from markdown_it import MarkdownIt  # not at the top: it takes 30 ms

    lines = text.splitlines()
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence" and token.map:
            lines[slice(*token.map)] = [""] * (token.map[1] - token.map[0])
    prose = _GAPS.sub("\n\n", "\n".join(lines)).strip()
    return _LEADING_OVER.sub("", prose).strip()


def failure_of(session: Session) -> LastFailure:
    """The failure that is to be mended; raises UsageError if there is none."""
    failure = session.last_failure
    if failure is None:
        raise UsageError(
            "no cell has failed in this kernel since the last one that was mended",
            "Run the cell again, then ask.",
        )
    return failure


def _broken(failure: LastFailure) -> Broken:
    facts, hint = failure.post_mortem, failure.hint
    text = postmortem.render(facts)
    if hint is None:
        return Broken(facts.source, title(failure), text)
    return Broken(facts.source, title(failure), text, hint.text, hint.edits)


def title(failure: LastFailure) -> str:
    """The exception in one line."""
    raised = failure.post_mortem.failures[0]
    return f"{raised.type}: {raised.message}".rstrip(": ").splitlines()[0][:200]


def _place(failure: LastFailure) -> str:
    """Where it failed, in a sentence."""
    raised = failure.post_mortem.failures[0]
    users = [frame for frame in raised.frames if frame.place != "library"]
    if not users:
        return f"It failed with `{title(failure)}`."
    return f"`{users[-1].failing}` ({users[-1].where}) raised `{title(failure)}`."


def _sentences(hints: str) -> str:
    return " ".join(f"{line[:1].upper()}{line[1:].rstrip('.')}." for line in hints.splitlines())


def _below(failure: LastFailure) -> tuple[str, ...]:
    """The next cells of the notebook's file below the one that failed."""
    path = execution.notebook_path()
    cells: tuple[lineage.Placed, ...] = execution.saved_cells(path) if path is not None else ()
    places = [c.place for c in cells if c.cell_id and c.cell_id == failure.post_mortem.cell_id]
    if not places:
        return ()
    return tuple(cell.source for cell in cells if cell.place > places[0])[:_BELOW]


def _fix(work: Work) -> Fix:
    failure, search = work.failure, work.search
    facts = failure.post_mortem
    found = Fix(facts.source, facts.cell_id, hint=search.broken.hint, explanation=work.last_words)
    found.attempts = tuple(search.attempts)
    best = search.best
    if best is None:
        found.verdict = "No corrected cell was found."
        return found
    found.code, found.flags = best.code, best.flags
    found.explanation = best.explanation
    if best.computed:
        found.explanation = f"{_place(failure)} {_sentences(best.explanation)}"
    found.status = STATUS[type(best.outcome)]
    found.observed = None if isinstance(best.outcome, NotTried) else best.outcome.observed
    found.verdict = verdict(best)
    if work.target is not None and (changed := file_fix.changed(work.target, best.code)):
        found.target, found.path = work.target, work.target.shown
        found.source, found.code = work.target.source, changed
    return found


def shown(found: Fix, diff: bool = True) -> str:
    """The answer as Markdown: why, the change unless it is shown otherwise, what was seen."""
    parts = [found.explanation] if found.explanation else []
    if found.code and diff:
        fence = "~~~~" if "```" in found.diff else "```"
        if found.path:
            parts.append(f"In `{found.path}`:")
        parts.append(f"{fence}diff\n{found.diff}\n{fence}")
    parts.append(found.verdict)
    if found.status != "failed" and found.code and diff:
        parts.append("`%assist apply` takes it over.")
    return "\n\n".join(parts)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, '%assist fix [--expect "x == 3"] [-o NAME] [-m MODEL]')


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="%assist fix", add_help=False, allow_abbrev=False)
    for names, kwargs in OPTIONS:
        parser.add_argument(*names, **kwargs)
    parser.add_argument("--expect", action="append", default=[])
    parser.add_argument("-o", "--output")
    try:
        return parser.parse_args(shlex.split(" ".join(words)))
    except ValueError as exc:
        raise UsageError(f"the options cannot be read: {exc}") from exc
