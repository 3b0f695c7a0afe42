"""How an answer is shown while it comes: progress, pieces, interrupts, the last line."""

from __future__ import annotations

import io
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from codeassist_jupyter import config
from codeassist_jupyter.assistant import Answer
from codeassist_jupyter.citations import Cited
from codeassist_jupyter.errors import CodeAssistError, EngineError, HostLost
from codeassist_jupyter.stream import TerminalView, banner, footer, stream
from codeassist_jupyter.types import Done, Event, Failed, Progress, Source, Text, Usage

USAGE = Usage("tiny", 900, 100, 100, 1234.0, 12.34, context_length=2000)
SOURCE = Source(1, "etl/clean.py", 3, 9, None, "clean")


class Recorder:
    """A view that keeps what it is told, in order."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.texts: list[str] = []
        self.end: tuple[str, str, tuple[Cited, ...]] | None = None

    def status(self, message: str) -> None:
        self.statuses.append(message)

    def show(self, text: str) -> None:
        self.texts.append(text)

    def finish(self, text: str, footer: str, cited: Sequence[Cited] = ()) -> None:
        self.end = (text, footer, tuple(cited))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(answer: Answer, *events: Event) -> Iterator[Event]:
    """Events as the assistant gives them: it collects them in the answer."""
    for event in events:
        if isinstance(event, Text):
            answer.text += event.text
        elif isinstance(event, Done):
            answer.usage, answer.stopped = event.usage, event.reason
        elif isinstance(event, Failed):
            answer.stopped = "failed"
        yield event


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def never() -> None:
    raise AssertionError("nothing was to be stopped")


def test_pieces_are_shown_as_they_grow_and_progress_only_before_them() -> None:
    answer, view = Answer(), Recorder()

    def events() -> Iterator[Event]:
        yield Progress(50, 200)
        until(lambda: len(view.statuses) == 2)
        yield from told(answer, Text("Hel"), Progress(60, 200), Text("lo"), Done("stop", USAGE))

    stream(events(), answer, view, never)
    assert view.statuses == ["thinking …", "reading the notebook … 25 %"]
    assert view.texts[-1] == "Hello"
    assert view.end is not None and view.end[0] == "Hello"


def test_what_the_answer_cites_is_checked_and_shown() -> None:
    answer, view = Answer(), Recorder()
    found = [Cited(SOURCE, "verified", "etl/clean.py")]
    events = told(answer, Text("As in [1]."), Done("stop", USAGE))
    stream(events, answer, view, never, lambda answer: found if "[1]" in answer.text else ())
    assert view.end is not None and view.end[2] == tuple(found)


def test_a_failure_keeps_the_text_and_is_told_in_the_last_line() -> None:
    answer, view = Answer(), Recorder()
    stream(told(answer, Text("Half"), Failed("HostLost", "it died", "ask")), answer, view, never)
    assert view.end == ("Half", "broke off: it died ask", ())


@pytest.mark.parametrize("raised", [HostLost("gone"), EngineError("bad")])
def test_our_errors_are_raised_in_the_caller(raised: CodeAssistError) -> None:
    def events() -> Iterator[Event]:
        yield Text("x")
        raise raised

    with pytest.raises(type(raised), match=raised.message):
        stream(events(), Answer(), Recorder(), never)


def test_a_bug_is_raised_as_our_error_and_never_hangs() -> None:
    def events() -> Iterator[Event]:
        yield Progress(0, 0)
        raise ZeroDivisionError

    with pytest.raises(EngineError, match="ZeroDivisionError"):
        stream(events(), Answer(), Recorder(), never)


def interrupt_soon() -> None:
    main = threading.main_thread().ident or 0

    def press() -> None:
        time.sleep(0.1)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()


@pytest.fixture
def sigint() -> Iterator[None]:
    """Ctrl-C as Python has it by default, whatever runs the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_stops_the_engine_keeps_the_text_and_asks_for_nothing_more(
    sigint: None,
) -> None:
    answer, view, stopped = Answer(), Recorder(), threading.Event()

    def events() -> Iterator[Event]:
        yield from told(answer, Text("Half"))
        interrupt_soon()
        assert stopped.wait(20)

    def check(_: Answer) -> Sequence[Cited]:
        raise AssertionError("the user does not want to wait for this")

    stream(events(), answer, view, stopped.set, check)
    assert stopped.wait(20)
    assert view.end == ("Half", "stopped", ())
    assert answer.stopped == "cancelled"


