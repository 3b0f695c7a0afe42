"""How like a question chunks are, by the vectors of their headers and of their bodies.

A likeness is 1 for the chunk that is most like the question and 0 for one that is as unlike as
the average, so that those of different encoders can stand in one list.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .embed import Vectors as Matrix
from .roster import Roster
from .vectors import Vectors

# What the body of a symbol adds to its header; chosen together with the weights of search.
_BODY_SHARE = 0.36


def by_headers(
    vectors: Vectors, roster: Roster, query: Matrix, also: Iterable[int], limit: int
) -> dict[int, float]:
    """The likeness of the best `limit` chunks, and of `also`, by number."""
    scores = vectors.scores(query)
    if not len(scores):
        return {}
    likeness = _scaled(scores, float(scores.mean()))
    top = (
        np.argpartition(scores, -limit)[-limit:].tolist()
        if len(scores) > limit
        else range(len(scores))
    )
    rows = {no: row for row in top for no in roster.with_key(vectors.key_at(row))}
    for no in also:
        entry = roster.get(no)
        row = vectors.row_of(entry.key) if entry else None
        if row is not None and row < len(scores):
            rows[no] = row
    return dict(zip(rows, likeness[list(rows.values())].tolist(), strict=True))


def with_bodies(
    vectors: Vectors, roster: Roster, query: Matrix, similar: dict[int, float]
) -> dict[int, float]:
    """The same chunks; those whose bodies have been read count by header and body."""
    rows: dict[int, int] = {}
    for no in similar:
        entry = roster.get(no)
        row = vectors.row_of(entry.body) if entry and entry.body else None
        if row is not None:
            rows[no] = row
    if not rows:
        return similar
    likeness = _scaled(vectors.scores(query, list(rows.values())), vectors.average(query))
    bodies = zip(rows, likeness.tolist(), strict=True)
    return similar | {no: similar[no] + _BODY_SHARE * (body - similar[no]) for no, body in bodies}


def _scaled(scores: Matrix, average: float) -> Matrix:
    scaled: Matrix = (scores - average) / max(float(scores.max()) - average, 1e-6)
    return scaled
