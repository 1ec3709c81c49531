"""The outbox of messages: what Steward still has to say, in order within a conversation, each under its own key."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, case, delete, exists, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql import Select

from knowledge.database import Tx
from knowledge.database.schema import message, report
from knowledge.ids import canonical
from knowledge.store.intake import ON_ITS_WAY
from knowledge.store.reach import Reach
from knowledge.words import Outbound

_OPEN = ("pending", "running")


@dataclass(frozen=True, slots=True)
class Letter:
    """An outbox row. `interrupted` says a worker died while sending: look before sending again.

    After `until` (ms) the claim has run out: another worker may be at it, so nothing more is sent.
    """

    id: int
    key: str
    turn: str | None
    channel: str
    conversation: str
    body: Outbound
    attempts: int
    receipts: tuple[str, ...]  # platform ids of the parts already sent
    interrupted: bool
    until: int


def _letter(row: Any, *, interrupted: bool) -> Letter:
    return Letter(
        row.id, row.key, row.turn, row.channel, row.conversation, Outbound.from_json(json.loads(row.body)),
        row.attempts, tuple(json.loads(row.receipts)), interrupted, row.lease_until,
    )  # fmt: skip


_ADD = insert(message).on_conflict_do_nothing().returning(message)


async def enqueue(
    tx: Tx, key: str, channel: str, conversation: str, body: Outbound, now: int, *,
    turn: str | None = None, urgent: bool = False, owner: str = "", lease_ms: int = 0,
) -> Letter | None:  # fmt: skip
    """Put a message into the outbox under `key`; None when it was there already.

    With `owner` the row is born claimed (one commit less), unless an older message of the conversation still waits.
    """
    blocked = bool(owner) and not urgent and await _has_open(tx, channel, conversation)
    claimed = bool(owner) and not blocked
    new = {
        "key": key, "turn": turn, "channel": channel, "conversation": conversation, "body": body.to_json(),
        "urgent": int(urgent), "state": "running" if claimed else "pending", "attempts": 1 if claimed else 0,
        "not_before": 0, "owner": owner if claimed else None, "lease_until": now + lease_ms if claimed else 0,
        "receipts": "[]", "made_at": now,
    }  # fmt: skip
    row = (await tx.execute(_ADD, new)).first()
    return _letter(row, interrupted=False) if row is not None and claimed else None


async def enqueue_alert(
    tx: Tx,
    key: str,
    channel: str,
    conversation: str,
    body: Outbound,
    now: int,
    not_before: int,
    turn: str | None = None,
) -> None:
    """The same for an alert that may have to wait until `not_before` (ms); it holds up nothing that comes after it."""
    known = await by_key(tx, key)
    await enqueue(tx, key, channel, conversation, body, now, turn=turn, urgent=not_before > now)
    if known is None and not_before > now:
        await tx.execute(update(message).where(message.c.key == key).values(not_before=not_before))


_UNSENT = (
    select(message.c.id)
    .where(
        message.c.channel == bindparam("channel"),
        message.c.conversation == bindparam("conversation"),
        message.c.state.in_(_OPEN),
        message.c.urgent == 0,
    )
    .limit(1)
)


async def _has_open(tx: Tx, channel: str, conversation: str) -> bool:
    return (await tx.execute(_UNSENT, {"channel": channel, "conversation": conversation})).first() is not None


@cache
def _sendable(reach: Reach) -> Select[Any]:
    now: BindParameter[int] = bindparam("now")
    older = message.alias("older")
    ahead = exists().where(
        older.c.channel == message.c.channel,
        older.c.conversation == message.c.conversation,
        older.c.id < message.c.id,
        older.c.urgent == 0,
        older.c.state.in_(_OPEN),
    )
    ready = or_(message.c.state == "pending", and_(message.c.state == "running", message.c.lease_until <= now))
    return (
        select(message)
        .where(
            ready,
            reach.covers(message.c.channel, message.c.conversation),
            message.c.not_before <= now,
            or_(message.c.urgent == 1, ~ahead),
        )
        .order_by(message.c.id)
        .limit(bindparam("limit"))
    )


async def claim(tx: Tx, owner: str, now: int, lease_ms: int, reach: Reach, limit: int = 16) -> list[Letter]:
    """Messages that may be sent now within `reach`: the oldest of each conversation, and urgent ones at once."""
    rows = (await tx.execute(_sendable(reach), {"now": now, "limit": limit})).all()
    for row in rows:
        taken = {"state": "running", "owner": owner, "lease_until": now + lease_ms, "attempts": row.attempts + 1}
        await tx.execute(update(message).where(message.c.id == row.id).values(**taken))
    return [
        replace(_letter(row, interrupted=row.state == "running"), attempts=row.attempts + 1, until=now + lease_ms)
        for row in rows
    ]


async def part_sent(tx: Tx, letter_id: int, owner: str, receipts: tuple[str, ...]) -> bool:
    """Note a part that has arrived; False when another worker has taken the message over: send no more of it."""
    changed = update(message).where(*_held(letter_id, owner)).values(receipts=canonical(list(receipts)))
    return (await tx.execute(changed)).rowcount == 1


async def finish(
    tx: Tx,
    letter_id: int,
    state: str,
    now: int,
    *,
    owner: str = "",
    receipts: tuple[str, ...] = (),
    error: str | None = None,
) -> bool:
    """End the row: sent, uncertain, failed or cancelled; False when another worker than `owner` has it by now."""
    ended = {"state": state, "error": error, "sent_at": now, "lease_until": 0}
    if receipts:
        ended["receipts"] = canonical(list(receipts))
    where = _held(letter_id, owner) if owner else (message.c.id == letter_id,)
    return (await tx.execute(update(message).where(*where).values(**ended))).rowcount == 1


async def postpone(tx: Tx, letter_id: int, owner: str, not_before: int, error: str) -> None:
    """Back to pending until `not_before` (ms): it was surely not sent."""
    await tx.execute(
        update(message).where(*_held(letter_id, owner))
        .values(state="pending", not_before=not_before, error=error, owner=None, lease_until=0)
    )  # fmt: skip


async def hold(tx: Tx, letter_id: int, owner: str, until: int, error: str) -> None:
    """Keep a message whose outcome is unknown as interrupted; the next claim, from `until` (ms) on, looks it up first."""
    await tx.execute(
        update(message).where(*_held(letter_id, owner)).values(error=error, lease_until=until, not_before=until)
    )


def _held(letter_id: int, owner: str) -> tuple[ColumnElement[bool], ...]:
    """A stalled worker that wakes up may not write over what another has done meanwhile."""
    return (message.c.id == letter_id, message.c.owner == owner, message.c.state == "running")


async def last_ref(tx: Tx, channel: str, conversation: str) -> str:
    """The platform id of the last message said in this conversation (the highest, where ids are numbers), else empty.

    Urgent rows do not count: a notice's receipt is the id of its press, an edit's that of an older message.
    """
    query = select(message.c.receipts).where(
        message.c.channel == channel,
        message.c.conversation == conversation,
        message.c.receipts != "[]",
        message.c.urgent == 0,
    )
    rows = (await tx.execute(query.order_by(message.c.id.desc()).limit(20))).scalars()
    refs = [str(ref) for row in rows for ref in reversed(json.loads(row))]
    return max((ref for ref in refs if ref.isdecimal()), key=int, default=refs[0] if refs else "")


async def sent_as(tx: Tx, channel: str, ref: str) -> Letter | None:
    """The message that was sent and of which `ref` is a part; None when there is none (yet)."""
    query = select(message).where(
        message.c.channel == channel, message.c.state == "sent", func.instr(message.c.receipts, canonical(ref)) > 0
    )
    row = (await tx.execute(query.limit(1))).first()
    return _letter(row, interrupted=False) if row else None


async def bad_report(tx: Tx, channel: str, refs: Sequence[str]) -> tuple[str, str, int] | None:
    """(ref, outcome, error) of the first part that the platform took and did not deliver in the end."""
    query = select(report).where(report.c.channel == channel, report.c.ref.in_(refs), report.c.outcome != ON_ITS_WAY)
    found = {row.ref: (row.ref, row.outcome, row.error) for row in await tx.execute(query)}
    return next((found[ref] for ref in refs if ref in found), None)


async def keep_for_later(tx: Tx, letter_id: int, receipts: Collection[str], error: str) -> None:
    """Hold a message until the person writes; parts with `receipts` have arrived."""
    held = {"state": "held", "error": error, "owner": None, "lease_until": 0, "receipts": canonical(list(receipts))}
    await tx.execute(update(message).where(message.c.id == letter_id).values(**held))


_LET_GO = (
    update(message)
    .where(
        message.c.channel == bindparam("here"),
        message.c.conversation == bindparam("talk"),
        message.c.state == "held",
    )
    .values(state="pending", not_before=0, attempts=1)
)


async def let_go(tx: Tx, channel: str, conversation: str) -> int:
    """The person wrote: what was held here may be said, in its old order; how many there are."""
    return (await tx.execute(_LET_GO, {"here": channel, "talk": conversation})).rowcount


async def shown(tx: Tx, channel: str, conversation: str, limit: int = 20) -> list[Letter]:
    """The last messages said here, newest first, without notices and words of progress."""
    where = (message.c.channel == channel, message.c.conversation == conversation, message.c.state == "sent")
    rows = await tx.execute(select(message).where(*where).order_by(message.c.id.desc()).limit(limit))
    found = [_letter(row, interrupted=False) for row in rows]
    return [letter for letter in found if not letter.body.toast_for and not letter.body.passing]


async def drop_old_reports(tx: Tx, before: int) -> None:
    await tx.execute(delete(report).where(report.c.at < before))


async def free_dead(tx: Tx, owners: Collection[str]) -> None:
    await tx.execute(
        update(message).where(message.c.state == "running", message.c.owner.in_(list(owners))).values(lease_until=0)
    )


async def owners(tx: Tx) -> set[str]:
    query = select(message.c.owner).where(message.c.state == "running", message.c.owner.is_not(None)).distinct()
    return {str(owner) for owner in (await tx.execute(query)).scalars()}


@cache
def _next_try(reach: Reach) -> Select[Any]:
    now: BindParameter[int] = bindparam("now")
    held = and_(message.c.state == "running", message.c.lease_until > message.c.not_before)
    when = case((held, message.c.lease_until), else_=message.c.not_before)
    return select(func.min(when)).where(
        message.c.state.in_(_OPEN), when > now, reach.covers(message.c.channel, message.c.conversation)
    )


async def next_retry(tx: Tx, now: int, reach: Reach) -> int | None:
    """When the next postponed message within `reach` may be tried, or a worker's claim on one runs out (ms)."""
    found: int | None = (await tx.execute(_next_try(reach), {"now": now})).scalar_one_or_none()
    return found


