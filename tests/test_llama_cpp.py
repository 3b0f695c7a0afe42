"""The llama.cpp engine with a real, small model: reuse, order, cancelling, limits, bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from conftest import REAL_MODELS

from codeassist_jupyter.config import Settings
from codeassist_jupyter.engine.llama_cpp import LlamaCppEngine, measure
from codeassist_jupyter.engine.llama_cpp.engine import default_threads
from codeassist_jupyter.engine.llama_cpp.jobs import Job, Line
from codeassist_jupyter.engine.llama_cpp.native import Context, lib
from codeassist_jupyter.errors import (
    ContextOverflow,
    EngineError,
    ModelUnusable,
    SchemaInvalid,
)
from codeassist_jupyter.models import catalogue
from codeassist_jupyter.types import (
    Done,
    Event,
    Failed,
    Infill,
    Message,
    Progress,
    Prompt,
    Request,
    Sampling,
    Speed,
    Text,
)

pytestmark = pytest.mark.model

CONTEXT, SMALL = 1024, 256
SYSTEM = Message("system", "You are a helpful assistant for Python and data. " * 6)
OTHER_SYSTEM = Message("system", "You write short stories for children. " * 6)
LONG_STORY = "Write a long story about a ship, a storm and an island."
# Other batches round differently, which moves the logits of a quantized model by up to 1 or so:
# a token chosen at temperature 0 must be the best one but for that.
ROUNDING = 3.0
WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa "


@pytest.fixture(scope="module")
def path(smollm: str) -> Path:
    return catalogue.verified_path(smollm, REAL_MODELS)


def open_engine(path: Path, context: int = CONTEXT) -> LlamaCppEngine:
    return LlamaCppEngine.open("smollm2-135m", path, Settings(context_length=context), None)


@pytest.fixture(scope="module")
def shared(path: Path) -> Iterator[LlamaCppEngine]:
    opened = open_engine(path)
    yield opened
    opened.close()


@pytest.fixture
def engine(shared: LlamaCppEngine) -> LlamaCppEngine:
    """An engine that remembers nothing."""
    shared._answers.clear()
    forget(shared)
    return shared


@pytest.fixture
def small(path: Path) -> Iterator[LlamaCppEngine]:
    """An engine whose context is soon full."""
    opened = open_engine(path, SMALL)
    yield opened
    opened.close()


def request_of(*messages: Message | str, **sampling: Any) -> Request:
    asked = tuple(Message("user", m) if isinstance(m, str) else m for m in messages)
    return Request(Prompt(asked), Sampling(**{"max_tokens": 16, **sampling}))


def run(engine: LlamaCppEngine, request: Request) -> tuple[str, Done]:
    """The text of an answer that must succeed, and its end."""
    *events, done = engine.generate(request)
    assert isinstance(done, Done), done
    return "".join(event.text for event in events if isinstance(event, Text)), done


def ask(engine: LlamaCppEngine, *messages: Message | str, **sampling: Any) -> tuple[str, Done]:
    return run(engine, request_of(*messages, **sampling))


def forget(engine: LlamaCppEngine) -> None:
    engine._context.clear()
    engine._cache.clear()


@pytest.fixture(scope="module")
def cold(shared: LlamaCppEngine) -> Iterator[Context]:
    """A context beside the engine's, for what the model says with nothing cached."""
    context = Context(shared._model, CONTEXT, 1, (default_threads(), default_threads()))
    yield context
    context.close()


def worst_choice(
    engine: LlamaCppEngine, cold: Context, text: str, *messages: Message | str
) -> float:
    """How far the worst token of an answer was from the best one, by logits computed cold."""
    tokens = engine.tokenize(request_of(*messages).prompt)
    answer = engine._answers[text]
    cold.clear()
    for start in range(0, len(tokens), cold.batch_size):
        cold.decode(tokens[start : start + cold.batch_size], start, 0)
    worst = 0.0
    for position, token in enumerate(answer, len(tokens)):
        row = lib.llama_get_logits_ith(cold.handle, -1)
        logits = np.ctypeslib.as_array(row, (engine._model.n_tokens,))
        worst = max(worst, float(logits.max() - logits[token]))
        if position + 1 < cold.length:
            cold.decode([token], position, 0)
    return worst


