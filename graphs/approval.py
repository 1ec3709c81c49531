"""How a card looks: rendered by code from the rows alone, so that what is shown is what is done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.policy.sentences import UNUSUAL, sentences
from graphs.tools.wording import escaped, plain, quoted
from knowledge.ids import canonical
from knowledge.store.cards import Card, Proposal
from knowledge.words import Button, Outbound, Press

MARKS = {
    "open": "▫️",
    "approved": "✅",
    "rejected": "❌",
    "expired": "⌛",
    "denied": "⛔",
    "stopped": "⏹",
}
_ORDINARY = ("first-weeks", "effects-ask", "always-asks")
_BY = {"principal": "", "policy": " by policy", "expiry": " (nobody answered in time)", "system": " by Steward itself"}


def clock_of(at: int, zone: ZoneInfo) -> str:
    """`14:02`, or with the date when it is not today's: cards are read days later."""
    return datetime.fromtimestamp(at / 1000, zone).strftime("%a %d %b %H:%M")


def render_card(card: Card, proposals: Sequence[Proposal], zone: ZoneInfo) -> Outbound:
    """The card as a message: one block a proposal, its outcome when decided, buttons only for what is still open."""
    numbered = len(proposals) > 1
    blocks = [_block(p, zone, numbered=numbered) for p in proposals]
    open_ones = [p for p in proposals if p.state == "open"]
    head = f"**Approval {card.id[1:]}**" + (f" · {len(open_ones)} of {len(proposals)} open" if numbered else "")
    if open_ones:
        tail = f"_Nothing happens until you decide. Expires {clock_of(card.expires_at, zone)}._"
        if card.remind_at:
            tail = f"_Later: I ask again {clock_of(card.remind_at, zone)}._"
        blocks.append(tail)
    return Outbound(
        text="\n\n".join([head, *blocks]),
        buttons=_buttons(card, open_ones, numbered=numbered),
        card=card.id,
        card_version=card.revision,
    )


def _block(p: Proposal, zone: ZoneInfo, *, numbered: bool) -> str:
    lines = [f"{p.ordinal}. {p.rendering}" if numbered else p.rendering]
    if p.version > 1 and p.state == "open":
        lines.append(f"_Changed by you (version {p.version})._")
    lines += [f"> {line}" for line in evidence_lines(p.evidence)]
    if p.state == "open":
        lines += _not_yours(p)
        if because := because_of(p):
            lines.append(f"_I ask because: {because}_")
        lines.append(f"Undo: {p.undo}" if p.undo else "Cannot be undone.")
    else:
        when = f" {clock_of(p.decided_at, zone)}" if p.decided_at else ""
        lines.append(f"{MARKS.get(p.state, '')} {p.state.capitalize()}{when}{_BY.get(p.decided_by or '', '')}")
    return "\n".join(lines)


def _not_yours(p: Proposal) -> list[str]:
    """Each value of weight that the principal neither wrote nor named, under where it came from, as a quotation."""
    given = json.loads(p.arguments)
    found: dict[str, list[str]] = {}
    for name, label in p.labels.items():
        weighs = name and label.get("role", "content") != "benign" and not label.get("endorsed")
        if weighs and label.get("integrity") != "principal" and given.get(name) not in (None, "", [], {}):
            value = given[name] if isinstance(given[name], str) else canonical(given[name])
            found.setdefault(origin(label), []).append(f"{escaped(plain(name, 40))} {quoted(value, 120)}")
    return [f"> Not your words, but {where}: {'; '.join(values)}" for where, values in found.items()]


def origin(label: Mapping[str, Any]) -> str:
    """Where a value came from, in words."""
    sources = [escaped(plain(str(source), 60)) for source in label.get("sources", ())]
    more = f" and {len(sources) - 3} more" if len(sources) > 3 else ""
    named = f" from {', '.join(sources[:3])}{more}" if sources else ""
    return f"somebody else's,{named}" if label.get("integrity") == "untrusted" else f"made by me{named}"


def because_of(p: Proposal) -> str:
    """Why this asks, where it is more than the rule that effects ask: the sentences of the rules that spoke."""
    known, judged = sentences(), p.labels.get("", {})
    reasons = [r for r in judged.get("reasons", [p.rule]) if r not in _ORDINARY]
    said = [known.get(r, escaped(r)).rstrip(".") for r in reasons if r != "unusual"]
    said += [UNUSUAL.get(u, escaped(u)) for u in judged.get("unusual", ()) if "unusual" in reasons]
    return "; ".join(said)


def evidence_lines(evidence: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each piece of evidence: where from, and the words quoted."""
    lines = []
    for piece in evidence:
        place = f", {escaped(plain(str(piece['place']), 80))}" if piece.get("place") else ""
        words = f": {quoted(str(piece['quote']), 200)}" if str(piece.get("quote", "")).strip() else ""
        lines.append(f"{escaped(plain(str(piece['name']), 120))}{place}{words}")  # a file's name is foreign text too
    return lines


def _buttons(card: Card, open_ones: Sequence[Proposal], *, numbered: bool) -> tuple[tuple[Button, ...], ...]:
    if not open_ones:
        return ()

    def button(label: str, verb: Any, item: int, style: str = "") -> Button:
        return Button(label, Press(verb, card.id, card.version, item, card.nonce).encode(), style)

    if not numbered:
        return (
            (button("Approve", "approve", 0, "success"), button("Reject", "reject", 0, "danger")),
            (button("Edit", "edit", open_ones[0].ordinal), button("Later", "later", 0), button("Why?", "why", 0)),
        )
    rows: list[tuple[Button, ...]] = [
        (
            button(f"✓ {p.ordinal}", "approve", p.ordinal, "success"),
            button(f"✗ {p.ordinal}", "reject", p.ordinal, "danger"),
            button(f"✎ {p.ordinal}", "edit", p.ordinal),
        )
        for p in open_ones
    ]
    rows.append((button("Approve all", "approve", 0, "success"), button("Reject all", "reject", 0, "danger")))
    rows.append((button("Later", "later", 0), button("Why?", "why", 0)))
    return tuple(rows)
