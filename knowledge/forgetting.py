"""Forgetting for good: one transaction takes what lives, the asking turn ends, every file is written anew, then the receipt.

What was approved is what goes: documents by id, events by id. The words themselves stay known (in the intent) until no
row holds them; from then on a crash can only repeat cleaning that needs no words.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, insert, select, update

from knowledge import cipher, doing, erasing, ledger
from knowledge.database import bare
from knowledge.database.engine import Database, Tx
from knowledge.database.schema import proposal, turn
from knowledge.database.schema_memory import chunk, document, erasure, index_removal
from knowledge.documents import threads
from knowledge.erasing import holders
from knowledge.facts import store as facts
from knowledge.facts.words import DAY
from knowledge.needle import Needle
from knowledge.notes import NoteFolder
from knowledge.store import messages, people, turns
from knowledge.store.cards import Decider
from knowledge.walls import CLASSES, within
from knowledge.words import Outbound

SHELL = "console:shell"
"""Where somebody asks who gives no card to approve."""

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

    def sentence(self) -> str:
        """What the principal is told when every store has confirmed."""
        counted = [
            (self.documents, "document"),
            (self.chunks, "passage"),
            (self.facts, "fact"),
            (self.others, "other row"),
        ]
        told = ", ".join(f"{n} {name}{'' if n == 1 else 's'}" for n, name in counted if n) or "nothing was left of it"
        return f"Receipt {self.id}: gone for good from the database, the search index and every log of mine ({told})."


@dataclass(frozen=True, slots=True)
class Files:
    """Files beside the database: further databases to rewrite, the typed lines, and notes with what was thrown away."""

    databases: tuple[Path, ...] = ()
    histories: tuple[Path, ...] = ()
    notes: tuple[NoteFolder, ...] = ()


async def find(tx: Tx, words: str) -> list[Found]:
    """Documents, superseded versions too, that hold the words in text, title, name, speaker or what else is known of them."""
    needle = Needle(words)
    if not needle:
        return []
    parts = (chunk.c.id, chunk.c.document, chunk.c.text, chunk.c.context, chunk.c.speaker)
    inside = await holders(
        tx, chunk, parts, lambda r: any(map(needle.within, (r.text, r.context, r.speaker or "")))
    )  # fmt: skip
    ids = {row.document for row in inside}
    heads = (document.c.id, document.c.title, document.c.external_id, document.c.meta)
    ids |= {
        row.id
        for row in await holders(
            tx, document, heads,
            lambda r: needle.within(r.title) or needle.within(r.external_id) or needle.within_json(r.meta),
        )
    }  # fmt: skip
    ids |= await _across_chunks(tx, needle, words, ids)
    return await _described(tx, sorted(ids))


async def _across_chunks(tx: Tx, needle: Needle, words: str, known: set[int]) -> set[int]:
    """Documents in which the words begin in one passage and end in the next."""
    first, last = words.split(maxsplit=1)[0], words.rsplit(maxsplit=1)[-1]
    if first == last:
        return set()
    begins, ends = Needle(first), Needle(last)
    columns = (chunk.c.id, chunk.c.document, chunk.c.ordinal, chunk.c.text)
    some = await holders(tx, chunk, columns, lambda r: begins.within(r.text[-200:]) or ends.within(r.text[:200]))
    by_place = {(r.document, r.ordinal): r.text for r in some}
    return {
        d
        for (d, n), text in by_place.items()
        if d not in known and (d, n + 1) in by_place and needle.within(f"{text[-400:]} {by_place[d, n + 1][:400]}")
    }


async def _described(tx: Tx, ids: Sequence[int]) -> list[Found]:
    found: list[Found] = []
    for start in range(0, len(ids), 500):
        statement = (
            select(
                document.c.id, document.c.source, document.c.external_id, document.c.title, document.c.state,
                func.count(chunk.c.id),
            )
            .outerjoin(chunk, chunk.c.document == document.c.id)
            .where(document.c.id.in_(ids[start : start + 500]))
            .group_by(document.c.id)
            .order_by(document.c.id)
        )  # fmt: skip
        found += [Found(*row) for row in await tx.execute(statement)]
    return found


async def also(tx: Tx, words: str, *, spare: str = "") -> list[str]:
    """What else would go, in words: facts, reminders, open approvals, messages of others that wait for an
    answer. The rest (chat rows, records) goes untold."""
    needle = Needle(words)
    if not needle:
        return []
    told = [
        f"the fact “{r.subject}: {r.predicate}”" for r in await erasing.facts_with(tx, needle) if not r.retracted_at
    ]
    for row in await erasing.reminders_with(tx, needle):
        if row.state == "armed":
            told.append(f"the reminder “{json.loads(row.payload).get('text', row.kind)}”")
    told += [
        f"an open approval: {row.rendering.splitlines()[0]}"
        for row in await erasing.open_proposals_with(tx, needle, spare)
    ]
    told += [f"the message {number} of {whom}, who can be answered" for number, whom in await _answerable(tx, needle)]
    return told


async def _answerable(tx: Tx, needle: Needle) -> list[tuple[str, str]]:
    rows = await erasing.answerable_with(tx, needle)
    return [(row.key.removeprefix(people.item_key("")), str(json.loads(row.value).get("to", ""))) for row in rows]


async def begin(
    tx: Tx, documents: Sequence[int], words: str, *, now: int, id: str, asked_in: str = "", who: str = "principal"
) -> Receipt:
    """Take what lives: documents, chunks, what was derived from them alone, facts, reminders and approvals with the words.

    All in the caller's transaction, together with the intent that makes `finish` go on after a crash. The rows of the
    turn `asked_in` are left for `finish`, since it still has to end.
    """
    ids = list(documents)
    chunks = list((await tx.execute(select(chunk.c.id).where(chunk.c.document.in_(ids)))).scalars())
    gone = await facts.forget_documents(tx, ids)
    await tx.execute(delete(index_removal).where(index_removal.c.chunk.in_(chunks)))
    if chunks:
        await tx.execute(insert(index_removal), [{"chunk": c} for c in chunks])
    await tx.execute(delete(chunk).where(chunk.c.document.in_(ids)))
    await threads.unsettle(tx, await _names(tx, ids))
    await threads.unlink(tx, ids)
    await tx.execute(delete(document).where(document.c.id.in_(ids)))
    on = (await tx.execute(select(proposal.c.decided_on).where(proposal.c.id == id))).scalar_one_or_none() or SHELL
    if needle := Needle(words):
        gone += await erasing.end_what_lives(tx, needle, Decider("principal", on), spare=asked_in, now=now)
    await tx.execute(
        insert(erasure).values(
            id=id, words=words.strip() or None, turn=asked_in or None, documents=len(ids), chunks=len(chunks), facts=gone,
            others=0, asked_at=now, rows_at=now,
        )
    )  # fmt: skip
    await ledger.append(tx, now, ledger.Entry("system", "memory.forgotten", f"{len(ids)} documents", id))
    return Receipt(id, len(ids), len(chunks), gone, 0, complete=False)


async def _names(tx: Tx, documents: Sequence[int]) -> list[str]:
    mails = select(document.c.external_id).where(document.c.id.in_(documents), document.c.source == "mail")
    return list((await tx.execute(mails.distinct())).scalars())


async def expired(tx: Tx, keep: Mapping[str, int], now: int) -> list[int]:
    """Documents, superseded versions too, that were taken in longer ago than `keep` (source or class → days) keeps them.

    Notes are files of the principal's: what class they belong to, they stay.
    """
    found: set[int] = set()
    for name, days in keep.items():
        if days <= 0:
            continue
        old = select(document.c.id, document.c.readers).where(document.c.made_at < now - days * DAY)
        of_class = name in CLASSES
        old = old.where(document.c.source != "note" if of_class else document.c.source == name)
        found |= {r.id for r in await tx.execute(old) if not of_class or within(name, json.loads(r.readers))}
    return sorted(found)


async def files_behind(tx: Tx) -> list[str]:
    """Paths of the files that current documents were read from."""
    named = select(document.c.external_id, document.c.meta).where(
        document.c.state == "current", document.c.source == "file"
    )
    paths = [str(json.loads(r.meta).get("file") or r.external_id) for r in await tx.execute(named)]
    return list(dict.fromkeys(path for path in paths if path.startswith("/")))


async def receipt(tx: Tx, id: str) -> Receipt | None:
    """The erasure begun under `id`, None when there is none."""
    row = (await tx.execute(select(erasure).where(erasure.c.id == id))).mappings().first()
    return None if row is None else _receipt(dict(row))


async def begun(tx: Tx) -> list[tuple[str, str]]:
    """(id, the turn that asked) of every erasure that was asked for in a turn and has not come to its end."""
    open_ones = select(erasure.c.id, erasure.c.turn).where(erasure.c.files_at.is_(None), erasure.c.turn.is_not(None))
    return [(row.id, row.turn) for row in await tx.execute(open_ones.order_by(erasure.c.asked_at))]


async def waiting(tx: Tx) -> bool:
    """Whether an erasure was begun and has not come to its end."""
    return (await tx.execute(select(erasure.c.id).where(erasure.c.files_at.is_(None)).limit(1))).first() is not None


async def finish(
    db: Database, rebuild: Callable[[], Awaitable[object]], *, now: int, files: Files | None = None
) -> list[Receipt]:
    """Carry every begun erasure to its end: no row, no index and no file with a trace. Returns the receipts of this run.

    May be called at any time, again after a crash; does nothing when nothing was begun, and leaves what was asked for in
    a turn until that turn has said its last word.
    """
    files = files or Files()
    ready = []
    async with db.read() as tx:
        rows = (await tx.execute(select(erasure).where(erasure.c.files_at.is_(None)).order_by(erasure.c.id))).all()
        for row in rows:
            ready += [row] if await _may_end(tx, row.turn, row.words) else []
    if not ready:
        return []
    for row in ready:
        if row.words is not None:
            doing.begin("Forgetting: every row of chats, records and logs")
            await asyncio.to_thread(_drop_from_files, files, Needle(row.words))
            async with db.write() as tx:
                others = await erasing.blank_the_house(tx, Needle(row.words), now=now)
                await tx.execute(update(erasure).where(erasure.c.id == row.id).values(words=None, others=others))
    ids = [row.id for row in ready]
    doing.begin("Forgetting: making the search index anew")
    await rebuild()
    async with db.write() as tx:
        await tx.execute(update(erasure).where(erasure.c.id.in_(ids)).values(index_at=now))
    doing.begin("Forgetting: writing the database anew")
    for path in (db.path, *files.databases):
        await asyncio.to_thread(scrub, path)
    told = []
    async with db.write() as tx:
        await tx.execute(update(erasure).where(erasure.c.id.in_(ids)).values(files_at=now))
        for id in ids:
            done = await receipt(tx, id)
            assert done is not None, "an erasure's row is never deleted"
            told.append(done)
            await ledger.append(tx, now, ledger.Entry("system", "memory.confirmed", f"{done.others} rows", id))
            await _tell(tx, done, now, on_server=bool(bare.url_of(db.path)))
    return told


async def _may_end(tx: Tx, asked_in: str | None, words: str | None) -> bool:
    if words is None:
        return True
    if await erasing.being_said(tx, Needle(words)):
        return False
    asking = await turns.get(tx, asked_in) if asked_in else None
    return asking is None or asking.state in turns.ENDED


SERVER_LOG = "PostgreSQL's write-ahead log forgets it as it is written over; its archive and standbys are the server's."


async def _tell(tx: Tx, done: Receipt, now: int, *, on_server: bool) -> None:
    """The receipt, where it was asked for."""
    asked_in = select(erasure.c.turn).where(erasure.c.id == done.id).scalar_subquery()
    row = (
        await tx.execute(select(turn.c.channel, turn.c.conversation, turn.c.id).where(turn.c.id == asked_in))
    ).first()
    if row is not None:
        body = Outbound(f"{done.sentence()} {SERVER_LOG}" if on_server else done.sentence())
        await messages.enqueue(tx, f"{row.id}/forgotten", row.channel, row.conversation, body, now, turn=row.id)


def _drop_from_files(files: Files, needle: Needle) -> None:
    for path in files.histories:
        erasing.drop_history(path, needle)
    for folder in files.notes:
        folder.drop_trash(needle)


def scrub(path: Path) -> None:
    """Rewrite a database so that deleted content is in none of its pages, and empty SQLite's write-ahead log.

    Raises TimeoutError when a reader keeps the log from being emptied: call again later.
    """
    if url := bare.url_of(path):
        from knowledge.database import postgres_upkeep as postgres

        postgres.rewrite(url)
        return
    if not path.exists():
        return
    connection = cipher.connect(path, timeout=15, isolation_level=None)
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


def _receipt(row: dict[str, object]) -> Receipt:
    documents, chunks, gone, others = (int(str(row[name])) for name in ("documents", "chunks", "facts", "others"))
    return Receipt(str(row["id"]), documents, chunks, gone, others, complete=row["files_at"] is not None)
