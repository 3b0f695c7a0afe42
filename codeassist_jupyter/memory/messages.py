"""Exchanges as rows of the table `messages`: two each, the texts sealed, costs and marks plain.

The number of a question's row is that of its exchange; its answer has the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from operator import itemgetter
from typing import Any, TypeVar

import pyarrow as pa

from ..errors import Tampered
from ..types import Exchange, Source, Usage
from .database import Database
from .sealing import Sealer

T = TypeVar("T", Source, Usage)

_MARKS = ["feedback", "pinned", "inserted"]
_PLACE = ["no", "conversation", "number", "role"]
_READ = [*_PLACE, "asked_at", "model", "usage", *_MARKS, "body"]
_WRITTEN = [*_READ, "token"]
_RESEALED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """Where an exchange stands."""

    no: int
    conversation: str
    number: int


def insert(
    db: Any, sealer: Sealer, no: int, conversation: str, exchange: Exchange, token: str
) -> None:
    """Write both rows of an exchange within the transaction `db`."""
    shared = {
        "conversation": conversation,
        "number": exchange.number,
        "asked_at": exchange.asked_at,
    }
    question = {"content": exchange.question}
    answer = {
        "content": exchange.answer,
        "sources": [asdict(source) for source in exchange.sources],
        "stopped": exchange.stopped,
    }
    cost = {
        "model": exchange.model or (exchange.usage.model if exchange.usage else ""),
        "usage": json.dumps(asdict(exchange.usage)) if exchange.usage else None,
    }
    marks = {name: getattr(exchange, name) for name in _MARKS}
    asked: dict[str, Any] = shared | {"no": no, "role": "user", "token": token}
    said: dict[str, Any] = shared | {"no": no + 1, "role": "assistant"} | cost | marks
    values = []
    for row, body in ((asked, question), (said, answer)):
        row["body"] = sealer.seal(body, conversation, exchange.number, row["role"])
        values += [row.get(name) for name in _WRITTEN]
    one = f"({', '.join('?' * len(_WRITTEN))})"
    db.execute(f"INSERT INTO messages ({', '.join(_WRITTEN)}) VALUES {one}, {one}", values)


def read(
    database: Database, sealer: Sealer, where: str, values: Sequence[Any] = ()
) -> list[tuple[str, Exchange]]:
    """Exchanges with the ids of their conversations, in order; damaged ones are told as such."""
    rows = database.rows(f"SELECT {', '.join(_READ)} FROM messages WHERE {where}", values)
    rows.sort(key=itemgetter(0))  # by number: DuckDB would carry the bodies through its sort
    pairs: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for values_of in rows:
        row = dict(zip(_READ, values_of, strict=True))
        pairs.setdefault((row["conversation"], row["number"]), {})[row["role"]] = row
    marked = set(database.rows("SELECT conversation, number FROM bookmarks"))
    return [
        (place[0], _exchange(sealer, pair, bookmarked=place in marked))
        for place, pair in pairs.items()
    ]


def places(database: Database, where: str, values: Sequence[Any] = ()) -> list[Place]:
    """Where exchanges stand, in order, without reading them."""
    rows = database.rows(
        "SELECT no - 1, conversation, number FROM messages"
        f" WHERE role = 'assistant' AND {where} ORDER BY no",
        values,
    )
    return [Place(*row) for row in rows]


def delete(db: Any, conversation: str, first: int = 0) -> None:
    """Delete the exchanges from the number `first` on with their bookmarks; 0 is all.

    The bookmark of a conversation has the number 0.
    """
    for table in ("messages", "bookmarks"):
        where = f"DELETE FROM {table} WHERE conversation = ? AND number >= ?"
        db.execute(where, [conversation, first])


def bookmark(db: Any, conversation: str, number: int, on: bool) -> None:
    """Mark an exchange, or with the number 0 its conversation, within the transaction `db`."""
    place = [conversation, number]
    db.execute("DELETE FROM bookmarks WHERE conversation = ? AND number = ?", place)
    if on:
        db.execute("INSERT INTO bookmarks VALUES (?, ?)", place)


def reseal(db: Any, old: Sealer, new: Sealer) -> None:
    """Seal all bodies that can be read with another key, within the transaction `db`."""
    (last,) = db.execute("SELECT coalesce(max(no), 0) FROM messages").fetchone()
    for first in range(0, last + 1, _RESEALED_AT_ONCE):
        rows = db.execute(
            f"SELECT {', '.join(_PLACE)}, body FROM messages WHERE no BETWEEN ? AND ?",
            [first, first + _RESEALED_AT_ONCE - 1],
        ).fetchall()
        fresh = dict(_resealed(rows, old, new))
        if fresh:
            table = pa.table(
                {"no": list(fresh), "body": list(fresh.values())},
                schema=pa.schema([("no", pa.int64()), ("body", pa.binary())]),
            )
            db.register("fresh", table)
            db.execute(
                "UPDATE messages SET body = fresh.body FROM fresh WHERE messages.no = fresh.no"
            )
            db.unregister("fresh")


def _resealed(
    rows: Sequence[tuple[Any, ...]], old: Sealer, new: Sealer
) -> Iterator[tuple[int, bytes]]:
    for no, conversation, number, role, body in rows:
        try:
            value = old.open(body, conversation, number, role)
        except Tampered:
            continue
        yield no, new.seal(value, conversation, number, role)


def _exchange(sealer: Sealer, pair: dict[str, dict[str, Any]], bookmarked: bool) -> Exchange:
    question, answer = (_body(sealer, pair.get(role)) for role in ("user", "assistant"))
    row = pair.get("assistant") or pair["user"]
    damaged = question is None or answer is None
    question, answer = question or {}, answer or {}
    return Exchange(
        question=question.get("content", ""),
        answer=answer.get("content", ""),
        model=row["model"] or "",
        sources=tuple(_known(Source, source) for source in answer.get("sources", ())),
        usage=_known(Usage, json.loads(row["usage"])) if row["usage"] else None,
        stopped="unreadable" if damaged else answer["stopped"],
        asked_at=row["asked_at"],
        number=row["number"],
        feedback=row["feedback"] or 0,
        pinned=bool(row["pinned"]),
        inserted=bool(row["inserted"]),
        bookmarked=bookmarked,
    )


def _known(cls: type[T], value: dict[str, Any]) -> T:
    """Make a value of a class that may have lost a field since it was stored."""
    names = {field.name for field in fields(cls)}
    return cls(**{name: value[name] for name in names & value.keys()})


def _body(sealer: Sealer, row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    try:
        body: dict[str, Any] = sealer.open(
            row["body"], row["conversation"], row["number"], row["role"]
        )
    except Tampered:
        return None
    return body
