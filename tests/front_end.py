"""A front end for tests: drives a real ipykernel and keeps what it would have shown."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager


@dataclass
class Shown:
    """What one cell's execution showed."""

    status: str = ""
    printed: str = ""
    error: str = ""
    displays: list[dict[str, str]] = field(default_factory=list)
    updates: int = 0
    payload: list[dict[str, Any]] = field(default_factory=list)
    ready_after_s: float = 0.0

    @property
    def markdown(self) -> str:
        """The answer as it stands in the end."""
        return self.displays[-1].get("text/markdown", "") if self.displays else ""

    @property
    def plain(self) -> str:
        return self.displays[-1]["text/plain"] if self.displays else ""


class FrontEnd:
    """One kernel; `run` executes a cell as JupyterLab would."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env={**os.environ, **environ}, cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(
        self, code: str, meanwhile: Callable[[], None] = lambda: None, cell_id: str = ""
    ) -> Shown:
        """Execute `code`; `meanwhile` is called once something was displayed."""
        shown = Shown()
        called = False
        message = self._execute(code, cell_id)
        while True:
            msg = self.client.get_iopub_msg(timeout=120)
            if msg["parent_header"].get("msg_id") != message:
                continue
            if _note(msg, shown):
                break
            if shown.displays and not called:
                called = True
                meanwhile()
        reply = self.client.get_shell_msg(timeout=60)
        while reply["parent_header"].get("msg_id") != message:  # of a test that gave up
            reply = self.client.get_shell_msg(timeout=60)
        shown.status = reply["content"]["status"]
        shown.payload = reply["content"].get("payload", [])
        return shown

    def _execute(self, code: str, cell_id: str) -> str:
        """Send the request as JupyterLab does, which tells the cell's id."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        metadata = {"cellId": cell_id} if cell_id else {}
        request = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(request)
        return str(request["header"]["msg_id"])

    def value(self, expression: str) -> str:
        """The repr of an expression in the kernel."""
        shown = self.run(f"print(repr({expression}))")
        assert shown.status == "ok", shown.error
        return shown.printed.strip()

    def interrupt_after(self, seconds: float) -> Callable[[], None]:
        def interrupt() -> None:
            time.sleep(seconds)
            self.manager.interrupt_kernel()

        return interrupt

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def _note(msg: dict[str, Any], shown: Shown) -> bool:
    kind, content = msg["msg_type"], msg["content"]
    if kind == "stream":
        shown.printed += content["text"]
    elif kind == "error":
        shown.error = "\n".join(content["traceback"])
    elif kind in ("display_data", "update_display_data", "execute_result"):
        shown.displays.append(content["data"])
        shown.updates += kind == "update_display_data"
    return kind == "status" and content["execution_state"] == "idle"
