"""Strangers get no answer: the principal gets one card a day about each, and what an allowed one writes as an item."""

from __future__ import annotations

import json
from collections.abc import Callable

from channels.base import Inbound
from knowledge import ledger
from knowledge.database import Tx
from knowledge.ids import digest
from knowledge.store import alerts, inbox, people, settings
from knowledge.store.inbox import Stored
from knowledge.words import Button, Outbound, Press

DAY_MS = 24 * 3600 * 1000
SHOWN = 6000  # characters of somebody's words in an item
_LABELS = (("once", "Show it once"), ("allow", "Allow"), ("block", "Block"), ("ignore", "Ignore"))
_STANDING = {"allow": "allowed", "block": "blocked", "ignore": "ignored"}
_SAID = {
    "allow": "Allowed: what they write comes to you as an item. They get no answer that you have not approved.",
    "once": "Shown once. The next message asks again.",
    "block": "Blocked: you hear nothing of them any more.",
    "ignore": "Ignored: their messages are kept and not shown.",
}


async def hold(tx: Tx, stored: Stored, inbound: Inbound, standing: str, now: int) -> None:
    """What somebody else wrote: an item when they are allowed, one card when nobody has decided, else nothing."""
    if not inbound.private:
        return
    if standing == "allowed":
        await _show(tx, stored, inbound, now, answerable=True)
    elif standing == "stranger":
        who = _name(inbound)
        text = (
            f"👤 **Somebody you don't know wrote on {stored.channel}**: {who}\n"
            f"They got no answer. Their message is held ({len(inbound.text)} characters)."
        )
        buttons = tuple(Button(label, _press(verb, stored).encode()) for verb, label in _LABELS)
        key = f"stranger/{stored.channel}/{digest(stored.sender)[:16]}/{now // DAY_MS}"
        await alerts.tell(tx, key, Outbound(text, (buttons[:2], buttons[2:])), now)


async def decide(tx: Tx, press: Press, parse: Callable[[Stored], Inbound], decider: str, now: int) -> str:
    """The principal's decision about the sender of a held message; the sentence."""
    number = press.ref.removeprefix("s")
    held = await inbox.by_id(tx, int(number)) if number.isdecimal() else None
    if held is None or press.nonce != _nonce(held):
        return "I don't know this button any more."
    if press.verb in _STANDING:
        await people.set_standing(tx, held.channel, held.sender, _STANDING[press.verb], now)
    if press.verb in ("allow", "once"):
        await _show(tx, held, parse(held), now, answerable=press.verb == "allow")
    await ledger.append(tx, now, ledger.Entry("principal", f"stranger.{press.verb}", decider, held.turn))
    return _SAID[press.verb]


async def ask(tx: Tx, press: Press, inbound: Inbound, now: int, wait_ms: int) -> tuple[str, Outbound | None]:
    """What shall be answered? The principal's next message here is it, and becomes a proposal."""
    number = press.ref.removeprefix("s")
    held = await inbox.by_id(tx, int(number)) if number.isdecimal() else None
    kept = await settings.get(tx, people.item_key(press.ref), now)
    if held is None or press.nonce != _nonce(held) or kept is None:
        return "I don't know this button any more.", None
    await settings.put(tx, f"edit:{inbound.channel}:{inbound.conversation}", {"answer": press.ref}, now + wait_ms)
    asked = f"What shall I answer {kept['to']}? Write it; you see it once more before it goes, or /stop."
    return "Tell me the answer.", Outbound(asked, prompt=True)


async def _show(tx: Tx, stored: Stored, inbound: Inbound, now: int, *, answerable: bool) -> None:
    """The words as an item for the principal: quoted, data, never a turn. To who is allowed, an answer can be proposed."""
    words = inbound.text or inbound.note or inbound.kind
    quoted = "\n".join(f"> {line}" for line in words[:SHOWN].splitlines() or [""])
    cut = " (shortened)" if len(words) > SHOWN else ""
    number = f"s{stored.id}"
    buttons: tuple[tuple[Button, ...], ...] = ()
    text = f"✉️ **{_name(inbound)}** on {stored.channel}{cut}:\n{quoted}"
    if answerable:
        text += f"\n_Answer by the button, or `answer {number}: …`_"
        buttons = ((Button("Answer", _press("answer", stored).encode()),),)
        kept = {"person": stored.sender, "channel": stored.channel, "conversation": stored.conversation}
        kept |= {"to": _name(inbound)}
        await settings.put(tx, people.item_key(number), kept, now + people.ITEM_LIFE_MS)
    await alerts.tell(tx, f"item/{stored.id}", Outbound(text, buttons), now)


def _name(inbound: Inbound) -> str:
    """How they call themselves, without markup and on one line, and who they are to the platform."""
    plain = "".join(c for c in " ".join(inbound.sender_name.split()) if c.isalnum() or c in " .-'")[:40]
    return f"“{plain}” ({inbound.sender})" if plain else inbound.sender


def _press(verb: str, stored: Stored) -> Press:
    return Press(verb, f"s{stored.id}", nonce=_nonce(stored))  # type: ignore[arg-type]


def _nonce(stored: Stored) -> str:
    return digest(json.dumps([stored.channel, stored.sender, stored.received_at]))[:8]
