"""Turns, the values made in them with their labels, and the turn record that outlives the checkpoint."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from knowledge.database import Tx
from knowledge.database.schema import record, turn, value
from knowledge.ids import canonical
from knowledge.words import Integrity

_RANK: dict[str, int] = {"principal": 0, "trusted": 1, "untrusted": 2}
EVERYONE = "*"
ENDED = ("done", "failed", "stopped")
"""States of a turn that has said its last word."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Where something came from (`sources`), how far it can be trusted, and who may read it."""

    sources: tuple[str, ...]
    integrity: Integrity
    readers: tuple[str, ...] = ("principal",)


def join(labels: Iterable[Labels]) -> Labels:
    """The label of whatever was made from all of these: every source, the worst integrity, only common readers."""
    every = list(labels)
    if not every:
        return Labels((), "trusted", (EVERYONE,))
    worst = max((one.integrity for one in every), key=lambda i: _RANK[i])
    sources = tuple(dict.fromkeys(source for one in every for source in one.sources))
    limited = [set(one.readers) for one in every if EVERYONE not in one.readers]
    readers = tuple(sorted(set.intersection(*limited))) if limited else (EVERYONE,)
    return Labels(sources, worst, readers)


@dataclass(frozen=True, slots=True)
class Value:
    """A text that entered or was made. `id` is turn/node/item, so that making it again changes nothing."""

    id: str
    turn: str
    content: str
    labels: Labels
    derived_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as stored. `wait` says what a waiting turn waits for: card or effects."""

    id: str
    delivery: int
    channel: str
    conversation: str
    state: str
    wait: str | None
    began_at: int


def _turn(row: Any) -> Turn:
    return Turn(row.id, row.delivery, row.channel, row.conversation, row.state, row.wait, row.began_at)


_NEW = insert(turn).on_conflict_do_nothing()


async def begin(tx: Tx, turn_id: str, delivery_id: int, channel: str, conversation: str, now: int) -> bool:
    """Make the turn's row; whether it is new (a claim after a crash finds it there)."""
    new = {"id": turn_id, "delivery": delivery_id, "channel": channel, "conversation": conversation}
    return (await tx.execute(_NEW, new | {"state": "running", "began_at": now})).rowcount == 1


_BY_ID = select(turn).where(turn.c.id == bindparam("turn_id"))


async def get(tx: Tx, turn_id: str) -> Turn | None:
    row = (await tx.execute(_BY_ID, {"turn_id": turn_id})).first()
    return _turn(row) if row else None


async def set_state(tx: Tx, turn_id: str, state: str, *, wait: str | None = None, ended_at: int | None = None) -> None:
    await tx.execute(update(turn).where(turn.c.id == turn_id).values(state=state, wait=wait, ended_at=ended_at))


async def in_state(tx: Tx, *states: str) -> list[Turn]:
    rows = await tx.execute(select(turn).where(turn.c.state.in_(states)).order_by(turn.c.began_at))
    return [_turn(row) for row in rows]


async def keep_values(tx: Tx, values: Sequence[Value], now: int) -> None:
    """Store values under their ids; one that is already there stays as it was first written."""
    if not values:
        return
    rows = [
        {
            "id": v.id, "turn": v.turn, "content": v.content, "source": canonical(list(v.labels.sources)),
            "integrity": v.labels.integrity, "readers": canonical(list(v.labels.readers)),
            "derived_from": canonical(list(v.derived_from)), "made_at": now,
        }
        for v in values
    ]  # fmt: skip
    await tx.execute(insert(value).on_conflict_do_nothing(), rows)


async def read_values(tx: Tx, ids: Sequence[str]) -> dict[str, Value]:
    rows = await tx.execute(select(value).where(value.c.id.in_(list(ids))))
    return {
        r.id: Value(
            r.id,
            r.turn,
            r.content,
            Labels(tuple(json.loads(r.source)), r.integrity, tuple(json.loads(r.readers))),
            tuple(json.loads(r.derived_from)),
        )
        for r in rows
    }


async def values_under(tx: Tx, prefix: str) -> list[Value]:
    """Values whose id begins with `prefix` (a turn's node), in the order of their ids."""
    rows = await tx.execute(
        select(value.c.id).where(value.c.id.startswith(prefix, autoescape=True)).order_by(value.c.id)
    )
    ids = list(rows.scalars())
    found = await read_values(tx, ids)
    return [found[i] for i in ids]


def made_from(value_id: str, turn_id: str, content: str, parents: Sequence[Value], *, maker: str) -> Value:
    """A value computed from `parents`: it carries the join of their labels and names its maker as a source."""
    labels = join(p.labels for p in parents)
    labels = replace(labels, sources=(*labels.sources, maker))
    return Value(value_id, turn_id, content, labels, tuple(p.id for p in parents))


async def began_by(tx: Tx, source: str) -> tuple[str, str] | None:
    """(turn, words) of the latest turn that began with what `source` (`channel:message id`) said."""
    query = select(value.c.turn, value.c.content).where(value.c.source == canonical([source])).order_by(value.c.made_at)
    rows = (await tx.execute(query)).all()
    return (rows[-1].turn, rows[-1].content) if rows else None


async def made_by(tx: Tx, maker: str) -> int:
    """How many values this maker has made."""
    query = select(func.count()).select_from(value).where(func.instr(value.c.source, canonical(maker)) > 0)
    return int((await tx.execute(query)).scalar_one())


async def keep_record(tx: Tx, turn_id: str, body: dict[str, Any], now: int, keep_ms: int) -> None:
    """Write (or replace) the turn record, compressed, to live for `keep_ms`."""
    packed = zlib.compress(canonical(body).encode("utf-8", "surrogatepass"), 6)
    statement = insert(record).values(turn=turn_id, body=packed, made_at=now, expires_at=now + keep_ms)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["turn"], set_={"body": packed, "expires_at": now + keep_ms})
    )


async def read_record(tx: Tx, turn_id: str) -> dict[str, Any] | None:
    body = (await tx.execute(select(record.c.body).where(record.c.turn == turn_id))).scalar_one_or_none()
    return None if body is None else dict(json.loads(zlib.decompress(body).decode("utf-8", "surrogatepass")))


async def drop_expired_records(tx: Tx, now: int) -> int:
    return (await tx.execute(delete(record).where(record.c.expires_at < now))).rowcount
