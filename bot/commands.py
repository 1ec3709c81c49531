"""House commands and which lane a delivery takes. Slim: the receiver decides with it."""

from __future__ import annotations

from typing import Protocol

from channels.base import Delivery, Lane
from graphs.decisions import read_decision

COMMANDS: dict[str, str] = {
    "help": "what I can do",
    "status": "what is going on",
    "new": "start a new conversation",
    "continue": "go on here with what we began in another chat",
    "stop": "stop what is running here",
    "approve": "approve a card: /approve 12",
    "reject": "reject a card: /reject 12",
    "undo": "take back the last thing done, or /undo ID",
    "why": "why the last answer, or /why 12",
    "audit": "what vouches for the ledger; /audit anchor",
    "agents": "who works for you",
    "tiles": "your most used agents as keys below",
    "failures": "what went wrong and what can be done",
    "pause": "pause an agent: /pause calendar",
    "resume": "let a paused agent work again",
    "panic": "stop everything at once; /panic lift ends it",
    "whoami": "who I think you are",
    "link": "link another chat: /link telegram",
}
"""House commands and their line in the menu. With the agents' own they stay under 25."""


class Rows(Protocol):
    """What the lane depends on (`knowledge.store.intake.Intake`); asked only when the answer matters."""

    def expects_reply(self, channel: str, conversation: str, now: int) -> bool: ...
    def has_open_card(self) -> bool: ...
    def offers_buttons(self, channel: str, conversation: str) -> bool: ...


def lane_of(delivery: Delivery, rows: Rows, now: int) -> Lane:
    """Presses, house commands and what may be a decision take the control lane at `now` (ms); the rest are turns."""
    if delivery.lane == "control":
        return "control"
    hint = delivery.hint.strip()
    if hint.startswith("/"):
        command = hint[1:].split(maxsplit=1)[0].partition("@")[0].lower() if len(hint) > 1 else ""
        return "control" if command in COMMANDS else "turn"
    if hint and rows.expects_reply(delivery.channel, delivery.conversation, now):
        return "control"
    if hint and read_decision(hint) is not None and rows.has_open_card():
        return "control"
    if hint and delivery.numbered and rows.offers_buttons(delivery.channel, delivery.conversation):
        return "control"
    return "turn"
