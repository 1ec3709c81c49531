"""Approval cards and their proposals: one decision each, taken in SQL together with the outbox row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from knowledge import ledger
from knowledge.database import Tx
from knowledge.database.schema import card, card_copy, proposal, proposal_version
from knowledge.ids import canonical
from knowledge.store import effects, escalation, panic, timers
from knowledge.store.binding import approval_hash

CardState = Literal["open", "decided", "expired"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """An effect that an agent wants, as stored. `arguments` is canonical JSON: the exact bytes an approval binds to."""

    id: str
    turn: str
    card: str | None
    ordinal: int
    version: int
    agent: str
    tool: str
    arguments: str
    hash: str
    rendering: str
    labels: Mapping[str, Any]
    evidence: Sequence[Mapping[str, Any]]
    undo: str | None
    verdict: str
    rule: str
    state: str
    decided_by: str | None
    decided_on: str | None
    decided_at: int | None
    made_at: int
    question: Mapping[str, Any] = field(default_factory=dict)
    """What policy was asked, as it saw it; kept with each version (`question_of`), not read back with the row."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card row. `version` changes with what is asked, `revision` with what is shown. Times in ms."""

    id: str
    turn: str
    nonce: str
    version: int
    revision: int
    state: str
    channel: str
    conversation: str
    made_at: int
    expires_at: int
    remind_at: int | None


@dataclass(frozen=True, slots=True)
class Copy:
    """A posted copy of a card: the platform's message id in a conversation."""

    channel: str
    conversation: str
    ref: str
    revision: int


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides (principal, policy, expiry, system) and where (`channel:sender`)."""

    by: str
    on: str


OutcomeKind = Literal["decided", "already", "superseded", "expired", "unknown", "tampered", "panic"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a press. `effects` are the keys put into the outbox, `finished` says the whole card is decided."""

    kind: OutcomeKind
    card: Card | None = None
    proposals: tuple[Proposal, ...] = ()
    effects: tuple[str, ...] = ()
    finished: bool = False


def _proposal(row: Any) -> Proposal:
    return Proposal(
        row.id, row.turn, row.card, row.ordinal, row.version, row.agent, row.tool, row.arguments, row.hash, row.rendering,
        json.loads(row.labels), json.loads(row.evidence), row.undo, row.verdict, row.rule, row.state, row.decided_by,
        row.decided_on, row.decided_at, row.made_at,
    )  # fmt: skip


def _card(row: Any) -> Card:
    return Card(
        row.id, row.turn, row.nonce, row.version, row.revision, row.state, row.channel, row.conversation, row.made_at,
        row.expires_at, row.remind_at,
    )  # fmt: skip


async def keep_proposals(tx: Tx, proposals: Sequence[Proposal]) -> None:
    """Store a turn's proposals; those already there (the node ran before) stay as they were."""
    for p in proposals:
        row = {
            "id": p.id, "turn": p.turn, "card": p.card, "ordinal": p.ordinal, "version": p.version, "agent": p.agent,
            "tool": p.tool, "arguments": p.arguments, "hash": p.hash, "rendering": p.rendering,
            "labels": canonical(p.labels), "evidence": canonical(list(p.evidence)), "undo": p.undo, "verdict": p.verdict,
            "rule": p.rule, "state": p.state, "decided_by": p.decided_by, "decided_on": p.decided_on,
            "decided_at": p.decided_at, "made_at": p.made_at,
        }  # fmt: skip
        fresh = (await tx.execute(insert(proposal).values(**row).on_conflict_do_nothing())).rowcount == 1
        if fresh:
            asked = canonical(p.question)
            await _keep_version(tx, p.id, p.version, p.arguments, p.hash, p.rendering, asked, p.made_at)
            made = ledger.Entry(f"agent:{p.agent}", "proposal.made", p.tool, p.id, p.arguments)
            judged = ledger.Entry("policy", f"proposal.{p.verdict}", p.rule, p.id, asked)
            await ledger.append(tx, p.made_at, made, judged)


