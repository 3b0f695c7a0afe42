"""`%assist` and `%%assist`: translates a magic line into a call, and nothing more.

Does not know how context is captured, prompts are built or answers are drawn.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from traitlets import Float, Unicode

from ..errors import UsageError
from ..options import OPTIONS, settings_of
from . import commands
from .panel import Panel
from .session import Session

_LOADED = "_codeassist"  # our one mark on the shell


def _options(function: Any) -> Any:
    """Attach the shared options and those that only a notebook has."""
    decorators = [
        magic_arguments("assist"),
        *(argument(*names, **kwargs) for names, kwargs in OPTIONS),
        argument(
            "-i",
            "--insert",
            nargs="?",
            const="below",
            choices=("below", "replace"),
            help="Put the answer's code into a new cell below, or into this one; it is not run.",
        ),
        argument("-o", "--output", metavar="NAME", help="Also bind the answer to this variable."),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


@magics_class
class AssistMagics(Magics):
    """A private, local coding assistant."""

    model = Unicode(None, allow_none=True, help="Model that answers.").tag(config=True)
    engine = Unicode(None, allow_none=True, help="llama_cpp, openai or echo.").tag(config=True)
    format = Unicode(None, allow_none=True, help="markdown, text, code or json.").tag(config=True)
    temperature = Float(None, allow_none=True, help="Default temperature.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.session = Session(shell, self._traitlets)
        if hasattr(shell, "kernel"):
            self.session.panel = Panel(shell, self.session)

    @_options
    @line_cell_magic
    def assist(self, line: str, cell: str | None = None) -> None:
        """Ask the assistant, or give it a command.

        %assist QUESTION            ask in one line; {name} describes a live object
        %%assist [QUESTION]         ask with the text of the cell
        %assist help                list the commands
        """
        options, rest = split(line)
        if options.split() in (["--help"], ["-h"]):
            print(self.assist.__doc__)  # noqa: T201 - what `%magic --help` is for
            return
        if cell is None and not options and commands.run(self.session, rest):
            return
        args = self._parse(options)
        question = "\n".join(part for part in (rest, cell) if part)
        self.session.ask(question, settings_of(args), args)

    def _parse(self, options: str) -> argparse.Namespace:
        try:
            args: argparse.Namespace = parse_argstring(AssistMagics.assist, options)
        except IPythonUsageError as exc:
            raise UsageError(str(exc).strip().splitlines()[-1]) from None
        return args

    def _traitlets(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("model", "engine", "format", "temperature")}

    def close(self) -> None:
        self.session.close()


_TAKES_VALUE = {name for names, kwargs in OPTIONS for name in names if "action" not in kwargs}
_TAKES_VALUE |= {"-o", "--output"}


def split(line: str) -> tuple[str, str]:
    """Part a magic line into its leading options and the question, which is kept as typed."""
    words = [(m.group(), m.end()) for m in re.finditer(r"\S+", line)]
    index = end = 0
    while index < len(words) and words[index][0].startswith("-") and words[index][0] != "-":
        word = words[index][0]
        follows = words[index + 1][0] if index + 1 < len(words) else ""
        takes = word in _TAKES_VALUE or (
            word in ("-i", "--insert") and follows in ("below", "replace")
        )
        index += 2 if takes else 1
        end = words[min(index, len(words)) - 1][1]
        if word == "--":
            return line[: end - 2], line[end:].strip()
    return line[:end], line[end:].strip()


def load(shell: InteractiveShell) -> None:
    """Register the magics once; a second call changes nothing."""
    if not hasattr(shell, _LOADED):
        magics = AssistMagics(shell)
        shell.register_magics(magics)
        setattr(shell, _LOADED, magics)


def unload(shell: InteractiveShell) -> None:
    """Take the magics away again; without a load, do nothing."""
    magics = getattr(shell, _LOADED, None)
    if magics is None:
        return
    magics.close()
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("assist", None)
    shell.magics_manager.registry.pop("AssistMagics", None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    delattr(shell, _LOADED)
