"""Who is alive: the live chunks without their texts, in memory, found by number, name or key.

Search asks it about every candidate. Reads need no lock: the values of its tables are tuples
that are replaced, never changed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from .store import Entry


class Roster:
    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, Entry] = {}
        self._by_path: dict[str, dict[int, None]] = {}
        self._by_name: dict[str, tuple[int, ...]] = {}
        self._by_key: dict[str, tuple[int, ...]] = {}
        self.version = 0  # grows whenever a chunk joins
        self.add(entries)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, no: int) -> Entry | None:
        return self._entries.get(no)

    def named(self, name: str) -> tuple[int, ...]:
        """Numbers of the symbols with this name or dotted end of a name, in any case."""
        return self._by_name.get(name.lower(), ())

    def with_key(self, key: str) -> tuple[int, ...]:
        """Numbers of the chunks with this embedded header."""
        return self._by_key.get(key, ())

    def texts(self) -> set[str]:
        """The keys of all embedded headers."""
        return set(self._by_key)

    def bodies(self) -> dict[str, int]:
        """The keys of all embedded bodies, each with the number of one chunk that has it."""
        return {entry.body: entry.no for entry in list(self._entries.values()) if entry.body}

    def paths(self) -> list[str]:
        with self._lock:
            return list(self._by_path)

    def entries(self) -> list[Entry]:
        with self._lock:
            return list(self._entries.values())

    def of_path(self, path: str) -> list[Entry]:
        with self._lock:
            return [self._entries[no] for no in self._by_path.get(path, ())]

    def add(self, entries: Iterable[Entry]) -> None:
        with self._lock:
            self.version += 1
            for entry in entries:
                self._entries[entry.no] = entry
                self._by_path.setdefault(entry.path, {})[entry.no] = None
                for name in _ends(entry.name):
                    _link(self._by_name, name, entry.no)
                _link(self._by_key, entry.key, entry.no)

    def remove(self, numbers: Iterable[int]) -> None:
        with self._lock:
            for no in numbers:
                entry = self._entries.pop(no, None)
                if entry is None:
                    continue
                siblings = self._by_path[entry.path]
                del siblings[no]
                if not siblings:
                    del self._by_path[entry.path]
                for name in _ends(entry.name):
                    _unlink(self._by_name, name, no)
                _unlink(self._by_key, entry.key, no)


def _ends(name: str) -> Sequence[str]:
    """`Loader.Cache.get` is found as itself, as `cache.get` and as `get`."""
    parts = name.lower().split(".")
    return [".".join(parts[i:]) for i in range(len(parts))] if name else ()


def _link(table: dict[str, tuple[int, ...]], key: str, no: int) -> None:
    numbers = table.get(key, ())
    if no not in numbers:
        table[key] = (*numbers, no)


def _unlink(table: dict[str, tuple[int, ...]], key: str, no: int) -> None:
    numbers = tuple(other for other in table.get(key, ()) if other != no)
    if numbers:
        table[key] = numbers
    else:
        table.pop(key, None)