def wait_for(events: Iterator[Event], kind: type[Event]) -> list[Event]:
    seen = []
    for event in events:
        seen.append(event)
        if isinstance(event, kind):
            return seen
    raise AssertionError(f"no {kind.__name__} in {seen}")


def test_an_answer_to_something_else_would_be_noticed(
    engine: LlamaCppEngine, cold: Context
) -> None:
    text, _ = ask(engine, SYSTEM, "What is a list?")
    assert worst_choice(engine, cold, text, SYSTEM, "What is a list?") < ROUNDING
    assert worst_choice(engine, cold, text, SYSTEM, WORDS) > ROUNDING
    assert worst_choice(engine, cold, text, "What is a boat?") > ROUNDING


# Reuse


def test_the_same_work_gives_the_same_answer(engine: LlamaCppEngine) -> None:
    first = ask(engine, SYSTEM, "What is a list?")
    forget(engine)
    again = ask(engine, SYSTEM, "What is a list?")
    assert again[0] == first[0]
    assert again[1].usage.cached_tokens == 0


def test_the_same_prompt_again_is_all_cached(engine: LlamaCppEngine, cold: Context) -> None:
    ask(engine, SYSTEM, "What is a list?")
    text, done = ask(engine, SYSTEM, "What is a list?")
    assert done.usage.cached_tokens == done.usage.prompt_tokens - 1
    assert worst_choice(engine, cold, text, SYSTEM, "What is a list?") < ROUNDING


