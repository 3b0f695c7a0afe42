"""How fast answers came: recorded by a real host, kept in a real store, shown in numbers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from codeassist_jupyter.errors import UsageError
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.kernel import metrics as shown
from codeassist_jupyter.memory.metrics import Metrics
from codeassist_jupyter.types import Done, Message, Usage


def answered(ttft_ms: float = 100.0, tokens_per_s: float = 50.0, **given: Any) -> Done:
    usage = Usage("tiny", 100, 0, 50, ttft_ms, tokens_per_s, prefill_tokens_per_s=1000.0)
    return Done(given.get("reason", "stop"), usage)


@pytest.fixture
def metrics(tmp_path: Path):
    metrics = Metrics(tmp_path / "metrics.duckdb")
    yield metrics
    metrics.close()


def test_the_host_records_each_answer(client: HostClient, echo) -> None:
    before = sum(row["answers"] for row in client.metrics(1)["models"])
    list(client.chat([Message("user", "hello there")], engine="echo", model="echo"))
    deadline = time.monotonic() + 10  # the figures are written after the answer was told
    while sum(row["answers"] for row in client.metrics(1)["models"]) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    report = client.metrics(1)
    row = next(row for row in report["models"] if row["name"] == "echo")
    assert row["ttft_ms"][0] <= row["total_ms"][0]
    assert report["rss_mb"] > 10
    assert [day["answers"] for day in report["days"]] == [before + 1]
    text = shown.render(report)
    assert "echo" in text and "tokens/s" in text
    assert len(shown.plot(report).axes) == 2


@pytest.mark.parametrize("days", [0, -1, 1e9])
def test_a_span_that_makes_no_sense_is_refused(client: HostClient, days: float) -> None:
    with pytest.raises(UsageError, match="days"):
        client.metrics(days)


def test_quantiles_are_those_of_the_answers(metrics: Metrics) -> None:
    for n in range(1, 101):
        metrics.record(answered(ttft_ms=float(n)), "interactive", 10.0 * n)
    (row,) = metrics.report(1)["models"]
    assert row["answers"] == 100
    assert row["ttft_ms"] == pytest.approx([50.5, 95.05, 99.01])
    assert row["total_ms"] == pytest.approx([505, 950.5, 990.1])


def test_background_work_is_not_what_a_user_waited_for(metrics: Metrics) -> None:
    metrics.record(answered(), "background", 10.0)
    assert metrics.report(1) == {"models": [], "days": []}


def test_an_answer_far_slower_than_the_median_is_told_so(metrics: Metrics) -> None:
    assert metrics.compared(answered()).usage.slower == 0.0  # nothing is known yet
    for _ in range(20):
        metrics.record(answered(), "interactive", 1100.0)
    assert metrics.compared(answered()).usage.slower == pytest.approx(1.0)
    slow = metrics.compared(answered(ttft_ms=400.0, tokens_per_s=10.0)).usage
    assert slow.slower == pytest.approx((0.4 + 5.0) / (0.1 + 1.0), abs=0.01)


def test_what_was_learnt_outlives_the_host(tmp_path: Path) -> None:
    path = tmp_path / "metrics.duckdb"
    first = Metrics(path)
    for _ in range(20):
        first.record(answered(), "interactive", 1100.0)
    first.close()
    second = Metrics(path)
    second.record(answered(), "interactive", 1100.0)
    assert second.compared(answered(tokens_per_s=10.0)).usage.slower > 4
    assert second.report(1)["models"][0]["answers"] == 21
    second.close()


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "metrics.duckdb"
    path.write_bytes(b"not a database at all" * 1000)
    metrics = Metrics(path)
    metrics.record(answered(), "interactive", 1100.0)
    assert metrics.report(1)["models"][0]["answers"] == 1
    metrics.close()


def test_erased_is_gone(metrics: Metrics, tmp_path: Path) -> None:
    metrics.record(answered(), "interactive", 1100.0)
    metrics.erase()
    assert not list(tmp_path.glob("metrics*"))
    assert metrics.report(1)["models"] == []


def test_no_answers_no_plot() -> None:
    report = {"models": [], "days": [], "rss_mb": 1.0, "uptime_s": 1.0, "days_covered": 30.0}
    assert "Nothing" in shown.render(report)
    with pytest.raises(UsageError, match="nothing was answered"):
        shown.plot(report)
    with pytest.raises(UsageError, match="--plt"):
        shown.show(report, ("--plt",))