async def undelivered(tx: Tx, channel: str, conversation: str = "local") -> int:
    """How many messages to this conversation are still to be sent."""
    query = (
        select(func.count())
        .select_from(message)
        .where(message.c.channel == channel, message.c.conversation == conversation, message.c.state.in_(_OPEN))
    )
    return int((await tx.execute(query)).scalar_one())


async def by_key(tx: Tx, key: str) -> tuple[str, tuple[str, ...]] | None:
    """(state, receipts) of the message under `key`."""
    row = (await tx.execute(select(message.c.state, message.c.receipts).where(message.c.key == key))).first()
    return None if row is None else (row.state, tuple(json.loads(row.receipts)))


async def cancel(tx: Tx, key_prefix: str) -> None:
    """Cancel waiting messages whose key begins with `key_prefix`; one being sent is left alone."""
    await tx.execute(
        update(message)
        .where(message.c.key.startswith(key_prefix, autoescape=True), message.c.state == "pending")
        .values(state="cancelled")
    )


async def revive(tx: Tx, letter_id: int) -> bool:
    """Let a failed or uncertain message be sent again because the principal said so."""
    where = (message.c.id == letter_id, message.c.state.in_(("failed", "uncertain")))
    changed = {"state": "pending", "not_before": 0, "attempts": 0, "owner": None, "lease_until": 0}
    return (await tx.execute(update(message).where(*where).values(**changed))).rowcount == 1
