"""What holds an effect to its decision, looked at once more when it is about to run.

Rows can be changed between a press and the run: by a bug, a restored copy, a hand on the file. So the very values that a
worker holds are compared with the proposal that was decided, with the version that was shown, and with the ledger.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ScalarSelect, select

from knowledge.database import Tx
from knowledge.database.schema import card, ledger, proposal, proposal_version
from knowledge.ids import canonical, digest
from knowledge.store import panic, people
from knowledge.store.effects import Effect


def approval_hash(step: str, tool: str, arguments: str, rendering: str) -> str:
    """What an approval binds to: the place in the plan (`step`, the proposal's id), the tool's name, the canonical
    arguments, and the words in which the card says so."""
    return digest([step, tool, arguments, rendering])


async def broken_bond(tx: Tx, effect: Effect) -> str:
    """Why this effect is not the one that was decided, in one word for the ledger; empty when it is.

    An undo is bound to the order for it; whether its call is the right one only its tool can say.
    """
    if await panic.stops(tx, effect.made_at):
        return "stopped"
    if effect.undoes is not None:
        ordered, done = _told("effect.undo", effect.undoes), _told("effect.done", effect.id)
        undo = (await tx.execute(select(ordered.label("ordered"), done.label("done")))).one()
        if undo.done is not None or effect.receipt is not None:
            return "replay"
        return "" if undo.ordered is not None else "undecided"
    told = (_told(what, effect.id).label(name) for what, name in _RECORDS.items())
    row = (await tx.execute(_DECISION.add_columns(*told).where(proposal.c.id == effect.proposal))).first()
    if row is None:
        return "undecided"
    if (effect.id, effect.turn) != (row.id, row.turn):
        return "step"
    if row.done is not None or effect.receipt is not None:
        return "replay"
    return _bytes_differ(effect, row) or await _undecided(tx, row)


_RECORDS = {"effect.done": "done", "proposal.allow": "allowed", "proposal.approved": "approved"}


def _told(what: str, ref: str) -> ScalarSelect[str]:
    """What the ledger says beside this record; null when there is none."""
    return select(ledger.c.why).where(ledger.c.ref == ref, ledger.c.what == what).limit(1).scalar_subquery()


_DECISION = (
    select(proposal, card.c.expires_at, proposal_version.c.hash.label("shown"))
    .outerjoin(card, card.c.id == proposal.c.card)
    .outerjoin(
        proposal_version,
        (proposal_version.c.proposal == proposal.c.id) & (proposal_version.c.version == proposal.c.version),
    )
)


def _bytes_differ(effect: Effect, row: Any) -> str:
    if effect.tool != row.tool:
        return "tool"
    if canonical(dict(effect.arguments)) != row.arguments:
        return "arguments"
    fits = approval_hash(row.id, row.tool, row.arguments, row.rendering)
    return "" if fits == row.hash == row.shown else "hash"


async def _undecided(tx: Tx, row: Any) -> str:
    """A decision counts when its row and the ledger say the same, it came in time, and its account is still linked."""
    if row.state != "approved":
        return "undecided"
    if row.decided_by == "policy":
        return "" if row.verdict == "allow" and row.allowed is not None else "undecided"
    if row.decided_by != "principal" or row.approved is None or row.approved != row.decided_on:
        return "undecided"
    if row.expires_at is None or row.decided_at is None or row.decided_at >= row.expires_at:
        return "expired"
    channel, _, sender = str(row.decided_on).partition(":")
    if channel != "console" and await people.standing(tx, channel, sender) != "principal":
        return "account"
    return ""
