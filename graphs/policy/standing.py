"""How the house stands when policy is asked: first weeks or not, panic or not, what was approved before, what is unusual.

Everything is read from the rows; whatever is unusual can only turn an allowed effect into a question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from graphs.policy.engine import ORDINARY, History, Limits, Session
from graphs.tools.base import Tool
from knowledge import ledger
from knowledge.database import Tx
from knowledge.database.schema import effect, proposal
from knowledge.ids import canonical, digest
from knowledge.store import panic, settings
from knowledge.store.cards import Decider

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ENOUGH = 20
"""Approvals in a row, unchanged, after which Steward may offer to stop asking."""

_LOOKED_AT = 200


def target_of(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """Who or where a call goes to: a digest over the arguments that are targets; empty when it has none."""
    targets = {name: value for name, value in arguments.items() if tool.roles.get(name) == "target"}
    return digest(targets) if targets else ""


# ── autonomy that is earned ──────────────────────────────────────────────────────────────────────────────────────────


async def history(tx: Tx, tool: Tool, arguments: Mapping[str, Any]) -> History:
    """How this kind (tool and target) was decided before. A rejection, an expiry or an edit begins the count anew."""
    target = target_of(tool, arguments)
    if not target:
        return History()
    columns = (proposal.c.arguments, proposal.c.state, proposal.c.version)
    where = (proposal.c.tool == tool.name, proposal.c.decided_at.is_not(None), proposal.c.decided_by != "policy")
    rows = await tx.execute(select(*columns).where(*where).order_by(proposal.c.decided_at.desc()).limit(_LOOKED_AT))
    in_row = 0
    for row in rows:
        if target_of(tool, json.loads(row.arguments)) != target:
            continue
        if row.state != "approved" or row.version != 1:
            break
        in_row += 1
    granted = await settings.get(tx, _grant(tool, target)) is not None
    return History(in_row, granted)


def may_offer(tool: Tool, known: History, standing: Session) -> bool:
    """Whether to say "you approved this kind 20 times in a row unchanged; shall I stop asking?"."""
    external = not tool.own and tool.effect in ("write", "send")
    return external and not known.granted and known.approved_in_row >= ENOUGH and not standing.probation


async def grant(tx: Tx, tool: Tool, arguments: Mapping[str, Any], decider: Decider, now: int) -> bool:
    """The principal's yes to that offer. False where it can't be given: no target, money or deletion, or in a panic."""
    target = target_of(tool, arguments)
    if not target or tool.effect not in ("write", "send") or await panic.standing(tx) is not None:
        return False
    await settings.put(tx, _grant(tool, target), {"on": decider.on, "at": now})
    await ledger.append(tx, now, ledger.Entry(decider.by, "autonomy.granted", decider.on, f"{tool.name}/{target[:16]}"))
    return True


async def take_back(tx: Tx, tool: Tool, arguments: Mapping[str, Any], decider: Decider, now: int) -> bool:
    """One button: ask about this kind again, from the next call on."""
    target = target_of(tool, arguments)
    was = bool(target) and await settings.drop(tx, _grant(tool, target))
    if was:
        await ledger.append(
            tx, now, ledger.Entry(decider.by, "autonomy.taken-back", decider.on, f"{tool.name}/{target[:16]}")
        )
    return was


def _grant(tool: Tool, target: str) -> str:
    return f"grant:{tool.name}:{target}"


# ── the session ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def session(
    tx: Tx,
    tool: Tool,
    arguments: Mapping[str, Any],
    now: datetime,
    *,
    untrusted: bool = False,
    private: bool = False,
    limits: Limits = ORDINARY,
    ahead: Sequence[Mapping[str, Any]] = (),
) -> Session:
    """The standing for one call at `now` (the principal's local time).

    `ahead` are the arguments of calls of the same plan that were allowed before it and have no row yet.
    """
    moment = int(now.timestamp() * 1000)
    began = await _began(tx)
    probation = began is None or moment - began < limits.first_days * DAY
    unusual: tuple[str, ...] = ()
    if tool.effect not in ("read", "draft") and not tool.own:
        unusual = tuple(await _unusual(tx, tool, arguments, now, moment, limits, ahead))
    return Session(untrusted, private, probation, await panic.standing(tx) is not None, unusual)


async def _began(tx: Tx) -> int | None:
    """When the house's first record was written (ms); it never changes, so a connection asks once."""
    known: int | None = tx.sync_connection.info.get("began") if tx.sync_connection is not None else None
    if known is None and (first := await ledger.lines(tx, limit=1)):
        known = first[0].at
        if tx.sync_connection is not None:
            tx.sync_connection.info["began"] = known
    return known


async def _unusual(
    tx: Tx, tool: Tool, arguments: Mapping[str, Any], now: datetime, moment: int, limits: Limits,
    ahead: Sequence[Mapping[str, Any]],
) -> list[str]:  # fmt: skip
    recent = select(effect.c.made_at, effect.c.arguments).where(effect.c.made_at > moment - HOUR)
    rows = (await tx.execute(recent)).all()
    leaving = sum(len(r.arguments.encode()) for r in rows)
    leaving += sum(len(canonical(dict(one)).encode()) for one in (*ahead, arguments))
    found = []
    just_now = sum(r.made_at > moment - MINUTE for r in rows) + len(ahead)
    if just_now >= limits.a_minute or len(rows) + len(ahead) >= limits.an_hour:
        found.append("many-at-once")
    if leaving > limits.leaving_an_hour:
        found.append("much-leaving")
    if limits.quiet_from <= now.hour < limits.quiet_to:
        found.append("small-hours")
    if tool.effect in ("send", "fetch", "pay") and await _never_seen(tx, tool, arguments):
        found.append("new-target")
    return found


async def _never_seen(tx: Tx, tool: Tool, arguments: Mapping[str, Any]) -> bool:
    """Whether nothing was ever carried out with this target."""
    target = target_of(tool, arguments)
    if not target:
        return False
    done = select(effect.c.arguments).where(effect.c.tool == tool.name, effect.c.state == "done")
    rows = await tx.execute(done.order_by(effect.c.made_at.desc()).limit(_LOOKED_AT))
    return all(target_of(tool, json.loads(row.arguments)) != target for row in rows)
