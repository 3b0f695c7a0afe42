"""The host's routes for conversations: keep, list, search, recall, mark, erase, export.

Only translates; `memories` does the work, in threads. What is private stands in the body of a
request, never in its address.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import ValidationError

from ..errors import CodeAssistError, UsageError
from ..memory import records
from ..types import Remembered
from . import wire
from .memories import Memories
from .memory_schemas import (
    BeginRequest,
    BookmarkRequest,
    Empty,
    ExchangesRequest,
    ExportLine,
    ForgetRequest,
    HistorySearchRequest,
    ListRequest,
    LoadRequest,
    MarkRequest,
    RecallRequest,
    RenameRequest,
    SaveRequest,
    SnippetRequest,
    SnippetsRequest,
    TagRequest,
    UnlockRequest,
)


def add_routes(app: FastAPI) -> None:
    """Register the routes of this module."""
    for path, route in (
        ("/v1/conversations", begin),
        ("/v1/conversations/list", conversations),
        ("/v1/conversations/exchanges", exchanges),
        ("/v1/conversations/save", save),
        ("/v1/conversations/recall", recall),
        ("/v1/conversations/mark", mark),
        ("/v1/conversations/rename", rename),
        ("/v1/conversations/bookmark", bookmark),
        ("/v1/conversations/forget", forget),
        ("/v1/conversations/export", export),
        ("/v1/conversations/load", load),
        ("/v1/conversations/state", state),
        ("/v1/conversations/unlock", unlock),
        ("/v1/history/search", search),
        ("/v1/snippets", snippets),
        ("/v1/snippets/use", use_snippet),
        ("/v1/snippets/tag", tag_snippet),
    ):
        app.add_api_route(path, route, methods=["POST"], response_model=None)


async def begin(body: BeginRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        begun = memory.store().begin(body.id, body.project, body.notebook)
        return {"conversation": asdict(begun)}

    return await _do(request, work)


async def conversations(body: ListRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        found = memory.store().newest(body.project, body.notebook, body.limit)
        return {"conversations": [asdict(one) for one in found]}

    return await _do(request, work)


async def exchanges(body: ExchangesRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        found = memory.store().exchanges(body.conversation, body.last, body.before)
        return {"exchanges": [asdict(one) for one in found]}

    return await _do(request, work)


async def save(body: SaveRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        store = memory.store()
        exchange = body.exchange.exchange()
        saved = store.save(body.conversation, exchange, body.token, body.instead_of)
        memory.saved()
        request.app.state.summaries.tell(store.get(body.conversation))
        return asdict(saved)

    return await _do(request, work)


async def recall(body: RecallRequest, request: Request) -> dict[str, Any]:
    return await _do(
        request,
        lambda memory: _found(memory.recall(body.conversation, body.question, body.before, body.k)),
    )


async def search(body: HistorySearchRequest, request: Request) -> dict[str, Any]:
    return await _do(request, lambda memory: _found(memory.search(body.text, body.project, body.k)))


async def mark(body: MarkRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        memory.store().mark(**body.model_dump())
        return {}

    return await _do(request, work)


async def rename(body: RenameRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        memory.store().rename(body.conversation, body.title)
        return {}

    return await _do(request, work)


async def bookmark(body: BookmarkRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        memory.store().bookmark(body.conversation, body.on)
        return {}

    return await _do(request, work)


async def forget(body: ForgetRequest, request: Request) -> dict[str, Any]:
    return await _do(
        request, lambda memory: {"forgotten": memory.forget(body.project, body.conversation)}
    )


async def state(_: Empty, request: Request) -> dict[str, Any]:
    return await _do(request, lambda memory: memory.state())


async def unlock(body: UnlockRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        memory.unlock(body.passphrase)
        return {}

    return await _do(request, work)


async def snippets(body: SnippetsRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        found = memory.store().snippets.find(body.text, body.language, body.tag)
        return {"snippets": [asdict(one) for one in found]}

    return await _do(request, work)


async def use_snippet(body: SnippetRequest, request: Request) -> dict[str, Any]:
    return await _do(request, lambda memory: asdict(memory.store().snippets.use(body.snippet)))


async def tag_snippet(body: TagRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        memory.store().snippets.tag(body.snippet, body.tags)
        return {}

    return await _do(request, work)


async def export(_: Empty, request: Request) -> Response:
    """Stream all that is kept as server-sent events, one JSON object each, {"end"} the last."""
    memory = _memory(request)
    await asyncio.to_thread(memory.store)  # what is wrong with it gets a status of its own

    def events() -> Iterator[str]:
        try:
            yield _event({"format": "codeassist-conversations", "version": 1})
            for line in memory.store().export():
                yield _event(line)
            yield _event({"end": True})
        except CodeAssistError as exc:
            yield _event(wire.error(exc))
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), 200, media_type="text/event-stream")


async def load(body: LoadRequest, request: Request) -> dict[str, Any]:
    def work(memory: Memories) -> dict[str, Any]:
        loaded = sum(_load(memory, line) for line in body.lines if line.strip())
        memory.saved()
        return {"loaded": loaded}

    return await _do(request, work)


def _load(memory: Memories, text: str) -> int:
    """Take in one line of an export; gives 1 for an exchange that is new here."""
    try:
        line = ExportLine.model_validate_json(text)
    except ValidationError as exc:
        raise UsageError(
            f"this is not a line of an export: {text[:80]!r}", "Give a file made by export."
        ) from exc
    store = memory.store()
    if line.conversation is not None:
        told = line.conversation
        store.begin(told.id, told.project, told.notebook, told.title)
        if told.bookmarked:
            store.bookmark(told.id, on=True)
    elif line.exchange is not None and line.of is not None:
        exchange = line.exchange.exchange()
        if exchange.number > store.get(line.of).turns:
            store.save(line.of, exchange)
            return 1
    elif line.snippet is not None:
        store.snippets.restore(records.snippet(line.snippet.model_dump()))
    return 0


def _memory(request: Request) -> Memories:
    request.app.state.host.jobs.last_active = time.monotonic()
    memory: Memories = request.app.state.memory
    return memory


async def _do(request: Request, work: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await asyncio.to_thread(work, _memory(request))
    return answer


def _found(found: list[Remembered]) -> dict[str, Any]:
    return {"found": [asdict(one) for one in found]}


def _event(payload: dict[str, Any]) -> str:
    return f"data: {json.dumps(payload)}\n\n"
