"""The index in words: its state, the graph around a name, one line of a place. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from . import security
from .types import Chunk

_EDGES = 20


def first_line(chunk: Chunk) -> str:
    """The first line of a chunk that says something, cleaned."""
    lines = (line.strip() for line in security.clean(chunk.text, 2000).splitlines())
    return next((line for line in lines if line), "")[:120]


def render_status(status: Mapping[str, Any]) -> str:
    """What is indexed, what was left out and why, size, age, progress."""
    lines = [
        f"project  {_line(status['root'])}",
        f"indexed  {status['files']} files, {status['lines']} lines, {status['chunks']} places,"
        f" {status['open_cells']} open cells",
        f"size     {status['size'] / 1e6:.1f} MB on disk",
        f"age      {_age(status['age_s'])}; now: {_stage(status)}",
    ]
    for encoder, pending in status["pending"].items():
        lines.append(f"vectors  {encoder}: {f'{pending} to go' if pending else 'complete'}")
    if not status["pending"]:
        lines.append("vectors  none: `codeassist setup` fetches the encoders; words alone are used")
    lines += [part for part in (status["message"], status["failure"]) if part]
    lines += map(_package, status["packages"])
    skipped = status["skipped"]
    for reason, count in Counter(reason for _, reason in skipped).most_common():
        paths = [_line(path) for path, why in skipped if why == reason]
        more = f" and {count - 3} more" if count > 3 else ""
        lines.append(f"left out {reason}: {', '.join(paths[:3])}{more}")
    return "\n".join(lines)


def render_graph(name: str, graph: Mapping[str, Any]) -> str:
    """Definition, callers, callees and uses, each with its place."""
    lines = []
    for title, end in (
        ("definitions", "target"),
        ("callers", "source"),
        ("callees", "target"),
        ("uses", "source"),
    ):
        edges = graph[title]
        if edges:
            lines.append(f"{title}:")
        lines += [_line(f"  {e[end]}  ({e['path']}:{e['line']})") for e in edges[:_EDGES]]
        if len(edges) > _EDGES:
            lines.append(f"  … {len(edges) - _EDGES} more")
    return "\n".join(lines) or f"Nothing in this project is called {_line(name)}."


def _package(package: Mapping[str, Any]) -> str:
    """`package  pandas 3.1.1: 2424 names, 4.6 MB, ready`; a module of Python is named."""
    title, name = package["title"], package["name"]
    called = f"{title} {package['version']}" + (f" {name}" if title != name else "")
    state = package["state"]
    if state == "ready":
        state = f"{package['symbols']} names, {package['size'] / 1e6:.1f} MB, ready"
    note = f" ({package['note']})" if package["note"] else ""
    return _line(f"package  {called}: {state}{note}")


def _line(text: str) -> str:
    """Names come from files, and may hold line ends or worse."""
    return security.clean(text, 500).replace("\n", " ")


def _age(age_s: float | None) -> str:
    if age_s is None:
        return "never complete yet"
    return f"{age_s:.0f} s" if age_s < 120 else f"{age_s / 60:.0f} min"


def _stage(status: Mapping[str, Any]) -> str:
    of = f" {status['done']} of {status['total']}" if status["total"] else ""
    return f"{status['stage']}{of}"
