"""The inbox as the worker sees it: claiming deliveries in order, one turn at a time per conversation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql import Select

from knowledge.database import Tx
from knowledge.database.schema import delivery, lease
from knowledge.store.leases import Lease, StaleLease, conversation_key, take
from knowledge.store.reach import Reach


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored delivery. `attempts` counts this claim; `confirmed` says the receiver already confirmed the press."""

    id: int
    channel: str
    account: str
    conversation: str
    sender: str
    lane: str
    raw: bytes
    received_at: int
    attempts: int
    confirmed: bool

    @property
    def turn(self) -> str:
        return f"t{self.id}"


def _stored(row: Any) -> Stored:
    return Stored(
        row.id, row.channel, row.account, row.conversation, row.sender, row.lane, row.raw, row.received_at,
        row.attempts, bool(row.confirmed),
    )  # fmt: skip


async def add(
    tx: Tx, *, channel: str, account: str, key: str, conversation: str, sender: str, lane: str, raw: bytes, now: int
) -> int | None:
    """Store a delivery under its unique key; its id, or None when it was already there."""
    statement = insert(delivery).values(
        channel=channel, account=account, dedupe_key=key, conversation=conversation, sender=sender, lane=lane, raw=raw,
        received_at=now, state="new", attempts=0, not_before=0, confirmed=0,
    )  # fmt: skip
    result = await tx.execute(statement.on_conflict_do_nothing().returning(delivery.c.id))
    made: int | None = result.scalar_one_or_none()
    return made


@cache
def _next_turn(reach: Reach) -> Select[Any]:
    now: BindParameter[int] = bindparam("now")
    earlier = delivery.alias("earlier")
    held = lease.alias("held")
    ahead = exists().where(
        earlier.c.channel == delivery.c.channel,
        earlier.c.conversation == delivery.c.conversation,
        earlier.c.lane == "turn",
        earlier.c.id < delivery.c.id,
        earlier.c.state.in_(("new", "running")),
    )
    busy = exists().where(
        held.c.key == "conversation:" + delivery.c.channel + ":" + delivery.c.conversation, held.c.until > now
    )
    return (
        select(delivery)
        .where(
            delivery.c.state.in_(("new", "running")),
            delivery.c.lane == "turn",
            delivery.c.not_before <= now,
            ~ahead,
            ~busy,
            reach.covers(delivery.c.channel, delivery.c.conversation),
        )
        .order_by(delivery.c.id)
        .limit(1)
    )


async def claim_turn(tx: Tx, owner: str, now: int, ttl: int, reach: Reach) -> tuple[Stored, Lease] | None:
    """Within `reach`, the oldest delivery whose conversation is free, with the conversation's lease. Order is kept."""
    if (row := (await tx.execute(_next_turn(reach), {"now": now})).first()) is None:
        return None
    held_lease = await take(tx, conversation_key(row.channel, row.conversation), owner, now, ttl)
    if held_lease is None:
        return None
    await tx.execute(update(delivery).where(delivery.c.id == row.id).values(state="running", attempts=row.attempts + 1))
    return replace(_stored(row), attempts=row.attempts + 1), held_lease


@cache
def _control_due(reach: Reach) -> Select[Any]:
    now: BindParameter[int] = bindparam("now")
    due = or_(delivery.c.state == "new", and_(delivery.c.state == "running", delivery.c.not_before <= now))
    return (
        select(delivery)
        .where(
            delivery.c.lane == "control",
            due,
            delivery.c.not_before <= now,
            reach.covers(delivery.c.channel, delivery.c.conversation),
        )
        .order_by(delivery.c.id)
        .limit(64)
    )


async def claim_control(tx: Tx, now: int, patience: int, reach: Reach) -> list[Stored]:
    """All new control deliveries within `reach`; also those claimed `patience` ms ago and never finished."""
    rows = (await tx.execute(_control_due(reach), {"now": now})).all()
    if rows:
        ids = [row.id for row in rows]
        changed = {"state": "running", "attempts": delivery.c.attempts + 1, "not_before": now + patience}
        await tx.execute(update(delivery).where(delivery.c.id.in_(ids)).values(**changed))
    return [replace(_stored(row), attempts=row.attempts + 1) for row in rows]


