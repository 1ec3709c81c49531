"""Where and when an alert reaches the principal: the order of the chats, those for what is urgent, the quiet hours."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from knowledge.database import Tx
from knowledge.store import people, settings
from knowledge.store.hours import span
from knowledge.store.people import Address

KEY = "profile:escalation"


@dataclass(frozen=True, slots=True)
class Escalation:
    """Channels by name, the first linked one is taken; others follow, the latest linked first. `quiet` as `22:00-07:00`."""

    order: tuple[str, ...] = ()
    urgent: tuple[str, ...] = ()
    quiet: str = ""
    zone: str = "UTC"


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
    kept = await settings.get(tx, KEY)
    if kept is None:
        return Escalation()
    return Escalation(tuple(kept["order"]), tuple(kept["urgent"]), str(kept["quiet"]), str(kept["zone"]))


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
