"""An engine behind any OpenAI-compatible server; off unless a base URL is configured.

The only engine that sends anything elsewhere: to that one server, with that one key, following no
redirect and no proxy setting.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from ..config import Settings
from ..errors import (
    CodeAssistError,
    ConfigError,
    ContextOverflow,
    EngineError,
    RemoteError,
    SchemaInvalid,
)
from ..types import (
    Abilities,
    Done,
    Event,
    Failed,
    Infill,
    Prompt,
    Request,
    Sampling,
    StopReason,
    Text,
    Usage,
)
from .sse import Decoder
from .text import clean

_CONNECT_S = 10.0
_SILENCE_S = 120.0  # a server without a GPU reads a long prompt in silence
_ANSWER_S = 1800.0  # a server that drips a byte now and then must not hold us for ever
_CANCEL_POLL_S = 0.02
_BYTES_PER_TOKEN = 4  # of English and code, in most vocabularies
_ERROR_BYTES = 20_000
_OVERFLOW_CODES = {"context_length_exceeded", "exceed_context_size_error", "ContextOverflow"}
_STOP_REASONS: dict[str, StopReason] = {"length": "length"}


@dataclass(slots=True)
class _Progress:
    """What is known of an answer while it arrives."""

    started: float
    first: float = 0.0
    last: float = 0.0
    pieces: int = 0
    characters: list[str] = field(default_factory=list)
    reason: StopReason | None = None
    usage: dict[str, Any] = field(default_factory=dict)


class OpenAIEngine:
    """The Engine contract over `POST {base_url}/chat/completions`; cannot infill."""

    def __init__(self, base_url: str, model: str, api_key: str = "", context_length: int = 8192):
        self._url = _checked_url(base_url)
        self._model = model
        self._api_key = api_key
        self._context_length = context_length
        # Made once, as it reads all certificates; plain HTTP needs none.
        self._tls: ssl.SSLContext | bool = False
        if self._url.scheme == "https":
            self._tls = httpx.create_ssl_context(trust_env=False)

    @classmethod
    def open(cls, model: str, settings: Settings) -> OpenAIEngine:
        """Make the engine that the settings describe; raises ConfigError without a base URL."""
        if not settings.openai_base_url:
            raise ConfigError(
                "no server is configured for the engine openai",
                "Set openai_base_url in the config file, then run `codeassist host stop`.",
            )
        return cls(
            settings.openai_base_url, model, settings.openai_api_key, settings.context_length
        )

    @property
    def model(self) -> str:
        return self._model

    @property
    def abilities(self) -> Abilities:
        return Abilities(self._context_length, parallel=16)

    def count_tokens(self, text: str) -> int:
        """Estimate: the server has the tokenizer, we do not."""
        return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)

    def close(self) -> None:
        """Nothing is held open between requests."""

    def generate(self, request: Request) -> Iterator[Event]:
        """Answer `request`; raises RemoteError, ContextOverflow, SchemaInvalid."""
        if isinstance(request.prompt, Infill):
            raise EngineError("the engine openai cannot fill in code", "Use the engine llama_cpp.")
        body = self._body(request.prompt, request.sampling)
        if request.cancel.is_set():
            yield Done("cancelled", self._usage(_Progress(time.perf_counter()), body))
            return
        progress = _Progress(time.perf_counter())
        answer = _in_this_thread(self._texts(body, progress), request)
        try:
            for text in answer:
                yield Text(clean(text))  # a server may send half a pair of surrogates
        except CodeAssistError as exc:
            if not progress.pieces:
                raise
            yield Failed(exc.code, exc.message, exc.hint)
            return
        finally:
            answer.close()
        reason: StopReason = "cancelled" if request.cancel.is_set() else progress.reason or "stop"
        yield Done(reason, self._usage(progress, body))

    def _body(self, prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
        body: dict[str, Any] = {
            "messages": [{"role": m.role, "content": clean(m.content)} for m in prompt.messages],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self._model:
            body["model"] = self._model
        if sampling.stop:
            body["stop"] = [clean(stop) for stop in sampling.stop]
        if sampling.json_schema:
            schema = {"name": "answer", "schema": sampling.json_schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif sampling.json_schema is not None:
            body["response_format"] = {"type": "json_object"}
        return body

    async def _texts(self, body: dict[str, Any], progress: _Progress) -> AsyncIterator[str]:
        """Yield the pieces of text and note the rest; raises our errors only."""
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        url = f"{str(self._url).rstrip('/')}/chat/completions"
        timeout = httpx.Timeout(_CONNECT_S, read=_SILENCE_S)
        try:
            async with (
                asyncio.timeout(_ANSWER_S),
                httpx.AsyncClient(
                    verify=self._tls, trust_env=False, follow_redirects=False, timeout=timeout
                ) as http,
                http.stream("POST", url, json=body, headers=headers) as response,
            ):
                await _check(response)
                async for payload in _payloads(response):
                    text = _take(payload, progress)
                    if text:
                        yield text
        except httpx.TransportError as exc:
            what = str(exc) or type(exc).__name__
            raise RemoteError(f"no answer from {self._url.host}: {what}") from exc
        except TimeoutError as exc:
            raise RemoteError(f"{self._url.host} did not finish its answer in time") from exc
        except ValueError as exc:
            raise RemoteError(f"{self._url.host} sent what we cannot read: {exc}") from exc
        if progress.reason is None:
            raise RemoteError(f"{self._url.host} broke off in the middle of its answer")

    def _usage(self, progress: _Progress, body: dict[str, Any]) -> Usage:
        """Take the server's numbers, or count where it sent none."""
        said = progress.usage
        details = said.get("prompt_tokens_details")
        asked = "".join(message["content"] for message in body["messages"])
        answer = "".join(progress.characters)
        first = progress.first or time.perf_counter()
        completion = _count(said.get("completion_tokens"), self.count_tokens(answer))
        seconds = max(progress.last - first, 1e-6)
        prompt = _count(said.get("prompt_tokens"), self.count_tokens(asked))
        cached = _count(details.get("cached_tokens"), 0) if isinstance(details, dict) else 0
        return Usage(
            model=self._model,
            prompt_tokens=prompt,
            cached_tokens=min(cached, prompt),
            completion_tokens=completion,
            ttft_ms=(first - progress.started) * 1000,
            tokens_per_s=max(completion - 1, 0) / seconds,
            context_length=self._context_length,
        )