async def _keep_version(
    tx: Tx, pid: str, version: int, arguments: str, hash_: str, rendering: str, question: str, now: int
) -> None:
    row = {
        "proposal": pid,
        "version": version,
        "arguments": arguments,
        "hash": hash_,
        "rendering": rendering,
        "question": question,
        "made_at": now,
    }
    await tx.execute(insert(proposal_version).values(**row).on_conflict_do_nothing())


async def question_of(tx: Tx, proposal_id: str, version: int) -> str:
    """What policy was asked about this version of a proposal (canonical JSON), "" when it is not known."""
    where = (proposal_version.c.proposal == proposal_id, proposal_version.c.version == version)
    return str((await tx.execute(select(proposal_version.c.question).where(*where))).scalar_one_or_none() or "")


async def open_card(tx: Tx, new: Card) -> bool:
    """Open a card and arm its expiry; False when it exists already."""
    row = {
        "id": new.id, "turn": new.turn, "nonce": new.nonce, "version": 1, "revision": 1, "state": "open",
        "channel": new.channel, "conversation": new.conversation, "made_at": new.made_at, "expires_at": new.expires_at,
    }  # fmt: skip
    fresh = (await tx.execute(insert(card).values(**row).on_conflict_do_nothing())).rowcount == 1
    if fresh:
        payload = {"card": new.id}
        await timers.arm(
            tx, f"expiry-{new.id}", "card_expiry", new.channel, new.conversation, payload, new.expires_at, new.made_at
        )
        before_ms = int((await escalation.rules_of(tx)).expiring_h * 3600 * 1000)
        if before_ms and (alert := new.expires_at - before_ms) > new.made_at:
            where = (new.channel, new.conversation)
            await timers.arm(tx, f"expiring-{new.id}", "card_expiring", *where, payload, alert, new.made_at)
        await ledger.append(tx, new.made_at, ledger.Entry("policy", "card.opened", "", new.id))
    return fresh


async def get(tx: Tx, card_id: str) -> Card | None:
    row = (await tx.execute(_BY_ID, {"card_id": card_id})).first()
    return _card(row) if row else None


_BY_ID = select(card).where(card.c.id == bindparam("card_id"))
_OPEN_CARDS = select(card).where(card.c.state == "open").order_by(card.c.made_at)
_OF_TURN = select(proposal).where(proposal.c.turn == bindparam("turn")).order_by(proposal.c.ordinal)


async def open_cards(tx: Tx) -> list[Card]:
    """Cards that wait for the principal, oldest first."""
    return [_card(row) for row in await tx.execute(_OPEN_CARDS)]


async def of_card(tx: Tx, card_id: str) -> list[Proposal]:
    rows = await tx.execute(select(proposal).where(proposal.c.card == card_id).order_by(proposal.c.ordinal))
    return [_proposal(row) for row in rows]


async def of_turn(tx: Tx, turn: str) -> list[Proposal]:
    rows = await tx.execute(_OF_TURN, {"turn": turn})
    return [_proposal(row) for row in rows]


async def get_proposal(tx: Tx, proposal_id: str) -> Proposal | None:
    row = (await tx.execute(select(proposal).where(proposal.c.id == proposal_id))).first()
    return _proposal(row) if row else None


async def cards_of_turns(tx: Tx, turns: Sequence[str]) -> dict[str, str]:
    """turn → state of its card, for those that have one."""
    rows = await tx.execute(select(card.c.turn, card.c.state).where(card.c.turn.in_(list(turns))))
    return {row.turn: row.state for row in rows}


