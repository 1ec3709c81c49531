"""Sentences for what came of a press or a decision. One place, so that every channel says the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from graphs.approval import clock_of
from knowledge.store.cards import Outcome, Proposal
from knowledge.words import Outbound


@dataclass(slots=True)
class Reply:
    """What is said to a control delivery. `hand_over`: it was no decision, make it an ordinary message."""

    text: str = ""
    messages: list[Outbound] = field(default_factory=list)
    hand_over: bool = False


DONE_WORDS = frozenset({"Approved.", "Rejected.", "Approved, all of it.", "Rejected, all of it."})
"""Said as a short notice only: the card itself shows the outcome."""


STOPPED = (
    "🛑 Everything is stopped: nothing is decided or done until you lift it, with `/panic lift` at the console or in "
    "another linked chat than the one that stopped it."
)


def headline(p: Proposal) -> str:
    """The first line of a proposal's rendering, without markup, to name it in a sentence."""
    first = p.rendering.splitlines()[0] if p.rendering else p.tool
    return first.replace("**", "").replace("`", "")[:90]


def outcome_sentence(outcome: Outcome, zone: ZoneInfo) -> str:
    """The sentence for an outcome; it never says done before a receipt is there."""
    if outcome.kind == "decided":
        word = "Approved" if outcome.proposals and outcome.proposals[0].state == "approved" else "Rejected"
        return f"{word}, all of it." if len(outcome.proposals) > 1 else f"{word}."
    if outcome.kind == "panic":
        return STOPPED
    if outcome.kind == "unknown":
        return "I don't know this card any more; nothing was done."
    if outcome.kind == "superseded":
        return "This version was changed since (superseded): use the newer card. Nothing was done."
    if outcome.kind == "tampered":
        return "Nothing was done: what is stored is not what was on the card. Reject it and tell me anew."
    if outcome.kind == "expired":
        return "This card has expired; nothing was done. Ask me again if you still want it."
    decided = outcome.proposals[0] if outcome.proposals else None
    if decided is None or decided.decided_at is None:
        return "Already decided; nothing more was done."
    where = f" on {decided.decided_on.split(':')[0]}" if decided.decided_on else ""
    return f"Already {decided.state} at {clock_of(decided.decided_at, zone)}{where}; nothing more was done."
