"""`/continue here`: the conversation that was last elsewhere goes on in this chat, with what waits in it."""

from __future__ import annotations

from sqlalchemy import and_, exists, not_, or_, select, update

from bot.reply import Reply
from channels.base import Inbound
from graphs.approval import render_card
from graphs.state import Crew
from knowledge import ledger
from knowledge.database import Tx
from knowledge.database.schema import card, delivery, identity, timer, turn
from knowledge.store import cards, messages
from knowledge.words import Outbound

SHOWN = 400  # characters of the last words there


async def here(tx: Tx, crew: Crew, inbound: Inbound, now: int) -> Reply:
    """Bring waiting turns, open cards and reminders of the latest other conversation here; they are answered here."""
    if not inbound.private:
        return Reply("Others can read here. Ask me in a chat of our own.")
    there = await _latest_elsewhere(tx, inbound)
    if there is None:
        return Reply("We have talked nowhere else yet.")
    channel, conversation = there
    moved = {"channel": inbound.channel, "conversation": inbound.conversation}
    old = [(t.c.channel == channel) & (t.c.conversation == conversation) for t in (turn, card, timer)]
    await tx.execute(update(turn).where(old[0], turn.c.state == "waiting").values(**moved))
    brought = [c for c in await cards.open_cards(tx) if (c.channel, c.conversation) == there]
    await tx.execute(update(card).where(old[1], card.c.state == "open").values(**moved))
    armed = update(timer).where(old[2], timer.c.state == "armed", timer.c.kind == "reminder").values(**moved)
    reminders = (await tx.execute(armed)).rowcount
    await tx.execute(update(timer).where(old[2], timer.c.state == "armed").values(**moved))
    account = f"{inbound.channel}:{inbound.sender}"
    await ledger.append(tx, now, ledger.Entry("principal", "conversation.moved", account, channel))
    shown = [letter for letter in await messages.shown(tx, channel, conversation) if not letter.body.card]
    lines = [f"We go on here. From {channel} I brought {_count(len(brought), 'open approval')} and "
             f"{_count(reminders, 'reminder')}."]  # fmt: skip
    if shown:
        lines += ["Last I said there:", *(f"> {line}" for line in shown[0].body.text[:SHOWN].splitlines())]
    posts = [render_card(c, await cards.of_card(tx, c.id), crew.zone) for c in brought]
    return Reply(messages=[Outbound("\n".join(lines)), *posts])


async def _latest_elsewhere(tx: Tx, inbound: Inbound) -> tuple[str, str] | None:
    """Where the principal last wrote or pressed, but here."""
    mine = exists().where(
        identity.c.channel == delivery.c.channel,
        identity.c.external == delivery.c.sender,
        identity.c.standing == "principal",
    )
    place = (delivery.c.channel, delivery.c.conversation)
    here_ = and_(delivery.c.channel == inbound.channel, delivery.c.conversation == inbound.conversation)
    query = select(*place).where(or_(mine, delivery.c.channel == "console"), not_(here_))
    row = (await tx.execute(query.order_by(delivery.c.id.desc()).limit(1))).first()
    return (row.channel, row.conversation) if row else None


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
