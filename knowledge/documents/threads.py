"""Threads of mail: which mail answers which, and which belong together, by the ids that mail programs write."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from email.utils import getaddresses

from sqlalchemy import and_, delete, insert, select, update

from knowledge.database.engine import Tx
from knowledge.database.schema_memory import chunk, document, mention
from knowledge.documents.letter import briefly, subject_line
from knowledge.index.base import Scope

MOST = 200  # mails of one thread that are told of, the newest
RECIPIENTS = 3  # of one mail that are named
_FEW = 500  # ids a statement: SQLite counts its variables


async def link(tx: Tx, id: int, external_id: str, meta: Mapping[str, object]) -> None:
    """Note what a mail answers and names, and put it into one thread with every mail that names one of the same.

    In whatever order they come, also when the one that two of them name never does.
    """
    parent = str(meta.get("parent", ""))
    ids = list(dict.fromkeys([external_id, *str(meta.get("names", "")).split()]))
    rows = [{"document": id, "message_id": one, "answered": int(one == parent)} for one in ids]
    await tx.execute(insert(mention), rows)
    same = select(mention.c.document).where(mention.c.message_id.in_(ids), mention.c.document != id)
    found = await tx.execute(
        select(document.c.thread).where(document.c.id.in_(same), document.c.thread.is_not(None)).distinct()
    )
    joined = list(found.scalars())
    thread = min(joined, default=id)
    if len(joined) > 1:
        await tx.execute(update(document).where(document.c.thread.in_(joined)).values(thread=thread))
    await tx.execute(update(document).where(document.c.id == id).values(thread=thread))


async def unlink(tx: Tx, documents: Sequence[int]) -> None:
    """Drop what these mails name; those that they held together stay together."""
    for start in range(0, len(documents), _FEW):
        await tx.execute(delete(mention).where(mention.c.document.in_(documents[start : start + _FEW])))


async def of(tx: Tx, documents: Sequence[int]) -> dict[int, int]:
    """Document → the number of its thread; what is no mail has none."""
    found: dict[int, int] = {}
    for start in range(0, len(documents), _FEW):
        some = document.c.id.in_(documents[start : start + _FEW])
        rows = await tx.execute(select(document.c.id, document.c.thread).where(some, document.c.thread.is_not(None)))
        found |= {row.id: row.thread for row in rows}
    return found


async def answered(tx: Tx, documents: Sequence[int]) -> dict[int, int]:
    """Mail → the current mail that it answers, where memory holds that; quoted in it or not. Of any reader's."""
    above = document.alias()
    it = and_(above.c.source == "mail", above.c.external_id == mention.c.message_id, above.c.state == "current")
    joined = select(mention.c.document, above.c.id).join(above, it).where(mention.c.answered == 1)
    found: dict[int, int] = {}
    for start in range(0, len(documents), _FEW):
        rows = await tx.execute(joined.where(mention.c.document.in_(documents[start : start + _FEW])))
        found |= {child: parent for child, parent in rows if child != parent}
    return found


@dataclass(frozen=True, slots=True)
class Above:
    """What a mail says, and who may read it, for the vectors of replies that do not quote it."""

    readers: frozenset[str]
    words: str

    def over(self, context: str, readers: Collection[str]) -> str:
        """The context of a reply with these words below its head, where it quotes none and its readers may know them."""
        return context if "\n" in context or not self.readers.issuperset(readers) else f"{context}\n{self.words}"


async def above(tx: Tx, names: Collection[str]) -> dict[str, Above]:
    """Message id → what the current mail of that id says."""
    columns = select(document.c.external_id, document.c.readers, chunk.c.text)
    first = columns.join(chunk, and_(chunk.c.document == document.c.id, chunk.c.ordinal == 0))
    current = first.where(document.c.source == "mail", document.c.state == "current")
    found: dict[str, Above] = {}
    for start in range(0, len(wanted := sorted(names)), _FEW):
        for r in await tx.execute(current.where(document.c.external_id.in_(wanted[start : start + _FEW]))):
            found[r.external_id] = Above(frozenset(json.loads(r.readers)), briefly(r.text))
    return found


