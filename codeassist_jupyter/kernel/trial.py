"""Tries code in a forked copy of the kernel, with the very same variables, shut in a sandbox.

The copy sees all values as they are (copy on write: nothing is serialized) and changes only its
own. The kernel waits, bounded by time; whatever the code started ends with the copy. What the
code may not do, and that it may read but not send, is said in `sandbox`.

It does not know what is right: `Ran` means no exception. A library whose threads do not survive a
fork hangs in the copy until the time limit: known ones are refused before, OpenMP gets one thread.
Hooks that the user registered with `os.register_at_fork` run in the kernel, as at any fork.
"""

from __future__ import annotations

import ast
import asyncio
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import security
from ..errors import UsageError
from . import trial_reach
from .context import is_ours
from .outcomes import Failed, Limits, NotTried, Observed, Outcome, Ran, Verified

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .trial_run import Ended

_TEXT = 2000  # characters of one text from the copy
_OUTPUT = 4000
_MOST_EDITS = 3
_LONGEST_CELL = 100_000  # characters
_MOST = 40  # entries of one list from the copy
# Their threads and locks do not survive a fork, whatever the code does.
_NEVER = {"jax": "JAX", "jaxlib": "JAX", "tensorflow": "TensorFlow"}
# Hangs only when it is used (seen with polars 2.1: group_by waits for its lost thread pool).
_WHEN_USED = "polars"


