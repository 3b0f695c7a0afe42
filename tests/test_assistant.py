"""The assistant over a real host: chats, budgets, and what goes wrong."""

from __future__ import annotations

import pytest
from conftest import Script

from codeassist_jupyter import config
from codeassist_jupyter.assistant import ALL, Answer, Assistant, Question, checked, code_of
from codeassist_jupyter.errors import HostLost, UsageError
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.types import Cell, Context, Done, Failed, Text

SETTINGS = {"engine": "echo", "max_tokens": 4000}


def ask(assistant: Assistant, text: str, **overrides: object) -> Answer:
    answer = Answer()
    question = Question(text, config.load({**SETTINGS, **overrides}))
    events = list(assistant.ask(question, answer))
    assert isinstance(events[-1], Done | Failed)
    assert answer.text == "".join(e.text for e in events if isinstance(e, Text))
    return answer


def assistant_with(client: HostClient, context: Context) -> Assistant:
    return Assistant(client, lambda text: (text, context))


def test_an_answer_is_collected_and_remembered(client: HostClient, echo: Script) -> None:
    echo([{"match": "first", "answer": "one"}, {"match": "second", "answer": "two"}])
    assistant = assistant_with(client, Context())
    first, second = ask(assistant, "first"), ask(assistant, "second")
    assert (first.text, second.text) == ("one", "two")
    assert first.stopped == "stop"
    assert [turn.question for turn in assistant.journal.turns] == ["first", "second"]
    assert second.usage is not None and first.usage is not None
    assert second.usage.cached_tokens >= first.usage.prompt_tokens
    assistant.reset()
    assert assistant.journal.turns == ()


def test_without_context_nothing_is_sent_or_remembered(client: HostClient) -> None:
    assistant = assistant_with(client, Context(cells=(Cell(1, "secret_cell()"),)))
    answer = Answer()
    question = Question("hello", config.load(SETTINGS), without=ALL)
    list(assistant.ask(question, answer))
    assert "secret_cell" not in answer.text
    assert assistant.journal.turns == ()


def test_ten_turns_are_remembered_and_the_journal_stays_bounded(client: HostClient) -> None:
    assistant = assistant_with(client, Context())
    for number in range(25):
        ask(assistant, f"question {number}", history_turns=10)
    questions = [turn.question for turn in assistant.journal.turns]
    assert questions[-10:] == [f"question {n}" for n in range(15, 25)]
    assert len(questions) <= 20


def test_a_large_notebook_is_cut_to_the_budget_and_says_so(client: HostClient) -> None:
    cells = tuple(Cell(n, f"value_{n} = {n}\n" + "# filler words\n" * 40) for n in range(1, 80))
    answer = ask(assistant_with(client, Context(cells=cells)), "what now?", latency_budget_s=16.0)
    assert any("older cells" in part for part in answer.left_out)
    assert "value_79" in answer.text
    assert "value_1 " not in answer.text


def test_a_wrong_guess_of_the_token_count_is_corrected_once(
    client: HostClient, echo: Script
) -> None:
    echo(
        [
            {
                "match": "OVERSIZE",
                "answer": "never",
                "fail": {"code": "ContextOverflow", "message": "too long", "hint": ""},
            },
            {"match": "what", "answer": "fits now"},
        ]
    )
    cells = (Cell(1, "OVERSIZE"), Cell(2, "small = 1"))
    answer = ask(assistant_with(client, Context(cells=cells)), "what?")
    assert answer.text == "fits now"


def test_a_failed_answer_keeps_what_had_come(client: HostClient, echo: Script) -> None:
    fail = {"code": "EngineError", "message": "broke", "hint": "h", "after": 3}
    echo([{"match": ".", "answer": "word " * 50, "fail": fail}])
    answer = ask(assistant_with(client, Context()), "hello")
    assert answer.stopped == "failed"
    assert answer.text.startswith("word word")
    echo([{"match": ".", "answer": "x", "fail": {"code": "HostLost", "message": "m", "hint": "h"}}])
    with pytest.raises(HostLost):
        ask(assistant_with(client, Context()), "hello")


@pytest.mark.parametrize("text", ["", "   \n", "\u200b\x00"[:1]])
def test_an_empty_question_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        checked(text)


def test_an_endless_question_is_refused() -> None:
    with pytest.raises(UsageError, match="at most"):
        checked("x" * 10_000_000)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no code", ""),
        ("```python\na = 1\n```", "a = 1"),
        ("```\na = 1\n```\ntext\n~~~py\nb = 2\n~~~", "a = 1\n\nb = 2"),
        ("```bash\nls\n```\n```python\na = 1\n```", "a = 1"),
        ("````python\nx = '''\n```\n'''\n````", "x = '''\n```\n'''"),
        ("```python\ncut off", "cut off"),
        ("1. step\n   ```python\n   a = 1\n   ```", "a = 1"),
    ],
)
def test_code_of(text: str, code: str) -> None:
    assert code_of(text) == code
