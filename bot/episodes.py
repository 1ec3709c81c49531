"""Past turns as memory: what was asked for and what came of it, so that "when did I plan the lunch?" has an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from knowledge.database import Database
from knowledge.database.schema import turn
from knowledge.memory import Memory
from knowledge.store import settings as facts
from knowledge.store import turns

_CURSOR = "episodes:until"
_LEFT_OUT = frozenset({"ask", "around", "brief", "notes", "forget", "facts"})
"""Agents whose turns are not remembered: questions would find themselves, notes and facts are remembered as such, and
what was forgotten stays forgotten."""

AT_ONCE = 64


async def learn_turns(db: Database, memory: Memory, zone: ZoneInfo) -> int:
    """Remember turns that ended since the last time; how many. Costs one read when there are none."""
    async with db.read() as tx:
        until = int(await facts.get(tx, _CURSOR) or 0)
        query = select(turn.c.id, turn.c.ended_at).where(turn.c.state == "done", turn.c.ended_at > until)
        ended = (await tx.execute(query.order_by(turn.c.ended_at).limit(AT_ONCE))).all()
        records = {row.id: await turns.read_record(tx, row.id) for row in ended}
    learnt = 0
    for row in ended:
        text = episode(records[row.id] or {})
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


def episode(record: dict[str, Any]) -> str:
    """What a turn is remembered by: the words and the answer; empty for turns that are not worth it."""
    agents = {task["agent"] for task in record.get("tasks", [])}
    if not agents or agents <= _LEFT_OUT or not record.get("said"):
        return ""
    return f"You said: {record['said']}\nSteward: {record.get('answer', '')}"