def attempt(
    shell: InteractiveShell,
    code: str,
    *,
    then: Sequence[str] = (),
    expect: Sequence[str] = (),
    limits: Limits | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Run `code`, then the user's checks, then the cells below, in a copy of this kernel.

    Call it on the main thread; KeyboardInterrupt ends the copy and goes on, and so it is raised as
    soon as `stop` says so. `expect` are
    expressions that must be true, or statements that must not raise; cells below that assert count
    as checks too. Raises UsageError for a check that is no Python.
    """
    for text in expect:
        _must_parse(text)
    reason = _obstacle(shell.user_ns, [code, *expect])
    if reason:
        return NotTried(reason)
    from . import trial_child, trial_run

    below, warnings = _runnable(shell.user_ns, then)
    kept = trial_reach.reach(shell.user_ns, map(_plain, [code, *below])).kept
    warnings += [f"{what}: what the code wrote to it is not known" for what in kept]
    limits = limits or Limits()
    in_loop = asyncio._get_running_loop() is not None
    try:
        ended = trial_run.run(
            lambda place: trial_child.Job(
                shell, code, below, tuple(expect), limits, in_loop, place
            ),
            limits,
            stop,
        )
    except OSError as exc:
        return NotTried(f"the kernel could not be copied: {exc.strerror}")
    return _outcome(ended, tuple(warnings))


def uncontained(shell: InteractiveShell, code: str) -> tuple[str, ...]:
    """What the code uses that lies outside a copy: connections, pools, files open for writing.

    Nothing reaches them from a trial: sockets and pipes are cut there, files can only be read.
    """
    found = trial_reach.reach(shell.user_ns, [_plain(code)])
    return (*found.cut, *found.kept)


def _must_parse(text: str) -> None:
    try:
        ast.parse(_plain(text))
    except (SyntaxError, ValueError) as exc:
        raise UsageError(f"the check {text!r} is not Python: {exc}") from exc


def _plain(code: str) -> str:
    """The code with its magics turned into Python, by IPython's own transformers alone."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        plain: str = TransformerManager().transform_cell(code)
    except SyntaxError:
        return code
    return plain


def _obstacle(namespace: Mapping[str, Any], sources: Sequence[str]) -> str:
    """Why this kernel cannot be copied for this code; "" if it can."""
    if sys.platform != "linux":
        return "trying code needs Linux"
    if threading.current_thread() is not threading.main_thread():
        return "code can only be tried from the main thread"
    for module, name in _NEVER.items():
        if module in sys.modules:
            return f"{name} is loaded and does not survive a fork"
    from . import sandbox, trial_run

    return sandbox.missing() or trial_run.unfit(sandbox.memory_map()) or _uses(namespace, sources)


def _uses(namespace: Mapping[str, Any], sources: Sequence[str]) -> str:
    """What code uses that does not work in a copy; "" if nothing."""
    plain = [_plain(source) for source in sources]
    cut = trial_reach.reach(namespace, plain).cut
    if cut:
        return f"it uses {', '.join(cut[:3])}, and a copy of the kernel has no part in that"
    if _WHEN_USED in sys.modules and trial_reach.mentions(namespace, plain, _WHEN_USED):
        return f"it uses {_WHEN_USED}, whose threads do not survive a fork"
    return ""


def _runnable(
    namespace: Mapping[str, Any], cells: Sequence[str]
) -> tuple[tuple[str, ...], list[str]]:
    """The cells below up to the first that cannot run in a copy, and a warning of that one."""
    own = [cell for cell in cells if not is_ours(cell)]
    for number, cell in enumerate(own):
        reason = _uses(namespace, [cell])
        if reason:
            return tuple(own[:number]), [f"cell {number + 1} below was not run: {reason}"]
    return tuple(own), []


def _outcome(ended: Ended, warnings: tuple[str, ...]) -> Outcome:
    report = ended.report
    refused = report.get("refused")
    if type(refused) is str:
        return NotTried(_text(refused))
    observed = _observed(report, ended)
    warnings += _texts(report.get("warnings"))
    if ended.stopped:
        return Failed(*ended.stopped, observed=observed, warnings=warnings)
    failure = report.get("failure")
    if type(failure) is not dict:
        return Failed("Crash", ended.death, observed=observed, warnings=warnings)
    if failure:
        return _failed(failure, observed, warnings)
    checks = _texts(report.get("checks"))
    if checks and report.get("all_ran") is True:
        return Verified(observed, checks, warnings)
    return Ran(observed, warnings)


def _failed(
    failure: dict[str, Any], observed: Observed, warnings: tuple[str, ...]
) -> Failed | NotTried:
    cut = failure.get("cut_off")
    if type(cut) is dict and cut and _may_write(_text(cut.get("path"))):
        return NotTried(f"it needs what a copy of the kernel may not do: {_text(cut.get('what'))}")
    line, postmortem = failure.get("line"), failure.get("postmortem")
    return Failed(
        _text(failure.get("error")),
        _text(failure.get("message")),
        line if type(line) is int else 0,
        _text(failure.get("source")),
        _texts(failure.get("facts")),
        postmortem if type(postmortem) is dict else {},
        observed,
        warnings,
        _text(failure.get("hint")),
        _sources(failure.get("edits")),
    )


def _sources(value: Any) -> tuple[str, ...]:
    """Whole cells: never cut, for half of one would be another."""
    whole = (text for text in (value if type(value) is list else ())[:_MOST_EDITS])
    return tuple(text for text in whole if type(text) is str and len(text) <= _LONGEST_CELL)


def _may_write(path: str) -> bool:
    """Whether the kernel itself may do what its copy was refused; True if we cannot tell."""
    if not path:
        return True
    return os.access(path if os.path.lexists(path) else os.path.dirname(path), os.W_OK)  # noqa: PTH120


def _observed(report: Mapping[str, Any], ended: Ended) -> Observed:
    variables, seconds = report.get("variables"), report.get("seconds")
    if type(variables) is not dict:
        variables = {}
    return Observed(
        {_text(name): _text(text) for name, text in list(variables.items())[:_MOST]},
        _texts(report.get("deleted")),
        _text(report.get("result")),
        security.clean(security.redact(ended.output), _OUTPUT),
        _count(report.get("displays")),
        _count(report.get("cells_below")),
        seconds if type(seconds) is float else ended.seconds,
    )


def _text(value: Any) -> str:
    """A text from the copy, cleaned, redacted and bounded."""
    if type(value) is not str:
        return ""
    return security.clean(security.redact(security.clean(value, 4 * _TEXT)), _TEXT)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value[:_MOST])) if type(value) is list else ()


def _count(value: Any) -> int:
    return value if type(value) is int else 0
