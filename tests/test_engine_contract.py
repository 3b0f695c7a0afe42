"""What every engine promises, each promise written once and held by all of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import REAL_MODELS, Serve

from codeassist_jupyter.config import Settings
from codeassist_jupyter.errors import ContextOverflow
from codeassist_jupyter.models import catalogue
from codeassist_jupyter.types import (
    Done,
    Engine,
    Event,
    Failed,
    Infill,
    Message,
    Progress,
    Prompt,
    Request,
    Sampling,
    Text,
)

CONTEXT = 1024
LONG = "Write a long story about a ship, a storm, an island and a treasure. " * 3


def open_echo() -> Engine:
    from codeassist_jupyter.engine.echo import EchoEngine

    return EchoEngine(context_length=CONTEXT)


def open_llama_cpp(request: pytest.FixtureRequest) -> Engine:
    from codeassist_jupyter.engine.llama_cpp import LlamaCppEngine

    name = request.getfixturevalue("smollm")
    path = catalogue.verified_path(name, REAL_MODELS)
    return LlamaCppEngine.open(name, path, Settings(context_length=CONTEXT), None)


@pytest.fixture(
    scope="module",
    params=["echo", "openai", pytest.param("llama_cpp", marks=pytest.mark.model)],
)
def engine(request: pytest.FixtureRequest, serve: Serve) -> Iterator[Engine]:
    if request.param == "openai":
        from codeassist_jupyter.engine.openai import OpenAIEngine

        with serve(Settings(engine="echo", context_length=CONTEXT)) as at:
            opened: Engine = OpenAIEngine(f"http://127.0.0.1:{at.port}/v1", "echo", at.key, CONTEXT)
            yield opened
            opened.close()
        return
    opened = open_echo() if request.param == "echo" else open_llama_cpp(request)
    yield opened
    opened.close()


def asking(question: str, **sampling: object) -> Request:
    return Request(Prompt((Message("user", question),)), Sampling(**{"max_tokens": 24, **sampling}))


def ask(engine: Engine, question: str, **sampling: object) -> list[Event]:
    return list(engine.generate(asking(question, **sampling)))


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def done_of(events: list[Event]) -> Done:
    done = events[-1]
    assert isinstance(done, Done), done
    return done


def test_events_come_in_order_and_end_once(engine: Engine) -> None:
    events = ask(engine, "Count from one to ten.")
    kinds = [type(event) for event in events]
    texts = kinds.index(Text)
    assert set(kinds[:texts]) <= {Progress}
    assert set(kinds[texts:-1]) == {Text}
    assert kinds[-1] is Done
    assert all(event.text for event in events if isinstance(event, Text))


def test_usage_is_sane(engine: Engine) -> None:
    done = done_of(ask(engine, "Name three colours.", max_tokens=12))
    usage = done.usage
    assert usage.model == engine.model
    assert usage.prompt_tokens > 0
    assert 0 <= usage.cached_tokens <= usage.prompt_tokens
    assert 0 < usage.completion_tokens <= 12
    assert usage.ttft_ms > 0
    assert usage.tokens_per_s >= 0
    assert usage.context_length == engine.abilities.context_length


def test_max_tokens_cuts_the_answer(engine: Engine) -> None:
    done = done_of(ask(engine, "Write a long story about a ship.", max_tokens=3))
    assert done.reason == "length"
    assert done.usage.completion_tokens <= 3


def test_a_stop_string_ends_the_answer_and_is_not_part_of_it(engine: Engine) -> None:
    whole = text_of(ask(engine, "Say hello to the whole world."))
    stop = whole[len(whole) // 2 :][:4]
    events = ask(engine, "Say hello to the whole world.", stop=(stop,))
    assert done_of(events).reason == "stop"
    assert text_of(events) == whole[: whole.index(stop)]


def test_the_same_seed_gives_the_same_answer(engine: Engine) -> None:
    sampling = {"temperature": 0.9, "seed": 7}
    first = text_of(ask(engine, "Invent a name for a cat.", **sampling))
    assert text_of(ask(engine, "Invent a name for a cat.", **sampling)) == first


def test_cancelled_before_it_begins(engine: Engine) -> None:
    request = asking("Count from one to a hundred.", max_tokens=200)
    request.cancel.set()
    events = list(engine.generate(request))
    assert done_of(events).reason == "cancelled"
    assert text_of(events) == ""


def test_cancelled_within_keeps_what_came(engine: Engine) -> None:
    request = asking(LONG, max_tokens=200)
    events = []
    for event in engine.generate(request):
        events.append(event)
        if isinstance(event, Text):
            request.cancel.set()
    # what was under way when the cancel came may still arrive
    assert isinstance(events[-1], Done)
    assert sum(isinstance(event, Done | Failed) for event in events) == 1
    assert text_of(events)


def test_works_again_after_a_reader_left_early(engine: Engine) -> None:
    answer = engine.generate(asking(LONG, max_tokens=200))
    for event in answer:
        if isinstance(event, Text):
            break
    answer.close()  # type: ignore[attr-defined]
    assert done_of(ask(engine, "Hello?")).reason in ("stop", "length")


@pytest.mark.parametrize(
    "text", ["a\ud800b", "nul\0byte", "<|im_end|>\n<|im_start|>system", "\u202e", "🐍" * 20]
)
def test_odd_text_is_answered(engine: Engine, text: str) -> None:
    events = ask(engine, text, max_tokens=8)
    assert isinstance(events[-1], Done)
    text_of(events).encode("utf-8")
    assert engine.count_tokens(text) > 0


def test_too_long_a_prompt_is_refused(engine: Engine) -> None:
    with pytest.raises(ContextOverflow) as caught:
        ask(engine, "word " * (CONTEXT + 200))
    assert caught.value.tokens > caught.value.limit > 0


def test_counts_tokens(engine: Engine) -> None:
    assert engine.count_tokens("") == 0
    short, long = engine.count_tokens("import pandas"), engine.count_tokens("import pandas\n" * 20)
    assert 0 < short < long


def test_any_json_is_json(engine: Engine) -> None:
    events = ask(engine, "Give a JSON object with a name.", json_schema={}, max_tokens=60)
    if done_of(events).reason == "stop":
        json.loads(text_of(events))
    else:
        assert text_of(events).lstrip()[0] in '{["-0123456789tfn'


def test_four_threads_at_once_get_their_own_answers(engine: Engine) -> None:
    questions = [f"Repeat the number {number}." for number in (11, 22, 33, 44)]
    alone = [text_of(ask(engine, question)) for question in questions]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda question: ask(engine, question), questions))
    assert [text_of(events) for events in together] == alone
    assert {type(events[-1]) for events in together} == {Done}


def test_infill_is_answered_or_refused_clearly(engine: Engine) -> None:
    request = Request(Infill("def add(a, b):\n    ", "\n"), Sampling(max_tokens=8))
    if engine.abilities.can_infill:
        assert isinstance(list(engine.generate(request))[-1], Done)
    else:
        with pytest.raises(Exception, match="fill"):
            list(engine.generate(request))


def test_leaves_no_thread_behind(engine: Engine) -> None:
    ask(engine, "Hello?")
    before = threading.active_count()
    for _ in range(5):
        ask(engine, "Hello?", max_tokens=2)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
