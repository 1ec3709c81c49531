"""The one door of what nobody asked for: every message that Steward begins goes where and when the profile wants it."""

from __future__ import annotations

from knowledge.database import Tx
from knowledge.store import escalation, messages
from knowledge.store.people import Address
from knowledge.words import Outbound


async def tell(
    tx: Tx, key: str, body: Outbound, now: int, *,
    urgent: bool = False, avoid: str = "", instead: Address | None = None, turn: str | None = None, end: int = 0,
) -> Address | None:  # fmt: skip
    """Say it once under `key`, by the rules of escalation; where it goes, None when there is nowhere to say it.

    `urgent` goes to the chats for that and does not wait for the end of the quiet hours; nor does what is void at `end`
    (ms), if they end later. `avoid` is a channel that just failed, `instead` where it is said when no chat is linked.
    """
    found = await escalation.place(tx, now, urgent=urgent, avoid=avoid)
    if found is None and instead is None:
        return None
    place, not_before = found if found is not None else (instead, 0)
    assert place is not None
    if end and not_before >= end:
        not_before = 0
    await messages.enqueue_alert(tx, key, place.channel, place.conversation, body, now, not_before, turn)
    return place
