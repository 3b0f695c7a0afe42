"""Checks the set-up: each check says what it found and what would mend it. Changes nothing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from .config import Settings, home
from .errors import CodeAssistError
from .host.client import HostClient

# Older ones have holes that an assistant's output could reach.
_SAFE = {
    "jupyterlab": ((4, 6), "CVE-2026-42557, CVE-2025-15599, CVE-2026-0540"),
    "jupyter_server": ((2, 20), "CVE-2026-44727"),
}
_MIN_FREE = 2 * 1024**3
_ENCODERS = 2  # a fast one and a thorough one


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `hint` is set where something should be done."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


def check(settings: Settings) -> list[Check]:
    """Run every check; none of them raises or uses the network."""
    return [found for part in _CHECKS for found in part(settings)]


def render(checks: list[Check]) -> str:
    lines = []
    for found in checks:
        lines.append(f"{'ok  ' if found.ok else 'FIX '} {found.name}: {found.detail}")
        if found.hint:
            lines.append(f"       {found.hint}")
    return "\n".join(lines)


def _python(_: Settings) -> Iterator[Check]:
    yield Check("python", True, f"{sys.version.split()[0]} at {sys.executable}")


def _packages(_: Settings) -> Iterator[Check]:
    for name, (floor, reason) in _SAFE.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Check(name, True, "not installed here")
            continue
        numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
        wanted = ".".join(map(str, floor))
        if numbers >= floor:
            yield Check(name, True, found)
        else:
            yield Check(name, False, f"{found} ({reason})", f"Upgrade to {wanted} or newer.")


def _engine(settings: Settings) -> Iterator[Check]:
    if settings.engine == "llama_cpp":
        here = importlib.util.find_spec("llama_cpp") is not None
        hint = "" if here else 'python -m pip install "codeassist-jupyter[local]"'
        yield Check("engine", here, "llama-cpp-python" if here else "not installed", hint)
    elif settings.engine == "openai":
        set_up = bool(settings.openai_base_url)
        hint = "" if set_up else "Set CODEASSIST_OPENAI_BASE_URL."
        yield Check("engine", set_up, f"sends to {settings.openai_base_url or 'nowhere'}", hint)
    else:
        yield Check("engine", True, settings.engine)


def _model(settings: Settings) -> Iterator[Check]:
    if settings.engine != "llama_cpp":
        return
    try:
        path = HostClient(settings).model_file(settings.model)
        yield Check("model", True, f"{settings.model}, {path}")
    except CodeAssistError as exc:
        yield Check("model", False, exc.message, exc.hint)


def _encoders(settings: Settings) -> Iterator[Check]:
    """Without encoders search still works, so that this is never wrong, only worth a hint."""
    found = HostClient(settings).encoders()
    how = f"by words and by meaning, with {' and '.join(found)}" if found else "by words alone"
    hint = "" if len(found) == _ENCODERS else "`codeassist setup` fetches the encoders, 65 MB."
    yield Check("search", True, how, hint)


def _disk(_: Settings) -> Iterator[Check]:
    folder = home()
    parent = next(p for p in (folder, *folder.parents) if p.exists())
    writable = os.access(parent, os.W_OK)
    yield Check("data", writable, str(folder), "" if writable else "Set CODEASSIST_HOME.")
    free = shutil.disk_usage(parent).free
    hint = "" if free >= _MIN_FREE else "Free some space; the default model needs 1.1 GB."
    yield Check("disk", free >= _MIN_FREE, f"{free / 1e9:.1f} GB free", hint)


def _host(settings: Settings) -> Iterator[Check]:
    try:
        health = HostClient(settings).health(start=False)
    except CodeAssistError as exc:
        yield Check("host", False, exc.message, exc.hint)
        return
    running = f"running, pid {health['pid']}, {health['state']}" if health else "not running"
    yield Check("host", True, running)


_CHECKS: tuple[Callable[[Settings], Iterator[Check]], ...] = (
    _python,
    _packages,
    _engine,
    _model,
    _encoders,
    _disk,
    _host,
)
