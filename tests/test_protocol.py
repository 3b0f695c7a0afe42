"""The messages of the panel: the samples that the TypeScript side is held to as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codeassist_jupyter import protocol
from codeassist_jupyter.errors import UsageError

SAMPLES = Path(__file__).parent / "data" / "protocol"


def samples(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SAMPLES / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("message", samples("requests.json"), ids=lambda m: m["op"])
def test_a_request_is_read_whole(message: dict[str, Any]) -> None:
    request = protocol.parse(message)
    assert {"v": 1, "id": request.id, "op": request.op, **request.fields} == message


def test_every_request_and_event_has_a_sample() -> None:
    assert {message["op"] for message in samples("requests.json")} == set(protocol.OPS)
    assert {message["ev"] for message in samples("events.json")} == set(protocol.EVENTS)


@pytest.mark.parametrize("message", samples("events.json"), ids=lambda m: m["ev"])
def test_an_event_is_made_as_the_sample_has_it(message: dict[str, Any]) -> None:
    fields = {
        name: value for name, value in message.items() if name not in ("v", "id", "ev", "seq")
    }
    made = protocol.event(message["id"], message["ev"], message["seq"], **fields)
    assert made == message
    with pytest.raises(ValueError, match="other fields"):
        protocol.event("1", message["ev"], 0, **fields, more=1)


@pytest.mark.parametrize("sample", samples("refused.json"), ids=lambda s: s["because"])
def test_what_is_no_request_is_refused_with_the_reason(sample: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=sample["because"]):
        protocol.parse(sample["message"])


def test_a_huge_request_is_refused() -> None:
    search = {"v": 1, "id": "1", "op": "search"}
    with pytest.raises(UsageError, match="longer than"):
        protocol.parse({**search, "query": "x" * protocol.MAX_BYTES})