def test_a_seed_decides_what_a_warm_answer_is(engine: LlamaCppEngine) -> None:
    texts = [
        ask(engine, "Invent a name for a cat.", temperature=1.5, seed=seed)[0]
        for seed in (1, 1, 2, 3)
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_each_next_turn_finds_nearly_all_of_the_chat_cached(
    engine: LlamaCppEngine, cold: Context
) -> None:
    chat, held = [SYSTEM], 0
    for question in ("What is a list?", "How do I sort it?", "And a dict?"):
        chat.append(Message("user", question))
        text, done = ask(engine, *chat)
        assert done.usage.cached_tokens >= 0.95 * held
        assert worst_choice(engine, cold, text, *chat) < ROUNDING
        held = done.usage.prompt_tokens + done.usage.completion_tokens
        chat.append(Message("assistant", text))
    assert held > 100


def test_two_notebooks_in_turn_both_stay_cached(engine: LlamaCppEngine, cold: Context) -> None:
    chats = {name: [SYSTEM, Message("user", f"My name is {name}.")] for name in ("Ada", "Bob")}
    chats["Bob"][0] = OTHER_SYSTEM
    held = dict.fromkeys(chats, 0)
    for turn in range(2):
        for name, chat in chats.items():
            text, done = ask(engine, *chat, max_tokens=12)
            assert done.usage.cached_tokens >= 0.95 * held[name]
            assert worst_choice(engine, cold, text, *chat) < ROUNDING
            held[name] = done.usage.prompt_tokens + done.usage.completion_tokens
            chat += [Message("assistant", text), Message("user", f"Question {turn}?")]


def test_an_answer_is_found_cached_however_its_text_would_be_split(engine: LlamaCppEngine) -> None:
    chat = [Message("user", "Write random letters.")]
    for seed in range(50):
        text, done = ask(engine, *chat, temperature=2.0, seed=seed, max_tokens=20)
        if engine._model.tokenize(text, control=False) != engine._answers[text]:
            break
    else:
        raise AssertionError("no answer was split differently: the test shows nothing")
    _, after = ask(engine, *chat, Message("assistant", text), "Go on.", max_tokens=2)
    # the last token was chosen but never decoded
    held = done.usage.prompt_tokens + done.usage.completion_tokens - 1
    assert after.usage.cached_tokens >= held


def test_what_was_cut_off_at_a_stop_string_is_not_told_to_the_model(engine: LlamaCppEngine) -> None:
    whole, _ = ask(engine, SYSTEM, "What is a list?")
    stop = whole[len(whole) // 2 :][:3]
    text, done = ask(engine, SYSTEM, "What is a list?", stop=(stop,))
    assert done.reason == "stop"
    prompt = request_of(SYSTEM, "What is a list?", Message("assistant", text), "Go on.").prompt
    told = b"".join(engine._model.piece(token) for token in engine.tokenize(prompt)).decode()
    assert f"{text}\nuser\nGo on." in told.replace("<|im_end|>", "")


# Cancelling


@pytest.mark.parametrize("kind", [Progress, Text])
def test_a_cancelled_answer_ends_within_one_batch_and_harms_nothing(
    engine: LlamaCppEngine, cold: Context, kind: type[Event]
) -> None:
    long = WORDS * 12
    request = request_of(SYSTEM, long, max_tokens=400)
    events = engine.generate(request)
    seen = wait_for(events, kind)
    count = sum(isinstance(event, kind) for event in seen)
    request.cancel.set()
    *rest, done = events
    assert isinstance(done, Done)
    assert done.reason == "cancelled"
    # those that were on their way when the cancel came may still arrive
    assert count + sum(isinstance(event, kind) for event in rest) < 12
    if kind is Progress:
        assert done.usage.completion_tokens == 0
    for question in ("What is a list?", long):
        text, done = ask(engine, SYSTEM, question)
        assert done.usage.cached_tokens > 0
        assert worst_choice(engine, cold, text, SYSTEM, question) < ROUNDING


def test_a_job_cancelled_in_the_line_ends_before_its_turn(engine: LlamaCppEngine) -> None:
    running = request_of(LONG_STORY, max_tokens=600)
    first = engine.generate(running)
    wait_for(first, Text)
    waiting = request_of("Hello?")
    second = engine.generate(waiting)
    waiting.cancel.set()
    (done,) = second
    assert isinstance(done, Done)
    assert (done.reason, done.usage.completion_tokens) == ("cancelled", 0)
    assert engine._running  # the other one still is
    running.cancel.set()
    assert isinstance(list(first)[-1], Done)


def test_an_abort_meant_for_another_job_does_not_break_this_one(
    engine: LlamaCppEngine, cold: Context
) -> None:
    pieces = []
    for event in engine.generate(request_of(SYSTEM, "What is a dict?")):
        engine._context.abort()  # in the middle of the next batch, or just before it
        if isinstance(event, Text):
            pieces.append(event.text)
    assert isinstance(event, Done)
    assert (event.reason, event.usage.completion_tokens) == ("length", 16)
    assert worst_choice(engine, cold, "".join(pieces), SYSTEM, "What is a dict?") < ROUNDING


def test_a_hundred_requests_left_by_their_readers_leave_nothing(
    engine: LlamaCppEngine, cold: Context
) -> None:
    threads = threading.active_count()
    for _ in range(100):
        answer = engine.generate(request_of(LONG_STORY, max_tokens=400))
        next(answer)
        answer.close()  # type: ignore[attr-defined]
    text, _ = ask(engine, "What is a list?")
    assert worst_choice(engine, cold, text, "What is a list?") < ROUNDING
    assert threading.active_count() == threads
    assert not engine._running


# Order


def background(*messages: Message | str, **sampling: Any) -> Request:
    request = request_of(*messages, **sampling)
    request.priority = "background"
    return request


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


@pytest.mark.parametrize("kind", [Progress, Text])
def test_an_interactive_job_overtakes_a_background_one_and_both_are_right(
    engine: LlamaCppEngine, cold: Context, kind: type[Event]
) -> None:
    slow = engine.generate(background(SYSTEM, WORDS * 10))
    seen = wait_for(slow, kind)
    text, _ = ask(engine, SYSTEM, "What is a list?")
    assert engine._running  # the background job goes on only now
    seen += slow
    assert isinstance(seen[-1], Done)
    assert worst_choice(engine, cold, text, SYSTEM, "What is a list?") < ROUNDING
    assert worst_choice(engine, cold, text_of(seen), SYSTEM, WORDS * 10) < ROUNDING


@pytest.mark.parametrize("kind", [Progress, Text])
def test_a_background_job_survives_that_its_memory_is_taken(
    small: LlamaCppEngine, cold: Context, kind: type[Event]
) -> None:
    long, other = WORDS * 6, "one two three four five six seven eight " * 15
    slow = small.generate(background(long))
    seen = wait_for(slow, kind)
    text, done = ask(small, other)
    seen += slow
    assert isinstance(seen[-1], Done)
    taken = done.usage.prompt_tokens + seen[-1].usage.prompt_tokens
    assert taken > SMALL, "both fit: the test shows nothing"
    assert worst_choice(small, cold, text, other) < ROUNDING
    assert worst_choice(small, cold, text_of(seen), long) < ROUNDING


def test_sixteen_requests_at_once_are_all_answered(engine: LlamaCppEngine, cold: Context) -> None:
    questions = [f"Repeat the number {number}." for number in range(16)]
    requests = [request_of(question, max_tokens=4) for question in questions]
    for request in requests[::2]:
        request.priority = "background"
    with ThreadPoolExecutor(16) as threads:
        texts = list(threads.map(lambda request: run(engine, request)[0], requests))
    for question, text in zip(questions, texts, strict=True):
        assert worst_choice(engine, cold, text, question) < ROUNDING


def test_interactive_jobs_go_first_and_each_class_in_order() -> None:
    line = Line()
    jobs = [
        Job(request, [1], None)  # type: ignore[arg-type]
        for request in (background("a"), request_of("b"), background("c"), request_of("d"))
    ]
    assert all(line.put(job) for job in jobs)
    assert line.take() is jobs[1]
    assert line.take_interactive() is jobs[3]
    assert line.take_interactive() is None
    assert line.withdraw(jobs[0])
    assert not line.withdraw(jobs[0])
    assert line.close() == [jobs[2]]
    assert line.take() is None
    assert not line.put(jobs[0])


# Limits


def test_too_long_a_prompt_is_refused_and_the_longest_that_fits_is_not(
    small: LlamaCppEngine,
) -> None:
    with pytest.raises(ContextOverflow) as caught:
        small.generate(request_of("word " * SMALL))
    assert caught.value.limit < SMALL < caught.value.tokens
    around = len(small.tokenize(request_of("").prompt))
    fits = "word" + " word" * (caught.value.limit - around - 1)
    assert run(small, request_of(fits))[1].usage.prompt_tokens == caught.value.limit
    with pytest.raises(ContextOverflow):
        small.generate(request_of(fits + " word"))


def test_a_line_of_ten_megabytes_is_refused(engine: LlamaCppEngine) -> None:
    for prompt in (Prompt((Message("user", "x" * 10_000_000),)), Infill("", "x" * 10_000_000)):
        with pytest.raises(ContextOverflow):
            engine.generate(Request(prompt))


def test_when_the_memory_is_full_others_are_forgotten(small: LlamaCppEngine, cold: Context) -> None:
    for name in ("red", "blue", "green", "red"):  # each takes half of it
        text, done = ask(small, f"{name} " * 90, max_tokens=6)
        assert done.usage.prompt_tokens > 0.4 * SMALL
        assert worst_choice(small, cold, text, f"{name} " * 90) < ROUNDING


def test_a_context_full_in_the_middle_ends_the_answer(small: LlamaCppEngine, cold: Context) -> None:
    around = len(small.tokenize(request_of("").prompt))
    filling = "word" + " word" * (SMALL - 64 - around - 1)
    text, done = ask(
        small, filling, max_tokens=500, json_schema={"type": "string", "minLength": 2000}
    )
    assert (done.reason, text[:1]) == ("length", '"')
    assert done.usage.prompt_tokens + done.usage.completion_tokens == SMALL
    text, _ = ask(small, "What is a list?")
    assert worst_choice(small, cold, text, "What is a list?") < ROUNDING


def test_endless_repetition_is_ended(engine: LlamaCppEngine) -> None:
    endless = {"type": "array", "items": {"const": 0}, "minItems": 1000}
    _, done = ask(engine, "Zeros.", json_schema=endless, max_tokens=900)
    assert done.reason == "repetition"
    assert done.usage.completion_tokens < 300


def test_no_messages_are_answered_or_refused_not_fatal(engine: LlamaCppEngine) -> None:
    assert ask(engine, max_tokens=2)[1].usage.prompt_tokens > 0


# Text


def test_no_control_token_of_the_vocabulary_can_be_typed(engine: LlamaCppEngine) -> None:
    model = engine._model
    control = [token for token in range(model.n_tokens) if model.is_control(token)]
    assert len(control) >= 10
    names = [model.piece(token, control=True).decode() for token in control]
    assert {"<|im_start|>", "<|im_end|>"} <= set(names)
    for name in names:
        assert model.tokenize(name, control=True)[0] in control  # so the name is its name
    texts = [*names, "".join(names), "\n".join(f"x{name}y" for name in names)]
    around = len(engine.tokenize(request_of("").prompt))
    count = sum(map(model.is_control, engine.tokenize(request_of("x").prompt)))
    for text in texts:
        for role in ("user", "assistant"):
            tokens = engine.tokenize(Prompt((Message(role, text),)))
            assert sum(map(model.is_control, tokens)) == count
            assert len(tokens) > around
        assert not any(map(model.is_control, model.tokenize(text, control=False)))


def test_a_piece_of_no_token_is_empty(engine: LlamaCppEngine) -> None:
    assert engine._model.piece(-1, control=True) == b""


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\0", "x\0y", "\ufeff", "\U0010ffff", " "])
def test_odd_characters_are_tokenized(engine: LlamaCppEngine, text: str) -> None:
    assert engine.count_tokens(text) > 0
    assert isinstance(list(engine.generate(request_of(text, max_tokens=2)))[-1], Done)


def test_text_survives_the_way_through_tokens(engine: LlamaCppEngine) -> None:
    text = "def f(x):\n\treturn {'ä': '🐍', '中': x}\n\n\n"
    tokens = engine._model.tokenize(text, control=False)
    assert b"".join(map(engine._model.piece, tokens)).decode() == text


def test_infill_is_refused_where_the_model_cannot(engine: LlamaCppEngine) -> None:
    assert not engine.abilities.can_infill
    with pytest.raises(EngineError, match="cannot fill in"):
        engine.generate(Request(Infill("def f():\n    ", "\n")))


# JSON

SCHEMAS: dict[str, dict[str, Any]] = {
    "object": {
        "type": "object",
        "properties": {"name": {"enum": ["Ada", "Bob"]}, "age": {"type": "boolean"}},
        "required": ["name", "age"],
    },
    "enum": {"enum": ["red", "green", 7, None, True]},
    "list": {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 2, "maxItems": 4},
    "nested": {
        "$defs": {
            "point": {"type": "object", "properties": {"x": {"const": 1}}, "required": ["x"]}
        },
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/point"}},
        "required": ["at"],
    },
    "union": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
    "pattern": {"type": "string", "pattern": "^[a-c]{2,4}$"},
    "any": {"type": "string", "pattern": "^.{4}$"},
    "text": {"type": "string", "maxLength": 8},
}


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_answer_meets_its_schema(engine: LlamaCppEngine, name: str, temperature: float) -> None:
    sampling = {"json_schema": SCHEMAS[name], "max_tokens": 100, "temperature": temperature}
    text, done = ask(engine, "Answer in JSON.", **sampling)
    value = json.loads(text)
    assert done.reason == "stop"
    if name == "object":
        assert value["name"] in ("Ada", "Bob") and isinstance(value["age"], bool)
    elif name == "enum":
        assert value in SCHEMAS["enum"]["enum"]
    elif name == "list":
        assert 2 <= len(value) <= 4 and set(value) <= {1, 2, 3}
    elif name == "nested":
        assert value == {"at": {"x": 1}}
    elif name == "union":
        assert value in (None, True, False)
    elif name == "pattern":
        assert 2 <= len(value) <= 4 and set(value) <= set("abc")
    else:
        assert len(value) <= 8


def deep_schema(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


BAD_SCHEMAS: dict[str, dict[str, Any]] = {
    "recursive": {"$ref": "#"},
    "recursive-def": {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "$ref": "#/$defs/node",
    },
    "ref-nowhere": {"$ref": "#/nope"},
    "ref-remote": {"$ref": "https://example.com/schema.json"},
    "ref-number": {"$ref": 5},
    "unknown-type": {"type": "banana"},
    "type-number": {"type": 5},
    "properties-list": {"type": "object", "properties": []},
    "empty-enum": {"enum": []},
    "empty-union": {"anyOf": []},
    "min-text": {"type": "array", "items": {"type": "string"}, "minItems": "x"},
    "lookahead": {"type": "string", "pattern": "^(?=a)b$"},
    "one-megabyte": {"enum": ["x" * 1_000_000]},
    "deep": deep_schema(5000),
    "long-string": {"type": "string", "minLength": 10**12},
    "long-list": {"type": "array", "items": {"type": "null"}, "maxItems": 1e300},
    "long-pattern": {"type": "string", "pattern": "^((a{9999}){9999}){9999,}$"},
}


@pytest.mark.parametrize("name", BAD_SCHEMAS)
def test_a_schema_that_cannot_be_used_is_refused_at_once(engine: LlamaCppEngine, name: str) -> None:
    with pytest.raises(SchemaInvalid):
        engine.generate(request_of("Answer.", json_schema=BAD_SCHEMAS[name]))


# Threads, opening and closing


def test_a_busy_kernel_is_left_half_the_cores(engine: LlamaCppEngine, path: Path) -> None:
    import llama_cpp.llama_cpp as lib

    speed = Speed(1.0, 1.0, prefill_threads=4, decode_threads=2)
    opened = LlamaCppEngine.open("smollm2-135m", path, Settings(context_length=256), speed)

    def threads() -> tuple[int, int]:
        handle = opened._context.handle
        return lib.llama_n_threads_batch(handle), lib.llama_n_threads(handle)

    try:
        request = request_of("Hi", max_tokens=1)
        request.kernel_busy = True
        run(opened, request)
        assert threads() == (2, 1)
        run(opened, request_of("Hi", max_tokens=1))
        assert threads() == (4, 2)
    finally:
        opened.close()


def test_measures_speeds_with_the_threads_asked_for(path: Path) -> None:
    speed = measure(path, [1])
    assert speed.prefill_tokens_per_s > 0
    assert speed.decode_tokens_per_s > 0
    assert (speed.prefill_threads, speed.decode_threads) == (1, 1)


def test_closing_ends_every_job_and_refuses_new_ones(path: Path) -> None:
    opened = open_engine(path)
    slow = background(LONG_STORY, max_tokens=900)
    slow_events = opened.generate(slow)
    wait_for(slow_events, Progress)
    fast_events = opened.generate(request_of(LONG_STORY, max_tokens=900))
    wait_for(fast_events, Text)  # it has overtaken the other
    waiting = opened.generate(background("Hello?"))
    opened.close()
    for events in (slow_events, fast_events):
        assert isinstance(done := list(events)[-1], Done)
        assert done.reason == "cancelled"
        assert done.usage.completion_tokens < 900
    (failed,) = waiting
    assert isinstance(failed, Failed)
    for call in (lambda: opened.generate(request_of("Hi")), lambda: opened.count_tokens("Hi")):
        with pytest.raises(EngineError, match="closed"):
            call()
    opened.close()


def test_opening_and_closing_again_leaves_nothing_behind(path: Path) -> None:
    process = psutil.Process()
    sizes, files, threads = [], [], []
    for _ in range(6):
        opened = open_engine(path)
        ask(opened, "Hi", max_tokens=2)
        opened.close()
        sizes.append(process.memory_info().rss)
        files.append(process.num_fds())
        threads.append(threading.active_count())
    assert files[-1] == files[0]
    assert threads[-1] == threads[0]
    # the model takes over 140 MB: leaking it, or its KV memory, would show
    assert sizes[-1] - sizes[1] < 60e6


# Broken files, in a process of its own, as llama.cpp may end it

OPEN_EACH = """
import sys
from pathlib import Path
from codeassist_jupyter.config import Settings
from codeassist_jupyter.engine.llama_cpp import LlamaCppEngine
from codeassist_jupyter.errors import ModelUnusable
for name in sys.argv[1:]:
    try:
        LlamaCppEngine.open("x", Path(name), Settings(context_length=256), None).close()
        print("opened", flush=True)
    except ModelUnusable:
        print("refused", flush=True)
"""


def open_in_process(*paths: Path) -> tuple[int, list[str]]:
    ended = subprocess.run(
        [sys.executable, "-c", OPEN_EACH, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.returncode, ended.stdout.split()


def changed_header(path: Path, target: Path, at: int, data: bytes) -> Path:
    """A sparse copy that shares nothing: the head changed, the rest of the file empty."""
    with path.open("rb") as file:
        head = bytearray(file.read(4_000_000))
    head[at : at + len(data)] = data
    target.write_bytes(head)
    os.truncate(target, path.stat().st_size)
    return target


def test_a_file_that_is_no_model_is_refused(path: Path, tmp_path: Path) -> None:
    contents = {
        "empty": b"",
        "page": b"<!DOCTYPE html><html>Sign in</html>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "zeros": bytes(100_000),
        "magic": b"GGUF",
        "noise": b"GGUF\3\0\0\0" + bytes(range(256)) * 100,
    }
    paths = [tmp_path / "missing.gguf", tmp_path]
    for name, data in contents.items():
        paths.append(tmp_path / f"{name}.gguf")
        paths[-1].write_bytes(data)
    for share in (0.001, 0.05, 0.5, 0.999):
        paths.append(tmp_path / f"{share}.gguf")
        with path.open("rb") as file:
            paths[-1].write_bytes(file.read(int(path.stat().st_size * share)))
    code, said = open_in_process(*paths)
    assert (code, set(said), len(said)) == (0, {"refused"}, len(paths))


def test_a_changed_header_ends_its_process_at_worst(path: Path, tmp_path: Path) -> None:
    huge = (2**62).to_bytes(8, "little")
    changes = [(4, b"\xff"), (8, huge), (16, huge), (24, huge), (8, bytes(8)), (16, bytes(8))]
    changes += [(at, b"\xff") for at in range(24, 400, 40)]
    for number, (at, data) in enumerate(changes):
        target = changed_header(path, tmp_path / f"{number}.gguf", at, data)
        code, said = open_in_process(target)
        assert said in (["refused"], ["opened"]) or code != 0
        target.unlink()


def test_a_model_without_chat_template_is_refused(path: Path, tmp_path: Path) -> None:
    with path.open("rb") as file:
        at = file.read(4_000_000).index(b"tokenizer.chat_template")
    target = tmp_path / "mute.gguf"
    target.write_bytes(path.read_bytes())
    with target.open("r+b") as file:
        file.seek(at)
        file.write(b"tokenizer.chat_templatX")
    with pytest.raises(ModelUnusable, match="no chat template"):
        open_engine(target)


def test_a_path_of_any_characters_opens(path: Path, tmp_path: Path) -> None:
    target = tmp_path / os.fsdecode(b"m\xc3\xb6del \xff\xfe.gguf")
    target.symlink_to(path)
    open_engine(target, context=256).close()


def test_a_context_no_memory_could_hold_is_refused(path: Path) -> None:
    opened = open_engine(path, context=1_000_000)
    assert opened.abilities.context_length <= 8192  # what the model was trained for
    opened.close()