async def decide(
    tx: Tx, card_id: str, version: int, item: int, verdict: Literal["approved", "rejected", "expired", "stopped"],
    decider: Decider, now: int, *, nonce: str | None = None,
) -> Outcome:  # fmt: skip
    """Decide proposal `item` of the card (0: all that are open), once and for all, with the outbox rows in the same commit.

    `version` is the card's as it was shown (0: whatever it is now); `nonce` the button's, None for typed words.
    What comes to nothing leaves a record too.
    """
    outcome = await _decide(tx, card_id, version, item, verdict, decider, now, nonce)
    if outcome.kind != "decided":
        await refuse(tx, outcome, decider, now)
    return outcome


async def refuse(tx: Tx, outcome: Outcome, decider: Decider, now: int) -> None:
    """The record of a press or a word that came to nothing."""
    ref = outcome.card.id if outcome.card else "card"
    await ledger.append(tx, now, ledger.Entry(decider.by, f"press.{outcome.kind}", decider.on, ref))


async def _decide(
    tx: Tx, card_id: str, version: int, item: int, verdict: Literal["approved", "rejected", "expired", "stopped"],
    decider: Decider, now: int, nonce: str | None,
) -> Outcome:  # fmt: skip
    found = await get(tx, card_id)
    if found is None or (nonce is not None and nonce != found.nonce):
        return Outcome("unknown")
    every = await of_card(tx, card_id)
    chosen = tuple(p for p in every if item in (0, p.ordinal))
    if not chosen:
        return Outcome("unknown", found)
    if decider.by == "principal" and await panic.standing(tx) is not None:
        return Outcome("panic", found, chosen)
    if version and version != found.version:
        return Outcome("superseded", found, chosen)
    if found.state == "expired" or (verdict in ("approved", "rejected") and now >= found.expires_at):
        return Outcome("expired", found, chosen)
    if verdict == "approved" and any(not _as_shown(p) for p in chosen):
        return Outcome("tampered", found, chosen)
    won = [p for p in chosen if p.state == "open" and await _win(tx, p, verdict, decider, now)]
    if not won:
        return Outcome("already", found, chosen)
    keys = []
    for p in won:
        await ledger.append(tx, now, ledger.Entry(decider.by, f"proposal.{verdict}", decider.on, p.id, p.arguments))
        if verdict == "approved":
            await effects.add(tx, p.id, p.tool, p.arguments, now, turn=p.turn, proposal=p.id)
            keys.append(p.id)
    finished = await _settle(tx, found, "expired" if verdict == "expired" else "decided", decider, now)
    fresh = await get(tx, card_id)
    ids = {p.id for p in won}
    return Outcome("decided", fresh, tuple(p for p in await of_card(tx, card_id) if p.id in ids), tuple(keys), finished)


def _as_shown(p: Proposal) -> bool:
    """Whether the row still is what its card showed."""
    return approval_hash(p.id, p.tool, p.arguments, p.rendering) == p.hash


async def _win(tx: Tx, p: Proposal, verdict: str, decider: Decider, now: int) -> bool:
    """The compare-and-set: only one decision of an open proposal in this very version can succeed."""
    where = (
        proposal.c.id == p.id,
        proposal.c.version == p.version,
        proposal.c.hash == p.hash,
        proposal.c.state == "open",
    )
    values = {"state": verdict, "decided_by": decider.by, "decided_on": decider.on, "decided_at": now}
    return (await tx.execute(update(proposal).where(*where).values(**values))).rowcount == 1


async def _settle(tx: Tx, found: Card, state: CardState, decider: Decider, now: int) -> bool:
    """Raise the revision; close the card when nothing on it is open any more."""
    left = select(func.count()).select_from(proposal).where(proposal.c.card == found.id, proposal.c.state == "open")
    finished = (await tx.execute(left)).scalar_one() == 0
    values: dict[str, Any] = {"revision": card.c.revision + 1}
    if finished:
        values["state"] = state
        await timers.end(tx, f"expiry-{found.id}", "cancelled")
        await timers.end(tx, f"expiring-{found.id}", "cancelled")
        await ledger.append(tx, now, ledger.Entry(decider.by, f"card.{state}", decider.on, found.id))
    await tx.execute(update(card).where(card.c.id == found.id).values(**values))
    return finished


