"""Shows a streaming answer under its cell: one display, updated in place, sanitized."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import citations, security
from ..citations import Cited
from ..config import Settings
from ..stream import TerminalView, View, banner

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_INTERVAL_S = 0.08  # 12 updates a second
# An update resends the whole text; Jupyter drops output above 1 MB/s.
_BYTES_PER_S = 300_000


def open_view(shell: InteractiveShell, settings: Settings) -> View:
    """The view that fits this front end, with a banner where the question leaves this machine."""
    note = banner(settings)
    return NotebookView(settings.format, note) if hasattr(shell, "kernel") else TerminalView(note)


class NotebookView:
    """One display, updated in place at most 12 times a second; the last update is complete."""

    def __init__(self, format: str, banner: str = "") -> None:
        from IPython.display import DisplayHandle

        self._format = format
        self._banner = banner
        self._next = 0.0
        self._handle: Any = DisplayHandle()
        self._shown = False

    def status(self, message: str) -> None:
        self._update("", message)

    def show(self, text: str) -> None:
        self._update(text, "")

    def finish(self, text: str, footer: str, cited: Sequence[Cited] = ()) -> None:
        if text or footer or self._shown:
            self._send(self._bundle(text, footer, cited))

    def _update(self, text: str, note: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._send(self._bundle(text, note))
            self._next = now + max(_INTERVAL_S, len(text) / _BYTES_PER_S)

    def _send(self, bundle: dict[str, str]) -> None:
        # Noted first: an interrupt in the midst of it must not lead to a second display.
        first, self._shown = not self._shown, True
        (self._handle.display if first else self._handle.update)(bundle, raw=True)

    def _bundle(self, text: str, note: str, cited: Sequence[Cited] = ()) -> dict[str, str]:
        """MIME bundle of the answer so far; banner and note are ours and stand around it."""
        clean = security.clean(text)
        plain = _joined(self._banner, clean, "\n".join(map(str, cited)), note)
        if self._format == "text":
            return {"text/plain": plain}
        shown = f"```json\n{clean}\n```" if self._format == "json" and text else clean
        quiet = [f"*{security.sanitize(part)}*" if part else "" for part in (self._banner, note)]
        return {
            "text/markdown": _joined(
                quiet[0], security.sanitize(shown), citations.listing(cited), quiet[1]
            ),
            "text/plain": plain,
        }


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
