"""`%assist metrics`: how fast answers came, as a table or a plot."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from .. import security
from ..errors import UsageError

DAYS = 30.0  # that the table and the plot cover


def render(report: Mapping[str, Any]) -> str:
    """Figures by model, then by day; times in seconds."""
    if not report["models"]:
        return "Nothing was answered yet."
    first, whole = "first token p50/p95/p99", "whole answer p50/p95/p99"
    head = f"{'':<22} {'answers':>7}  {first:>24}  {whole:>25}  {'tokens/s':>8}  {'cached':>6}"
    lines = [head]
    lines += [_row(row) for row in (*report["models"], *report["days"])]
    memory = f"host: {report['rss_mb'] / 1000:.1f} GB of memory now, up {_time(report['uptime_s'])}"
    return "\n".join([*lines, f"last {report['days_covered']:g} days; {memory}"])


def plot(report: Mapping[str, Any]) -> Any:
    """A Matplotlib figure: time to first token and to the whole answer, day by day.

    Raises UsageError where Matplotlib is not installed or there is nothing to draw.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise UsageError("plots need Matplotlib", "%pip install matplotlib") from exc
    days = report["days"]
    if not days:
        raise UsageError("nothing was answered yet", "Ask something first.")
    figure = Figure(figsize=(7, 4), layout="constrained")
    names = [row["name"] for row in days]
    for axes, key, title in zip(
        figure.subplots(2, 1, sharex=True),
        ("ttft_ms", "total_ms"),
        ("to the first token", "to the whole answer"),
        strict=True,
    ):
        for index, quantile in enumerate(("p50", "p95", "p99")):
            seconds = [row[key][index] / 1000 for row in days]
            axes.plot(names, seconds, marker="o", label=quantile)
        axes.set(title=f"Time {title}", ylabel="s", ylim=(0, None))
    figure.axes[0].legend()
    figure.axes[1].tick_params(axis="x", rotation=45)
    return figure


def show(report: Mapping[str, Any], words: tuple[str, ...]) -> None:
    """Print the table; with `--plot` display the plot."""
    if words not in ((), ("--plot",)):
        raise UsageError(
            f"unknown: {' '.join(words)}", "%assist metrics, or %assist metrics --plot"
        )
    if not words:
        sys.stdout.write(render(report) + "\n")
        return
    from IPython.display import display

    display(plot(report))


def _row(row: Mapping[str, Any]) -> str:
    first, whole = ("/".join(f"{ms / 1000:.1f}" for ms in row[k]) for k in ("ttft_ms", "total_ms"))
    speed = f"{row['tokens_per_s'][0]:.1f}" if row["tokens_per_s"] else "-"
    name = security.clean(row["name"], 22)
    cached = f"{100 * row['cached_share']:.0f} %"
    return f"{name:<22} {row['answers']:>7}  {first:>24}  {whole:>25}  {speed:>8}  {cached:>6}"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min"
