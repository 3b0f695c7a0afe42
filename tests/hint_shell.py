"""A real IPython shell in this process, for tests of hints and post-mortems."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

from codeassist_jupyter.kernel.hints import Hint, hint_for


class HintShell:
    """Runs cells quietly; `hint` says what is known of a failing one."""

    def __init__(self, folder: Path) -> None:
        os.environ["IPYTHONDIR"] = str(folder / "ipython")
        self.shell = InteractiveShell()
        self.shell.history_manager.enabled = False

    def reset(self) -> None:
        """Forget what the cells made; the shell's own reset takes far longer."""
        for name in set(self.shell.user_ns) - set(self.shell.user_ns_hidden):
            del self.shell.user_ns[name]

    def run(self, code: str) -> BaseException | None:
        """Execute a cell; return what it raised."""
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                result = self.shell.run_cell(code, store_history=True)
                gc.collect(0)
        return result.error_before_exec or result.error_in_exec

    def forget(self) -> None:
        """Let go of what was raised, and of coroutines that nobody awaited."""
        sys.last_value = sys.last_traceback = sys.last_type = None
        self.shell.last_execution_result = self.shell.InteractiveTB.tb = None
        self.reset()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()

    def hint(self, setup: str, code: str) -> Hint | None:
        """The hint for `code`, which must fail, after `setup`, which must not."""
        self.reset()
        assert self.run(setup) is None
        error = self.run(code)
        assert error is not None, "the code was to fail"
        return hint_for(self.shell, error, code)


@contextlib.contextmanager
def hint_shell(folder: Path) -> Iterator[HintShell]:
    """A shell in a folder of its own, with the process as it was afterwards."""
    before = Path.cwd(), os.environ.get("IPYTHONDIR"), sys.excepthook, sys.displayhook
    os.chdir(folder)
    shell = HintShell(folder)
    try:
        yield shell
    finally:
        shell.forget()
        os.chdir(before[0])
        sys.excepthook, sys.displayhook = before[2:]
        os.environ.pop("IPYTHONDIR", None)
        if before[1] is not None:
            os.environ["IPYTHONDIR"] = before[1]
