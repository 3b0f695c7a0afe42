"""The engine for other servers, against real servers that behave badly."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from codeassist_jupyter.config import Settings
from codeassist_jupyter.engine.openai import OpenAIEngine
from codeassist_jupyter.errors import (
    CodeAssistError,
    ConfigError,
    ContextOverflow,
    EngineError,
    RemoteError,
    SchemaInvalid,
)
from codeassist_jupyter.types import (
    Done,
    Event,
    Failed,
    Infill,
    Message,
    Prompt,
    Request,
    Sampling,
    Text,
)

OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"

Answer = Callable[[socket.socket], None]


class Server:
    """A server that reads one request per connection and says exactly what it is told to."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[bytes] = []
        self.gone = threading.Event()
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(10)
                request = connection.recv(1_000_000)
                if not request:  # our own goodbye
                    return
                while b"\r\n\r\n" not in request or not request.endswith(b"}"):
                    request += connection.recv(1_000_000)
                self.requests.append(request)
                try:
                    self._answer(connection)
                    if not connection.recv(1):
                        self.gone.set()
                except OSError:
                    self.gone.set()

    def close(self) -> None:
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        self._listener.close()

    def sent(self) -> dict:
        return json.loads(self.requests[-1].partition(b"\r\n\r\n")[2])


@contextmanager
def server(answer: bytes | Answer) -> Iterator[Server]:
    def send(connection: socket.socket) -> None:
        assert isinstance(answer, bytes)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)

    running = Server(answer if callable(answer) else send)
    try:
        yield running
    finally:
        running.close()


def request(**sampling: object) -> Request:
    return Request(Prompt((Message("user", "hi"),)), Sampling(**sampling))


def ask(answer: bytes, **sampling: object) -> list[Event]:
    with server(answer) as running:
        return list(OpenAIEngine(running.url, "m", "sk-key").generate(request(**sampling)))


def chunk(text: str = "", finish: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def test_sends_what_the_protocol_has_names_for() -> None:
    with server(OK + chunk("x", "stop")) as running:
        engine = OpenAIEngine(running.url + "/", "a-model", "sk-key")
        wanted = {"type": "object"}
        list(engine.generate(request(max_tokens=9, seed=3, stop=("END",), json_schema=wanted)))
        head = running.requests[0].decode()
        sent = running.sent()
    assert head.startswith("POST /v1/chat/completions HTTP/1.1")
    assert "Bearer sk-key" in head
    assert sent["model"] == "a-model"
    assert sent["messages"] == [{"role": "user", "content": "hi"}]
    assert (sent["max_tokens"], sent["seed"], sent["stop"]) == (9, 3, ["END"])
    assert sent["response_format"]["json_schema"]["schema"] == wanted
    assert sent["stream_options"] == {"include_usage": True}


def test_takes_the_servers_own_numbers() -> None:
    usage = {
        "prompt_tokens": 40,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 30},
    }
    last = (
        b'data: {"choices": [], "usage": ' + json.dumps(usage).encode() + b"}\n\ndata: [DONE]\n\n"
    )
    events = ask(OK + chunk("Hello") + chunk(" you") + chunk("", "length") + last)
    assert text_of(events) == "Hello you"
    done = events[-1]
    assert isinstance(done, Done)
    assert done.reason == "length"
    found = done.usage
    assert (found.prompt_tokens, found.cached_tokens, found.completion_tokens) == (40, 30, 2)
    assert found.ttft_ms > 0


def test_replaces_what_no_transport_can_carry() -> None:
    halves = b'data: {"choices": [{"index": 0, "delta": {"content": "a\\ud83d b\\u0000"}}]}\n\n'
    assert text_of(ask(OK + halves + chunk("c", "stop"))) == "a? b\ufffdc"


def test_counts_where_the_server_does_not() -> None:
    odd = {"prompt_tokens": -1, "completion_tokens": "many", "prompt_tokens_details": None}
    done = ask(OK + chunk("Hello you", "stop", usage=odd))[-1]
    assert isinstance(done, Done)
    assert done.usage.prompt_tokens == 1
    assert done.usage.completion_tokens == 3


def test_pieces_may_be_cut_anywhere() -> None:
    def drip(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = OK + b": hello\r\n\r\n" + chunk("grüße 🐍", "stop").replace(b"\n", b"\r\n")
        for byte in data:
            connection.send(bytes([byte]))
        connection.shutdown(socket.SHUT_WR)

    with server(drip) as running:
        events = list(OpenAIEngine(running.url, "m").generate(request()))
    assert text_of(events) == "grüße 🐍"
    assert isinstance(events[-1], Done)


def test_a_stream_that_ends_early_keeps_what_came() -> None:
    events = ask(OK + chunk("half"))
    assert text_of(events) == "half"
    assert isinstance(events[-1], Failed)
    assert "broke off" in events[-1].message


def test_an_error_in_the_stream_ends_it() -> None:
    error = b'data: {"error": {"message": "out of memory"}}\n\n'
    events = ask(OK + chunk("half") + error)
    assert isinstance(events[-1], Failed)
    assert "out of memory" in events[-1].message
    with pytest.raises(RemoteError, match="out of memory"):
        ask(OK + error)


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b"3", b'{"choices": [3]}', b'{"choices": 3}', b'{"choices": [{"delta": 3}]}'],
)
def test_garbage_in_the_stream_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(RemoteError, match="cannot read"):
        ask(OK + b"data: " + data + b"\n\n")


