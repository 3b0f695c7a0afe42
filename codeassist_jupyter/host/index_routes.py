"""The host's routes for the index: search, progress, open cells, the graph.

Only translates; `projects` keeps the indexes, `retrieval` searches them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from ..errors import CodeAssistError
from ..types import Chunk
from . import wire
from .schemas import Name, Strict

_KEEP_ALIVE_S = 1.0
_MAX_HITS = 100
_MAX_WAIT_S = 20.0  # shorter than what clients take for a dead host; they may ask again
_POLL_S = 0.01

Place = Annotated[str, Field(min_length=1, max_length=4096)]


class SearchRequest(Strict):
    start: Place
    query: str = Field(min_length=1, max_length=100_000)
    k: int = Field(10, ge=1, le=_MAX_HITS)
    wait_s: float = Field(0.0, ge=0.0, le=_MAX_WAIT_S)


class IndexRequest(Strict):
    start: Place


class OpenCell(Strict):
    id: Name
    source: str = Field(max_length=5_000_000)
    cell: int | None = Field(None, ge=0)
    heading: str = Field("", max_length=10_000)


class CellsRequest(Strict):
    """Cells of one open notebook; `whole` says that it has no others open."""

    start: Place
    path: Place
    cells: list[OpenCell] = Field(max_length=10_000)
    whole: bool = False


class CitedChunk(Strict):
    path: Place
    text: str = Field(max_length=1_000_000)
    start_line: int = Field(ge=1)
    end_line: int = Field(ge=1)
    cell: int | None = Field(None, ge=0)
    cell_id: str | None = Field(None, max_length=300)


class VerifyRequest(Strict):
    start: Place
    chunks: list[CitedChunk] = Field(max_length=_MAX_HITS)


class GraphRequest(Strict):
    start: Place
    name: Name
    wait_s: float = Field(0.0, ge=0.0, le=_MAX_WAIT_S)


def add_routes(app: FastAPI) -> None:
    """Register the routes of this module."""
    for path, route, method in (
        ("/v1/search", search, "POST"),
        ("/v1/index", refresh, "POST"),
        ("/v1/index/status", status, "POST"),
        ("/v1/index/cells", put_cells, "POST"),
        ("/v1/index/verify", verify, "POST"),
        ("/v1/graph", graph, "POST"),
    ):
        app.add_api_route(path, route, methods=[method], response_model=None)


async def search(body: SearchRequest, request: Request) -> dict[str, Any]:
    project = await _ready(body.start, body.wait_s, request)
    return await asyncio.to_thread(_search, project, body)


async def status(body: IndexRequest, request: Request) -> dict[str, Any]:
    return await asyncio.to_thread(_status, body, request)


async def put_cells(body: CellsRequest, request: Request) -> dict[str, int]:
    return await asyncio.to_thread(_put_cells, body, request)


async def verify(body: VerifyRequest, request: Request) -> dict[str, Any]:
    return await asyncio.to_thread(_verify, body, request)


async def graph(body: GraphRequest, request: Request) -> dict[str, Any]:
    project = await _ready(body.start, body.wait_s, request)
    return await asyncio.to_thread(_graph, project, body)


async def refresh(body: IndexRequest, request: Request) -> Response:
    """Stream the progress of the index until it is fresh, as server-sent events."""
    project = await asyncio.to_thread(_project, body.start, request)

    def events() -> Iterator[str]:
        try:
            for stage, done, total in project.progress(_KEEP_ALIVE_S):
                yield _event({"stage": stage, "done": done, "total": total})
            yield _event({"status": _describe(project)})
        except CodeAssistError as exc:  # a status of its own is out of reach once the stream began
            yield _event(wire.error(exc))
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), 200, media_type="text/event-stream")


def _event(payload: dict[str, Any]) -> str:
    return f"data: {json.dumps(payload)}\n\n"


def _project(start: str, request: Request) -> Any:
    request.app.state.host.jobs.last_active = time.monotonic()
    return request.app.state.projects.open(start)


async def _ready(start: str, wait_s: float, request: Request) -> Any:
    """The project, once all its files were read or the patience is over; holds no thread."""
    project = await asyncio.to_thread(_project, start, request)
    deadline = time.monotonic() + wait_s
    while not project.refreshed.is_set() and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_S)
    return project


def _search(project: Any, body: SearchRequest) -> dict[str, Any]:
    from ..retrieval.search import search as search_index

    result = search_index(project.index, body.query, body.k)
    return {
        "root": str(project.root),
        "complete": project.refreshed.is_set(),
        "confident": result.confident,
        "query_class": result.query_class,
        "hits": [asdict(hit.chunk) | {"score": hit.score} for hit in result.hits],
    }


def _status(body: IndexRequest, request: Request) -> dict[str, Any]:
    return _describe(_project(body.start, request))


def _describe(project: Any) -> dict[str, Any]:
    return asdict(project.index.status()) | {
        "stage": project.stage,
        "done": project.done,
        "total": project.total,
        "failure": project.failure,
    }


def _put_cells(body: CellsRequest, request: Request) -> dict[str, int]:
    project = _project(body.start, request)
    path = Path(body.path)
    if path.is_absolute() and path.resolve().is_relative_to(project.root):
        path = path.resolve().relative_to(project.root)
    if body.whole:
        project.index.overlay.drop(path.as_posix())
    for cell in body.cells:
        project.index.put_cell(path.as_posix(), cell.id, cell.source, cell.cell, cell.heading)
    return {"cells": len(body.cells)}


def _verify(body: VerifyRequest, request: Request) -> dict[str, Any]:
    from ..index.verify import verify as verify_chunk

    project = _project(body.start, request)
    chunks = (
        Chunk(
            id="",
            kind="text",
            name="",
            language="",
            header="",
            **cited.model_dump(),
        )
        for cited in body.chunks
    )
    overlay = project.index.overlay
    return {
        "verdicts": [overlay.verify(chunk) or verify_chunk(project.root, chunk) for chunk in chunks]
    }


def _graph(project: Any, body: GraphRequest) -> dict[str, Any]:
    from ..index.neighbours import neighbours

    around = neighbours(project.index.manifest.all_edges(), body.name)
    return asdict(around) | {"complete": project.refreshed.is_set()}
