"""Autonomy that is earned: the offer to stop asking, its one button back, and every evening what happened unasked."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import select

from bot.reply import Reply, headline
from graphs.holding import hold
from graphs.policy import standing
from graphs.state import Crew
from graphs.tools.base import Tool
from knowledge.database import Tx
from knowledge.database.schema import effect, proposal
from knowledge.store import alerts, cards, effects, settings
from knowledge.store.cards import Decider, Outcome, Proposal
from knowledge.store.people import Address
from knowledge.words import Button, Outbound, Press

AGAIN_MS = 30 * standing.DAY
"""An offer that was left alone is not made again before that."""

LISTED = 20
_TOLD = "unasked:told"


async def after(tx: Tx, crew: Crew, outcome: Outcome, now: int) -> None:
    """What follows a decision, in its commit: what is sent waits a little, and what was approved often may be offered."""
    card = outcome.card
    if outcome.kind != "decided" or card is None:
        return
    for key in outcome.effects:
        if (row := await effects.get(tx, key)) is not None:
            await hold(tx, crew, row, card.channel, card.conversation, now)
    for p in outcome.proposals:
        if p.state == "approved" and (body := await _offer(tx, crew, p, now)) is not None:
            await alerts.tell(tx, f"offer/{p.id}", body, now, instead=Address(card.channel, card.conversation))


async def _offer(tx: Tx, crew: Crew, p: Proposal, now: int) -> Outbound | None:
    tool = crew.tools.get(p.tool)
    if tool is None or tool.own:
        return None
    arguments = json.loads(p.arguments)
    known = await standing.history(tx, tool, arguments)
    local = crew.clock().astimezone(crew.zone)
    house = await standing.session(tx, tool, arguments, local, limits=crew.limits)
    key = f"offered:{tool.name}:{standing.target_of(tool, arguments)}"
    if not standing.may_offer(tool, known, house) or await settings.get(tx, key, now) is not None:
        return None
    await settings.put(tx, key, now, now + AGAIN_MS)
    text = (
        f"You approved this kind {known.approved_in_row} times in a row, unchanged: {headline(p)}\n"
        "Shall I stop asking for it, to the same place? What is not in your own words still asks, and every evening I list "
        "what I did unasked."
    )
    return Outbound(text, ((_button("Stop asking", "grant", p), _button("Go on asking", "dismiss", p)),))


def _button(label: str, verb: str, p: Proposal) -> Button:
    return Button(label, Press(verb, p.id, nonce=p.hash[:8]).encode())  # type: ignore[arg-type]


async def decide(tx: Tx, crew: Crew, press: Press, decider: Decider, now: int) -> Reply:
    """Stop asking, go on asking, or ask again about what a proposal is an example of."""
    p = await cards.get_proposal(tx, press.ref)
    tool = crew.tools.get(p.tool) if p is not None else None
    if p is None or tool is None or press.nonce != p.hash[:8]:
        return Reply("I don't know this button any more.")
    arguments = json.loads(p.arguments)
    if press.verb == "dismiss":
        return Reply("I go on asking.")
    if press.verb == "take_back":
        was = await standing.take_back(tx, tool, arguments, decider, now)
        return Reply("I ask again, from the next one on." if was else "I am asking about this already.")
    local = crew.clock().astimezone(crew.zone)
    known = await standing.history(tx, tool, arguments)
    if not standing.may_offer(tool, known, await standing.session(tx, tool, arguments, local, limits=crew.limits)):
        return Reply("That can't be granted: too much has changed since I offered it. I go on asking.")
    if not await standing.grant(tx, tool, arguments, decider, now):
        return Reply("That can't be granted. I go on asking.")
    back = Outbound(f"I don't ask any more for this: {headline(p)}", ((_button("Ask again", "take_back", p),),))
    return Reply("I'll stop asking.", [back])


async def evening(tx: Tx, crew: Crew, now: int) -> None:
    """What happened on the outside unasked since it was last told, with the button that takes a grant back."""
    since: int = await settings.get(tx, _TOLD) or now - standing.DAY
    silent = [p for p in await _silent(tx, since) if _outside(crew.tools.get(p.tool))]
    if not silent:
        return
    lines = [f"**Done unasked today: {len(silent)}**"]
    lines += [f"- {headline(p)} (rule `{p.rule}`)" for p in silent[:LISTED]]
    lines += (
        [f"- and {len(silent) - LISTED} more; `steward audit show` has all of them"] if len(silent) > LISTED else []
    )
    granted = {standing.target_of(crew.tools[p.tool], json.loads(p.arguments)): p for p in silent if p.rule == "earned"}
    rows = tuple((_button(f"Ask again: {headline(p)}"[:40], "take_back", p),) for p in list(granted.values())[:5])
    if await alerts.tell(tx, f"unasked/{now}", Outbound("\n".join(lines), rows), now) is not None:
        await settings.put(tx, _TOLD, now)


def _outside(tool: Tool | None) -> bool:
    return tool is not None and not tool.own and tool.effect not in ("read", "draft")


async def _silent(tx: Tx, since: int) -> Sequence[Proposal]:
    """Effects that policy let go by itself and that were carried out, oldest first."""
    query = (
        select(proposal.c.id)
        .join(effect, effect.c.proposal == proposal.c.id)
        .where(proposal.c.decided_by == "policy", effect.c.state == "done", effect.c.done_at > since)
        .order_by(effect.c.done_at)
    )
    found = [await cards.get_proposal(tx, row.id) for row in await tx.execute(query)]
    return [p for p in found if p is not None]
