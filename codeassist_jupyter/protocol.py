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
from .types import PARTS

TARGET = "codeassist.v1"
VERSION = 1
MAX_BYTES = 256_000  # of one message, as JSON
MAX_ID = 64

_Fields = dict[str, type]

# op: the fields of the request, all of them required.
OPS: dict[str, _Fields] = {
    "hello": {"version": str},
    # `without` names the PARTS that stay out; `rewrite` is the number of the exchange
    # from which on the conversation is taken back, 0 for none.
    "ask": {
        "question": str,
        "without": list,
        "attachments": list,
        "mentions": list,
        "rewrite": int,
    },
    "context": {"question": str, "without": list, "attachments": list, "mentions": list},
    # Mend the failed cell of that id, "" for the latest; `expect` are conditions to hold after it.
    "fix": {"cell": str, "expect": list},
    "apply": {},  # write the latest proposal for a project file
    "cancel": {"target": str},
    "resume": {"target": str, "from_seq": int},
    "conversations": {"words": str},  # "" lists all
    "open": {"conversation": str},  # "" is the one that the notebook goes on with
    "earlier": {"conversation": str, "before": int},
    "new": {},
    "rename": {"conversation": str, "title": str},
    "bookmark": {"conversation": str, "on": bool},
    "delete": {"conversation": str},
    "export": {"conversation": str},
    "feedback": {"conversation": str, "number": int, "value": int},
    "search": {"query": str},
    "variables": {},
    "complete": {"text": str},  # what follows an @
    "suggest": {},
    "model": {},
    "settings": {},
    "set": {"name": str, "value": str},
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
    # `source` may take the place of `expected`, in the cell, or in the file at `path`. `status` is
    # verified, ran, failed or not_tried.
    "proposal": {
        "cell": str,
        "path": str,
        "expected": str,
        "source": str,
        "status": str,
        "verdict": str,
        "flags": list,
    },
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
    "earlier": {"exchanges": list, "older": bool},
    "told": {"text": str},
    "found": {"hits": list, "confident": bool, "complete": bool},
    "variables": {"variables": list},
    "completions": {"items": list},
    "suggestions": {"prompts": list},
    "model": {"model": str, "state": str},  # loading, ready, busy, missing or stopped
    "settings": {"values": list},
    "ok": {},
    "replace_cell": {"cell": str, "expected": str, "source": str},
}
MENTIONS = ("variable", "file", "symbol", "notebook")  # what the kernel looks up by name


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

    @property
    def mentions(self) -> tuple[tuple[str, str], ...]:
        """The (kind, name) pairs that the question mentions."""
        return tuple((one["kind"], one["name"]) for one in self.fields["mentions"])


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
    if not all(_is_pair(one, "label", "text") for one in fields.get("attachments", ())):
        raise UsageError(f"{op}: an attachment needs a label and a text")
    mentions = fields.get("mentions", ())
    if not all(_is_pair(one, "kind", "name") and one["kind"] in MENTIONS for one in mentions):
        raise UsageError(f"{op}: a mention needs a kind and a name")
    if not all(part in PARTS for part in fields.get("without", ())):
        raise UsageError(f"{op}: without names parts of {', '.join(PARTS)}")
    if not all(isinstance(condition, str) for condition in fields.get("expect", ())):
        raise UsageError(f"{op}: a condition is a text")
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


def _is_pair(value: object, *names: str) -> bool:
    return isinstance(value, dict) and all(type(value.get(name)) is str for name in names)
