"""Complete a part file by HTTP, whatever the server does on the way.

Knows sizes and byte ranges; what the bytes mean, and whether they are right, others decide.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ...errors import SourceUnreachable
from ..files import CHUNK, wrong_kind

# Also bounds name resolution, which no HTTP library does.
PROBE_S = 6.0
READ_S = 30.0
# Consecutive failures without at least one CHUNK of progress in between.
TRIES = 4
BACKOFF_S = 0.5
RETRY_AFTER_S = 30


def client(headers: dict[str, str]) -> httpx.Client:
    """Open a client that follows redirects, with time limits and these headers."""
    # Content codings would make lengths and ranges mean something else.
    headers = {**headers, "Accept-Encoding": "identity"}
    timeout = httpx.Timeout(READ_S, connect=PROBE_S)
    return httpx.Client(headers=headers, timeout=timeout, follow_redirects=True)


def probe(url: str) -> None:
    """Raise SourceUnreachable unless the server answers anything at all within PROBE_S."""
    outcome: list[str] = []

    def ask() -> None:
        try:
            httpx.head(url, timeout=PROBE_S)
            outcome.append("")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            outcome.append(str(exc) or type(exc).__name__)

    # In a thread, because resolving a name can block far longer than any timeout.
    thread = threading.Thread(target=ask, name="codeassist-probe", daemon=True)
    thread.start()
    thread.join(PROBE_S + 1)
    host = urlsplit(url).hostname
    if not outcome:
        raise SourceUnreachable(f"{host} gave no answer within {PROBE_S:.0f} s")
    if outcome[0]:
        raise SourceUnreachable(f"{host} cannot be reached ({outcome[0]})")


class _NotThere(SourceUnreachable):
    """The server has no file of that name."""


class _Again(Exception):
    """This request failed in a way that the next one may not."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


def download(
    client: httpx.Client,
    urls: list[str],
    part: Path,
    size: int,
    on_bytes: Callable[[int], None],
) -> None:
    """Bring a part file to `size` bytes from the first of these addresses that has the file.

    What is there is kept where the server can go on behind it. `on_bytes` is told the size so far.
    Raises SourceUnreachable with the reason; tries are bounded.
    """
    for url in urls[:-1]:
        with contextlib.suppress(_NotThere):
            _complete(client, url, part, size, on_bytes)
            return
    _complete(client, urls[-1], part, size, on_bytes)


def _complete(
    client: httpx.Client, url: str, part: Path, size: int, on_bytes: Callable[[int], None]
) -> None:
    failures = 0
    while True:
        before = _size(part)
        if before > size:
            part.unlink()
            before = 0
        if before == size:
            return
        try:
            _request(client, url, part, size, on_bytes)
            continue
        except (httpx.RequestError, httpx.InvalidURL) as exc:
            reason, wait = str(exc) or type(exc).__name__, 0.0
        except _Again as exc:
            reason, wait = exc.reason, exc.wait_s
        failures = 0 if _size(part) >= before + CHUNK else failures + 1
        if failures >= TRIES:
            raise SourceUnreachable(f"gave up after {TRIES} tries ({reason})")
        time.sleep(max(wait, BACKOFF_S * 2 ** max(failures - 1, 0)))


def _request(
    client: httpx.Client, url: str, part: Path, size: int, on_bytes: Callable[[int], None]
) -> None:
    """Make one GET behind what is there and append what comes."""
    have = _size(part)
    headers = {"Range": f"bytes={have}-"} if have else {}
    with client.stream("GET", url, headers=headers) as response:
        at = _start_of(response, part, size, have)
        chunks = response.iter_bytes()
        first = next(chunks, b"")
        kind = wrong_kind(first) if at == 0 else ""
        if kind:
            raise SourceUnreachable(f"what came {kind}")
        with part.open("r+b" if at else "wb") as target:
            target.seek(at)
            for chunk in itertools.chain([first], chunks):
                at += len(chunk)
                if at > size:
                    target.truncate(0)
                    raise SourceUnreachable(f"the file there is larger than {size:,} bytes")
                target.write(chunk)
                on_bytes(at)
        if at < size:
            raise _Again(f"the answer ended after {at:,} of {size:,} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _start_of(response: httpx.Response, part: Path, size: int, have: int) -> int:
    """Check the head of an answer and return the byte of the file that its body starts with."""
    status, headers = response.status_code, response.headers
    start = 0
    if status == 206:
        start = have
        if not _is_range(headers.get("Content-Range", ""), have, size):
            part.unlink(missing_ok=True)
            raise _Again("it answered another range than the one asked for")
    elif status == 416 and have:
        part.unlink(missing_ok=True)
        raise _Again("it refused to go on from the middle (HTTP 416)")
    elif status in (404, 410):
        name = response.url.path.rpartition("/")[2]
        raise _NotThere(f"{response.url.host} has no {name} (HTTP {status})")
    elif status == 429 or status >= 500:
        after = headers.get("Retry-After", "")
        raise _Again(f"HTTP {status}", min(int(after), RETRY_AFTER_S) if after.isdecimal() else 0.0)
    elif status != 200:
        raise SourceUnreachable(f"{response.url.host} answered HTTP {status}")
    length = headers.get("Content-Length", "")
    if length.isdecimal() and int(length) != size - start:
        if headers.get("Content-Type", "").startswith("text/html"):
            raise SourceUnreachable("an HTML page came instead of the file: a login page?")
        raise SourceUnreachable(f"it offers {int(length):,} bytes, not {size - start:,}")
    return start


def _is_range(content_range: str, start: int, size: int) -> bool:
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range.strip())
    return bool(found and int(found[1]) == start and found[2] in (str(size), "*"))