async def revise(
    tx: Tx,
    old: Proposal,
    arguments: str,
    rendering: str,
    undo: str | None,
    verdict: str,
    rule: str,
    decider: Decider,
    now: int,
    *,
    question: Mapping[str, Any],
) -> bool:
    """A new version of an open proposal, judged anew; the buttons of the old one are dead. False when it is not open."""
    hash_ = approval_hash(old.id, old.tool, arguments, rendering)
    where = (proposal.c.id == old.id, proposal.c.version == old.version, proposal.c.state == "open")
    values = {
        "version": old.version + 1, "arguments": arguments, "hash": hash_, "rendering": rendering, "undo": undo,
        "verdict": verdict, "rule": rule,
    }  # fmt: skip
    if (await tx.execute(update(proposal).where(*where).values(**values))).rowcount != 1:
        return False
    asked = canonical(question)
    await _keep_version(tx, old.id, old.version + 1, arguments, hash_, rendering, asked, now)
    await tx.execute(
        update(card).where(card.c.id == old.card).values(version=card.c.version + 1, revision=card.c.revision + 1)
    )
    edited = ledger.Entry(decider.by, "proposal.edited", decider.on, old.id, arguments)
    await ledger.append(tx, now, edited, ledger.Entry("policy", f"proposal.{verdict}", rule, old.id, asked))
    return True


async def remind(tx: Tx, found: Card, at: int, decider: Decider, now: int) -> None:
    """Later: the card stays open and comes back at `at` (ms)."""
    await tx.execute(update(card).where(card.c.id == found.id).values(remind_at=at, revision=card.c.revision + 1))
    await timers.arm(
        tx, f"later-{found.id}-{at}", "card_later", found.channel, found.conversation, {"card": found.id}, at, now
    )
    await ledger.append(tx, now, ledger.Entry(decider.by, "card.later", decider.on, found.id))


async def keep_copy(tx: Tx, card_id: str, channel: str, conversation: str, ref: str, revision: int) -> None:
    statement = insert(card_copy).values(
        card=card_id, channel=channel, conversation=conversation, ref=ref, revision=revision
    )
    key = ["card", "channel", "conversation", "ref"]
    await tx.execute(statement.on_conflict_do_update(index_elements=key, set_={"revision": revision}))


async def copies(tx: Tx, card_id: str) -> list[Copy]:
    rows = await tx.execute(select(card_copy).where(card_copy.c.card == card_id))
    return [Copy(row.channel, row.conversation, row.ref, row.revision) for row in rows]


async def shown_in(tx: Tx, channel: str, conversation: str, ref: str) -> tuple[Card, Copy] | None:
    """The card shown in a platform message, and in which state that copy shows it.

    A reaction or a reply may name the place of a thread (`D42`, `D42:5.0`, `C1/U42`): the same place without it counts.
    """
    where = (card_copy.c.channel == channel, card_copy.c.ref == ref)
    for row in await tx.execute(select(card_copy).where(*where)):
        found = await get(tx, row.card)
        if found and _place(row.conversation) == _place(conversation):
            return found, Copy(row.channel, row.conversation, row.ref, row.revision)
    return None


def _place(conversation: str) -> str:
    """A conversation without the thread or the pair of eyes in it."""
    head, _, rest = conversation.partition("/")[0].rpartition(":")
    return head if head and rest.replace(".", "").isdecimal() else conversation.partition("/")[0]


async def versions(tx: Tx, proposal_id: str) -> list[tuple[int, str, str]]:
    """(version, arguments, rendering) of everything ever shown for this proposal."""
    query = (
        select(proposal_version).where(proposal_version.c.proposal == proposal_id).order_by(proposal_version.c.version)
    )
    return [(row.version, row.arguments, row.rendering) for row in await tx.execute(query)]
