"""What memory does by itself when nobody asks: puts a contradiction to the principal, once, and tidies up at night."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from graphs.tools.facts import whose
from graphs.tools.wording import day, quoted
from knowledge import forgetting
from knowledge.database import Database, Tx
from knowledge.facts import store as facts
from knowledge.facts.assertion import Issuers
from knowledge.facts.words import DAY, Fact
from knowledge.ids import digest
from knowledge.store import alerts, escalation, settings
from knowledge.words import Outbound

_NIGHT, _TOLD = "memory:night", "memory:report"
NIGHT = range(2, 6)  # hours, local
STALE_DAYS = 365
AT_ONCE = 5  # contradictions in one message; the rest is counted
READERS = ("principal",)


async def put_questions(db: Database, now: int, zone: tzinfo, issuers: Issuers) -> int:
    """Tell the principal, once, of facts that contradict what is held; how many. Costs one read when there are none."""
    async with db.read() as tx:
        open_ones = await facts.open_ones(tx, readers=READERS, now=now, issuers=issuers)
        doubted = [f for f in open_ones if f.state == "contested"]
        fresh = await facts.unasked(tx, [f.id for f in doubted])
        heard = await escalation.place(tx, now) is not None
    if not fresh or not heard:
        return 0
    async with db.write() as tx:
        found = await facts.questions(tx, readers=READERS, now=now, states=("contested",))
        if found:
            body = Outbound(_told(found, zone))
            key = f"facts/{found[0][0].id}"
            await alerts.tell(tx, key, body, now)
    return len(found)


async def tell_put_aside(db: Database, now: int, issuers: Issuers) -> int:
    """Put facts aside that are no longer as they were signed, and tell the principal, once, of all that are; how many."""
    async with db.read() as tx:
        if not await facts.any_signed(tx):
            return 0
        heard = await escalation.place(tx, now) is not None
    async with db.write() as tx:
        await facts.quarantine_broken(tx, issuers=issuers)
        found = await facts.put_aside(tx, readers=READERS, now=now) if heard else []
        if found:
            lines = ["⚠️ The signature does not fit, so I never answer from it:"]
            lines += [
                f"- {whose(f.subject, f.predicate)}: {quoted(f.value)} (signed as {quoted(f.issuer or 'nobody')})"
                for f in found[:AT_ONCE]
            ]
            lines += [f"- and {len(found) - AT_ONCE} more"] if len(found) > AT_ONCE else []
            key = f"facts/{found[0].id}/aside"
            await alerts.tell(tx, key, Outbound("\n".join(lines)), now)
    return len(found)


def _told(found: list[tuple[Fact, Fact | None]], zone: tzinfo) -> str:
    lines = ["⚠️ Somebody says otherwise than you. I keep what you told me:"]
    for new, held in found[:AT_ONCE]:
        known = f"; you: {quoted(held.value)}" if held is not None else ""
        at = day(datetime.fromtimestamp(new.valid_from / 1000, zone))
        lines.append(
            f"- {whose(new.subject, new.predicate)}, a text of {at}: {quoted(new.value)}{known}\n"
            f"  `confirm fact {new.id}` · `reject fact {new.id}`"
        )
    if len(found) > AT_ONCE:
        lines.append(f"- and {len(found) - AT_ONCE} more: /facts")
    return "\n".join(lines)


async def by_night(db: Database, now: int, zone: tzinfo, keep: Mapping[str, int], issuers: Issuers) -> bool:
    """Once a night (after a missed one, by day): end what has run out, report what is doubtful. Whether documents go.

    `keep` says how many days documents of a source are kept; those it does not name stay until they are forgotten.
    """
    here = datetime.fromtimestamp(now / 1000, zone)
    today = here.date().isoformat()
    async with db.read() as tx:
        last = await settings.get(tx, _NIGHT)
        missed = last is not None and last < (here.date() - timedelta(1)).isoformat()
        if last == today or not (missed or here.hour in NIGHT):
            return False
        over = await forgetting.expired(tx, keep, now)
    async with db.write() as tx:
        await settings.put(tx, _NIGHT, today)
        await facts.expire(tx, now=now)
        if over:
            await forgetting.begin(tx, over, "", now=now, id=f"kept-{today}", who="expiry")
        await _report(tx, now, issuers)
    return bool(over)


async def _report(tx: Tx, now: int, issuers: Issuers) -> None:
    """One silent message, when there is something new to say."""
    lines = await _findings(tx, now, issuers)
    told = digest(lines)
    if not lines or await settings.get(tx, _TOLD) == told:
        return
    body = Outbound("**Memory, looked through**\n" + "\n".join(f"- {line}" for line in lines), silent=True)
    if await alerts.tell(tx, f"memory/{now}", body, now) is not None:
        await settings.put(tx, _TOLD, told)


async def _findings(tx: Tx, now: int, issuers: Issuers) -> list[str]:
    doubted = await facts.open_ones(tx, readers=READERS, now=now, issuers=issuers)
    lines = []
    for state, words in (
        ("contested", "contradicted by somebody"),
        ("unconfirmed", "said by others and not confirmed"),
    ):
        if some := [f for f in doubted if f.state == state]:
            lines.append(f"{_count(len(some), 'fact')} {words}: {_named(some)} (/facts)")
    if stale := await facts.stale(tx, readers=READERS, before=now - STALE_DAYS * DAY):
        lines.append(f"{_count(len(stale), 'fact')} older than a year that may have changed: {_named(stale)}")
    if lost := await asyncio.to_thread(_lost, await forgetting.files_behind(tx)):
        names = ", ".join(quoted(Path(name).name) for name in lost[:AT_ONCE])
        lines.append(f"{_count(len(lost), 'file')} that I have read and that are gone since: {names}")
    return lines


def _lost(paths: list[str]) -> list[str]:
    return [path for path in paths if not Path(path).exists()]


def _named(some: list[Fact]) -> str:
    return ", ".join(whose(f.subject, f.predicate) for f in some[:AT_ONCE]) + (" …" if len(some) > AT_ONCE else "")


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
