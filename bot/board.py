"""The pinned list of what waits for the principal, kept up to date where a platform can keep a message on top."""

from __future__ import annotations

from collections.abc import Mapping

from bot.reply import headline
from channels.base import SpeakingChannel
from knowledge.database import Tx
from knowledge.store import cards, messages, people, settings
from knowledge.store.messages import Letter
from knowledge.words import Outbound

_PREFIX = "board/"


async def refresh(tx: Tx, speakers: Mapping[str, SpeakingChannel], now: int) -> None:
    """Put the list as it is now into the outbox, for every linked chat that can pin, when it has changed."""
    places = [p for p in await people.addresses(tx) if p.channel in speakers and speakers[p.channel].limits.pins]
    if not places:
        return
    text = await _text(tx)
    for place in places:
        key = f"{_PREFIX}{place.channel}:{place.conversation}"
        known = await settings.get(tx, key) or {"text": _NOTHING, "ref": "", "count": 0, "waits": False}
        if known["waits"] or known["text"] == text:
            continue  # the message that is under way comes back here when it has a place
        body = Outbound(text, edit_of=known["ref"], pin=True, silent=True)
        count = known["count"] + 1
        await messages.enqueue(tx, f"{key}/{count}", place.channel, place.conversation, body, now, urgent=True)
        await settings.put(tx, key, {"text": text, "ref": known["ref"], "count": count, "waits": True})


async def ended(tx: Tx, letter: Letter, ref: str, speakers: Mapping[str, SpeakingChannel], now: int) -> None:
    """A list has found its place (`ref`), or none: remember it, and say what has changed meanwhile.

    Other letters are left alone.
    """
    if not letter.key.startswith(_PREFIX):
        return
    key = letter.key.rpartition("/")[0]
    known = await settings.get(tx, key)
    await settings.put(tx, key, {**known, "ref": ref or known["ref"], "waits": False})
    await refresh(tx, speakers, now)


_NOTHING = "📌 Nothing waits for you."


async def _text(tx: Tx) -> str:
    lines = [
        f"- **{card.id[1:]}** {headline(p)}"
        for card in await cards.open_cards(tx)
        for p in await cards.of_card(tx, card.id)
        if p.state == "open"
    ]
    more = [f"- and {len(lines) - 20} more"] if len(lines) > 20 else []
    return "\n".join(["📌 **Waiting for you**", *lines[:20], *more]) if lines else _NOTHING
