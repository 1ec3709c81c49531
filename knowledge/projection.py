"""Keeps the index level with SQL: learns what was written, drops what is gone, is made anew when they differ."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from knowledge.database.engine import Database, Tx
from knowledge.documents import store
from knowledge.documents.store import Row
from knowledge.index.base import BATCH, Index, IndexBusy, IndexUnreachable
from knowledge.index.home import IndexHome
from knowledge.retriever.points import point

log = logging.getLogger(__name__)

LATER = 256  # chunks whose marking may wait for the next write
AGAIN_S = 5.0  # between two tries of an index that does not answer


class Projection:
    """The index and what SQL believes of it.

    SQL is written first; a chunk is marked as projected when a later write comes by. What a crash leaves unmarked is
    simply learned again: upserts and removals are idempotent. An index that does not answer stops nobody from writing:
    it learns the rest when it is back, and is then looked at as at a start, since it may have lost everything.
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
        self._reaching = asyncio.Lock()
        self._tried = 0.0
        self.away = ""  # why the index does not answer, in a sentence; empty when it does

    @property
    def index(self) -> Index:
        """Raises `IndexUnreachable` when it did not answer the last time."""
        if self.away:
            raise IndexUnreachable(self.away)
        if self._index is None:
            raise RuntimeError("memory is not open")
        return self._index

    def lost(self, trouble: IndexUnreachable) -> None:
        """The index did not answer."""
        if not self.away:
            log.info("%s", trouble)
        self.away, self._tried = str(trouble), time.monotonic()

    async def reach(self) -> bool:
        """Whether the index answers; one that did not is tried again, at most every `AGAIN_S` seconds."""
        async with self._reaching:
            if not self.away or time.monotonic() - self._tried < AGAIN_S:
                return not self.away
            if self._index is not None:
                old, self._index = self._index, None
                await old.close()
            try:
                await self.open()
            except IndexBusy as busy:  # while it was away, another process was quicker
                self.lost(IndexUnreachable(str(busy)))
            return not self.away

    @property
    def unmarked(self) -> int:
        return len(self._unmarked)

    async def open(self) -> None:
        """Raises `IndexBusy` when another process holds the index; one that does not answer is `away`."""
        self.away = ""
        try:
            await self._open()
        except IndexUnreachable as trouble:
            self.lost(trouble)

    async def _open(self) -> None:
        self._index = await self._home.open()
        if self._fingerprint and self._home.label() != self._fingerprint:
            await self.rebuild()  # before anything is learned: vectors of another model, or size, may not mix
            return
        await self._level()
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
        """Have the index learn what a transaction just wrote; later, when it does not answer now."""
        if self.away:
            return
        try:
            await self._learn(made, gone)
        except IndexUnreachable as trouble:
            self.lost(trouble)

    async def _learn(self, made: Sequence[int], gone: Sequence[int]) -> None:
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
        """Learn everything that is not marked, as far as the index answers. Returns how many points changed.

        When level, nothing is written.
        """
        try:
            return await self._level() if await self.reach() else 0
        except IndexUnreachable as trouble:
            self.lost(trouble)
            return 0

    async def flush(self) -> None:
        if not self.away:
            await self.index.flush()

    async def _level(self) -> int:
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
        """Make the index anew beside the old one, then swap; searches go on meanwhile. Returns its points.

        Raises `IndexUnreachable`.
        """
        if self.away:
            raise IndexUnreachable(self.away)
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
        await self._level()
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
