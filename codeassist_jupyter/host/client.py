"""The kernel's way to the host: one class, synchronous, for any thread and any forked child.

Starts the host when needed, asks again once if it died before anything was shown, and stops one
that gives no sign of life.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..engine.sse import payloads
from ..engine.text import clean
from ..errors import CodeAssistError, HostError, HostLost, HostStalled, HostUnavailable
from ..models import catalogue, machine
from ..types import Done, Event, Failed, Message, Priority, Sampling, Speed, Text, Usage
from . import endpoint, launcher, wire
from .endpoint import Endpoint

if TYPE_CHECKING:
    import httpx

_SHORT_S = 5.0  # for requests that the host answers by itself


@dataclass(slots=True)
class _Connection:
    """What one process knows of the host; a forked child makes its own."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    endpoint: Endpoint | None = None
    http: httpx.Client | None = None


class HostClient:
    """Everything a kernel asks of the host; raises our errors only."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connections: dict[int, _Connection] = {}
        self._cancelled: set[str] = set()

    def chat(
        self,
        messages: Iterable[Message],
        *,
        sampling: Sampling | None = None,
        model: str | None = None,
        engine: str | None = None,
        priority: Priority = "interactive",
        kernel_busy: bool = False,
        request_id: str | None = None,
    ) -> Iterator[Event]:
        """Answer a chat; what goes wrong before the first text is raised, later it is a Failed."""
        sampling = sampling or Sampling()
        body = self._body(sampling, model, engine, priority, kernel_busy, request_id)
        body["messages"] = [{"role": m.role, "content": clean(m.content)} for m in messages]
        if sampling.json_schema is not None:
            body["response_format"] = _response_format(sampling.json_schema)
        return self._events("/v1/chat/completions", body)

    def infill(
        self,
        prefix: str,
        suffix: str,
        *,
        sampling: Sampling | None = None,
        model: str | None = None,
        engine: str | None = None,
        priority: Priority = "interactive",
        kernel_busy: bool = False,
        request_id: str | None = None,
    ) -> Iterator[Event]:
        """Fill the gap between `prefix` and `suffix`; errors as in `chat`."""
        sampling = sampling or Sampling()
        body = self._body(sampling, model, engine, priority, kernel_busy, request_id)
        body |= {"prompt": clean(prefix), "suffix": clean(suffix)}
        return self._events("/v1/completions", body)

    def cancel(self, request_id: str) -> None:
        """End a request that another thread is reading; never starts a host, never raises."""
        import httpx

        self._cancelled.add(request_id)
        at = self._mine().endpoint or endpoint.read()
        if at is None:
            return
        try:
            with at.connect(_SHORT_S) as http:
                http.post("/v1/cancel", json={"id": request_id})
        except httpx.TransportError:
            self._forget(at)  # gone or stuck: there is nothing to cancel, or nobody to tell

    def models(self) -> list[dict[str, Any]]:
        """List the chat models, each with id, installed, loaded, size, licence and default."""
        models: list[dict[str, Any]] = self._get("/v1/models")["data"]
        return models

    def metrics(self, days: float) -> dict[str, Any]:
        """Response times by model and by day of the last `days`; see memory.metrics.report."""
        return self._get(f"/v1/metrics?days={days:g}")

    def speed(self, model: str) -> Speed | None:
        """How fast set-up found this machine with `model`; None if it was never measured."""
        try:
            return machine.load_speed(catalogue.find(model).id)
        except CodeAssistError:
            return None

    def resolve(self, model: str) -> str:
        """The short name of a model; raises ModelUnknown with close names."""
        return catalogue.find(model).name

    def require_model(self, engine: str, model: str) -> None:
        """Raise what is wrong with a local model at once, rather than start a host to learn it."""
        folder = self._settings.models_path
        if engine == "llama_cpp" and catalogue.installed(model, folder) is None:
            catalogue.verified_path(model, folder)

    def model_file(self, model: str) -> Path:
        """The verified file of a model; raises ModelUnknown, ModelMissing and ModelDamaged."""
        return catalogue.verified_path(model, self._settings.models_path)

    def encoders(self) -> tuple[str, ...]:
        """What search by meaning reads with and is here: a fast one, a thorough one, or none."""
        folder = self._settings.models_path
        choices = (catalogue.STATIC_ENCODERS, (catalogue.ENCODER,))
        here = [[n for n in names if catalogue.installed(n, folder)][:1] for names in choices]
        return tuple(name for names in here for name in names)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a request whose answer is one JSON object; starts the host if need be."""
        return self._request("POST", path, body)

    def health(self, start: bool = True) -> dict[str, Any] | None:
        """Ask for the host's state, model and speeds; None if none runs and `start` is False."""
        if start:
            return self._get("/health")
        at = endpoint.read()
        return launcher.probe(at) if at is not None else None

    def shutdown(self) -> bool:
        """Stop the running host; False if there was none."""
        self.close()
        return launcher.stop_host()

    def close(self) -> None:
        """Close this process's connections; the next call opens new ones."""
        connection = self._connections.pop(os.getpid(), None)
        if connection is not None and connection.http is not None:
            connection.http.close()

    def _body(
        self,
        sampling: Sampling,
        model: str | None,
        engine: str | None,
        priority: Priority,
        kernel_busy: bool,
        request_id: str | None,
    ) -> dict[str, Any]:
        engine = engine or self._settings.engine
        defaults = {"llama_cpp": self._settings.model, "openai": self._settings.openai_model}
        return {
            "model": model or defaults.get(engine) or None,
            "engine": engine,
            "stream": True,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stop": [clean(stop) for stop in sampling.stop],
            "priority": priority,
            "kernel_busy": kernel_busy,
            "request_id": request_id or uuid.uuid4().hex,
        }

    def _events(self, path: str, body: dict[str, Any]) -> Iterator[Event]:
        shown = False
        for attempt in (1, 2):
            try:
                for event in self._attempt(path, body):
                    shown = shown or isinstance(event, Text)
                    yield event
            except (HostLost, HostStalled) as exc:
                if shown:
                    yield Failed(exc.code, exc.message, exc.hint)
                    return
                again = attempt == 1 and isinstance(exc, HostLost)
                if not again or body["request_id"] in self._cancelled:
                    raise
            else:
                self._cancelled.discard(body["request_id"])
                return

    def _attempt(self, path: str, body: dict[str, Any]) -> Iterator[Event]:
        """Ask once; raises HostLost and HostStalled, and what the host says went wrong."""
        self.require_model(body["engine"], body["model"])
        self._connect()
        if body["request_id"] in self._cancelled:  # while the host was starting
            yield Done("cancelled", Usage(body["model"] or "", 0, 0, 0, 0.0, 0.0))
            return
        for data in self.stream(path, body):
            try:
                event = wire.event(data)
            except ValueError as exc:
                raise HostError(f"the host sent what we cannot read: {exc}") from exc
            if event is not None:
                yield event
            if isinstance(event, Done | Failed):
                return
        raise HostLost("the host broke off in the middle of its answer")

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[str]:
        """Send a request and yield the data of the server-sent events that answer it.

        Raises HostLost and HostStalled when the host falls silent, and what the host refuses.
        """
        import httpx

        at, http = self._connect()
        try:
            with http.stream("POST", path, json=body) as response:
                self._accept(response, at)
                yield from payloads(response.iter_bytes())
        except httpx.ReadTimeout as exc:
            self._forget(at)
            launcher.kill_host(at)
            raise HostStalled(
                f"the host gave no sign of life for {self._settings.stall_timeout_s:.0f} s"
                " and was stopped"
            ) from exc
        except httpx.TransportError as exc:
            self._forget(at)
            raise HostLost("the host went away") from exc
        except ValueError as exc:
            raise HostError(f"the host sent what we cannot read: {exc}") from exc

    def _get(self, path: str) -> dict[str, Any]:
        return self._request("GET", path, None)

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        import httpx

        for last in (False, True):
            at, http = self._connect()
            try:
                response = http.request(method, path, json=body)
                self._accept(response, at)
                answer: dict[str, Any] = response.json()
            except (httpx.TransportError, HostLost) as exc:
                self._forget(at)
                if last:
                    raise HostUnavailable(f"the host does not answer: {exc}") from exc
            else:
                return answer
        raise AssertionError("unreachable")

    def _accept(self, response: httpx.Response, at: Endpoint) -> None:
        if response.status_code == 401:  # another host has taken the socket: find its key
            self._forget(at)
            raise HostLost("the host was replaced")
        if response.status_code != 200:
            raise _refusal(response)

    def _mine(self) -> _Connection:
        return self._connections.setdefault(os.getpid(), _Connection())

    def _connect(self) -> tuple[Endpoint, httpx.Client]:
        mine = self._mine()
        with mine.lock:
            if mine.endpoint is None or mine.http is None or not mine.endpoint.listening():
                mine.endpoint = launcher.ensure_host(self._settings)
                mine.http = mine.endpoint.connect(self._settings.stall_timeout_s)
            return mine.endpoint, mine.http

    def _forget(self, at: Endpoint) -> None:
        mine = self._mine()
        with mine.lock:
            if mine.endpoint == at:
                mine.endpoint = mine.http = None


def _refusal(response: httpx.Response) -> CodeAssistError:
    response.read()
    try:
        return wire.raised(response.json())
    except (ValueError, KeyError, TypeError):
        return HostError(f"the host answered with status {response.status_code}")


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    if not schema:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
