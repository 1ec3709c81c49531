"""Past turns as memory: what was asked for and what came of it, so that "when did I plan the lunch?" has an answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from knowledge.database import Database
from knowledge.database.schema import turn
from knowledge.memory import Memory
from knowledge.store import cards, turns
from knowledge.store import settings as facts
from knowledge.store.cards import Proposal

_CURSOR = "episodes:until"
_LEFT_OUT = frozenset({"ask", "around", "brief", "notes", "forget", "facts"})
"""Agents whose turns are not remembered: notes and facts are remembered as such, what was forgotten stays forgotten."""

AT_ONCE = 64


async def learn_turns(db: Database, memory: Memory, zone: ZoneInfo) -> int:
    """Remember turns that ended since the last time; how many. Costs one read when there are none."""
    async with db.read() as tx:
        until = int(await facts.get(tx, _CURSOR) or 0)
        query = select(turn.c.id, turn.c.ended_at).where(turn.c.state == "done", turn.c.ended_at > until)
        ended = (await tx.execute(query.order_by(turn.c.ended_at).limit(AT_ONCE))).all()
        records = {row.id: await turns.read_record(tx, row.id) for row in ended}
        decided = {row.id: await cards.of_turn(tx, row.id) for row in ended}
    learnt = 0
    for row in ended:
        text = episode(records[row.id] or {}, decided[row.id])
        if text:
            at = datetime.fromtimestamp(row.ended_at / 1000, UTC).astimezone(zone)
            title = f"chat of {at:%a} {at.day} {at:%b %Y}"
            await memory.remember(
                source="turn", external_id=row.id, title=title, text=text, dated_at=row.ended_at, integrity="untrusted"
            )
            learnt += 1
    if ended:
        async with db.write() as tx:
            await facts.put(tx, _CURSOR, ended[-1].ended_at)
    return learnt


_DECIDED = {
    "approved": "You approved", "rejected": "You declined (rejected)", "expired": "Nobody decided", "denied": "Not allowed",
    "stopped": "Withdrawn",
}  # fmt: skip


def episode(record: dict[str, Any], decided: Sequence[Proposal] = ()) -> str:
    """What a turn is remembered by: the words, what was decided, the answer; empty for turns that are not worth it.

    One that proposed nothing was a question: it would be found by itself, and its old answer told as if it were true today.
    """
    agents = {task["agent"] for task in record.get("tasks", [])}
    if not decided or agents <= _LEFT_OUT or not record.get("said"):
        return ""
    lines = [f"You said: {record['said']}"]
    for p in decided:
        if p.decided_by == "principal" or p.state != "approved":
            what = " ".join(p.rendering.replace("*", "").split())[:300]
            lines.append(f"{_DECIDED.get(p.state, p.state)}: {what}")
    return "\n".join([*lines, f"Steward: {record.get('answer', '')}"])
