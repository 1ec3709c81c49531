"""Of what, where and when the principal is alerted: thresholds, the order of the chats, the urgent ones, quiet hours."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.database import Tx
from knowledge.store import people, settings
from knowledge.store.hours import span
from knowledge.store.people import Address

KEY = "profile:escalation"


@dataclass(frozen=True, slots=True)
class Escalation:
    """Channels by name, the first linked one is taken; others follow, the latest linked first. `quiet` as `22:00-07:00`.

    Thresholds: the hours that a client's mail may be unanswered, and before an approval expires (0: no alert); whether a
    payment that waits for a decision is told by itself. `clients` are addresses, `@domains` and names.
    """

    order: tuple[str, ...] = ()
    urgent: tuple[str, ...] = ()
    quiet: str = ""
    zone: str = "UTC"
    clients: tuple[str, ...] = ()
    unanswered_h: float = 24.0
    expiring_h: float = 24.0
    payments: bool = True


def quiet_until(rules: Escalation, now: int) -> int:
    """The end (ms) of the quiet hours in which `now` (ms) lies, else 0. They may go over midnight."""
    hours = span(rules.quiet)
    if hours is None:
        return 0
    here = datetime.fromtimestamp(now / 1000, ZoneInfo(rules.zone))
    for day in (here.date() - timedelta(days=1), here.date()):
        begin = datetime.combine(day, hours[0], here.tzinfo)
        ends = day + timedelta(days=1) if hours[1] < hours[0] else day
        end = datetime.combine(ends, hours[1], here.tzinfo)
        if begin <= here < end:
            return int(end.timestamp() * 1000)
    return 0


async def keep(tx: Tx, rules: Escalation) -> None:
    """The rules of the profile from now on."""
    await settings.put(tx, KEY, asdict(rules))


async def rules_of(tx: Tx) -> Escalation:
    """The rules as last kept; without any every alert goes at once to the chat linked last."""
    kept: dict[str, Any] = await settings.get(tx, KEY) or {}
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in kept.items()}
    return Escalation(**values)


async def place(tx: Tx, now: int, *, urgent: bool = False, avoid: str = "") -> tuple[Address, int] | None:
    """(address, not before ms) for an alert, or None when the principal is linked nowhere but on the channel `avoid`."""
    rules = await rules_of(tx)
    wanted = (*rules.urgent, *rules.order) if urgent else rules.order
    rank = {name: n for n, name in reversed(list(enumerate(wanted)))}
    linked = [address for address in await people.addresses(tx) if address.channel != avoid]
    if not linked:
        return None
    best = min(linked, key=lambda address: rank.get(address.channel, len(wanted)))
    return best, 0 if urgent else quiet_until(rules, now)
