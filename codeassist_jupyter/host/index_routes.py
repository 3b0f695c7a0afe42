"""The host's routes for the index: search, progress, open cells, the graph, installed packages.

Only translates; `projects` and `packages` keep the indexes, `retrieval` searches them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from ..errors import CodeAssistError, IndexFailed, UsageError
from ..types import Chunk, Package
from . import wire
from .packages import Packages
from .projects import Project, Projects
from .schemas import Name, Strict

if TYPE_CHECKING:
    from ..retrieval.packages import Docs
    from ..retrieval.search import SearchResult

_KEEP_ALIVE_S = 1.0
_MAX_HITS = 100
_MAX_WAIT_S = 20.0  # shorter than what clients take for a dead host; they may ask again
_POLL_S = 0.01
_MOST_PACKAGES = 500  # that one notebook may import

log = logging.getLogger(__name__)

Place = Annotated[str, Field(min_length=1, max_length=4096)]


class InstalledPackage(Strict):
    """As `types.Package`."""

    name: str = Field(pattern=r"^[^\W\d]\w*$", max_length=200)
    version: str = Field(min_length=1, max_length=200)
    title: Name
    path: str = Field(max_length=4096)
    reason: str = Field("", max_length=300)


class PackagesRequest(Strict):
    packages: list[InstalledPackage] = Field(max_length=_MOST_PACKAGES)


class RemoveRequest(Strict):
    name: Name


class SearchRequest(Strict):
    """A query; `packages` are what the asking notebook imports, `names` what its names mean.

    `around` asks for what stands around the hits, too, and for a map if the query wants one.
    """

    start: Place
    query: str = Field(min_length=1, max_length=100_000)
    k: int = Field(10, ge=1, le=_MAX_HITS)
    wait_s: float = Field(0.0, ge=0.0, le=_MAX_WAIT_S)
    packages: list[InstalledPackage] = Field(default=[], max_length=_MOST_PACKAGES)
    names: dict[str, str] = Field(default={}, max_length=10_000)
    around: bool = False


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
    package: str = Field("", max_length=500)


class VerifyRequest(Strict):
    start: Place
    chunks: list[CitedChunk] = Field(max_length=_MAX_HITS)


class NamesRequest(Strict):
    start: Place
    text: str = Field(max_length=1000)
    k: int = Field(20, ge=1, le=_MAX_HITS)


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
        ("/v1/index/names", names, "POST"),
        ("/v1/index/packages", tell_packages, "POST"),
        ("/v1/index/packages/remove", remove_package, "POST"),
        ("/v1/graph", graph, "POST"),
    ):
        app.add_api_route(path, route, methods=[method], response_model=None)


async def search(body: SearchRequest, request: Request) -> dict[str, Any]:
    await _wait(body.start, body.wait_s, request)
    return await asyncio.to_thread(_search, body, request)


async def status(body: IndexRequest, request: Request) -> dict[str, Any]:
    return await asyncio.to_thread(_status, body, request)


async def put_cells(body: CellsRequest, request: Request) -> dict[str, int]:
    return await asyncio.to_thread(_put_cells, body, request)


async def verify(body: VerifyRequest, request: Request) -> dict[str, Any]:
    return await asyncio.to_thread(_verify, body, request)


async def names(body: NamesRequest, request: Request) -> dict[str, Any]:
    return await asyncio.to_thread(_names, body, request)


async def tell_packages(body: PackagesRequest, request: Request) -> dict[str, int]:
    await asyncio.to_thread(_packages(request).tell, _installed(body.packages))
    return {"packages": len(body.packages)}


async def remove_package(body: RemoveRequest, request: Request) -> dict[str, int]:
    removed = await asyncio.to_thread(_packages(request).remove, body.name)
    if not removed:
        raise UsageError(
            f"there is no documentation of {body.name}", "`codeassist index` lists what there is."
        )
    return {"removed": removed}


async def graph(body: GraphRequest, request: Request) -> dict[str, Any]:
    await _wait(body.start, body.wait_s, request)
    return await asyncio.to_thread(_graph, body, request)


async def refresh(body: IndexRequest, request: Request) -> Response:
    """Stream the progress of the index until it is fresh, as server-sent events."""
    await _wait(body.start, 0.0, request)  # what is wrong with the folder gets a status of its own

    def events() -> Iterator[str]:
        try:
            with _project(body.start, request) as project:
                for stage, done, total in project.progress(_KEEP_ALIVE_S):
                    yield _event({"stage": stage, "done": done, "total": total})
                yield _event({"status": _describe(project, _packages(request))})
        except CodeAssistError as exc:  # a status of its own is out of reach once the stream began
            yield _event(wire.error(exc))
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), 200, media_type="text/event-stream")


def _event(payload: dict[str, Any]) -> str:
    return f"data: {json.dumps(payload)}\n\n"


def _project(start: str, request: Request) -> AbstractContextManager[Project]:
    """The project while it is used; blocks while it is being opened."""
    request.app.state.host.jobs.last_active = time.monotonic()
    projects: Projects = request.app.state.projects
    return projects.use(start)


def _packages(request: Request) -> Packages:
    packages: Packages = request.app.state.packages
    return packages


def _installed(packages: Sequence[InstalledPackage]) -> list[Package]:
    return [Package(**package.model_dump()) for package in packages]


async def _wait(start: str, wait_s: float, request: Request) -> None:
    """Until all files of the project were read or the patience is over; holds no thread."""
    refreshed = await asyncio.to_thread(_refreshed, start, request)
    deadline = time.monotonic() + wait_s
    while not refreshed.is_set() and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_S)


def _refreshed(start: str, request: Request) -> Event:
    with _project(start, request) as project:
        return project.refreshed


def _search(body: SearchRequest, request: Request) -> dict[str, Any]:
    from ..retrieval.packages import with_docs
    from ..retrieval.search import search as search_index

    docs = _find_docs(body, _packages(request))
    with _project(body.start, request) as project:
        result = with_docs(search_index(project.index, body.query, body.k), docs, body.k)
        return {
            "root": str(project.root),
            "complete": project.refreshed.is_set(),
            "confident": result.confident,
            "query_class": result.query_class,
            "hits": [asdict(hit.chunk) | {"score": hit.score} for hit in result.hits],
            "related": "",
            "overview": "",
        } | (_around(project, body.query, result) if body.around else {})


def _around(project: Project, query: str, result: SearchResult) -> dict[str, str]:
    from ..index.around import asks_for_overview

    found: dict[str, str] = {}
    if result.confident:
        found["related"] = project.around().related([hit.chunk for hit in result.hits])
    if asks_for_overview(query):
        found["overview"] = project.around().overview()
    return found


def _find_docs(body: SearchRequest, packages: Packages) -> Docs:
    from ..retrieval.packages import Docs, find_docs

    installed = _installed(body.packages)
    packages.tell(installed)
    try:
        return find_docs(packages.ready(installed), body.query, body.names)
    except IndexFailed as exc:
        log.warning("documentation is left out: %s", exc)
        packages.check(installed)
        return Docs()


def _status(body: IndexRequest, request: Request) -> dict[str, Any]:
    with _project(body.start, request) as project:
        return _describe(project, _packages(request))


def _describe(project: Project, packages: Packages) -> dict[str, Any]:
    return asdict(project.index.status()) | {
        "stage": project.stage,
        "done": project.done,
        "total": project.total,
        "failure": project.failure,
        "packages": packages.status(),
    }


def _put_cells(body: CellsRequest, request: Request) -> dict[str, int]:
    with _project(body.start, request) as project:
        path = Path(body.path)
        if path.is_absolute() and path.resolve().is_relative_to(project.root):
            path = path.resolve().relative_to(project.root)
        name = path.as_posix()
        if body.whole:
            project.index.overlay.drop(name)
        for cell in body.cells:
            project.index.put_cell(name, cell.id, cell.source, cell.cell, cell.heading)
    return {"cells": len(body.cells)}


def _verify(body: VerifyRequest, request: Request) -> dict[str, Any]:
    from ..index.verify import verify as verify_chunk

    packages = _packages(request)
    chunks = [
        Chunk(id="", kind="text", name="", language="", header="", **cited.model_dump())
        for cited in body.chunks
    ]
    with _project(body.start, request) as project:
        opened, root = project.index.overlay, project.root
        verdicts = [
            packages.verify(chunk)
            if chunk.package
            else opened.verify(chunk) or verify_chunk(root, chunk)
            for chunk in chunks
        ]
    return {"verdicts": verdicts}


def _names(body: NamesRequest, request: Request) -> dict[str, Any]:
    from ..index.names import names_like

    with _project(body.start, request) as project:
        found = names_like(project.index.roster, body.text, body.k)
        return {"root": str(project.root), "names": [one._asdict() for one in found]}


def _graph(body: GraphRequest, request: Request) -> dict[str, Any]:
    from ..index.neighbours import neighbours

    with _project(body.start, request) as project:
        around = neighbours(project.index.manifest.all_edges(), body.name)
        return asdict(around) | {"complete": project.refreshed.is_set()}
