"""Scores of several searches made one ranking. Pure: dicts in, list out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """What each search contributes, as a share of the best text match, which counts 1.

    `vectors` is for the chunk most like the query, `exact` for a symbol of the asked name.
    """

    vectors: float
    exact: float


def fuse(
    lexical: Mapping[int, float],
    similar: Mapping[int, float],
    exact: Collection[int],
    weights: Weights,
    factor: Callable[[int], float] = lambda _: 1.0,
) -> list[tuple[int, float]]:
    """Rank all candidates by the convex sum of their scores, best first.

    Text scores are divided by the best of them; similarities arrive between 0 and 1. `factor`
    says how likely a chunk is to be an answer before it is read.
    """
    best = max(lexical.values(), default=0.0) or 1.0
    ranking = [
        (
            no,
            factor(no) * (lexical.get(no, 0.0) / best + weights.vectors * similar.get(no, 0.0))
            + (weights.exact if no in exact else 0.0),
        )
        for no in {*lexical, *similar, *exact}
    ]
    # Ties fall to the older chunk, so that equal queries give equal lists.
    ranking.sort(key=lambda pair: (-pair[1], pair[0]))
    return ranking
