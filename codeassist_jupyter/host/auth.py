"""The door: only who knows the host's key comes in, and no web page does."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_MAX_BODY_BYTES = 64 * 1024 * 1024
# A page that rebinds its own name to 127.0.0.1 still sends that name.
_HOSTS = {"localhost", "127.0.0.1"}


class Guard:
    """ASGI middleware in front of every route; answers 401, 403 or 413 itself."""

    def __init__(self, app: App, key: str) -> None:
        self._app = app
        self._expected = f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        name = headers.get(b"host", b"").decode("latin-1").rpartition(":")[0]
        name = name or headers.get(b"host", b"").decode("latin-1")
        length = headers.get(b"content-length", b"0")
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
            await _refuse(send, 401, "the key of this host is missing or wrong")
        elif name not in _HOSTS or b"origin" in headers:
            await _refuse(send, 403, "web pages may not use this host")
        elif not length.isdigit() or int(length) > _MAX_BODY_BYTES:
            await _refuse(send, 413, f"a request may have {_MAX_BODY_BYTES:,} bytes")
        else:
            await self._app(scope, receive, send)


async def _refuse(send: Send, status: int, message: str) -> None:
    body = {"error": {"code": "NotAllowed", "message": message, "hint": ""}}
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
