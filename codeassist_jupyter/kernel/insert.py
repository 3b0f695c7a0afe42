"""Puts code into a new cell below, or into this one, where the front end can; never runs it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def can_insert(shell: InteractiveShell) -> bool:
    """Whether this front end honours IPython's request for a next cell.

    VS Code and Colab silently drop it (vscode-jupyter#4566, jupyter-ai#1244).
    """
    elsewhere = "google.colab" in sys.modules or any(
        name.startswith("VSCODE_") for name in os.environ if name != "VSCODE_INJECTION"
    )
    return not (elsewhere and hasattr(shell, "kernel"))


def insert(shell: InteractiveShell, code: str, where: str) -> None:
    """Ask the front end for a cell with `code`; `where` is "below" or "replace"."""
    shell.set_next_input(code, replace=where == "replace")
