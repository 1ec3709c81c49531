"""Failures as objects: what happened, what was and was not done, what can be done now. Told once, counted after."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from knowledge import ledger
from knowledge.database import Tx
from knowledge.database.schema import failure
from knowledge.ids import canonical
from knowledge.store.cards import Decider


@dataclass(frozen=True, slots=True)
class Remedy:
    """A button of a failure: `verb` retry or dismiss, `label` in words, `ref` the effect, message or delivery it is about."""

    verb: str
    label: str
    ref: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An open or closed failure; `since` and `last_at` are ms, `count` how often it has happened."""

    id: int
    key: str
    what: str
    done: str
    not_done: str
    remedies: tuple[Remedy, ...]
    state: str
    count: int
    turn: str | None
    since: int
    last_at: int


def _failure(row: Any) -> Failure:
    remedies = tuple(Remedy(**r) for r in json.loads(row.remedies))
    return Failure(
        row.id,
        row.dedupe_key,
        row.what,
        row.done,
        row.not_done,
        remedies,
        row.state,
        row.count,
        row.turn,
        row.since,
        row.last_at,
    )


async def note(
    tx: Tx,
    key: str,
    what: str,
    done: str,
    not_done: str,
    now: int,
    *,
    remedies: Sequence[Remedy] = (),
    turn: str | None = None,
) -> tuple[Failure, bool]:
    """Record a failure under `key`; whether it is new (or open again) and so must be told."""
    known = (await tx.execute(select(failure).where(failure.c.dedupe_key == key))).first()
    fresh = known is None or known.state != "open"
    row = {
        "dedupe_key": key, "what": what, "done": done, "not_done": not_done, "turn": turn, "state": "open",
        "remedies": canonical([{"verb": r.verb, "label": r.label, "ref": r.ref} for r in remedies]), "last_at": now,
    }  # fmt: skip
    statement = insert(failure).values(**row, count=1, since=now)
    changed = {**row, "count": failure.c.count + 1} | ({"since": now} if fresh else {})
    kept = (
        await tx.execute(
            statement.on_conflict_do_update(index_elements=["dedupe_key"], set_=changed).returning(failure)
        )
    ).one()
    if fresh:
        await ledger.append(tx, now, ledger.Entry("system", "failure.opened", key.partition(":")[0], f"f{kept.id}"))
    return _failure(kept), fresh


async def open_ones(tx: Tx) -> list[Failure]:
    rows = await tx.execute(select(failure).where(failure.c.state == "open").order_by(failure.c.last_at.desc()))
    return [_failure(row) for row in rows]


async def of_effects(tx: Tx, keys: Sequence[str]) -> list[Failure]:
    """The open failures of these effects, oldest first."""
    wanted = failure.c.dedupe_key.in_([f"effect:{key}" for key in keys])
    rows = await tx.execute(select(failure).where(failure.c.state == "open", wanted).order_by(failure.c.id))
    return [_failure(row) for row in rows]


async def get(tx: Tx, failure_id: int) -> Failure | None:
    row = (await tx.execute(select(failure).where(failure.c.id == failure_id))).first()
    return _failure(row) if row else None


async def by_key(tx: Tx, key: str) -> Failure | None:
    row = (await tx.execute(select(failure).where(failure.c.dedupe_key == key))).first()
    return _failure(row) if row else None


async def close(tx: Tx, failure_id: int, state: str, now: int, *, decider: Decider) -> bool:
    """End an open failure as retried, dismissed or closed; False when it was not open."""
    where = (failure.c.id == failure_id, failure.c.state == "open")
    closed = (await tx.execute(update(failure).where(*where).values(state=state, last_at=now))).rowcount == 1
    if closed:
        await ledger.append(tx, now, ledger.Entry(decider.by, f"failure.{state}", decider.on, f"f{failure_id}"))
    return closed


async def close_key(tx: Tx, key: str, now: int) -> None:
    """The cause is gone: close the failure under `key` if it is open."""
    row = (await tx.execute(select(failure.c.id).where(failure.c.dedupe_key == key, failure.c.state == "open"))).first()
    if row is not None:
        await close(tx, row.id, "closed", now, decider=Decider("system", "its cause is gone"))