async def keep_control(tx: Tx, stored: Stored, until: int) -> None:
    """Hold a claimed control delivery until then (ms). Raises `StaleLease` when another worker has claimed it."""
    mine = (delivery.c.id == stored.id, delivery.c.attempts == stored.attempts, delivery.c.state == "running")
    if (await tx.execute(update(delivery).where(*mine).values(not_before=until))).rowcount != 1:
        raise StaleLease(f"the delivery {stored.id} has passed to another worker")


async def free_control(tx: Tx) -> None:
    """After a restart: control deliveries that a dead worker had claimed may be claimed at once."""
    await tx.execute(
        update(delivery).where(delivery.c.lane == "control", delivery.c.state == "running").values(not_before=0)
    )


async def set_state(tx: Tx, delivery_id: int, state: str, *, error: str | None = None, not_before: int = 0) -> None:
    await tx.execute(
        update(delivery).where(delivery.c.id == delivery_id).values(state=state, error=error, not_before=not_before)
    )


async def to_turn_lane(tx: Tx, delivery_id: int) -> None:
    """A text that looked like a decision was none: it becomes an ordinary message again, in its old place."""
    await tx.execute(
        update(delivery).where(delivery.c.id == delivery_id).values(lane="turn", state="new", attempts=0, not_before=0)
    )


async def to_control_lane(tx: Tx, delivery_id: int) -> None:
    """A text that changes an open card: it is decided at once instead of becoming a turn."""
    await tx.execute(
        update(delivery)
        .where(delivery.c.id == delivery_id)
        .values(lane="control", state="new", attempts=0, not_before=0)
    )


async def by_id(tx: Tx, delivery_id: int) -> Stored | None:
    row = (await tx.execute(select(delivery).where(delivery.c.id == delivery_id))).first()
    return _stored(row) if row else None


async def around(tx: Tx, stored: Stored, span_ms: int) -> list[Stored]:
    """The turn-lane deliveries of the same conversation and sender within `span_ms` of this one, itself included."""
    where = (
        delivery.c.channel == stored.channel,
        delivery.c.conversation == stored.conversation,
        delivery.c.sender == stored.sender,
        delivery.c.lane == "turn",
        delivery.c.received_at.between(stored.received_at - span_ms, stored.received_at + span_ms),
    )
    return [_stored(row) for row in await tx.execute(select(delivery).where(*where).order_by(delivery.c.id).limit(50))]


_POSTPONED = (
    select(delivery.c.not_before)
    .where(delivery.c.state.in_(("new", "running")), delivery.c.not_before > bindparam("now"))
    .order_by(delivery.c.not_before)
    .limit(1)
)


async def next_retry(tx: Tx, now: int) -> int | None:
    """When the next postponed delivery becomes claimable (ms)."""
    return (await tx.execute(_POSTPONED, {"now": now})).scalar_one_or_none()


async def waiting(tx: Tx, channel: str, conversation: str) -> list[int]:
    """Ids of this conversation's turn-lane deliveries that have not begun, oldest first."""
    query = select(delivery.c.id).where(
        delivery.c.channel == channel,
        delivery.c.conversation == conversation,
        delivery.c.lane == "turn",
        delivery.c.state == "new",
    )
    return list((await tx.execute(query.order_by(delivery.c.id))).scalars())


async def revive(tx: Tx, delivery_id: int) -> bool:
    """Let a dead delivery be handled again because the principal said so."""
    where = (delivery.c.id == delivery_id, delivery.c.state == "dead")
    changed = {"state": "new", "attempts": 0, "not_before": 0, "error": None}
    return (await tx.execute(update(delivery).where(*where).values(**changed))).rowcount == 1


async def state_of(tx: Tx, delivery_id: int) -> str:
    """The delivery's state, "gone" when there is no such row."""
    found = await tx.execute(select(delivery.c.state).where(delivery.c.id == delivery_id))
    return str(found.scalar_one_or_none() or "gone")


async def last_at(tx: Tx, channel: str, conversation: str) -> int | None:
    """When the last delivery of this conversation arrived (ms)."""
    query = select(func.max(delivery.c.received_at)).where(
        delivery.c.channel == channel, delivery.c.conversation == conversation
    )
    found: int | None = (await tx.execute(query)).scalar_one_or_none()
    return found
