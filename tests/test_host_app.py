"""The HTTP interface, over a real connection to an app served from a thread."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Serve

from codeassist_jupyter.config import Settings
from codeassist_jupyter.host import wire
from codeassist_jupyter.host.endpoint import Endpoint

SLOW = {"match": "slow", "answer": "word " * 600, "delay_s": 0.05}
STALLED = {"match": "reading", "answer": "read", "prompt_delay_s": 0.6}


@pytest.fixture(scope="module")
def at(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    script = tmp_path_factory.mktemp("app") / "script.json"
    rules = [
        SLOW,
        STALLED,
        {"match": "silence", "answer": "x", "delay_s": 0.7},
        {"match": "break", "answer": "a b c d", "fail": {"message": "broke", "after": 2}},
        {"match": "damaged", "answer": "", "fail": {"code": "ModelDamaged", "message": "bad"}},
    ]
    script.write_text(json.dumps(rules))
    with serve(Settings(engine="echo", echo_script=str(script), context_length=4096)) as at:
        yield at


@pytest.fixture
def http(at: Endpoint) -> Iterator[httpx.Client]:
    with at.connect(read_timeout_s=20) as http:
        yield http


def chat(question: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}], **more}


def chunks(http: httpx.Client, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Read a stream; the last data must be [DONE]."""
    text = http.post("/v1/chat/completions", json=body | {"stream": True}).text
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert data.pop() == "[DONE]"
    return [json.loads(each) for each in data]


def wait_until_idle(http: httpx.Client) -> None:
    deadline = time.monotonic() + 5
    while http.get("/health").json()["active"]:
        assert time.monotonic() < deadline, "the job goes on"
        time.sleep(0.02)


def test_a_whole_answer_has_the_shape_of_openai(http: httpx.Client) -> None:
    answer = http.post("/v1/chat/completions", json=chat("hello")).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "You asked: hello"}
    assert answer["choices"][0]["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_stream_has_the_shape_of_openai(http: httpx.Client) -> None:
    found = chunks(http, chat("hello", request_id="abc"))
    assert {chunk["id"] for chunk in found} == {"abc"}
    assert {chunk["object"] for chunk in found} == {"chat.completion.chunk"}
    # a client that knows nothing of us reads choices[0].delta of every chunk
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in found)
    assert text == "You asked: hello"
    assert [
        c["choices"][0]["finish_reason"] for c in found if c["choices"][0]["finish_reason"]
    ] == ["stop"]
    assert found[-1]["usage"]["completion_tokens"] == 3
    assert found[-1]["codeassist"]["done"]["reason"] == "stop"


def test_infill_is_a_text_completion(http: httpx.Client) -> None:
    answer = http.post("/v1/completions", json={"prompt": "def f():", "suffix": "\n"}).json()
    assert answer["object"] == "text_completion"
    assert answer["choices"][0]["text"] == "pass"


def test_json_can_be_asked_for(http: httpx.Client) -> None:
    wanted = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    for response_format in ({"type": "json_object"}, wanted):
        body = chat("hello", response_format=response_format)
        answer = http.post("/v1/chat/completions", json=body).json()
        assert json.loads(answer["choices"][0]["message"]["content"]) == {"answer": "hello"}


def test_health_and_models(http: httpx.Client, at: Endpoint) -> None:
    http.post("/v1/chat/completions", json=chat("hello"))
    wait_until_idle(http)
    health = http.get("/health").json()
    assert health["pid"] == at.pid
    assert (health["state"], health["model"], health["context_length"]) == ("ready", "echo", 4096)
    models = {model["id"]: model for model in http.get("/v1/models").json()["data"]}
    assert models["qwen2.5-coder-1.5b"]["default"]
    assert not models["smollm2-135m"]["default"]


def test_the_stream_shows_life_while_the_prompt_is_read(http: httpx.Client) -> None:
    found = chunks(http, chat("reading"))
    progress = [chunk["codeassist"]["progress"]["done"] for chunk in found[:-2]]
    assert len(progress) > 10
    assert progress == sorted(progress)


def test_silence_is_filled_with_comments(http: httpx.Client) -> None:
    text = http.post("/v1/chat/completions", json=chat("silence", stream=True)).text
    assert ": waiting\n\n" in text
    assert text.endswith("data: [DONE]\n\n")


def test_a_client_that_leaves_frees_the_engine(http: httpx.Client) -> None:
    with http.stream("POST", "/v1/chat/completions", json=chat("slow", stream=True)) as response:
        pieces = response.iter_bytes()  # kept: its end would close the connection
        next(pieces)
        assert http.get("/health").json()["active"] == 1
    wait_until_idle(http)  # the answer itself would take 30 s


