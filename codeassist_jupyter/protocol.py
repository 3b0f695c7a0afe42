"""Messages between the side panel and a kernel: comm target `codeassist.v1`, both ways JSON.

Up: `{v, id, op, …}`, down: `{v, id, ev, seq, …}`; an event carries the id of the request that it
answers. Knows what a message may hold, not what is done about it. `labextension/src/protocol.ts`
is its mirror; the samples in `tests/data/protocol` hold the two together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import UsageError

TARGET = "codeassist.v1"
VERSION = 1
MAX_BYTES = 256_000  # of one message, as JSON
MAX_ID = 64

_Fields = dict[str, type]

# op: the fields of the request, all of them required.
OPS: dict[str, _Fields] = {
    "hello": {"version": str},
    "ask": {"question": str, "use_context": bool, "attachments": list},
    "context": {"question": str, "attachments": list},
    "cancel": {"target": str},
    "resume": {"target": str, "from_seq": int},
    "conversations": {},
    "open": {"conversation": str},  # "" is the one that the notebook goes on with
    "new": {},
    "rename": {"conversation": str, "title": str},
    "delete": {"conversation": str},
    "feedback": {"conversation": str, "number": int, "value": int},
    "replaced": {"target": str, "done": bool},
    "edited": {"cell": str, "source": str},
}
# ev: the fields of the event.
EVENTS: dict[str, _Fields] = {
    "hello": {"version": str, "model": str, "engine": str, "sent_to": str, "busy": bool},
    "start": {"question": str},
    "status": {"text": str},
    # The answer from the UTF-16 code unit `at` on is `text`; safe to render as Markdown.
    "text": {"at": int, "text": str},
    "done": {
        "stopped": str,
        "footer": str,
        "sources": list,
        "conversation": str,
        "number": int,
    },
    "error": {"code": str, "message": str, "hint": str},
    "context": {"parts": list, "left_out": list},
    "conversations": {"conversations": list, "current": str},
    "opened": {"conversation": str, "title": str, "exchanges": list, "older": bool, "running": str},
    "ok": {},
    "replace_cell": {"cell": str, "expected": str, "source": str},
}


@dataclass(frozen=True, slots=True)
class Request:
    """What the panel asks for; `fields` are those that OPS names, of those types."""

    id: str
    op: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def attachments(self) -> tuple[tuple[str, str], ...]:
        """The (label, text) pairs that the question brings along."""
        return tuple((one["label"], one["text"]) for one in self.fields["attachments"])


def parse(data: object) -> Request:
    """Check a message of the panel; raises UsageError that says what is wrong with it."""
    if not isinstance(data, dict):
        raise UsageError("the message is not an object")
    if data.get("v") != VERSION:
        raise UsageError(
            f"the panel speaks version {str(data.get('v'))[:MAX_ID]} of the protocol, not {VERSION}"
        )
    op, id = data.get("op"), data.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID:
        raise UsageError("the message has no id")
    if not isinstance(op, str) or op not in OPS:
        raise UsageError(f"unknown request {str(op)[:MAX_ID]!r}")
    if len(json.dumps(data)) > MAX_BYTES:
        raise UsageError(f"the message is longer than {MAX_BYTES} bytes", "Send less text.")
    fields = {}
    for name, kind in OPS[op].items():
        if type(data.get(name)) is not kind:
            raise UsageError(f"{op}: {name} is not of type {kind.__name__}")
        fields[name] = data[name]
    if not all(map(_is_attachment, fields.get("attachments", ()))):
        raise UsageError(f"{op}: an attachment needs a label and a text")
    return Request(id, op, fields)


def event(id: str, ev: str, seq: int, **fields: Any) -> dict[str, Any]:
    """Make an event; raises ValueError where its fields are not those of EVENTS."""
    kinds = EVENTS[ev]
    if {name: type(value) for name, value in fields.items()} != kinds:
        raise ValueError(f"{ev} has other fields: {sorted(fields)}")
    return {"v": VERSION, "id": id, "ev": ev, "seq": seq, **fields}


def fits(message: Mapping[str, Any]) -> bool:
    """Whether a message may be sent."""
    return len(json.dumps(message)) <= MAX_BYTES


def _is_attachment(value: object) -> bool:
    return isinstance(value, dict) and all(type(value.get(n)) is str for n in ("label", "text"))
