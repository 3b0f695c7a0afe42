"""The kernel's way to the host: streaming, cancelling, and what happens when the host dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Script

from codeassist_jupyter import config
from codeassist_jupyter.errors import (
    CodeAssistError,
    ContextOverflow,
    HostLost,
    HostStalled,
    ModelMissing,
    ModelUnknown,
)
from codeassist_jupyter.host import endpoint
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.types import Done, Event, Failed, Message, Progress, Sampling, Text

SLOW: dict[str, Any] = {"match": "slow", "answer": "word " * 600, "delay_s": 0.05}
READING: dict[str, Any] = {"match": "reading", "answer": "read", "prompt_delay_s": 0.6}

FORK = """
import os, sys
from codeassist_jupyter import config
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.types import Message, Text
client = HostClient(config.load())
def ask(question):
    events = client.chat([Message("user", question)])
    return "".join(event.text for event in events if isinstance(event, Text))
print(ask("before"), flush=True)
child = os.fork()
print(ask("child" if child == 0 else "parent"), flush=True)
if child == 0:
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""


def asking(question: str) -> list[Message]:
    return [Message("user", question)]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def kill(client: HostClient) -> int:
    health = client.health()
    assert health is not None
    os.kill(health["pid"], signal.SIGKILL)
    return int(health["pid"])


def works(client: HostClient) -> bool:
    return text_of(list(client.chat(asking("still there?")))) == "You asked: still there?"


def wait_until_idle(client: HostClient) -> None:
    deadline = time.monotonic() + 5
    while (client.health() or {}).get("active"):
        assert time.monotonic() < deadline, "the job goes on"
        time.sleep(0.02)


def test_streams_an_answer(client: HostClient) -> None:
    events = list(client.chat(asking("hello"), sampling=Sampling(max_tokens=50)))
    assert text_of(events) == "You asked: hello"
    assert isinstance(events[0], Progress)
    done = events[-1]
    assert isinstance(done, Done)
    assert done.reason == "stop"
    assert done.usage.completion_tokens == 3
    assert done.usage.context_length == config.load().context_length


def test_sampling_reaches_the_engine(client: HostClient) -> None:
    sampling = Sampling(max_tokens=2)
    assert text_of(list(client.chat(asking("a b c"), sampling=sampling))) == "You asked:"
    sampling = Sampling(stop=("b",))
    assert text_of(list(client.chat(asking("a b c"), sampling=sampling))) == "You asked: a "
    for schema in ({}, {"type": "object"}):
        events = list(client.chat(asking("x"), sampling=Sampling(json_schema=schema)))
        assert text_of(events) == '{"answer": "x"}'


def test_fills_a_gap(client: HostClient) -> None:
    assert text_of(list(client.infill("def f():\n    ", "\n"))) == "pass"


def test_a_follow_up_is_answered_from_the_cache(client: HostClient) -> None:
    turns = [*asking("first of two"), Message("assistant", "You asked: first of two")]
    list(client.chat(turns[:1]))
    done = list(client.chat([*turns, *asking("second")]))[-1]
    assert isinstance(done, Done)
    assert done.usage.cached_tokens >= 8


def test_health_does_not_start_a_host_unless_asked(codeassist_home: Path) -> None:
    client = HostClient(config.load())
    assert client.health(start=False) is None
    assert not client.shutdown()
    client.cancel("nothing")
    health = client.health()
    assert health is not None
    assert client.health(start=False) is not None
    assert {model["id"] for model in client.models()} >= {"smollm2-135m", "qwen2.5-coder-1.5b"}
    assert client.shutdown()
    assert client.health(start=False) is None


