"""The outbox of effects: approved proposals being carried out, each under its idempotency key, with its receipt."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, case, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from knowledge.database import Tx
from knowledge.database.schema import effect
from knowledge.ids import canonical, digest

FINISHED = ("done", "uncertain", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect row. `id` is the idempotency key. `interrupted` says a worker died while carrying it out.

    After `until` (ms) the claim has run out: another worker may be at it, so it is not begun any more.
    """

    id: str
    turn: str | None
    proposal: str | None
    undoes: str | None
    tool: str
    arguments: Mapping[str, Any]
    state: str
    attempts: int
    receipt: Mapping[str, Any] | None
    error: str | None
    undone_by: str | None
    made_at: int
    done_at: int | None
    until: int
    interrupted: bool = False


def nonce_of(effect: Effect) -> str:
    """What an Undo button carries, so that one of another database means nothing here."""
    return digest([effect.id, effect.made_at])[:8]


def _effect(row: Any, *, interrupted: bool = False) -> Effect:
    return Effect(
        row.id, row.turn, row.proposal, row.undoes, row.tool, json.loads(row.arguments), row.state, row.attempts,
        None if row.receipt is None else json.loads(row.receipt), row.error, row.undone_by, row.made_at, row.done_at,
        row.lease_until, interrupted,
    )  # fmt: skip


async def add(
    tx: Tx, key: str, tool: str, arguments: str, now: int, *, turn: str | None, proposal: str | None = None,
    undoes: str | None = None, owner: str = "", lease_ms: int = 0,
) -> Effect | None:  # fmt: skip
    """Put an effect under its key (`arguments` is canonical JSON, the approved bytes); None when it was there already.

    With `owner` the row is born claimed by that worker: one commit less.
    """
    statement = insert(effect).values(
        id=key, turn=turn, proposal=proposal, undoes=undoes, tool=tool, arguments=arguments,
        state="running" if owner else "pending", attempts=1 if owner else 0, not_before=0, owner=owner or None,
        lease_until=now + lease_ms if owner else 0, made_at=now,
    )  # fmt: skip
    row = (await tx.execute(statement.on_conflict_do_nothing().returning(effect))).first()
    return None if row is None else _effect(row)


_NOW: BindParameter[int] = bindparam("now")
_READY = (
    select(effect)
    .where(
        or_(effect.c.state == "pending", and_(effect.c.state == "running", effect.c.lease_until <= _NOW)),
        effect.c.not_before <= _NOW,
    )
    .order_by(effect.c.made_at, effect.c.id)
    .limit(bindparam("limit"))
)
_BY_KEY = select(effect).where(effect.c.id == bindparam("key"))
_OF_TURN = select(effect).where(effect.c.turn == bindparam("turn")).order_by(effect.c.made_at, effect.c.id)
_WHEN = case((effect.c.state == "pending", effect.c.not_before), else_=effect.c.lease_until)
_NEXT_TRY = select(func.min(_WHEN)).where(effect.c.state.in_(("pending", "running")), _WHEN > _NOW)


async def claim(tx: Tx, owner: str, now: int, lease_ms: int, limit: int = 16) -> list[Effect]:
    """Effects that may be carried out now; those of a dead or stalled worker come back as `interrupted`."""
    rows = (await tx.execute(_READY, {"now": now, "limit": limit})).all()
    for row in rows:
        taken = {"state": "running", "owner": owner, "lease_until": now + lease_ms, "attempts": row.attempts + 1}
        await tx.execute(update(effect).where(effect.c.id == row.id).values(**taken))
    return [
        replace(_effect(row, interrupted=row.state == "running"), attempts=row.attempts + 1, until=now + lease_ms)
        for row in rows
    ]


