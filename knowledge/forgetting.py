"""Forgetting for good: one transaction takes the rows, then every file is written anew, and only then comes the receipt."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Text as SqlText
from sqlalchemy import cast, delete, func, insert, or_, select, update

from knowledge.database.engine import Database, Tx
from knowledge.database.schema import delivery, message, record, value
from knowledge.database.schema_memory import chunk, document, erasure, index_removal
from knowledge.facts import store as facts
from knowledge.ids import canonical

_FORGOTTEN = canonical({"text": "(forgotten)"})
_ROUNDS = 20  # tries to empty the write-ahead log while others read


@dataclass(frozen=True, slots=True)
class Found:
    """A document that would go, as shown before anything is done."""

    id: int
    source: str
    external_id: str
    title: str
    state: str
    chunks: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What went, without the content. `complete` once every store has confirmed."""

    id: str
    documents: int
    chunks: int
    facts: int
    others: int
    complete: bool


async def find(tx: Tx, words: str) -> list[Found]:
    """Documents, superseded versions too, whose text or title contains the words as they are, whatever their case."""
    needle = words.strip()
    if not needle:
        return []
    inside = select(chunk.c.document).where(chunk.c.text.icontains(needle, autoescape=True))
    statement = (
        select(
            document.c.id, document.c.source, document.c.external_id, document.c.title, document.c.state,
            func.count(chunk.c.id),
        )
        .outerjoin(chunk, chunk.c.document == document.c.id)
        .where(or_(document.c.id.in_(inside), document.c.title.icontains(needle, autoescape=True)))
        .group_by(document.c.id)
        .order_by(document.c.id)
    )  # fmt: skip
    return [Found(*row) for row in await tx.execute(statement)]


async def begin(tx: Tx, documents: Sequence[int], words: str, *, now: int, id: str) -> Receipt:
    """Take the rows: documents, chunks, what was derived from them alone, and whatever else holds the words.

    All in the caller's transaction, together with the intent that makes `finish` go on after a crash.
    """
    ids = list(documents)
    chunks = list((await tx.execute(select(chunk.c.id).where(chunk.c.document.in_(ids)))).scalars())
    gone = await facts.forget_documents(tx, ids)
    await tx.execute(delete(index_removal).where(index_removal.c.chunk.in_(chunks)))
    if chunks:
        await tx.execute(insert(index_removal), [{"chunk": c} for c in chunks])
    await tx.execute(delete(chunk).where(chunk.c.document.in_(ids)))
    await tx.execute(delete(document).where(document.c.id.in_(ids)))
    others = await _elsewhere(tx, words.strip()) if words.strip() else 0
    await tx.execute(
        insert(erasure).values(
            id=id,
            words=None,
            documents=len(ids),
            chunks=len(chunks),
            facts=gone,
            others=others,
            asked_at=now,
            rows_at=now,
        )
    )
    return Receipt(id, len(ids), len(chunks), gone, others, complete=False)


async def receipt(tx: Tx, id: str) -> Receipt | None:
    """The erasure begun under `id`, None when there is none."""
    row = (await tx.execute(select(erasure).where(erasure.c.id == id))).mappings().first()
    if row is None:
        return None
    complete = row["files_at"] is not None
    return Receipt(row["id"], row["documents"], row["chunks"], row["facts"], row["others"], complete=complete)


async def finish(db: Database, rebuild: Callable[[], Awaitable[object]], *, now: int) -> list[Receipt]:
    """Carry every begun erasure to its end: index made anew, database files without a trace. Returns their receipts.

    May be called at any time, again after a crash, and does nothing when nothing was begun.
    """
    async with db.read() as tx:
        rows = list((await tx.execute(select(erasure).where(erasure.c.files_at.is_(None)))).mappings())
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    await rebuild()
    async with db.write() as tx:
        await tx.execute(update(erasure).where(erasure.c.id.in_(ids)).values(index_at=now))
    await asyncio.to_thread(scrub, db.path)
    async with db.write() as tx:
        await tx.execute(update(erasure).where(erasure.c.id.in_(ids)).values(files_at=now))
    return [Receipt(r["id"], r["documents"], r["chunks"], r["facts"], r["others"], complete=True) for r in rows]


def scrub(path: Path) -> None:
    """Rewrite an SQLite file so that deleted content is in none of its pages, and empty its write-ahead log.

    Raises TimeoutError when a reader keeps the log from being emptied: call again later.
    """
    connection = sqlite3.connect(path, timeout=15, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("VACUUM")
        for _ in range(_ROUNDS):
            busy, left, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy and left <= 0:
                return
    finally:
        connection.close()
    raise TimeoutError("The database is being read: its log could not be emptied yet.")


async def _elsewhere(tx: Tx, words: str) -> int:
    """Values, turn records, messages and raw deliveries that hold the words. Returns how many."""
    gone = (await tx.execute(delete(value).where(value.c.content.icontains(words, autoescape=True)))).rowcount
    forms = {words, json.dumps(words)[1:-1], json.dumps(words, ensure_ascii=False)[1:-1]}
    for form in sorted(forms):
        holds = message.c.body.icontains(form, autoescape=True)
        gone += (await tx.execute(update(message).where(holds).values(body=_FORGOTTEN))).rowcount
        raw = cast(delivery.c.raw, SqlText).icontains(form, autoescape=True)
        gone += (await tx.execute(update(delivery).where(raw).values(raw=b""))).rowcount
    for turn, body in list(await tx.execute(select(record.c.turn, record.c.body))):
        try:
            text = zlib.decompress(body).decode("utf-8", "replace").casefold()
        except zlib.error:
            continue
        if any(form.casefold() in text for form in forms):
            await tx.execute(delete(record).where(record.c.turn == turn))
            gone += 1
    return int(gone)
