"""Notices failed cells: keeps the facts of the last one and shows the hint under its traceback.

Light on purpose, for it is loaded with the extension: everything else is loaded at the first
failure. Keeps no frame and no exception. Of cells that other threads or silent requests run it
knows nothing.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from ..config import Settings
    from .hints import Hint
    from .postmortem import PostMortem

log = logging.getLogger(__name__)

_MOST_IDS = 5000
_FOLLOW_UP = "%assist fix"


class Execution(NamedTuple):
    """Which cell of the notebook an execution number was, and when it ended (time.time)."""

    cell_id: str
    at: float


@dataclass(frozen=True, slots=True)
class LastFailure:
    """The facts of the last failed cell, and the hint if there was one."""

    post_mortem: PostMortem
    hint: Hint | None


class FailureWatch:
    """Hooks into a shell; `last` is the latest failure, until its cell ran well.

    `tell` is called with each failure, on the kernel's main thread.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        settings: Callable[[], Settings],
        tell: Callable[[LastFailure], None] = lambda _: None,
    ) -> None:
        self._shell = shell
        self._settings = settings
        self._tell = tell
        self.executions: dict[int, Execution] = {}  # of cells whose id the front end tells
        self.last: LastFailure | None = None
        shell.events.register("post_run_cell", self._ran)

    @property
    def cell_ids(self) -> dict[int, str]:
        """The front end's ids of cells by execution number."""
        return {number: known.cell_id for number, known in self.executions.items()}

    @property
    def ran_at(self) -> dict[str, float]:
        """When each cell was run last, by its id; seconds since 1970."""
        return {known.cell_id: known.at for known in self.executions.values()}

    def close(self) -> None:
        """Take the hook away; a second call does nothing."""
        if self._ran in self._shell.events.callbacks["post_run_cell"]:
            self._shell.events.unregister("post_run_cell", self._ran)
        self.last = None

    def _ran(self, result: ExecutionResult) -> None:
        """The hook: raises nothing, and costs microseconds where a cell ran well."""
        try:
            self._note(result)
        except Exception:  # a hook must not disturb the cell
            log.exception("a failed cell was not looked at")

    def _note(self, result: ExecutionResult) -> None:
        info: Any = result.info
        if info is None or info.silent or type(info.raw_cell) is not str:
            return
        number, cell_id = result.execution_count, getattr(info, "cell_id", None)
        if type(number) is int and type(cell_id) is str:
            if len(self.executions) >= _MOST_IDS:
                self.executions.pop(next(iter(self.executions)))
            self.executions[number] = Execution(cell_id, time.time())
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            self._failed(error, info.raw_cell)
        elif self.last is not None and cell_id and cell_id == self.last.post_mortem.cell_id:
            self.last = None  # it was mended

    def _failed(self, error: BaseException, source: str) -> None:
        from . import context, hints, postmortem
        from .peek import is_a

        if context.is_ours(source) or is_a(error, KeyboardInterrupt) or is_a(error, SystemExit):
            return
        facts = postmortem.capture(self._shell, error, source, self.executions)
        self.last = LastFailure(facts, None)  # kept even if the search for a hint fails
        if self._settings().hints != "off":
            hint = hints.hint_for(self._shell, error, source, self.executions)
            if hint is not None:
                self.last = LastFailure(facts, hint)
                self._show(hint)
        self._tell(self.last)

    def _show(self, hint: Hint) -> None:
        """One line under the traceback; in a terminal on stderr."""
        line = f"hint: {hint.text}  · {_FOLLOW_UP}"
        if not hasattr(self._shell, "kernel"):
            print(line, file=sys.stderr)  # noqa: T201 - this is the terminal's display
            return
        from IPython.display import display

        from .. import security

        text = _MARKS.sub(lambda m: m[1] or rf"\{m[2]}", hint.text)
        quiet = f"hint: {security.sanitize(text)}  · `{_FOLLOW_UP}`"
        display({"text/plain": line, "text/markdown": quiet}, raw=True)


# A code span, or a mark that would be taken for emphasis, a heading or a formula.
_MARKS = re.compile(r"(`[^`]*`)|([*_~#$])")