async def finish(
    tx: Tx,
    key: str,
    owner: str,
    state: str,
    now: int,
    *,
    receipt: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> bool:
    """End the row; False when another worker has taken it over meanwhile (its word counts then)."""
    ended = {"state": state, "error": error, "done_at": now, "lease_until": 0}
    if receipt is not None:
        ended["receipt"] = canonical(receipt)
    where = (effect.c.id == key, effect.c.owner == owner, effect.c.state == "running")
    result = await tx.execute(update(effect).where(*where).values(**ended))
    if result.rowcount == 1 and state == "done":
        undone = select(effect.c.undoes).where(effect.c.id == key).scalar_subquery()
        await tx.execute(update(effect).where(effect.c.id == undone).values(undone_by=key))
    return bool(result.rowcount == 1)


async def postpone(tx: Tx, key: str, owner: str, not_before: int, error: str) -> None:
    """Back to pending until `not_before` (ms): it surely did not happen. Nothing when another worker has taken it over."""
    await tx.execute(
        update(effect).where(effect.c.id == key, effect.c.owner == owner, effect.c.state == "running")
        .values(state="pending", not_before=not_before, error=error, owner=None, lease_until=0)
    )  # fmt: skip


async def hold(tx: Tx, key: str, until: int) -> bool:
    """Let what has not begun wait until then (ms); False when it has begun."""
    where = (effect.c.id == key, effect.c.state == "pending")
    return (await tx.execute(update(effect).where(*where).values(not_before=until))).rowcount == 1


async def cancel(tx: Tx, key: str) -> bool:
    """Stop what has not begun; False when it has."""
    where = (effect.c.id == key, effect.c.state == "pending")
    return (await tx.execute(update(effect).where(*where).values(state="cancelled"))).rowcount == 1


async def get(tx: Tx, key: str) -> Effect | None:
    row = (await tx.execute(_BY_KEY, {"key": key})).first()
    return _effect(row) if row else None


async def of_turn(tx: Tx, turn: str) -> list[Effect]:
    rows = await tx.execute(_OF_TURN, {"turn": turn})
    return [_effect(row) for row in rows]


async def last_undoable(tx: Tx) -> list[Effect]:
    """Done effects that are not undone and are no undo themselves, latest first."""
    query = select(effect).where(effect.c.state == "done", effect.c.undone_by.is_(None), effect.c.undoes.is_(None))
    rows = await tx.execute(query.order_by(effect.c.done_at.desc(), effect.c.id.desc()).limit(20))
    return [_effect(row) for row in rows]


async def done_since(tx: Tx, since: int) -> list[Effect]:
    """What was done from `since` (ms) on, undoing left out, oldest first."""
    query = select(effect).where(effect.c.state == "done", effect.c.done_at >= since, effect.c.undoes.is_(None))
    return [_effect(row) for row in await tx.execute(query.order_by(effect.c.done_at, effect.c.id))]


async def revive(tx: Tx, key: str, now: int) -> bool:
    """Let what failed, was stopped or is uncertain be tried again because the principal said so `now` (ms), anew."""
    where = (effect.c.id == key, effect.c.state.in_(("failed", "uncertain", "cancelled")))
    changed = {"state": "pending", "not_before": 0, "attempts": 0, "owner": None, "lease_until": 0, "done_at": None}
    changed["made_at"] = now
    return (await tx.execute(update(effect).where(*where).values(**changed))).rowcount == 1


async def cancel_all(tx: Tx) -> list[str]:
    """Cancel everything that has not begun; the keys."""
    stopped = update(effect).where(effect.c.state == "pending").values(state="cancelled").returning(effect.c.id)
    return list((await tx.execute(stopped)).scalars())


async def cancel_pending(tx: Tx, turn: str) -> int:
    """Cancel what has not begun of a stopped turn."""
    where = (effect.c.turn == turn, effect.c.state == "pending")
    return (await tx.execute(update(effect).where(*where).values(state="cancelled"))).rowcount


async def free_dead(tx: Tx, owners: Collection[str]) -> None:
    await tx.execute(
        update(effect).where(effect.c.state == "running", effect.c.owner.in_(list(owners))).values(lease_until=0)
    )


async def owners(tx: Tx) -> set[str]:
    query = select(effect.c.owner).where(effect.c.state == "running", effect.c.owner.is_not(None)).distinct()
    return {str(owner) for owner in (await tx.execute(query)).scalars()}


async def next_retry(tx: Tx, now: int) -> int | None:
    """When the next postponed effect may be tried, or a worker's claim on one runs out (ms)."""
    found: int | None = (await tx.execute(_NEXT_TRY, {"now": now})).scalar_one_or_none()
    return found


async def open_now(tx: Tx, now: int) -> bool:
    """Whether an effect is running or could be carried out at `now` (postponed ones do not count)."""
    where = (effect.c.state.in_(("pending", "running")), effect.c.not_before <= now)
    return (await tx.execute(select(effect.c.id).where(*where).limit(1))).first() is not None