def test_an_interrupt_while_sources_are_checked_still_shows_the_end(sigint: None) -> None:
    answer, view = Answer(), Recorder()

    def check(_: Answer) -> Sequence[Cited]:
        interrupt_soon()
        time.sleep(20)
        return ()

    stream(told(answer, Text("All [1]"), Done("stop", USAGE)), answer, view, never, check)
    assert view.end is not None
    assert view.end[0] == "All [1]"
    assert "tiny" in view.end[1]


def test_a_host_that_cannot_be_told_to_stop_does_not_matter(sigint: None) -> None:
    answer, view, go = Answer(), Recorder(), threading.Event()
    tried = threading.Event()

    def stop() -> None:
        tried.set()
        raise HostLost("gone already")

    def events() -> Iterator[Event]:
        interrupt_soon()
        go.wait(20)
        yield from ()

    stream(events(), answer, view, stop)
    go.set()
    assert tried.wait(20)
    assert answer.stopped == "cancelled"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            Answer(usage=USAGE, stopped="stop"),
            "tiny · 100 tokens · first after 1.2 s · 12.3 tokens/s · context 50 %",
        ),
        (Answer(stopped="cancelled"), "stopped"),
        (
            Answer(stopped="length"),
            "cut off at the token limit: raise --max-tokens to get more",
        ),
        (Answer(stopped="repetition"), "stopped: it began to repeat itself"),
        (
            Answer(stopped="stop", left_out=("2 variables", "1 older cell")),
            "left out: 2 variables, 1 older cell",
        ),
        (Answer(), ""),
    ],
)
def test_the_last_line(answer: Answer, text: str) -> None:
    assert footer(answer) == text


def test_the_last_line_without_a_context_length_says_nothing_of_it() -> None:
    usage = Usage("remote", 900, 0, 100, 10.0, 5.0)
    assert "context" not in footer(Answer(usage=usage, stopped="stop"))


def test_a_terminal_gets_each_piece_once(capsys: pytest.CaptureFixture[str]) -> None:
    view = TerminalView()
    shown = ""
    for text in ("Hel", "Hello", "Hello, wor", "Hello, world"):
        view.show(text)
        shown += capsys.readouterr().out
        assert shown == text
    view.finish("Hello, world", "the end", [Cited(SOURCE, "moved", "etl/clean.py")])
    out, err = capsys.readouterr()
    assert out == "\n"
    assert err == "\n[1] etl/clean.py:3–9 · clean (moved)\n\nthe end\n"


def test_a_terminal_shows_an_answer_whose_end_changes_when_it_is_cleaned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = TerminalView()
    for text in ("a \x1b", "a \x1b[3", "a \x1b[31m", "a \x1b[31mred", "a \x1b[31mred, then b"):
        view.show(text)
    view.finish("a \x1b[31mred, then b", "")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.endswith("red, then b\n")


def test_the_status_line_is_for_terminals_and_goes_before_the_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = TerminalView()
    view.status("thinking …")
    assert capsys.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    view.status("thinking …")
    view.status("thinking …")
    view.status("reading … 5 %")
    assert terminal.getvalue() == "\r\x1b[2Kthinking …\r\x1b[2Kreading … 5 %"
    view.show("Hi")
    assert terminal.getvalue().endswith("\r\x1b[2K")
    assert capsys.readouterr().out == "Hi"


def test_a_banner_says_where_a_question_goes_that_leaves_the_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    remote = {"engine": "openai", "openai_base_url": "https://user:pw@llm.example:8443/v1"}
    assert banner(config.load(remote)) == "sent to llm.example"
    assert banner(config.load({"engine": "echo"})) == ""
    TerminalView(banner(config.load(remote)))
    TerminalView("")
    assert capsys.readouterr().err == "[sent to llm.example]\n"
