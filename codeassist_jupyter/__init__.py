"""A private, local coding assistant for notebooks: `%load_ext codeassist_jupyter`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["__version__", "load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics and hooks; loading twice changes nothing."""
    from .kernel.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take away everything that loading registered."""
    from .kernel.magics import unload

    unload(shell)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the prebuilt extension lies."""
    return [{"src": "labextension", "dest": "codeassist-jupyter"}]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("codeassist-jupyter")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
