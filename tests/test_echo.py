"""The engine without a model: what its answers, its script and its pretended cache promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codeassist_jupyter.engine.echo import EchoEngine
from codeassist_jupyter.errors import ConfigError, ModelMissing
from codeassist_jupyter.types import (
    Done,
    Event,
    Failed,
    Infill,
    Message,
    Progress,
    Prompt,
    Request,
    Text,
)


def ask(engine: EchoEngine, *turns: str) -> list[Event]:
    """Ask with alternating user and assistant turns."""
    messages = tuple(
        Message("assistant" if index % 2 else "user", turn) for index, turn in enumerate(turns)
    )
    return list(engine.generate(Request(Prompt(messages))))


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def done_of(events: list[Event]) -> Done:
    done = events[-1]
    assert isinstance(done, Done)
    return done


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script.json"


def scripted(script: Path, *rules: dict) -> EchoEngine:
    script.write_text(json.dumps(rules))
    return EchoEngine(script)


def test_repeats_the_last_question_word_by_word() -> None:
    events = ask(EchoEngine(), "first", "answer", "how many  rows?")
    assert text_of(events) == "You asked: how many  rows?"
    assert [e.text for e in events if isinstance(e, Text)][:3] == ["You", " asked:", " how"]


def test_answers_from_the_first_rule_that_matches(script: Path) -> None:
    engine = scripted(
        script,
        {"match": "plot", "answer": "```python\ndf.plot()\n```"},
        {"match": "", "answer": "something else"},
    )
    assert text_of(ask(engine, "plot it")) == "```python\ndf.plot()\n```"
    assert text_of(ask(engine, "print it")) == "something else"


def test_a_changed_script_counts_at_the_next_request(script: Path) -> None:
    engine = scripted(script, {"match": "", "answer": "old"})
    assert text_of(ask(engine, "x")) == "old"
    scripted(script, {"match": "", "answer": "new"})
    assert text_of(ask(engine, "x")) == "new"


def test_a_scripted_failure_without_place_is_raised(script: Path) -> None:
    fail = {"code": "ModelMissing", "message": "gone", "hint": "fetch it"}
    engine = scripted(script, {"match": "", "answer": "x", "fail": fail})
    with pytest.raises(ModelMissing, match="gone") as caught:
        ask(engine, "x")
    assert caught.value.hint == "fetch it"


def test_a_scripted_failure_after_two_tokens_ends_the_answer(script: Path) -> None:
    fail = {"code": "EngineError", "message": "broke", "after": 2}
    events = ask(scripted(script, {"match": "", "answer": "a b c d", "fail": fail}), "x")
    assert text_of(events) == "a b"
    assert events[-1] == Failed("EngineError", "broke", "")


def test_reports_how_far_it_has_read(script: Path) -> None:
    engine = scripted(script, {"match": "", "answer": "x", "prompt_delay_s": 0.1})
    progress = [e for e in ask(engine, "one two three") if isinstance(e, Progress)]
    assert len(progress) > 2
    assert [p.done for p in progress] == sorted(p.done for p in progress)
    assert progress[0].done == 0
    assert progress[-1].done == progress[-1].total


def test_a_follow_up_finds_its_history_cached() -> None:
    engine = EchoEngine()
    first = done_of(ask(engine, "one two three")).usage
    assert first.cached_tokens == 0
    again = done_of(ask(engine, "one two three", "You asked: one two three", "four")).usage
    # the question, the answer and the marks of both turns
    assert again.cached_tokens == first.prompt_tokens + first.completion_tokens
    assert again.prompt_tokens > again.cached_tokens


def test_two_conversations_do_not_evict_each_other() -> None:
    engine = EchoEngine()
    for question in ("about apples", "about pears"):
        ask(engine, question)
    assert (
        done_of(ask(engine, "about apples", "You asked: about apples", "go on")).usage.cached_tokens
        > 4
    )
    assert (
        done_of(ask(engine, "about pears", "You asked: about pears", "go on")).usage.cached_tokens
        > 4
    )


def test_fills_a_gap() -> None:
    events = list(EchoEngine().generate(Request(Infill("def f():\n    ", "\n\nf()"))))
    assert text_of(events) == "pass"


@pytest.mark.parametrize(
    "text", ["", "{", '{"match": "x"}', '[{"match": "("}]', '[{"match": "(", "answer": ""}]', "[3]"]
)
def test_a_bad_script_is_a_config_error(script: Path, text: str) -> None:
    script.write_text(text)
    with pytest.raises(ConfigError, match="echo script"):
        ask(EchoEngine(script), "x")


def test_a_missing_script_is_a_config_error(script: Path) -> None:
    with pytest.raises(ConfigError, match="echo script"):
        ask(EchoEngine(script), "x")
