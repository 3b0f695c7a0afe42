"""The host's HTTP interface: OpenAI's where OpenAI has a name for it, ours for the rest.

Routes only translate; jobs do the work, engines the thinking.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import psutil
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from .. import __version__, config
from ..errors import (
    CodeAssistError,
    ConfigError,
    ContextOverflow,
    HostUnavailable,
    ModelMissing,
    ModelUnknown,
    NotAllowed,
    SchemaInvalid,
    UsageError,
)
from ..memory.metrics import Metrics
from ..models import catalogue, machine
from ..types import Done, Event, Failed, Text
from . import index_routes, memory_routes, wire
from .auth import Guard
from .jobs import Job, Jobs
from .memories import Memories
from .packages import Packages
from .pool import EnginePool
from .projects import Projects
from .schemas import CancelRequest, ChatRequest, CompletionRequest
from .summaries import Summaries

log = logging.getLogger(__name__)

# An error within this time gets an HTTP status of its own; after it the stream has begun.
_STATUS_PATIENCE_S = 0.3
_KEEP_ALIVE_S = 0.5
_STATUS = (
    (HostUnavailable, 503),
    (NotAllowed, 403),
    (ModelMissing, 404),
    (ModelUnknown, 404),
    ((UsageError, ConfigError, ContextOverflow, SchemaInvalid), 400),
    (CodeAssistError, 500),
)

Kind = Literal["chat", "text"]


@dataclass(frozen=True, slots=True)
class _Host:
    jobs: Jobs
    stop: Callable[[], None]
    started: float


def create_app(key: str, pool: EnginePool, stop: Callable[[], None] = lambda: None) -> FastAPI:
    """Assemble the app; `stop` is called when a client asks the host to leave."""
    metrics = Metrics(config.home() / "metrics.duckdb")
    jobs = Jobs(pool, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        jobs.cancel_all()
        await asyncio.to_thread(pool.close)
        await asyncio.to_thread(metrics.close)
        await asyncio.to_thread(app.state.summaries.close)
        await asyncio.to_thread(app.state.memory.close)
        await asyncio.to_thread(app.state.projects.close)
        await asyncio.to_thread(app.state.packages.close)

    app = FastAPI(openapi_url=None, lifespan=lifespan, redirect_slashes=False)
    app.state.host = _Host(jobs, stop, time.time())
    app.add_middleware(Guard, key=key)
    app.add_exception_handler(CodeAssistError, _on_our_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
    for path, route, method in (
        ("/v1/chat/completions", chat, "POST"),
        ("/v1/completions", complete, "POST"),
        ("/v1/cancel", cancel, "POST"),
        ("/v1/models", models, "GET"),
        ("/v1/metrics", metrics_report, "GET"),
        ("/health", health, "GET"),
        ("/shutdown", shutdown, "POST"),
    ):
        app.add_api_route(path, route, methods=[method], response_model=None)
    app.state.projects = Projects(is_busy=lambda: jobs.active > 0)
    app.state.packages = Packages(is_busy=lambda: jobs.active > 0)
    index_routes.add_routes(app)
    app.state.memory = Memories(app.state.projects.encoders, is_busy=lambda: jobs.active > 0)
    app.state.summaries = Summaries(app.state.memory, jobs)
    memory_routes.add_routes(app)
    return app


async def chat(body: ChatRequest, request: Request) -> Response:
    return await _answer(body, "chat", request)


async def complete(body: CompletionRequest, request: Request) -> Response:
    return await _answer(body, "text", request)


async def cancel(body: CancelRequest, request: Request) -> dict[str, bool]:
    return {"cancelled": _host(request).jobs.cancel(body.id)}


async def models(request: Request) -> dict[str, Any]:
    settings = config.load()
    loaded = {engine.model for engine in _host(request).jobs.pool.engines()}

    def describe(model: catalogue.Model) -> dict[str, Any]:
        return {
            "id": model.name,
            "object": "model",
            "created": 0,
            "owned_by": "codeassist",
            "installed": catalogue.installed(model.id, settings.models_path) is not None,
            "loaded": model.name in loaded,
            "size": model.size,
            "licence": model.licence,
            "default": settings.model in (model.id, *model.aliases),
        }

    known = [model for model in catalogue.all_models() if model.task == "chat"]
    return {"object": "list", "data": await asyncio.to_thread(lambda: [*map(describe, known)])}


async def metrics_report(request: Request, days: float = 30.0) -> dict[str, Any]:
    host = _host(request)
    if not 0 < days <= 3650:
        raise UsageError(f"days must be between 0 and 3650, not {days}", "")
    return {
        "days_covered": days,
        "rss_mb": psutil.Process().memory_info().rss / 1e6,
        "uptime_s": time.time() - host.started,
        **await asyncio.to_thread(host.jobs.metrics.report, days),
    }


async def health(request: Request) -> dict[str, Any]:
    host = _host(request)
    pool = host.jobs.pool
    engines = pool.engines()
    state = "idle"
    if pool.loading:
        state = "loading"
    elif host.jobs.active:
        state = "busy"
    elif engines:
        state = "ready"
    answer: dict[str, Any] = {
        "version": __version__,
        "pid": os.getpid(),
        "home": str(config.home()),
        "state": state,
        "active": host.jobs.active,
        "uptime_s": time.time() - host.started,
        "model": None,
        "sha256": None,
        "context_length": None,
        "speed": None,
    }
    if engines:
        answer |= {
            "model": engines[0].model,
            "context_length": engines[0].abilities.context_length,
            **_facts(engines[0].model),
        }
    return answer


async def shutdown(request: Request) -> dict[str, bool]:
    host = _host(request)
    host.jobs.cancel_all()
    host.stop()
    return {"stopping": True}


def _facts(model: str) -> dict[str, Any]:
    try:
        facts = catalogue.find(model)
    except ModelUnknown:  # echo, or the model of another server
        return {}
    speed = machine.load_speed(facts.id)
    return {"sha256": facts.files[0].sha256, "speed": asdict(speed) if speed else None}


def _host(request: Request) -> _Host:
    host: _Host = request.app.state.host
    return host


class _EventStream(StreamingResponse):
    """A stream whose job ends with it, however it ends: read to the end or cut off."""

    def __init__(self, job: Job, first: Event | None, kind: Kind) -> None:
        self._job = job
        headers = {"cache-control": "no-cache"}
        super().__init__(_chunks(job, first, kind), 200, headers, "text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._job.cancel.set()


async def _answer(body: ChatRequest | CompletionRequest, kind: Kind, request: Request) -> Response:
    jobs = _host(request).jobs
    job = jobs.start(body.request_id, body.job(), body.engine, body.model)
    if not body.stream:
        return await _whole(job, kind, request)
    return _EventStream(job, await job.next(_STATUS_PATIENCE_S), kind)


async def _chunks(job: Job, first: Event | None, kind: Kind) -> AsyncIterator[str]:
    created = int(time.time())
    event = first
    while True:
        if event is None:
            yield ": waiting\n\n"  # a comment: it only says that we live
        else:
            batch = []
            while event is not None:
                chunk = wire.chunk(event, job.id, job.model, created, kind)
                batch.append(f"data: {chunk}\n\n")
                if isinstance(event, Done | Failed):
                    yield "".join([*batch, "data: [DONE]\n\n"])
                    return
                event = job.ready()
            yield "".join(batch)
        try:
            event = await job.next(_KEEP_ALIVE_S)
        except CodeAssistError as exc:
            yield f"data: {json.dumps(wire.error(exc))}\n\ndata: [DONE]\n\n"
            return


async def _whole(job: Job, kind: Kind, request: Request) -> Response:
    pieces: list[str] = []
    looked = time.monotonic()
    while True:
        event = await job.next(_KEEP_ALIVE_S)
        if isinstance(event, Text):
            pieces.append(event.text)
        elif isinstance(event, Failed):
            return JSONResponse({"error": asdict(event)}, 500)
        elif isinstance(event, Done):
            return JSONResponse(_completion("".join(pieces), event, job, kind))
        if time.monotonic() - looked >= _KEEP_ALIVE_S:
            looked = time.monotonic()
            if await request.is_disconnected():
                job.cancel.set()


def _completion(text: str, done: Done, job: Job, kind: Kind) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "finish_reason": wire.FINISH[done.reason]}
    if kind == "chat":
        choice["message"] = {"role": "assistant", "content": text}
    else:
        choice["text"] = text
    return {
        "id": job.id,
        "object": "chat.completion" if kind == "chat" else "text_completion",
        "created": int(time.time()),
        "model": job.model,
        "choices": [choice],
        "usage": wire.openai_usage(done.usage),
        "codeassist": {"done": asdict(done)},
    }


def _our_error(exc: CodeAssistError) -> JSONResponse:
    status = next(status for classes, status in _STATUS if isinstance(exc, classes))
    return JSONResponse(wire.error(exc), status)


async def _on_our_error(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, CodeAssistError)
    return _our_error(exc)


async def _on_invalid(_: Request, exc: Exception) -> Response:
    """Say which fields are wrong without repeating their values, which may not be encodable."""
    assert isinstance(exc, RequestValidationError)
    where = "; ".join(
        f"{'.'.join(str(part) for part in error['loc'][1:])}: {error['msg']}"
        for error in exc.errors()[:5]
    )
    error = UsageError(f"the request is not valid: {where}"[:1000], "")
    return JSONResponse(wire.error(error), 422)


async def _on_http_error(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    return JSONResponse(wire.error(UsageError(str(exc.detail), "")), exc.status_code)
