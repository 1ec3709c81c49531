"""The last words of a turn: what the agents drafted, what the effects did, where it comes from, and how to undo it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphs.agent import Draft
from graphs.tools.base import Tool
from graphs.tools.wording import plain
from knowledge.ids import canonical, digest
from knowledge.store.cards import Proposal
from knowledge.store.effects import Effect, nonce_of
from knowledge.store.failures import Failure
from knowledge.words import Button, Evidence, Outbound, Press, Verb

CHOICE_LABEL = 60  # characters of a quick answer on its button

_MARKUP = re.compile(r"\*\*|\\(?=\W)")  # a label is plain text

NOT_UNDERSTOOD = "I did not understand that."


def pack(draft: Draft) -> str:
    """A draft as the content of its value row (without its wishes: those are proposals)."""
    return canonical(
        {
            "text": draft.text,
            "evidence": [_evidence(e) for e in draft.evidence],
            "buttons": [[[b.label, b.data, b.style] for b in row] for row in draft.buttons],
            "asks": draft.asks,
            "choices": list(draft.choices),
        }
    )


def unpack(content: str) -> Draft:
    body = json.loads(content)
    return Draft(
        text=body["text"],
        evidence=tuple(Evidence(**e) for e in body["evidence"]),
        buttons=tuple(tuple(Button(*b) for b in row) for row in body["buttons"]),
        asks=body["asks"],
        choices=tuple(body["choices"]),
    )


def _evidence(e: Evidence) -> dict[str, Any]:
    return {"name": e.name, "place": e.place, "quote": e.quote, "integrity": e.integrity, "value": e.value}


def compose(
    drafts: Sequence[Draft],
    proposals: Sequence[Proposal],
    effects: Sequence[Effect],
    tools: Mapping[str, Tool],
    *,
    note: str = "",
    suggestions: Sequence[str] = (),
    reply_to: str = "",
    turn: str = "",
    wrong: Sequence[Failure] = (),
) -> Outbound:
    """The answer. Failed and uncertain effects are told as such; nothing is claimed that has no receipt.

    `wrong` are the failures of those effects: their remedies are buttons of the answer, which so tells them once.
    """
    parts = [draft.text for draft in drafts if draft.text]
    parts += [_effect_line(effect, tools) for effect in effects]
    parts += _denied(proposals)
    if not effects and any(p.state in ("rejected", "expired", "stopped") for p in proposals):
        parts.append(_left(proposals))
    if not parts:
        parts.append(_nothing(suggestions, any(draft.choices for draft in drafts)))
    if sources := _sources(drafts):
        parts.append(sources)
    if note:
        parts.append(f"_{note}_")
    choices = [choice for draft in drafts for choice in draft.choices]
    buttons = [row for draft in drafts for row in draft.buttons] + _undo_rows(effects, tools)
    buttons += [(choice_button(turn, n, choice),) for n, choice in enumerate(choices, 1)]
    buttons += [remedy_buttons(failure, of=failure.what if len(wrong) > 1 else "") for failure in wrong]
    return Outbound("\n\n".join(parts), tuple(buttons), reply_to=reply_to)


def remedy_buttons(failure: Failure, *, of: str = "") -> tuple[Button, ...]:
    """What can be done now, and the wish to be asked again. `of` says which failure it is, where several are shown."""
    verbs: dict[str, Verb] = {"retry": "retry", "undo": "undo"}
    made = [Button(r.label, Press(verbs.get(r.verb, "dismiss"), f"f{failure.id}").encode()) for r in failure.remedies]
    made += [Button("Ask me later", Press("later", f"f{failure.id}").encode())] if made else []
    return tuple(replace(b, label=f"{b.label}: {of}"[:CHOICE_LABEL]) if of else b for b in made)


def choice_button(turn: str, number: int, choice: str) -> Button:
    """A quick answer: pressing it says `choice`. The nonce binds it to these very words."""
    label = choice if len(choice) <= CHOICE_LABEL else choice[: CHOICE_LABEL - 1] + "…"
    return Button(label, Press("choose", turn, item=number, nonce=digest([turn, choice])[:8]).encode())


def _effect_line(effect: Effect, tools: Mapping[str, Tool]) -> str:
    tool = tools.get(effect.tool)
    if effect.state == "done" and tool is not None and effect.receipt is not None:
        return tool.report(effect.arguments, effect.receipt)
    if effect.state == "uncertain":
        return (
            f"⚠️ I can't tell whether this happened: {effect.error or effect.tool}. I did not try again; see /failures."
        )
    if effect.state == "cancelled":
        return "⏹ Stopped before it began."
    return f"⚠️ Not done: {effect.error or effect.tool}"


def _denied(proposals: Sequence[Proposal]) -> list[str]:
    return [f"⛔ Not allowed ({p.rule}): {p.rendering}" for p in proposals if p.state == "denied"]


def _left(proposals: Sequence[Proposal]) -> str:
    if any(p.state == "expired" for p in proposals):
        return "Nobody answered in time, so nothing was done."
    if any(p.state == "stopped" for p in proposals):
        return "Stopped. Nothing was done."
    return "All right, I left it. Nothing was done."


def _nothing(suggestions: Sequence[str], has_offer: bool) -> str:
    if has_offer:
        also = f" Or did you mean something like `{suggestions[0]}`?" if suggestions else ""
        return f"{NOT_UNDERSTOOD} Shall I keep it as a note?{also} /help shows what I can do."
    if not suggestions:
        return (
            f"{NOT_UNDERSTOOD} Try `note: …`, `remind me …`, `lunch with Ada on Friday at 12:30`, a question, or /help."
        )
    offers = " or ".join(f"`{s}`" for s in suggestions)
    return f"{NOT_UNDERSTOOD} Did you mean something like {offers}? /help shows what I can do."


def _sources(drafts: Sequence[Draft]) -> str:
    seen: dict[str, None] = {}
    for draft in drafts:
        for e in draft.evidence:
            seen[f"{e.name}, {e.place}" if e.place else e.name] = None
    return "_Source: " + "; ".join(seen) + "_" if seen else ""


def _undo_rows(effects: Sequence[Effect], tools: Mapping[str, Tool]) -> list[tuple[Button, ...]]:
    rows: list[tuple[Button, ...]] = []
    done = [e for e in effects if e.state == "done" and not e.undoes]
    for effect in done:
        tool = tools.get(effect.tool)
        if tool is None or tool.undo is None or tool.undo(effect.arguments, effect.receipt or {}) is None:
            continue
        label = (
            "Undo" if len(done) == 1 else plain(_MARKUP.sub("", f"Undo: {tool.render(effect.arguments)}"), CHOICE_LABEL)
        )
        rows.append((Button(label, Press("undo", effect.id, nonce=nonce_of(effect)).encode()),))
    return rows
