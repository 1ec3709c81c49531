"""Keeps the index level with SQL: learns what was written, drops what is gone, is made anew when they differ."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from knowledge.database.engine import Database, Tx
from knowledge.documents import store
from knowledge.documents.store import Row
from knowledge.index.base import BATCH, Index
from knowledge.index.home import IndexHome
from knowledge.retriever.points import point

LATER = 256  # chunks whose marking may wait for the next write


class Projection:
    """The index and what SQL believes of it.

    SQL is written first; a chunk is marked as projected when a later write comes by. What a crash leaves unmarked is
    simply learned again: upserts and removals are idempotent.
    """

    def __init__(self, db: Database, home: IndexHome, fingerprint: str) -> None:
        self._db = db
        self._home = home
        self._fingerprint = fingerprint  # of the vectors that fit together; others are left out
        self._index: Index | None = None
        self._unmarked: dict[int, str | None] = {}  # with the fingerprint of the vector that was learned
        self._undropped: list[int] = []
        self._rebuilding = False
        self._one_at_a_time = asyncio.Lock()

    @property
    def index(self) -> Index:
        if self._index is None:
            raise RuntimeError("memory is not open")
        return self._index

    @property
    def unmarked(self) -> int:
        return len(self._unmarked)

    async def open(self) -> None:
        """Raises `IndexBusy` when another process holds the index."""
        self._index = await self._home.open()
        if self._fingerprint and self._home.label() != self._fingerprint:
            await self.rebuild()  # before anything is learned: vectors of another model, or size, may not mix
            return
        await self.level()
        async with self._db.read() as tx:
            _, chunks, _ = await store.counts(tx)
        if await self.index.count() != chunks:
            await self.rebuild()

    async def close(self) -> None:
        if self._index is not None:
            await self.mark()
            await self._index.close()
            self._index = None

    async def learn(self, made: Sequence[int], gone: Sequence[int]) -> None:
        """Have the index learn what a transaction just wrote."""
        if gone:
            await self.index.remove(gone)
        learned: dict[int, str | None] = {}
        for start in range(0, len(made), 8 * BATCH):
            async with self._db.read() as tx:
                rows = await store.with_vectors(tx, made[start : start + 8 * BATCH])
            await self._upsert(self.index, rows)
            learned |= {r.chunk: r.fingerprint for r in rows}
        if self._rebuilding:
            return  # the index being built may not have seen it: `level` will find it unmarked
        self._unmarked |= learned
        self._undropped += gone
        if len(self._unmarked) + len(self._undropped) > LATER:
            await self.mark()

    async def mark(self) -> None:
        """Write down what the index has learned."""
        if self._unmarked or self._undropped:
            async with self._db.write() as tx:
                await self.mark_in(tx)

    async def mark_in(self, tx: Tx) -> None:
        """The same within a transaction that writes something else anyway."""
        made, self._unmarked = self._unmarked, {}
        gone, self._undropped = self._undropped, []
        await store.mark_projected(tx, made)
        await store.mark_removed(tx, gone)

    async def level(self) -> int:
        """Learn everything that is not marked. Returns how many points changed; when level, nothing is written."""
        changed = 0
        async with self._one_at_a_time:
            await self.mark()
            while True:
                async with self._db.read() as tx:
                    gone = await store.removals(tx)
                    rows = await store.unprojected(tx, 16 * BATCH)
                if not gone and not rows:
                    return changed
                await self.index.remove(gone)
                await self._upsert(self.index, rows)
                async with self._db.write() as tx:
                    await store.mark_removed(tx, gone)
                    await store.mark_projected(tx, {r.chunk: r.fingerprint for r in rows})
                changed += len(gone) + len(rows)

    async def rebuild(self) -> int:
        """Make the index anew beside the old one, then swap; searches go on meanwhile. Returns its points."""
        async with self._one_at_a_time:
            self._rebuilding = True
            try:
                fresh = await self._home.fresh()
                total = await self._fill(fresh)
                async with self._db.read() as tx:
                    await fresh.remove(await store.removals(tx))
                self._index = await self._home.adopt(self.index, fresh)
                self._home.relabel(self._fingerprint or self._home.label())
            finally:
                self._rebuilding = False
        await self.level()
        return total

    async def _fill(self, index: Index) -> int:
        last = total = 0
        while True:
            async with self._db.read() as tx:
                rows = await store.after(tx, last, 8 * BATCH)
            if not rows:
                return total
            await self._upsert(index, rows)
            last = rows[-1].chunk
            total += len(rows)

    async def _upsert(self, index: Index, rows: Sequence[Row]) -> None:
        """Upsert rows, which come in order of id; the chunk before the first of a run is looked up."""
        before: Row | None = None
        points = []
        for row in rows:
            if before is None or before.document != row.document or before.ordinal != row.ordinal - 1:
                before = await self._before(row)
            points.append(point(row, before, vector=row.fingerprint == self._fingerprint))
            before = row
            if len(points) == BATCH:
                await asyncio.sleep(0)
                await index.upsert(points)
                points = []
        await index.upsert(points)

    async def _before(self, row: Row) -> Row | None:
        if row.ordinal == 0:
            return None
        async with self._db.read() as tx:
            found = await store.neighbours(tx, row.document, row.ordinal - 1, row.ordinal - 1)
        return found[0] if found else None