async def parents(tx: Tx, documents: Sequence[int]) -> dict[int, str]:
    """Mail → the id of the message that it answers, whether memory holds that or not."""
    named = select(mention.c.document, mention.c.message_id).where(mention.c.answered == 1)
    found: dict[int, str] = {}
    for start in range(0, len(documents), _FEW):
        some = await tx.execute(named.where(mention.c.document.in_(documents[start : start + _FEW])))
        found |= {r.document: r.message_id for r in some}
    return found


async def unsettle(tx: Tx, names: Sequence[str]) -> None:
    """Take the vectors of replies that quote nothing, where a mail that they answer came, changed or goes.

    They were made with its words, or without them; `embed_missing` makes them again. Until then words find them.
    """
    for start in range(0, len(names), _FEW):
        some = mention.c.message_id.in_(names[start : start + _FEW])
        replies = select(mention.c.document).where(mention.c.answered == 1, some)
        unquoted = (chunk.c.document.in_(replies), chunk.c.context.not_like("%\n%"), chunk.c.vector.is_not(None))
        await tx.execute(update(chunk).where(*unquoted).values(vector=None, fingerprint=None, projected=0))


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of a thread, by its document; `at` in ms."""

    document: int
    name: str
    title: str
    at: int
    writer: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Thread:
    """What a reader may know of a thread: only mails they may read count, in its subject, people and dates, too."""

    number: int
    mails: tuple[Mail, ...]  # the oldest first, never none

    @property
    def subject(self) -> str:
        return subject_line(self.mails[0].title)

    @property
    def people(self) -> tuple[str, ...]:
        """Who wrote, in order, then who was written to."""
        wrote = [m.writer for m in self.mails if m.writer]
        return tuple(dict.fromkeys([*wrote, *(name for m in self.mails for name in m.recipients)]))

    @property
    def first(self) -> int:
        return self.mails[0].at

    @property
    def last(self) -> int:
        return self.mails[-1].at


async def told(tx: Tx, numbers: Sequence[int], scope: Scope) -> dict[int, Thread]:
    """Thread's number → what the scope admits of it; a thread of which that is nothing is left out."""
    columns = (document.c.id, document.c.thread, document.c.external_id, document.c.title, document.c.meta,
               document.c.readers, document.c.source, document.c.dated_at)  # fmt: skip
    current = select(*columns).where(document.c.state == "current").order_by(document.c.dated_at, document.c.id)
    found: dict[int, list[Mail]] = {}
    for start in range(0, len(numbers), _FEW):
        for r in await tx.execute(current.where(document.c.thread.in_(numbers[start : start + _FEW]))):
            if scope.admits(tuple(json.loads(r.readers)), r.source, r.dated_at, r.id):
                writer, recipients = people(r.meta)
                mail = Mail(r.id, r.external_id, r.title, r.dated_at, writer, recipients)
                found.setdefault(r.thread, []).append(mail)
    return {number: Thread(number, tuple(mails[-MOST:])) for number, mails in found.items()}


async def around(tx: Tx, id: int, span: int, scope: Scope) -> list[int]:
    """A document's own id, and of a mail those of the `span` before and after it in its thread, and of the one it answers."""
    number = (await of(tx, [id])).get(id)
    thread = (await told(tx, [number], scope)).get(number) if number is not None else None
    ids = [mail.document for mail in thread.mails] if thread is not None else []
    if id not in ids:
        return [id]
    at, parent = ids.index(id), (await answered(tx, [id])).get(id)
    return [one for n, one in enumerate(ids) if abs(n - at) <= span or one == parent]


def people(meta: str) -> tuple[str, tuple[str, ...]]:
    """Writer and recipients of a mail, by name where its header has one; the writer is empty when it names nobody."""
    head = json.loads(meta)
    writers, recipients = (
        [name or address for name, address in getaddresses([str(head.get(field, ""))]) if name or address]
        for field in ("from", "to")
    )
    return writers[0] if writers else "", tuple(recipients[:RECIPIENTS])
