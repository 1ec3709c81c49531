"""Everything held about a subject, as plain data that its owner can read elsewhere."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from knowledge import erasing, forgetting
from knowledge.database.engine import Tx
from knowledge.database.schema import message, proposal, record
from knowledge.database.schema_memory import chunk, document, fact
from knowledge.needle import Needle


async def about(tx: Tx, subject: str, *, calendar: Path) -> dict[str, Any]:
    """Lists of documents (every version), facts (ended ones, too), talks, messages, decisions, reminders and events."""
    needle = Needle(subject)
    facts = [row.id for row in await erasing.facts_with(tx, needle)]
    records = await erasing.holders(
        tx, record, (record.c.turn, record.c.body, record.c.made_at), lambda r: needle.within_json(_text(r.body))
    )
    words = (message.c.id, message.c.channel, message.c.body, message.c.made_at)
    said = await erasing.holders(tx, message, words, lambda r: needle.within_json(r.body))
    columns = (proposal.c.id, proposal.c.tool, proposal.c.arguments, proposal.c.rendering, proposal.c.state,
               proposal.c.decided_by, proposal.c.decided_at)  # fmt: skip
    decided = await erasing.holders(
        tx, proposal, columns, lambda r: needle.within(r.rendering) or needle.within_json(r.arguments)
    )
    return {
        "subject": subject,
        "documents": [await _document(tx, found.id) for found in await forgetting.find(tx, subject)],
        "facts": [await _fact(tx, id) for id in facts],
        "talks": [
            {"turn": r.turn, "at": _at(r.made_at), **{k: json.loads(_text(r.body)).get(k, "") for k in ("said", "answer")}}
            for r in records
        ],
        "messages": [
            {"channel": r.channel, "at": _at(r.made_at), "text": json.loads(r.body).get("text", "")} for r in said
        ],
        "decisions": [
            {
                "proposal": r.id, "tool": r.tool, "arguments": json.loads(r.arguments), "shown": r.rendering,
                "state": r.state, "by": r.decided_by, "at": _at(r.decided_at),
            }
            for r in decided
        ],
        "reminders": [
            {"id": r.id, "state": r.state, **json.loads(r.payload)} for r in await erasing.reminders_with(tx, needle)
        ],
        "events": [{"uid": uid, "title": title} for uid, title in erasing.events_with(calendar, needle)],
    }  # fmt: skip


async def _document(tx: Tx, id: int) -> dict[str, Any]:
    head = (await tx.execute(select(document).where(document.c.id == id))).mappings().one()
    pieces = (
        select(chunk.c.text, chunk.c.place, chunk.c.speaker).where(chunk.c.document == id).order_by(chunk.c.ordinal)
    )
    return {
        "id": id, "source": head["source"], "name": head["external_id"], "title": head["title"], "state": head["state"],
        "dated": _at(head["dated_at"]), "taken_in": _at(head["made_at"]), "integrity": head["integrity"],
        "readers": json.loads(head["readers"]), "meta": json.loads(head["meta"]),
        "passages": [
            {"text": p.text, "place": p.place, **({"speaker": p.speaker} if p.speaker else {})}
            for p in await tx.execute(pieces)
        ],
    }  # fmt: skip


async def _fact(tx: Tx, id: str) -> dict[str, Any]:
    row = (await tx.execute(select(fact).where(fact.c.id == id))).mappings().one()
    times = ("valid_from", "valid_to", "recorded_at", "retracted_at", "expires_at")
    named = {name: row[name] for name in ("id", "subject", "predicate", "value", "state", "authority", "issuer")}
    return {**named, **{name: _at(row[name]) for name in times}, "evidence": json.loads(row["evidence"])}


def _text(body: bytes) -> str:
    return zlib.decompress(body).decode("utf-8", "replace")


def _at(ms: int | None) -> str | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
