"""Which engines are open: opened at the first request that needs them, shared by all after that.

One local chat model is resident. Another one takes its place only once it is loaded itself, or,
where memory has no room for both, once the old one is idle and closed. Knows nothing of HTTP.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import config
from ..config import ENGINES, Settings
from ..errors import ConfigError, ModelUnusable
from ..models import catalogue, machine
from ..types import Engine

log = logging.getLogger(__name__)

Key = tuple[str, str, tuple[Any, ...]]


@dataclass(slots=True)
class _Entry:
    engine: Engine
    users: int = 0
    retired: bool = False
    last_used: float = 0.0


def _free_memory(models_path: Path) -> int:
    return machine.inspect(models_path).available_bytes


class EnginePool:
    """The open engines of this process; every method may be called from any thread."""

    def __init__(
        self,
        load_settings: Callable[[], Settings] = config.load,
        free_memory: Callable[[Path], int] = _free_memory,
    ) -> None:
        self._load_settings = load_settings
        self._free_memory = free_memory
        self._open: dict[Key, _Entry] = {}
        self._changed = threading.Condition()  # guards _open; notified when an engine comes free
        self._opening = threading.Lock()  # held by the one thread that opens an engine

    @contextmanager
    def lease(self, engine: str | None, model: str | None) -> Iterator[Engine]:
        """Use an engine (None: the one of the settings), opening it first if need be.

        Raises ConfigError, ModelError and EngineError as far as the engine cannot be opened.
        """
        settings = self._load_settings()
        key = _key(settings, engine or settings.engine, model)
        entry = self._take(key) or self._open_and_take(key, settings)
        try:
            yield entry.engine
        finally:
            self._give_back(key, entry)

    @contextmanager
    def borrow(self, model: str) -> Iterator[Engine | None]:
        """Use an engine of this machine if it is open already, else give None; opens nothing."""
        with self._changed:
            found = [
                (key, entry)
                for key, entry in self._open.items()
                if key[0] != "openai" and entry.engine.model == model and not entry.retired
            ][:1]
            for _, entry in found:
                entry.users += 1
        try:
            yield found[0][1].engine if found else None
        finally:
            for key, entry in found:
                self._give_back(key, entry)

    @property
    def loading(self) -> bool:
        return self._opening.locked()

    def engines(self) -> list[Engine]:
        """List what is open, last used first."""
        with self._changed:
            entries = sorted(self._open.values(), key=lambda entry: -entry.last_used)
        return [entry.engine for entry in entries]

    def unload_idle(self, idle_s: float) -> None:
        """Close every engine that nobody has used for `idle_s` seconds."""
        with self._changed:
            for key, entry in list(self._open.items()):
                if entry.users == 0 and time.monotonic() - entry.last_used >= idle_s:
                    self._close(key, entry)

    def close(self) -> None:
        """Close what is idle and let the rest close when its last user is done."""
        with self._changed:
            for key, entry in list(self._open.items()):
                self._retire(key, entry)

    def _take(self, key: Key) -> _Entry | None:
        with self._changed:
            entry = self._open.get(key)
            if entry is None or entry.retired:
                return None
            entry.users += 1
            return entry

    def _give_back(self, key: Key, entry: _Entry) -> None:
        with self._changed:
            entry.users -= 1
            entry.last_used = time.monotonic()
            if entry.retired and entry.users == 0:
                self._close(key, entry)
            self._changed.notify_all()

    def _open_and_take(self, key: Key, settings: Settings) -> _Entry:
        with self._opening:
            entry = self._take(key)  # another thread may have opened it meanwhile
            if entry is not None:
                return entry
            started = time.monotonic()
            entry = _Entry(self._open_engine(key, settings), users=1, last_used=started)
            log.info("opened %s %s in %.1f s", key[0], key[1], time.monotonic() - started)
            with self._changed:
                for other, old in list(self._open.items()):
                    if other[0] == key[0]:
                        self._retire(other, old)
                self._open[key] = entry
            return entry

    def _open_engine(self, key: Key, settings: Settings) -> Engine:
        name, model, _ = key
        # Each engine is imported when it is used: echo and openai must work without llama_cpp.
        if name == "echo":
            from ..engine.echo import EchoEngine

            return EchoEngine.open(settings)
        if name == "openai":
            from ..engine.openai import OpenAIEngine

            return OpenAIEngine.open(model, settings)
        facts = catalogue.find(model)
        path = catalogue.verified_path(model, settings.models_path)
        self._make_room(facts, settings.models_path)
        return _open_llama_cpp(facts, path, settings)

    def _make_room(self, facts: catalogue.Model, models_path: Path) -> None:
        """Make sure that the model fits beside what runs; closes the old one if only that helps."""
        free = self._free_memory(models_path)
        if machine.fits(facts, free):
            return
        with self._changed:
            old = {key: entry for key, entry in self._open.items() if key[0] == "llama_cpp"}
            won = sum(catalogue.find(key[1]).min_ram_bytes for key in old)
            for key, entry in old.items() if machine.fits(facts, free + won) else ():
                entry.retired = True
                while entry.users:
                    self._changed.wait()
                self._close(key, entry)
        free = self._free_memory(models_path)
        if not machine.fits(facts, free):
            raise ModelUnusable(
                f"{facts.name} needs {catalogue.readable(facts.min_ram_bytes)} of memory and some "
                f"to spare; only {catalogue.readable(free)} are free",
                "Close something large, or choose a smaller model with `%assist model NAME`.",
            )

    def _retire(self, key: Key, entry: _Entry) -> None:
        entry.retired = True
        if entry.users == 0:
            self._close(key, entry)

    def _close(self, key: Key, entry: _Entry) -> None:
        if self._open.get(key) is entry:
            del self._open[key]
            entry.engine.close()
            log.info("closed %s %s", key[0], key[1])


def _key(settings: Settings, engine: str, model: str | None) -> Key:
    """Name an engine by all that makes it: a change of one of these settings opens another."""
    if engine == "echo":
        return engine, "echo", (settings.echo_script, settings.context_length)
    if engine == "openai":
        server = (settings.openai_base_url, settings.openai_api_key, settings.context_length)
        return engine, model or settings.openai_model, server
    if engine == "llama_cpp":
        name = catalogue.find(model or settings.model).name
        return engine, name, (settings.models_path, settings.context_length)
    raise ConfigError(f"unknown engine {engine!r}", f"One of: {', '.join(ENGINES)}.")


def _open_llama_cpp(facts: catalogue.Model, path: Path, settings: Settings) -> Engine:
    from ..engine.llama_cpp import LlamaCppEngine

    return LlamaCppEngine.open(facts.name, path, settings, machine.load_speed(facts.id))
