"""httpx's transport to a Unix socket or a loopback port, closing what httpcore leaves open."""

from __future__ import annotations

import socket
import traceback

import httpx


class HostTransport(httpx.HTTPTransport):
    """One connection per request, plain HTTP, no proxy."""

    def __init__(self, path: str) -> None:
        super().__init__(
            uds=path or None,
            verify=False,  # there is no TLS here: this only saves loading certificates
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return super().handle_request(request)
        except httpx.ConnectError as exc:
            _close_refused_socket(exc)
            raise


def _close_refused_socket(error: BaseException | None) -> None:
    """Close the socket that httpcore 1.0 forgets when a Unix socket refuses it."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            refused = frame.f_locals.get("sock")
            if isinstance(refused, socket.socket):
                refused.close()
        error = error.__cause__
