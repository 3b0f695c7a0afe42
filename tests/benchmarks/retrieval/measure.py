"""Figures of merit for one right answer a question, and how sure they are."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from suites import Question, Span

_RESAMPLES = 2000


@dataclass(frozen=True)
class Place:
    """What a system returned: lines of a file, or a cell of a notebook."""

    path: str
    start: int
    end: int
    cell: int | None = None


def rank(question: Question, places: Sequence[Place], level: str) -> int:
    """The first place that answers, from 1; 0 when none of them does.

    `level` is "unit" (function or cell), "line" (the span lies inside the place) or "file".
    """
    seen: list[str] = []
    for place in places:
        if level == "file":
            if place.path not in seen:
                seen.append(place.path)
            if any(place.path == span.path for span in question.gold):
                return len(seen)
        elif any(_answers(span, place, level) for span in question.gold):
            return places.index(place) + 1
    return 0


def _answers(span: Span, place: Place, level: str) -> bool:
    if place.path != span.path:
        return False
    if span.cell is not None:
        return place.cell == span.cell
    if level == "line":
        return place.start <= span.start and place.end >= span.start
    # At least half of the shorter one is shared, and the place is no whole file or class.
    shared = min(place.end, span.end) - max(place.start, span.start) + 1
    length, wanted = place.end - place.start + 1, span.end - span.start + 1
    return shared >= 0.5 * min(length, wanted) and length <= 2 * wanted + 20


def gain(rank: int) -> float:
    """NDCG@10 of a question with one right answer."""
    return 1 / math.log2(rank + 1) if 1 <= rank <= 10 else 0.0


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    chance = random.Random(0)
    means = sorted(mean(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return means[int(0.025 * _RESAMPLES)], means[int(0.975 * _RESAMPLES)]


def paired(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """95 % paired bootstrap interval of the mean difference, question by question."""
    return interval([a - b for a, b in zip(ours, theirs, strict=True)])


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
