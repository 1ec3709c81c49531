"""The ledger's checkpoints in the principal's chat, every evening and whenever asked: the witness outside this machine."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from graphs.state import Crew, ms
from knowledge import anchor, ledger
from knowledge.anchor import Anchor
from knowledge.database import Tx
from knowledge.keys import KeyTrouble
from knowledge.store import alerts, messages, timers
from knowledge.store.people import Address
from knowledge.words import Outbound

TIMER, KIND = "anchor", "house_anchor"
EVENING = time(21, 30)
_PREFIX = "anchor/"


async def arm(tx: Tx, crew: Crew) -> None:
    """See to it that the evening's checkpoint is on its way."""
    now = crew.clock()
    await timers.arm(tx, TIMER, KIND, "house", "", {}, ms(next_evening(now, crew.zone)), ms(now))


def next_evening(now: datetime, zone: ZoneInfo) -> datetime:
    """The next half past nine in the evening, after `now`."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), EVENING, zone)
    return today if today > local else datetime.combine(local.date() + timedelta(days=1), EVENING, zone)


async def evening(tx: Tx, crew: Crew, now: int) -> None:
    """The day's checkpoint, where anything happened since the last one and a chat is linked."""
    newest = await anchor.latest(tx)
    news = await ledger.lines(tx, after=newest.size if newest else 0, limit=2)
    if all(line.entry.what == "ledger.anchored" for line in news):
        return
    await post(tx, crew, None, now)


async def post(tx: Tx, crew: Crew, here: Address | None, now: int) -> str:
    """Sign the ledger as it stands and send the checkpoint to the principal's chat; what is to be said beside it.

    `here` is the chat that asks, None for the clock. A ledger that does not hold is never signed.
    """
    from knowledge.signing import SigningKey  # 8 MB: only where something is signed

    try:
        made = await anchor.checkpoint(tx, SigningKey.of_home(crew.db.path.parent), now) or await anchor.latest(tx)
    except (anchor.LedgerBroken, KeyTrouble) as trouble:
        text = f"⚠️ No checkpoint was made. {trouble}"
        if here is None:
            await alerts.tell(tx, f"{_PREFIX}none/{now}", Outbound(text), now)
        return text
    if made is None:
        return "The ledger is empty: there is nothing to sign yet."
    key, body = f"{_PREFIX}{made.size}/{now}", Outbound(_body(made))
    if here is not None and here.channel != "console":  # the console is no witness: it is this machine
        place: Address | None = here
        await messages.enqueue(tx, key, here.channel, here.conversation, body, now)
    else:
        place = await alerts.tell(tx, key, body, now, urgent=here is not None)
    if place is None:
        return f"{body.text}\nNo chat is linked, so keep it somewhere that is not this machine."
    return "" if place == here else f"The checkpoint over {made.size} records goes to {place.channel}."


async def standing(tx: Tx, zone: ZoneInfo) -> str:
    """What the ledger holds and what vouches for it."""
    newest = await anchor.latest(tx)
    head = await ledger.size(tx)
    if newest is None:
        return f"The ledger has {head} records and no checkpoint yet. `/audit anchor` makes one."
    at = datetime.fromtimestamp(newest.at / 1000, zone)
    stands = f"stands in {newest.delivered.partition(':')[0]}" if newest.delivered else "is kept in the database alone"
    return (
        f"The ledger has {head} records. The checkpoint over {newest.size} of them, of {at:%a %d %b %H:%M}, {stands}; "
        "`/audit anchor` sends a fresh one, `steward audit verify` checks them all."
    )


async def arrived(tx: Tx, key: str, where: str, now: int) -> None:
    """A message was sent: when it was a checkpoint (`key`), note where it stands."""
    size = key.removeprefix(_PREFIX).partition("/")[0]
    if key.startswith(_PREFIX) and size.isdecimal():
        await anchor.delivered(tx, int(size), where, now)


def _body(made: Anchor) -> str:
    return (
        f"🔏 **The ledger up to record {made.size}**\nKeep this message: it shows later whether anything before it was "
        f"changed.\n```\n{made.note.strip()}\n```"
    )
