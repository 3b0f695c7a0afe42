"""What a kernel asks of the project's index, through the host."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ..engine.text import clean
from ..errors import HostLost
from ..types import Chunk, Hit, Package
from . import wire
from .client import HostClient

_PATIENCE_S = 5.0  # for one answer; a longer silence might be taken for a dead host
_CHUNK_FIELDS = tuple(field.name for field in fields(Chunk))


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of the index; not `confident` means that no hit deserves to be cited.

    It is not `complete` while files that were found are still being read.

    `related` are lines on what the hits call, are called by and inherit from; `overview` is a map
    of the project for a question about it as a whole. Both are "" where there is nothing to say.
    """

    root: str
    hits: tuple[Hit, ...]
    confident: bool
    complete: bool
    related: str = ""
    overview: str = ""


@dataclass(frozen=True, slots=True)
class Imports:
    """What a notebook imports, and what its names stand for: `pd` for pandas, `df` for a class."""

    packages: tuple[Package, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


class IndexClient:
    """The index of the project that the folder `start` belongs to."""

    def __init__(self, host: HostClient, start: str) -> None:
        self._host = host
        self._start = start

    def search(
        self,
        query: str,
        k: int = 10,
        wait_s: float = 0.0,
        imports: Imports | None = None,
        around: bool = False,
    ) -> Found:
        """The best `k` places; waits at most `wait_s` seconds for an index that is being built.

        With `imports`, the documentation of these packages is searched too; `around` asks for
        `related` and `overview`.
        """
        body: dict[str, Any] = {"query": clean(query[:100_000]), "k": k, "around": around}
        if imports is not None:
            body["packages"] = [asdict(package) for package in imports.packages]
            body["names"] = dict(imports.names)
        answer = self._post_when_complete("/v1/search", body, wait_s)
        hits = tuple(
            Hit(Chunk(**{name: hit[name] for name in _CHUNK_FIELDS}), hit["score"])
            for hit in answer["hits"]
        )
        return Found(
            answer["root"],
            hits,
            answer["confident"],
            answer["complete"],
            answer["related"],
            answer["overview"],
        )

    def verify(self, chunks: Sequence[Chunk]) -> list[str]:
        """For each place: verified, moved, changed or gone."""
        names = ("path", "text", "start_line", "end_line", "cell", "cell_id", "package")
        cited = [{name: getattr(chunk, name) for name in names} for chunk in chunks]
        verdicts: list[str] = self._post("/v1/index/verify", {"chunks": cited})["verdicts"]
        return verdicts

    def names(self, text: str, k: int = 20) -> tuple[str, list[dict[str, str]]]:
        """The project's root, and its names that begin like a text: each kind, name and detail."""
        answer = self._post("/v1/index/names", {"text": clean(text[:1000]), "k": k})
        return answer["root"], answer["names"]

    def status(self) -> dict[str, Any]:
        """Files, chunks, what was skipped and why, size, age and progress."""
        return self._post("/v1/index/status", {})

    def refresh(self) -> Iterator[dict[str, Any]]:
        """Progress as {"stage", "done", "total"} until the index is fresh, then {"status"}."""
        import json

        for data in self._host.stream("/v1/index", {"start": self._start}):
            progress = json.loads(data)
            if "error" in progress:
                raise wire.raised(progress)
            yield progress
            if "status" in progress:
                return
        raise HostLost("the host broke off while it was indexing")

    def put_cells(self, path: str, cells: Sequence[dict[str, Any]], whole: bool = False) -> None:
        """Make the text of open cells searchable; each has id, source, and cell if known.

        `whole` forgets the notebook's other cells.
        """
        told = [cell | {"source": clean(cell["source"])} for cell in cells]
        self._post("/v1/index/cells", {"path": path, "cells": told, "whole": whole})

    def tell_packages(self, packages: Sequence[Package]) -> None:
        """Have the documentation of these packages read in the background."""
        told = [asdict(package) for package in packages]
        self._host.post("/v1/index/packages", {"packages": told})

    def remove_package(self, name: str) -> None:
        """Delete the documentation of a package; raises UsageError where there is none."""
        self._host.post("/v1/index/packages/remove", {"name": clean(name)})

    def graph(self, name: str, wait_s: float = 0.0) -> dict[str, Any]:
        """Definitions, callers, callees and uses of a name, each with path and line."""
        return self._post_when_complete("/v1/graph", {"name": clean(name)}, wait_s)

    def _post_when_complete(self, path: str, body: dict[str, Any], wait_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + wait_s
        while True:
            left = max(0.0, deadline - time.monotonic())
            answer = self._post(path, body | {"wait_s": min(left, _PATIENCE_S)})
            if answer["complete"] or left == 0.0:
                return answer

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._host.post(path, {"start": self._start, **body})
