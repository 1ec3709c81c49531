"""Timers: due moments that become synthetic deliveries, exactly once, also after downtime."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.sqlite import insert

from knowledge.database import Tx
from knowledge.database.schema import timer
from knowledge.ids import canonical


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer row; times in ms. `occurrence` counts from 0 and names the next (or just fired) one."""

    id: str
    kind: str
    channel: str
    conversation: str
    payload: Mapping[str, Any]
    due_at: int
    occurrence: int
    rule: str | None
    zone: str
    first_at: int
    state: str


def _timer(row: Any) -> Timer:
    return Timer(
        row.id, row.kind, row.channel, row.conversation, json.loads(row.payload), row.due_at, row.occurrence,
        row.rule, row.zone, row.first_at, row.state,
    )  # fmt: skip


async def arm(
    tx: Tx, timer_id: str, kind: str, channel: str, conversation: str, payload: Mapping[str, Any], due_at: int, now: int, *,
    rule: str | None = None, zone: str = "UTC",
) -> bool:  # fmt: skip
    """Arm a timer under its id; False when it exists already (whatever its state)."""
    statement = insert(timer).values(
        id=timer_id, kind=kind, channel=channel, conversation=conversation, payload=canonical(payload), due_at=due_at,
        occurrence=0, rule=rule, zone=zone, first_at=due_at, state="armed", made_at=now,
    )  # fmt: skip
    return (await tx.execute(statement.on_conflict_do_nothing())).rowcount == 1


async def get(tx: Tx, timer_id: str) -> Timer | None:
    row = (await tx.execute(select(timer).where(timer.c.id == timer_id))).first()
    return _timer(row) if row else None


async def rearm(tx: Tx, timer_id: str, occurrence: int, due_at: int) -> None:
    """The next occurrence of a recurring timer; only from the one that has fired."""
    where = (timer.c.id == timer_id, timer.c.state == "fired", timer.c.occurrence == occurrence - 1)
    await tx.execute(update(timer).where(*where).values(state="armed", occurrence=occurrence, due_at=due_at))


async def end(tx: Tx, timer_id: str, state: str) -> bool:
    """done or cancelled; False when it was neither armed nor fired."""
    where = (timer.c.id == timer_id, timer.c.state.in_(("armed", "fired")))
    return (await tx.execute(update(timer).where(*where).values(state=state))).rowcount == 1


async def armed(tx: Tx, kind: str = "") -> list[Timer]:
    query = select(timer).where(timer.c.state == "armed").order_by(timer.c.due_at)
    rows = await tx.execute(query.where(timer.c.kind == kind) if kind else query)
    return [_timer(row) for row in rows]


_NEXT_DUE = select(func.min(timer.c.due_at)).where(timer.c.state == "armed")


async def next_due(tx: Tx) -> int | None:
    due: int | None = (await tx.execute(_NEXT_DUE)).scalar_one_or_none()
    return due
