"""A side panel as the kernel sees it: its end of the comm, over the wire."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from front_end import FrontEnd

from codeassist_jupyter import protocol

LOAD = "%load_ext codeassist_jupyter"
Message = dict[str, Any]

_CARRIED: Message = {"without": [], "attachments": [], "mentions": []}
_USUAL: dict[str, Message] = {
    "ask": {**_CARRIED, "rewrite": 0},
    "context": _CARRIED,
    "conversations": {"words": ""},
}


class Panel:
    """One open comm; `ask` sends a request, `until` reads events."""

    def __init__(self, lab: FrontEnd, subshell: str | None) -> None:
        self.lab, self.subshell = lab, subshell
        self.comm = uuid.uuid4().hex
        self.events: list[Message] = []
        content = {"comm_id": self.comm, "target_name": protocol.TARGET, "data": {}}
        self._post("comm_open", content)

    def send(self, op: str, **fields: Any) -> str:
        id = uuid.uuid4().hex
        data = {"v": 1, "id": id, "op": op, **_USUAL.get(op, {}), **fields}
        self._post("comm_msg", {"comm_id": self.comm, "data": data})
        return id

    def call(self, op: str, **fields: Any) -> Message:
        """Send a request and wait for its first answer."""
        id = self.send(op, **fields)
        return self.until(lambda e: e["id"] == id)

    def ask(self, question: str, **fields: Any) -> str:
        return self.send("ask", question=question, **fields)

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Read what the kernel sends until an event to this panel is the wanted one."""
        while True:
            msg = self.lab.client.get_iopub_msg(timeout=30)
            if msg["msg_type"] == "comm_msg" and msg["content"]["comm_id"] == self.comm:
                event = msg["content"]["data"]
                self.events.append(event)
                if wanted(event):
                    return event

    def answered(self, id: str) -> Message:
        return self.until(lambda e: e["id"] == id and e["ev"] in ("done", "error"))

    def of(self, id: str) -> list[Message]:
        return [event for event in self.events if event["id"] == id]

    def close(self) -> None:
        self._post("comm_close", {"comm_id": self.comm, "data": {}})

    def _post(self, kind: str, content: Message) -> None:
        message = self.lab.client.session.msg(kind, content)
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        self.lab.client.shell_channel.send(message)


def new_subshell(lab: FrontEnd) -> str:
    """A thread of the kernel that serves messages while a cell is running."""
    lab.client.control_channel.send(lab.client.session.msg("create_subshell_request", {}))
    reply = lab.client.get_control_msg(timeout=60)
    return str(reply["content"]["subshell_id"])


def text_of(events: list[Message]) -> str:
    """The answer as the panel puts it together."""
    text = b""
    for event in events:
        if event["ev"] == "text":
            text = text[: 2 * event["at"]] + event["text"].encode("utf-16-le")
    return text.decode("utf-16-le")