def test_an_endless_line_is_one_clear_error() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(OK + b"data: ")
        for _ in range(60):
            connection.sendall(b"x" * 1_000_000)

    with server(flood) as running, pytest.raises(RemoteError, match="more than 50,000,000"):
        list(OpenAIEngine(running.url, "m").generate(request()))


def reply(status: str, body: str, kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    return (head + body).encode()


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (reply("401 Unauthorized", "{}"), RemoteError, "refused the key"),
        (reply("403 Forbidden", "no"), RemoteError, "refused the key"),
        (reply("429 Too Many", "{}"), RemoteError, "busy"),
        (reply("500 Oops", '{"error": {"message": "cuda"}}'), RemoteError, "status 500: cuda"),
        (reply("500 Oops", '{"error": "cuda"}'), RemoteError, "cuda"),
        (reply("502 Bad", "<html>", "text/html"), RemoteError, "status 502"),
        (reply("200 OK", "<html>log in</html>", "text/html"), RemoteError, "text/html"),
        (reply("200 OK", "{}"), RemoteError, "application/json"),
        (reply("404 Not Found", '{"detail": "Not Found"}'), RemoteError, "404"),
        (
            reply("400 Bad", '{"error": {"code": "context_length_exceeded", "message": "long"}}'),
            ContextOverflow,
            "long",
        ),
        (
            reply("400 Bad", '{"error": {"type": "exceed_context_size_error", "n_ctx": 9}}'),
            ContextOverflow,
            "no reason given",
        ),
        (reply("400 Bad", '{"error": {"code": "SchemaInvalid"}}'), SchemaInvalid, "no reason"),
        (b"not http at all\r\n\r\n", RemoteError, "no answer"),
        (b"", RemoteError, "no answer"),
    ],
)
def test_refusals_say_what_to_do(answer: bytes, error: type[CodeAssistError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        ask(answer)
    assert caught.value.hint
    assert "sk-key" not in str(caught.value)


def test_a_redirect_is_not_followed_and_the_key_stays() -> None:
    with server(OK) as thief:
        to = f"location: {thief.url}/chat/completions\r\n"
        with pytest.raises(RemoteError, match="redirects elsewhere"):
            ask(reply("307 Temporary", "", more=to))
        assert thief.requests == []


def test_proxy_settings_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(OK) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert text_of(ask(OK + chunk("direct", "stop"))) == "direct"
        assert proxy.requests == []


def test_nobody_there_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RemoteError, match=r"no answer from 127\.0\.0\.1"):
        list(OpenAIEngine(f"http://127.0.0.1:{port}/v1", "m").generate(request()))


@pytest.mark.parametrize("begun", [False, True], ids=["before the answer", "within"])
def test_a_cancel_closes_the_connection(begun: bool) -> None:
    waiting = threading.Event()

    def hang(connection: socket.socket) -> None:
        if begun:
            connection.sendall(OK + chunk("some"))
        waiting.set()

    with server(hang) as running:
        job = request()
        events: list[Event] = []
        engine = OpenAIEngine(running.url, "m")
        reader = threading.Thread(target=lambda: events.extend(engine.generate(job)))
        reader.start()
        assert waiting.wait(5)
        time.sleep(0.05)
        job.cancel.set()
        reader.join(5)
        assert running.gone.wait(5)
    assert text_of(events) == ("some" if begun else "")
    assert isinstance(events[-1], Done)
    assert events[-1].reason == "cancelled"


def test_a_reader_that_stops_closes_the_connection() -> None:
    with server(lambda connection: connection.sendall(OK + chunk("some"))) as running:
        answer = OpenAIEngine(running.url, "m").generate(request())
        assert next(answer) == Text("some")
        answer.close()  # type: ignore[attr-defined]
        assert running.gone.wait(5)


def test_a_server_that_drips_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codeassist_jupyter.engine.openai._ANSWER_S", 0.3)

    def drip(connection: socket.socket) -> None:
        connection.sendall(OK)
        while True:
            connection.sendall(b": still here\n\n")
            time.sleep(0.02)

    with server(drip) as running, pytest.raises(RemoteError, match="in time"):
        list(OpenAIEngine(running.url, "m").generate(request()))


def test_infill_is_refused() -> None:
    with pytest.raises(EngineError, match="cannot fill"):
        list(OpenAIEngine("http://127.0.0.1/v1", "m").generate(Request(Infill("a", "b"))))


def test_is_off_unless_configured() -> None:
    with pytest.raises(ConfigError, match="no server is configured"):
        OpenAIEngine.open("m", Settings())


@pytest.mark.parametrize(
    "url",
    [
        "ftp://server/v1",
        "server/v1",
        "http://",
        "http://user:pw@server/v1",
        "http://s/v1?key=1",
        "http://server:port/v1",
    ],
)
def test_an_odd_address_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match="openai_base_url"):
        OpenAIEngine(url, "m")


def test_the_key_is_not_in_the_settings_repr() -> None:
    assert "sk-secret" not in repr(Settings(openai_api_key="sk-secret"))