def test_a_missing_model_is_told(codeassist_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEASSIST_MODELS_DIR", str(codeassist_home / "none"))
    client = HostClient(config.load())
    with pytest.raises(ModelMissing) as caught:
        list(client.chat(asking("x")))
    assert "codeassist setup" in caught.value.hint
    with pytest.raises(ModelUnknown):
        list(client.chat(asking("x"), model="no-such-model"))


def test_what_the_engine_refuses_is_raised(client: HostClient, echo: Script) -> None:
    with pytest.raises(ContextOverflow) as caught:
        list(client.chat(asking("x" * 10_000_000)))
    assert caught.value.tokens > caught.value.limit > 0
    echo([{"match": "", "answer": "", "fail": {"message": "no", "hint": "try"}}])
    with pytest.raises(CodeAssistError, match="no") as other:
        list(client.chat(asking("x")))
    assert (other.value.code, other.value.hint) == ("EngineError", "try")


def test_a_late_failure_is_an_event(client: HostClient, echo: Script) -> None:
    echo([{"match": "", "answer": "a b c", "fail": {"message": "broke", "after": 2}}])
    events = list(client.chat(asking("x")))
    assert text_of(events) == "a b"
    assert events[-1] == Failed("EngineError", "broke", "")


def test_odd_text_arrives_cleaned(client: HostClient) -> None:
    assert text_of(list(client.chat(asking("a\ud800\0b 🐍")))) == "You asked: a?\ufffdb 🐍"


def test_cancelled_from_another_thread(client: HostClient, echo: Script) -> None:
    echo([SLOW])
    events: list[Event] = []
    shown = threading.Event()

    def read() -> None:
        for event in client.chat(asking("slow"), request_id="one"):
            events.append(event)
            if isinstance(event, Text):
                shown.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert shown.wait(10)
    client.cancel("one")
    reader.join(5)  # the whole answer would take 30 s
    assert not reader.is_alive()
    assert isinstance(events[-1], Done)
    assert events[-1].reason == "cancelled"
    assert text_of(events).startswith("word")


def test_cancelled_before_the_first_token(client: HostClient, echo: Script) -> None:
    echo([SLOW])
    client.cancel("two")
    events = list(client.chat(asking("slow"), request_id="two"))
    assert isinstance(events[-1], Done)
    assert events[-1].reason == "cancelled"
    assert text_of(events) == ""


def test_a_reader_that_stops_frees_the_engine(client: HostClient, echo: Script) -> None:
    echo([SLOW])
    answer = client.chat(asking("slow"))
    for event in answer:
        if isinstance(event, Text):
            break
    answer.close()  # type: ignore[attr-defined]
    wait_until_idle(client)


def test_a_hundred_cancels_leave_nothing_behind(client: HostClient, echo: Script) -> None:
    echo([SLOW])
    list(client.chat(asking("hello")))
    threads = threading.active_count()
    for number in range(50):
        answer = client.chat(asking("slow"), request_id=f"gone-{number}")
        next(answer)
        client.cancel(f"gone-{number}")
        client.cancel(f"gone-{number}")
        list(answer)
    wait_until_idle(client)
    assert threading.active_count() == threads
    assert works(client)


def test_killed_while_idle(client: HostClient) -> None:
    before = kill(client)
    assert works(client)
    assert (client.health() or {})["pid"] != before


def test_killed_while_it_reads_is_asked_again(client: HostClient, echo: Script) -> None:
    echo([READING])
    answer = client.chat(asking("reading"))
    assert isinstance(next(answer), Progress)
    kill(client)
    events = list(answer)
    assert text_of(events) == "read"
    assert isinstance(events[-1], Done)


def test_killed_in_the_middle_keeps_what_was_shown(client: HostClient, echo: Script) -> None:
    echo([SLOW])
    events: list[Event] = []
    for event in client.chat(asking("slow")):
        events.append(event)
        if len(events) == 8:
            kill(client)
    assert text_of(events).startswith("word word")
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "HostLost"
    assert works(client)


def test_killed_twice_is_told(client: HostClient, echo: Script) -> None:
    echo([READING])
    answer = client.chat(asking("reading"))
    killed: set[int] = set()
    with pytest.raises(HostLost):
        for _ in answer:
            at = endpoint.read()
            assert at is not None
            if at.pid not in killed:
                killed.add(at.pid)
                os.kill(at.pid, signal.SIGKILL)
    assert len(killed) == 2
    assert works(client)


def test_a_cancelled_request_is_not_asked_again(client: HostClient, echo: Script) -> None:
    echo([READING])
    answer = client.chat(asking("reading"), request_id="three")
    next(answer)
    at = endpoint.read()
    assert at is not None
    os.kill(at.pid, signal.SIGSTOP)  # so that the cancel is not what ends it
    canceller = threading.Thread(target=client.cancel, args=("three",))
    canceller.start()
    time.sleep(0.1)
    os.kill(at.pid, signal.SIGKILL)
    with pytest.raises(HostLost):
        list(answer)
    canceller.join()
    assert client.health(start=False) is None


@pytest.fixture
def impatient(echo: Script, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostClient]:
    monkeypatch.setenv("CODEASSIST_STALL_TIMEOUT_S", "1.5")
    client = HostClient(config.load())
    yield client
    client.close()


def test_a_stopped_host_is_killed(impatient: HostClient, echo: Script) -> None:
    echo([READING])
    answer = impatient.chat(asking("reading"))
    next(answer)
    at = endpoint.read()
    assert at is not None
    os.kill(at.pid, signal.SIGSTOP)
    with pytest.raises(HostStalled, match="no sign of life"):
        list(answer)
    assert works(impatient)


def test_a_slow_host_is_not_killed(impatient: HostClient, echo: Script) -> None:
    echo([{"match": "", "answer": "finally", "delay_s": 2.0}])
    assert text_of(list(impatient.chat(asking("x")))) == "finally"


def test_a_replaced_host_is_found(client: HostClient) -> None:
    first = client.health()
    other = HostClient(config.load())
    assert other.shutdown()
    assert other.health() != first
    assert works(client)


def test_a_forked_child_asks_on_a_connection_of_its_own(echo: Script) -> None:
    said = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60)
    assert sorted(said.stdout.split("\n")) == sorted(
        ["You asked: before", "You asked: child", "You asked: parent", "0", ""]
    )


def test_four_threads_share_a_client(client: HostClient) -> None:
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        answers[number] = text_of(list(client.chat(asking(f"number {number}"))))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: f"You asked: number {number}" for number in range(4)}


def test_importing_the_client_loads_nothing_heavy() -> None:
    code = (
        "import sys; import codeassist_jupyter.host.client; "
        "heavy = {'httpx', 'fastapi', 'uvicorn', 'pydantic', 'psutil', 'filelock'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.model
def test_a_real_model_answers_dies_and_answers_again(codeassist_home: Path, smollm: str) -> None:
    client = HostClient(config.load({"model": smollm}))
    sampling = Sampling(max_tokens=12)
    first = list(client.chat(asking("Count from one to ten."), sampling=sampling))
    assert isinstance(first[-1], Done)
    again = list(client.chat(asking("Count from one to ten."), sampling=sampling))
    assert isinstance(again[-1], Done)
    assert text_of(again) == text_of(first) != ""
    assert again[-1].usage.cached_tokens > again[-1].usage.prompt_tokens / 2
    health = client.health()
    assert health is not None
    assert health["model"] == smollm
    assert health["sha256"]
    assert [model["id"] for model in client.models() if model["loaded"]] == [smollm]

    answer = client.chat(
        asking("Write a long story about a ship, a storm and an island. " * 25), sampling=sampling
    )
    assert isinstance(next(answer), Progress)
    kill(client)
    events = list(answer)
    assert isinstance(events[-1], Done)
    assert text_of(events)
    client.close()
