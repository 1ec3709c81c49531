"""Whether anything waits: one cheap look at all queues, so that an idle worker writes nothing."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.sql import Select

from knowledge.database import Tx
from knowledge.database.schema import delivery, effect, message, turn


def _looks(now: int, channels: Collection[str]) -> Select[bool, bool, bool, bool]:
    claimable = or_(effect.c.state == "pending", and_(effect.c.state == "running", effect.c.lease_until <= now))
    sendable = or_(message.c.state == "pending", and_(message.c.state == "running", message.c.lease_until <= now))
    return select(
        exists().where(
            delivery.c.state.in_(("new", "running")),
            delivery.c.not_before <= now,
            delivery.c.channel.in_(list(channels)),
        ),
        exists().where(claimable, effect.c.not_before <= now),
        exists().where(sendable, message.c.not_before <= now, message.c.channel.in_(list(channels))),
        exists().where(turn.c.state == "waiting"),
    )


async def work_waits(tx: Tx, now: int, channels: Collection[str]) -> bool:
    """Whether a delivery, effect, message of `channels` or waiting turn may have something for a worker at `now`."""
    return any((await tx.execute(_looks(now, channels))).one())
