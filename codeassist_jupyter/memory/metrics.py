"""How fast answers came, over time: numbers only, never text, so they are not encrypted.

Disposable: a damaged file is begun anew. Used from the threads of the jobs.
"""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections import defaultdict, deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from ..types import Done, Priority, Usage

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger(__name__)

_RECENT = 200  # answers that make the median which the next one is compared with
_LEAST = 10  # fewer say nothing about a machine
_KEEP_DAYS = 365
_DAY_S = 86_400.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    answered DOUBLE, model VARCHAR, priority VARCHAR, stopped VARCHAR,
    ttft_ms DOUBLE, total_ms DOUBLE, tokens_per_s DOUBLE, prefill_tokens_per_s DOUBLE,
    prompt_tokens BIGINT, cached_tokens BIGINT, completion_tokens BIGINT, rss_mb DOUBLE
)
"""
_QUANTILES = """
    count(*) AS answers,
    quantile_cont(ttft_ms, [.5, .95, .99]) AS ttft_ms,
    quantile_cont(total_ms, [.5, .95, .99]) AS total_ms,
    quantile_cont(tokens_per_s, [.5, .05]) FILTER (tokens_per_s > 0) AS tokens_per_s,
    sum(cached_tokens) / greatest(sum(prompt_tokens), 1) AS cached_share,
    max(rss_mb) AS rss_mb
"""


class Metrics:
    """The record of all answers of this machine; opened after the first answer of a host."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._store: duckdb.DuckDBPyConnection | None = None
        # Seconds per token: of reading the prompt, of writing the answer.
        self._reading: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_RECENT))
        self._writing: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_RECENT))

    def compared(self, done: Done) -> Done:
        """The same event, saying how much slower than usual on this machine the answer was."""
        with self._lock:
            return replace(done, usage=replace(done.usage, slower=self._slower(done.usage)))

    def record(self, done: Done, priority: Priority, total_ms: float) -> None:
        """Keep the figures of one answer; `total_ms` counts from the request to its last token."""
        usage = done.usage
        rss_mb = psutil.Process().memory_info().rss / 1e6
        row = (
            *(time.time(), usage.model, priority, done.reason),
            *(usage.ttft_ms, total_ms, usage.tokens_per_s, usage.prefill_tokens_per_s),
            *(usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, rss_mb),
        )
        with self._lock:
            self._opened().execute(f"INSERT INTO answers VALUES ({', '.join('?' * 12)})", row)
            self._learn(usage.model, usage.prefill_tokens_per_s, usage.tokens_per_s)

    def report(self, days: float) -> dict[str, Any]:
        """Figures by model and by day of the last `days`, background work left out.

        Times in ms as [p50, p95, p99], `tokens_per_s` as [median, slowest 5 %], `rss_mb` the most.
        """
        since = time.time() - days * _DAY_S
        with self._lock:
            store = self._opened().cursor()
        return {
            "models": _rows(store, "model", since),
            "days": _rows(
                store, "strftime(make_timestamp((answered * 1e6)::BIGINT), '%Y-%m-%d')", since
            ),
        }

    def erase(self) -> None:
        """Forget all figures."""
        with self._lock:
            self._close()
            _unlink(self._path)

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
        self._reading.clear()
        self._writing.clear()

    def _opened(self) -> duckdb.DuckDBPyConnection:
        import duckdb  # not at the top: the host must start quickly

        if self._store is None:
            try:
                self._store = _open(self._path)
            except duckdb.Error as exc:
                log.warning("the metrics are begun anew: %s", exc)
                _unlink(self._path)
                self._store = _open(self._path)
            latest = self._store.execute(
                "SELECT model, prefill_tokens_per_s, tokens_per_s FROM answers"
                f" ORDER BY answered DESC LIMIT {5 * _RECENT}"
            ).fetchall()
            for model, reads, writes in reversed(latest):
                self._learn(model, reads, writes)
        return self._store

    def _learn(self, model: str, reads: float, writes: float) -> None:
        if reads > 0:
            self._reading[model].append(1 / reads)
        if writes > 0:
            self._writing[model].append(1 / writes)

    def _slower(self, usage: Usage) -> float:
        reading, writing = self._reading[usage.model], self._writing[usage.model]
        if min(len(reading), len(writing)) < _LEAST or usage.tokens_per_s <= 0:
            return 0.0
        fresh = usage.prompt_tokens - usage.cached_tokens
        usual = fresh * statistics.median(reading)
        usual += usage.completion_tokens * statistics.median(writing)
        took = usage.ttft_ms / 1000 + usage.completion_tokens / usage.tokens_per_s
        return round(took / usual, 2) if usual > 0 else 0.0


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    import duckdb

    store = duckdb.connect(str(path))
    try:
        store.execute(_SCHEMA)
        store.execute("DELETE FROM answers WHERE answered < ?", [time.time() - _KEEP_DAYS * _DAY_S])
    except duckdb.Error:
        store.close()
        raise
    return store


def _rows(store: duckdb.DuckDBPyConnection, by: str, since: float) -> list[dict[str, Any]]:
    found = store.execute(
        f"SELECT {by} AS name, {_QUANTILES} FROM answers"
        " WHERE answered >= ? AND priority = 'interactive' GROUP BY ALL ORDER BY name",
        [since],
    )
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
