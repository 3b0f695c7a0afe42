"""Scores of several searches made one ranking. Pure: dicts in, list out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """What each search contributes, as a share of the best text match, which counts 1.

    `vectors` stand in the order of the index's tiers; `exact` is for a symbol of the asked name.
    """

    vectors: tuple[float, ...]
    exact: float


def fuse(
    lexical: Mapping[int, float],
    vectors: Sequence[Mapping[int, float]],
    exact: Collection[int],
    weights: Weights,
) -> list[tuple[int, float]]:
    """Rank all candidates by the convex sum of their scores, best first.

    Text scores are divided by the best of them; vector scores arrive between 0 and 1. A
    candidate that a later encoder has not read yet keeps its score from the one before.
    """
    best = max(lexical.values(), default=0.0) or 1.0
    candidates = {*lexical, *exact, *(no for scores in vectors for no in scores)}
    ranking = []
    for no in candidates:
        score = lexical.get(no, 0.0) / best + (weights.exact if no in exact else 0.0)
        similarity = 0.0
        for weight, scores in zip(weights.vectors, vectors, strict=False):
            similarity = scores.get(no, similarity)
            score += weight * similarity
        ranking.append((no, score))
    # Ties fall to the older chunk, so that equal queries give equal lists.
    ranking.sort(key=lambda pair: (-pair[1], pair[0]))
    return ranking