def _in_this_thread(pieces: AsyncIterator[str], request: Request) -> Generator[str, None, None]:
    """Run `pieces` on an event loop of this thread, looking at the request's cancel meanwhile.

    The loop is what lets a request end at once at any stage, even while it still connects.
    """
    arrived: asyncio.Queue[str | None] = asyncio.Queue()

    async def read() -> None:
        try:
            async for piece in pieces:
                arrived.put_nowait(piece)
        finally:
            arrived.put_nowait(None)

    async def take() -> str | None:
        while not request.cancel.is_set():
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(arrived.get(), _CANCEL_POLL_S)
        return None

    async def outcome(reading: asyncio.Task[None]) -> None:
        if request.cancel.is_set():
            reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading

    with asyncio.Runner() as runner:  # ends the reading task if we are closed early
        reading = runner.get_loop().create_task(read())
        while (piece := runner.run(take())) is not None:
            yield piece
        runner.run(outcome(reading))


async def _payloads(response: httpx.Response) -> AsyncIterator[str]:
    decoder = Decoder()
    async for piece in response.aiter_bytes():
        for data in decoder.feed(piece):
            if data == "[DONE]":
                return
            yield data
    for data in decoder.end():
        if data != "[DONE]":
            yield data


async def _check(response: httpx.Response) -> None:
    """Refuse every answer that is not a stream of events, with the server's own words."""
    host, status = response.url.host, response.status_code
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if status == 200 and kind == "text/event-stream":
        return
    if status in (401, 403):
        hint = "Check CODEASSIST_OPENAI_API_KEY."
        raise RemoteError(f"{host} refused the key (status {status})", hint)
    if status == 429:
        raise RemoteError(f"{host} is busy or the quota is used up (status 429)", "Ask later.")
    if 300 <= status < 400:
        raise RemoteError(
            f"{host} redirects elsewhere (status {status}), which is not followed",
            "Set CODEASSIST_OPENAI_BASE_URL to the final address, if you trust it.",
        )
    if status == 200:
        raise RemoteError(f"{host} answered with {kind or 'no type'}, not with a stream of events")
    head = b""
    async for piece in response.aiter_bytes():
        head += piece
        if len(head) > _ERROR_BYTES:
            break
    try:
        raise _said(json.loads(head), f"{host}, status {status}")
    except ValueError:
        raise RemoteError(f"{host} answered with status {status}") from None


def _take(payload: str, progress: _Progress) -> str:
    """Note what a chunk says and give its text; raises the error in it, ValueError for garbage."""
    try:
        chunk = json.loads(payload)
        if chunk.get("error"):
            raise _said(chunk, "the server")
        if isinstance(chunk.get("usage"), dict):
            progress.usage = chunk["usage"]
        choice = chunk["choices"][0] if chunk.get("choices") else {}
        text = str((choice.get("delta") or {}).get("content") or "")
        finish = choice.get("finish_reason")
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError(f"not a chunk: {payload[:100]}") from exc
    if finish:
        progress.reason = _STOP_REASONS.get(str(finish), "stop")
    if text:
        progress.last = time.perf_counter()
        progress.first = progress.first or progress.last
        progress.pieces += 1
        progress.characters.append(text)
    return text


def _said(body: Any, where: str) -> CodeAssistError:
    """Make our error of the error that a server describes in one of several ways."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        error = body if isinstance(body, dict) else {}
    message = str(error.get("message") or "no reason given")[:500]
    codes = {str(error.get("code")), str(error.get("type"))}
    if codes & _OVERFLOW_CODES:
        tokens, limit = error.get("n_prompt_tokens", error.get("tokens")), error.get("limit")
        tokens, limit = _count(tokens, 0), _count(limit or error.get("n_ctx"), 0)
        return ContextOverflow(message, tokens=tokens, limit=limit)
    if "SchemaInvalid" in codes:
        return SchemaInvalid(message)
    return RemoteError(f"{where}: {message}")


def _count(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**53 else otherwise


def _checked_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as exc:
        raise ConfigError(f"openai_base_url is not a URL: {exc}") from exc
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query:
        raise ConfigError(
            "openai_base_url must look like http://server:port/v1, without user, password or query"
        )
    return url