def test_a_client_that_leaves_without_streaming_frees_the_engine(http: httpx.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        http.post("/v1/chat/completions", json=chat("slow"), timeout=0.3)
    wait_until_idle(http)


def cancelled(http: httpx.Client, request_id: str) -> bool:
    return bool(http.post("/v1/cancel", json={"id": request_id}).json()["cancelled"])


def test_cancel_from_another_connection_keeps_what_came(http: httpx.Client) -> None:
    found: list[dict[str, Any]] = []
    body = chat("slow", request_id="to-cancel")
    reader = threading.Thread(target=lambda: found.extend(chunks(http, body)))
    reader.start()
    # A cancel may overtake the request, which then ends before another one finds it running.
    while reader.is_alive() and not cancelled(http, "to-cancel"):
        time.sleep(0.01)
    reader.join(5)
    assert found[-1]["codeassist"]["done"]["reason"] == "cancelled"


def test_a_cancel_that_comes_first_counts(http: httpx.Client) -> None:
    assert http.post("/v1/cancel", json={"id": "early"}).json() == {"cancelled": False}
    found = chunks(http, chat("slow", request_id="early"))
    assert found[-1]["codeassist"]["done"]["reason"] == "cancelled"


@pytest.mark.parametrize(
    "change",
    [
        {"n_discard": -1},
        {"id_slot": 9999},
        {"max_tokens": 10**12},
        {"max_tokens": 0},
        {"temperature": 2.5},
        {"seed": -1},
        {"stop": [""]},
        {"stop": ["x"] * 17},
        {"request_id": "../x"},
        {"priority": "urgent"},
        {"messages": []},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": "x", "name": "n"}]},
        {"response_format": {"type": "xml"}},
    ],
    ids=str,
)
def test_hostile_fields_are_refused(http: httpx.Client, change: dict[str, Any]) -> None:
    answer = http.post("/v1/chat/completions", json=chat("x") | change)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "UsageError"
    assert next(iter(change)) in error["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', 422),
        (b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}', 422),
        (b'{"messages": [{"role": "user", "content": "x"}], "temperature": 1e999}', 422),
        (b"{", 422),
        (b"\xff\xfe", 422),
        (b"[" * 100_000, 400),
        (b"", 422),
    ],
    ids=["surrogate", "nan", "infinity", "cut", "not-utf8", "deep", "empty"],
)
def test_hostile_bodies_are_refused(http: httpx.Client, body: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    answer = http.post("/v1/chat/completions", content=body, headers=headers)
    assert answer.status_code in (status, 400)
    assert answer.json()["error"]["code"] == "UsageError"


def test_nul_is_replaced(http: httpx.Client) -> None:
    answer = http.post("/v1/chat/completions", json=chat("a\0b")).json()
    assert answer["choices"][0]["message"]["content"] == "You asked: a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"engine": "nothing"}, 400, "ConfigError"),
        ({"engine": "openai"}, 400, "ConfigError"),
        ({"engine": "llama_cpp", "model": "no-such-model"}, 404, "ModelUnknown"),
        ({"messages": [{"role": "user", "content": "word " * 5000}]}, 400, "ContextOverflow"),
        ({"messages": [{"role": "user", "content": "damaged"}]}, 500, "ModelDamaged"),
        ({"response_format": {"type": "json_schema"}}, 400, "SchemaInvalid"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_have_a_status_and_our_class(
    http: httpx.Client, stream: bool, change: dict[str, Any], status: int, code: str
) -> None:
    answer = http.post("/v1/chat/completions", json=chat("x", stream=stream) | change)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]
    if code == "ContextOverflow":
        assert error["tokens"] > error["limit"] == 4095


def test_a_huge_schema_is_refused(http: httpx.Client) -> None:
    schema = {"enum": ["x" * 100] * 2000}
    body = chat("x", response_format={"type": "json_schema", "json_schema": {"schema": schema}})
    answer = http.post("/v1/chat/completions", json=body)
    assert answer.json()["error"]["code"] == "SchemaInvalid"


def test_a_failure_in_the_middle_ends_the_stream(http: httpx.Client) -> None:
    found = chunks(http, chat("break"))
    assert found[-1]["error"]["message"] == "broke"
    assert found[-1]["codeassist"]["failed"]["code"] == "EngineError"


def test_a_missing_model_is_told_at_once(serve: Serve, tmp_path: Path) -> None:
    with serve(Settings(models_dir=str(tmp_path))) as at, at.connect(10) as http:
        answer = http.post("/v1/chat/completions", json=chat("x", stream=True))
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "ModelMissing"
        assert "codeassist setup" in answer.json()["error"]["hint"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": ""}, 401),
        ({"host": "evil.example:80"}, 403),
        ({"origin": "http://evil.example"}, 403),
    ],
    ids=str,
)
def test_only_who_has_the_key_comes_in(
    http: httpx.Client, headers: dict[str, str], status: int
) -> None:
    answer = http.get("/health", headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == "NotAllowed"


def test_a_request_may_not_be_endless(at: Endpoint) -> None:
    head = f"POST /v1/cancel HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {at.key}\r\n"
    with socket.create_connection(("127.0.0.1", at.port)) as raw:
        raw.sendall(f"{head}Content-Length: 99999999999\r\n\r\n".encode())
        assert b" 413 " in raw.recv(1000)


def test_unknown_paths_and_docs_are_not_there(http: httpx.Client) -> None:
    for path in ("/docs", "/openapi.json", "/slots", "/metrics"):
        assert http.get(path).status_code == 404


def test_sixteen_at_once_are_all_answered(at: Endpoint) -> None:
    answers: list[str] = []

    def ask(number: int) -> None:
        with at.connect(20) as http:
            answer = http.post("/v1/chat/completions", json=chat(f"number {number}"))
            answers.append(answer.json()["choices"][0]["message"]["content"])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted(f"You asked: number {number}" for number in range(16))


@pytest.mark.parametrize(
    "data", ["[]", "3", "{}", '{"choices": [3]}', '{"codeassist": {"done": 1}}']
)
def test_a_chunk_that_is_not_ours_is_a_value_error(data: str) -> None:
    with pytest.raises(ValueError, match="chunk"):
        wire.event(data)
