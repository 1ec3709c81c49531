"""Documents and chunks in SQL: versions that supersede each other, and the list of what the index has to learn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, exists, func, insert, or_, select, update

from knowledge.database.engine import Tx
from knowledge.database.schema_memory import chunk, document, index_removal
from knowledge.documents import threads
from knowledge.documents.pieces import Piece
from knowledge.ids import canonical, digest
from knowledge.words import Integrity

_FEW = 500  # ids a statement: SQLite counts its variables
_ADDED = 64  # chunks a statement


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to remember. `dated_at` (ms, UTC) is when it was true or said, not when it came in."""

    source: str
    external_id: str
    title: str
    pieces: tuple[Piece, ...]
    dated_at: int
    integrity: Integrity = "untrusted"
    readers: tuple[str, ...] = ("principal",)
    meta: Mapping[str, object] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All that its pieces say."""
        return "\n".join(p.text for p in self.pieces)

    @property
    def content_hash(self) -> str:
        """Equal hashes, nothing new to remember: the words and everything that labels them."""
        words = [[p.text, p.start, p.context, p.speaker, p.said_at] for p in self.pieces]
        return digest([self.title, words, self.dated_at, self.integrity, sorted(self.readers), dict(self.meta)])


@dataclass(frozen=True, slots=True)
class Row:
    """A chunk with what its document says about it."""

    chunk: int
    document: int
    ordinal: int
    text: str
    context: str
    place: str
    speaker: str | None
    said_at: int | None
    source: str
    external_id: str
    title: str
    integrity: Integrity
    readers: tuple[str, ...]
    dated_at: int
    span: int = 0
    vector: bytes | None = None
    window: bytes | None = None
    fingerprint: str | None = None

    @property
    def at(self) -> int:
        return self.dated_at if self.said_at is None else self.said_at


@dataclass(frozen=True, slots=True)
class Vectored:
    """What the embedder made of a chunk, and of the window of `span` chunks that begins with it (0: none does)."""

    vector: bytes | None = None
    span: int = 0
    window: bytes | None = None


async def current(tx: Tx, source: str, external_id: str) -> tuple[int, str] | None:
    """Id and content hash of the current version, or None."""
    row = (
        await tx.execute(
            select(document.c.id, document.c.content_hash).where(
                document.c.source == source, document.c.external_id == external_id, document.c.state == "current"
            )
        )
    ).first()
    return (row.id, row.content_hash) if row else None


async def put(
    tx: Tx, new: NewDocument, vectors: Sequence[Vectored], fingerprint: str | None, *, now: int
) -> tuple[int, list[int]]:
    """Insert a version, superseding the former one. Returns the document's id and its chunks' ids, in order.

    The same content again changes nothing and returns no chunks.
    """
    former = await current(tx, new.source, new.external_id)
    content_hash = new.content_hash
    if former is not None:
        if former[1] == content_hash:
            return former[0], []
        await _retire(tx, former[0])
        await tx.execute(update(document).where(document.c.id == former[0]).values(state="superseded"))
    inserted = await tx.execute(
        insert(document).values(
            source=new.source, external_id=new.external_id, title=new.title, content_hash=content_hash,
            integrity=new.integrity, readers=canonical(sorted(new.readers)), meta=canonical(dict(new.meta)),
            state="current", dated_at=new.dated_at, made_at=now,
        )
    )  # fmt: skip
    (document_id,) = inserted.inserted_primary_key or (0,)
    if new.source == "mail":
        await threads.link(tx, int(document_id), new.external_id, new.meta)
        await threads.unsettle(tx, [new.external_id])
    if not new.pieces:
        return int(document_id), []
    rows = [
        {
            "document": document_id, "ordinal": n, "text": p.text, "context": p.context, "place": p.place,
            "start": p.start, "end": p.end, "speaker": p.speaker, "said_at": p.said_at, "vector": v.vector,
            "span": v.span, "window": v.window, "fingerprint": fingerprint if v.vector is not None else None,
            "projected": 0,
        }
        for n, (p, v) in enumerate(zip(new.pieces, vectors, strict=True))
    ]  # fmt: skip
    ids: list[int] = []
    adding = insert(chunk).returning(chunk.c.id, sort_by_parameter_order=True)
    for start in range(0, len(rows), _ADDED):  # others get their turn in between
        ids += (await tx.execute(adding, rows[start : start + _ADDED])).scalars()
    return int(document_id), ids


async def drop(tx: Tx, source: str, external_id: str) -> list[int]:
    """Delete every version of a document. Returns the chunk ids that the index must drop (they are noted, too)."""
    ids = list(
        (
            await tx.execute(
                select(document.c.id).where(document.c.source == source, document.c.external_id == external_id)
            )
        ).scalars()
    )
    gone: list[int] = []
    if source == "mail":
        await threads.unsettle(tx, [external_id])
    for id in ids:
        gone += await _retire(tx, id)
        await tx.execute(delete(chunk).where(chunk.c.document == id))
        await threads.unlink(tx, [id])
        await tx.execute(delete(document).where(document.c.id == id))
    return gone


async def _retire(tx: Tx, document_id: int) -> list[int]:
    """Note that the index must drop a document's points; the rows stay."""
    ids = list((await tx.execute(select(chunk.c.id).where(chunk.c.document == document_id))).scalars())
    await tx.execute(update(chunk).where(chunk.c.document == document_id).values(projected=1))
    noted = select(chunk.c.id).where(
        chunk.c.document == document_id, ~exists().where(index_removal.c.chunk == chunk.c.id)
    )
    await tx.execute(insert(index_removal).from_select(["chunk"], noted))
    return ids


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a document, `number` counting from 1; times in ms."""

    id: int
    source: str
    external_id: str
    title: str
    number: int
    current: bool
    dated_at: int
    made_at: int
    readers: tuple[str, ...]
    text: str


async def versions(tx: Tx, name: str, readers: Sequence[str] = ("principal",)) -> list[Version]:
    """Every kept version of the documents of that name (else whose name or title contains it), each oldest first."""
    exact = document.c.external_id == name
    some = (await tx.execute(select(document.c.id).where(exact).limit(1))).first() is not None
    like = or_(
        document.c.external_id.icontains(name, autoescape=True), document.c.title.icontains(name, autoescape=True)
    )
    ordered = (
        select(document)
        .where(exact if some else like)
        .order_by(document.c.source, document.c.external_id, document.c.id)
    )
    found: list[Version] = []
    for row in (await tx.execute(ordered)).all():
        may = tuple(json.loads(row.readers))
        if not readers or ("*" not in may and not set(may) & set(readers)):
            continue
        pieces = await tx.execute(select(chunk.c.text).where(chunk.c.document == row.id).order_by(chunk.c.ordinal))
        same = bool(found) and (found[-1].source, found[-1].external_id) == (row.source, row.external_id)
        number = found[-1].number + 1 if same else 1
        found.append(Version(
            row.id, row.source, row.external_id, row.title, number, row.state == "current", row.dated_at, row.made_at, may,
            "\n".join(pieces.scalars()),
        ))  # fmt: skip
    return found


async def removals(tx: Tx) -> list[int]:
    """Points that the index must still drop."""
    return list((await tx.execute(select(index_removal.c.chunk))).scalars())


async def mark_removed(tx: Tx, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), _FEW):
        await tx.execute(delete(index_removal).where(index_removal.c.chunk.in_(ids[start : start + _FEW])))


async def mark_projected(tx: Tx, learned: Mapping[int, str | None]) -> None:
    """Note that the index holds these chunks as they were with the fingerprint that each id is given with.

    One that was given another vector meanwhile, by whatever process, is still to be learned.
    """
    for fingerprint in set(learned.values()):
        ids = [id for id, own in learned.items() if own == fingerprint]
        same = chunk.c.fingerprint.is_not_distinct_from(fingerprint)
        for start in range(0, len(ids), _FEW):
            some = chunk.c.id.in_(ids[start : start + _FEW])
            await tx.execute(update(chunk).where(some, same).values(projected=1))


async def set_vectors(tx: Tx, vectors: Mapping[int, Vectored], fingerprint: str) -> None:
    """Give chunks their vectors (again) and have the index learn them."""
    values = [
        {"id_": id, "vector": v.vector, "window": v.window, "fingerprint": fingerprint, "projected": 0}
        for id, v in vectors.items()
    ]
    if values:
        await tx.execute(update(chunk).where(chunk.c.id == bindparam("id_")), values)


_COLUMNS = (
    chunk.c.id, chunk.c.document, chunk.c.ordinal, chunk.c.text, chunk.c.context, chunk.c.place, chunk.c.speaker,
    chunk.c.said_at, document.c.source, document.c.external_id, document.c.title, document.c.integrity,
    document.c.readers, document.c.dated_at, chunk.c.span,
)  # fmt: skip
_current = select(*_COLUMNS).join(document, chunk.c.document == document.c.id).where(document.c.state == "current")
_current_vectors = (
    select(*_COLUMNS, chunk.c.vector, chunk.c.window, chunk.c.fingerprint)
    .join(document, chunk.c.document == document.c.id)
    .where(document.c.state == "current")
)


async def rows(tx: Tx, ids: Sequence[int], *, vectors: bool = False) -> dict[int, Row]:
    """Current chunks by id; ids that are gone or superseded are left out."""
    statement = _current_vectors if vectors else _current
    found: dict[int, Row] = {}
    for start in range(0, len(ids), _FEW):
        for row in await tx.execute(statement.where(chunk.c.id.in_(ids[start : start + _FEW]))):
            found[row[0]] = _row(tuple(row))
    return found


async def neighbours(tx: Tx, document_id: int, low: int, high: int) -> list[Row]:
    """Chunks of a current document with ordinals from `low` to `high`, in order."""
    statement = _current.where(
        chunk.c.document == document_id, chunk.c.ordinal >= low, chunk.c.ordinal <= high
    ).order_by(chunk.c.ordinal)
    return [_row(tuple(row)) for row in await tx.execute(statement)]


async def unprojected(tx: Tx, limit: int) -> list[Row]:
    """Current chunks that the index does not surely hold, oldest first, with vectors."""
    statement = _current_vectors.where(chunk.c.projected == 0).order_by(chunk.c.id).limit(limit)
    return [_row(tuple(row)) for row in await tx.execute(statement)]


async def after(tx: Tx, id: int, limit: int) -> list[Row]:
    """Current chunks above an id, in order, with vectors: the way through all of them."""
    statement = _current_vectors.where(chunk.c.id > id).order_by(chunk.c.id).limit(limit)
    return [_row(tuple(row)) for row in await tx.execute(statement)]


async def with_vectors(tx: Tx, ids: Sequence[int]) -> list[Row]:
    """Current chunks by id, in order, with vectors."""
    found: list[Row] = []
    for start in range(0, len(ids), _FEW):
        some = _current_vectors.where(chunk.c.id.in_(ids[start : start + _FEW])).order_by(chunk.c.id)
        found += [_row(tuple(row)) for row in await tx.execute(some)]
    return found


async def without_vector(tx: Tx, fingerprint: str, limit: int) -> list[Row]:
    """Current chunks whose vector is missing or another model's."""
    statement = (
        _current.where(chunk.c.fingerprint.is_distinct_from(fingerprint)).order_by(chunk.c.id.desc()).limit(limit)
    )
    return [_row(tuple(row)) for row in await tx.execute(statement)]


async def counts(tx: Tx) -> tuple[int, int, int]:
    """Current documents, their chunks, and those of them that the index has still to learn."""
    documents = (await tx.execute(select(func.count()).where(document.c.state == "current"))).scalar_one()
    chunks = (await tx.execute(select(func.count()).select_from(_current.subquery()))).scalar_one()
    waiting = (
        await tx.execute(select(func.count()).select_from(_current.where(chunk.c.projected == 0).subquery()))
    ).scalar_one()
    return int(documents), int(chunks), int(waiting)


async def speakers(tx: Tx) -> list[tuple[str, tuple[str, ...]]]:
    """Everybody who spoke in a conversation, with who may know of it; once for each set of readers."""
    spoke = select(chunk.c.speaker, document.c.readers).join(document, chunk.c.document == document.c.id)
    found = await tx.execute(spoke.where(chunk.c.speaker.is_not(None)).distinct())
    return [(r.speaker, tuple(json.loads(r.readers))) for r in found if r.speaker]


def _row(values: tuple[object, ...]) -> Row:
    fields = list(values)
    fields[12] = tuple(json.loads(str(fields[12])))
    return Row(*fields)  # type: ignore[arg-type]
