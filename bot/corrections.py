"""A message that was edited while its turn waits for a decision: it is offered to be done anew, never done by itself."""

from __future__ import annotations

from collections.abc import Callable

from bot.chosen import choice_delivery
from bot.outbox import update_copies
from channels.base import Inbound
from graphs.state import Crew
from knowledge.database import Tx
from knowledge.ids import digest
from knowledge.store import cards, inbox, messages, turns
from knowledge.store.cards import Card, Decider
from knowledge.store.inbox import Stored
from knowledge.words import Button, Outbound, Press


async def offer(tx: Tx, stored: Stored, edited: Inbound, now: int) -> bool:
    """Ask whether to redo the turn of the edited message; False when it does not wait or says the same."""
    found = await _waiting(tx, edited)
    if found is None or not edited.text.strip():
        return False
    card, said = found
    if said.strip() == edited.text.strip():
        return False
    text = (
        f"You changed your message while approval {card.id[1:]} waits. Shall I take that card back and do what it "
        "says now? If not, just leave it: the card stays."
    )
    button = Button("Do it anew", Press("run", f"d{stored.id}", nonce=_nonce(stored)).encode(), "primary")
    body = Outbound(text, ((button,),), reply_to="" if edited.private else edited.message_ref)
    await messages.enqueue(tx, f"edited/{stored.id}", edited.channel, edited.conversation, body, now)
    return True


async def redo(tx: Tx, crew: Crew, press: Press, parse: Callable[[Stored], Inbound], decider: Decider, now: int) -> str:
    """Take the old card back and let the new words be the principal's next message; once."""
    number = press.ref.removeprefix("d")
    stored = await inbox.by_id(tx, int(number)) if number.isdecimal() else None
    if stored is None or press.nonce != _nonce(stored):
        return "I don't know this button any more."
    edited = parse(stored)
    found = await _waiting(tx, edited)
    if found is None:
        return "That was settled meanwhile; send it as a new message."
    card, _ = found
    await cards.decide(tx, card.id, 0, 0, "stopped", decider, now)
    await update_copies(tx, crew, card.id, now)
    raw = choice_delivery(edited.text, edited.sent_at)
    await inbox.add(
        tx, channel=stored.channel, account=stored.account, key=f"redo:{stored.id}", conversation=stored.conversation,
        sender=stored.sender, lane="turn", raw=raw, now=now,
    )  # fmt: skip
    return "Taken back; I do it anew."


async def _waiting(tx: Tx, edited: Inbound) -> tuple[Card, str] | None:
    """The open card of the turn that the message began, and what the message said then."""
    began = await turns.began_by(tx, f"{edited.channel}:{edited.message_ref}")
    if began is None:
        return None
    turn, said = began
    return next(((card, said) for card in await cards.open_cards(tx) if card.turn == turn), None)


def _nonce(stored: Stored) -> str:
    return digest([stored.channel, stored.sender, stored.received_at])[:8]
