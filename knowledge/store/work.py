"""Whether anything waits: one cheap look at all queues, so that an idle worker writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import BindParameter, and_, bindparam, exists, not_, or_, select
from sqlalchemy.sql import Select

from knowledge.database import Tx
from knowledge.database.schema import delivery, effect, message, turn
from knowledge.store.reach import Reach


@dataclass(frozen=True, slots=True)
class Work:
    """What the queues hold: `mine` for this process, `others` only another process can say."""

    mine: bool
    others: bool


@cache
def _looks(reach: Reach) -> Select[bool, bool, bool, bool, bool]:
    now: BindParameter[int] = bindparam("now")
    claimable = or_(effect.c.state == "pending", and_(effect.c.state == "running", effect.c.lease_until <= now))
    sendable = or_(message.c.state == "pending", and_(message.c.state == "running", message.c.lease_until <= now))
    heard = reach.covers(delivery.c.channel, delivery.c.conversation)
    spoken = reach.covers(message.c.channel, message.c.conversation)
    return select(
        exists().where(delivery.c.state.in_(("new", "running")), delivery.c.not_before <= now, heard),
        exists().where(claimable, effect.c.not_before <= now),
        exists().where(sendable, message.c.not_before <= now, spoken),
        exists().where(turn.c.state == "waiting"),
        exists().where(message.c.state == "pending", message.c.not_before <= now, not_(spoken)),
    )


async def work_waits(tx: Tx, now: int, reach: Reach) -> Work:
    """Whether a delivery, effect, message or waiting turn may have something for a worker at `now` (ms)."""
    *mine, others = (await tx.execute(_looks(reach), {"now": now})).one()
    return Work(any(mine), bool(others))
