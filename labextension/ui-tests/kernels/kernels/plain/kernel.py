"""A kernel of a language that is not Python: it gives back what it is given."""

from __future__ import annotations

from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel


class PlainKernel(Kernel):
    implementation = "plain"
    implementation_version = "1"
    banner = "plain text"
    language_info = {"name": "text", "mimetype": "text/plain", "file_extension": ".txt"}  # noqa: RUF012

    async def do_execute(self, code: str, silent: bool, *_: Any, **__: Any) -> dict[str, Any]:
        if not silent:
            self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": code})
        return {"status": "ok", "execution_count": self.execution_count}


IPKernelApp.launch_instance(kernel_class=PlainKernel)
