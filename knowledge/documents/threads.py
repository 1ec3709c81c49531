"""Threads of mail: which mail answers which, and which belong together, by the ids that mail programs write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import and_, delete, insert, select, update

from knowledge.database.engine import Tx
from knowledge.database.schema_memory import document, mention

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
