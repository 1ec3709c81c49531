"""Qdrant Edge: the index inside the process, brute force and exact, for the one who runs Steward at home."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
import time
from collections.abc import Awaitable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import qdrant_edge as edge

from knowledge.index.base import (
    BATCH,
    Ask,
    Channel,
    Found,
    IndexBusy,
    Point,
    Pool,
    Scope,
    Sparse,
    Vector,
    fields,
    found,
    window,
)  # fmt: skip
from knowledge.index.lock import own
from knowledge.pages import let_code_go, let_go

log = logging.getLogger(__name__)

ROOM = 24_000_000
"""Bytes that must be free: Edge writes through mapped files, and a page that finds no room kills the process (SIGBUS)."""

PAGES_S = 2.0  # seconds after the last search until the pages that were read are given back

Named = list[float] | edge.SparseVector | list[list[float]]

_INDEXED = {
    "readers": edge.PayloadSchemaType.Keyword,
    "source": edge.PayloadSchemaType.Keyword,
    "at": edge.PayloadSchemaType.Integer,
    "doc": edge.PayloadSchemaType.Integer,
}


class EdgeIndex:
    """A shard in `folder`. Every call holds the interpreter, so writes go in small batches with a pause between.

    One owner at a time: a second opener gets `IndexBusy`, also while the first is still making the folder. A killed
    process loses nothing; `flush` is for the day the power fails.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self._seen_whole: dict[tuple[str, ...], bool] = {}  # readers: whether every point names one of them
        self._letting_go: asyncio.TimerHandle | None = None
        self._searched = 0.0
        self._written = False  # since pages were given back
        self._lock = own(folder)
        try:
            self._shard: edge.EdgeShard | None = _open(folder, size)
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def shard(self) -> edge.EdgeShard:
        if self._shard is None:
            raise RuntimeError("the index is closed")
        return self._shard

    async def upsert(self, points: Sequence[Point]) -> None:
        for start in range(0, len(points), BATCH):
            batch = [edge.Point(p.id, _vectors(p), fields(p)) for p in points[start : start + BATCH]]
            self.shard.update(edge.UpdateOperation.upsert_points(batch))
            self._learned(points[start : start + BATCH])
            self._written = True
            await asyncio.sleep(0)

    async def remove(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), BATCH):
            self.shard.update(edge.UpdateOperation.delete_points(list(ids[start : start + BATCH])))
            await asyncio.sleep(0)

    async def query(self, ask: Ask, dense: Awaitable[Vector | None] | None = None) -> Pool:
        if not ask.scope.names:
            return Pool()
        scope, rarity = _filter(ask.scope), self._rarity(ask.scope)
        searches = _searches(ask, rarity)
        best = self._best({name: search(scope, ask.limit) for name, search in searches.items()})
        pool = self._read(ask, {id for own in best.values() for id in own})
        if dense is not None:
            ask = replace(ask, dense=await dense)
        windows: list[edge.ScoredPoint] = []
        if ask.dense is not None:
            near = _nearest(ask.dense, "dense")
            windows = self._batch([_nearest(ask.dense, "window")(scope, ask.limit, True)])[0]
            best |= self._best({"dense": near(scope, ask.limit)})
            searches["dense"] = near
            pool |= self._read(ask, best["dense"].keys() - pool.keys())
        missing = {name: pool.keys() - own.keys() for name, own in best.items() if len(own) == ask.limit}
        rest = self._best(
            {
                name: searches[name](_filter(ask.scope, edge.HasIdCondition(set(ids))), len(ids))
                for name, ids in missing.items()
                if ids
            }
        )
        for name, scores in (*best.items(), *rest.items()):
            for id, score in scores.items():
                if id in pool:
                    pool[id].scores[name] = score
        return Pool([f for f in pool.values() if f.scores], [window(p.payload or {}, p.score) for p in windows])

    def _best(self, requests: Mapping[Channel, edge.QueryRequest]) -> dict[Channel, dict[int, float]]:
        """Of each search the ids and scores alone: one that brings along what points hold costs the engine twice as much."""
        answers = self._batch(list(requests.values()))
        return {n: {int(p.id): p.score for p in points} for n, points in zip(requests, answers, strict=True)}

    def _read(self, ask: Ask, ids: AbstractSet[int]) -> dict[int, Found]:
        """What points hold, and the words they share with the question."""
        asked = frozenset(ask.words.indices)
        pool: dict[int, Found] = {}
        for point in self.shard.retrieve(list(ids), True, ["words"]) if ids else ():
            id = int(point.id)
            hit = pool[id] = found(id, point.payload or {})
            own: edge.SparseVector | None = (point.vector or {}).get("words")  # type: ignore[union-attr,assignment]
            if own is not None:
                hit.shared = {i: w for i, w in zip(own.indices, own.values, strict=True) if i in asked}
        return pool

    async def count(self, scope: Scope | None = None) -> int:
        if scope is not None and not scope.names:
            return 0
        return self.shard.count(edge.CountRequest(exact=True, filter=_filter(scope) if scope else None))

    async def flush(self) -> None:
        self.shard.flush()
        self._give_back()

    async def close(self) -> None:
        if self._letting_go is not None:
            self._letting_go.cancel()
        if self._shard is not None:
            self._shard.flush()
            self._shard.close()
            self._shard = None
            os.close(self._lock)

    def _batch(self, requests: list[edge.QueryRequest]) -> list[list[edge.ScoredPoint]]:
        self._searched = time.monotonic()
        if self._letting_go is None:
            self._letting_go = asyncio.get_running_loop().call_later(PAGES_S, self._let_go)
        return self.shard.query_batch(edge.QueryBatchRequest(requests)) if requests else []

    def _let_go(self) -> None:
        self._letting_go = None
        left = self._searched + PAGES_S - time.monotonic()
        if left > 0 and not self._written:  # the next question needs them again; what was only written, hardly
            self._letting_go = asyncio.get_running_loop().call_later(left, self._let_go)
        else:
            self._give_back()

    def _give_back(self) -> None:
        self._written = False
        let_go(self.folder)
        let_code_go("qdrant_edge")

    def _rarity(self, scope: Scope) -> edge.SearchParams | None:
        """Rarity counted among what the readers may see; where that is everything, the engine's own count is the same.

        It is told apart since counting a part costs a pass over all points: 7 of 12 ms at 100,000.
        """
        names = tuple(scope.names)
        if names not in self._seen_whole:
            request = edge.CountRequest(exact=True)
            seen = edge.CountRequest(exact=True, filter=_readers(scope))
            self._seen_whole[names] = self.shard.count(request) == self.shard.count(seen)
        return None if self._seen_whole[names] else edge.SearchParams(idf=edge.IdfParams(corpus=_readers(scope)))

    def _learned(self, points: Sequence[Point]) -> None:
        for names, whole in self._seen_whole.items():
            self._seen_whole[names] = whole and all(not set(names).isdisjoint(p.readers) for p in points)


def _load(folder: Path) -> edge.EdgeShard | None:
    """The shard in `folder`; None when there is none, or one that a crash left half made: it is made again from SQL."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    try:
        return edge.EdgeShard.load(str(folder))
    except Exception as error:  # the binding raises bare exceptions; its words tell which
        if "WouldBlock" in str(error) or "lock" in str(error).lower():
            raise
        log.warning("the index in %s is not whole and is made again: %s", folder, error)
        shutil.rmtree(folder)
        return None


def _open(folder: Path, size: int) -> edge.EdgeShard:
    config = edge.EdgeConfig(
        vectors={
            name: edge.EdgeVectorParams(
                size=size, distance=edge.Distance.Dot, datatype=edge.VectorStorageDatatype.Float16
            )
            for name in ("dense", "window")
        },
        sparse_vectors={
            "words": edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf),
            "around": edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf),
        },
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=10**9),
        max_search_threads=1,
    )
    if shutil.disk_usage(folder.parent).free < ROOM:
        raise OSError(errno.ENOSPC, "too little room for the memory index", str(folder))
    try:
        if (kept := _load(folder)) is not None:
            let_go(folder)
            return kept
        folder.mkdir(parents=True, exist_ok=True)
        shard = edge.EdgeShard.create(str(folder), config)
    except Exception as error:  # the binding raises bare exceptions; its words tell which
        if "WouldBlock" in str(error) or "lock" in str(error).lower():
            raise IndexBusy(IndexBusy.__doc__) from error
        raise
    for name, kind in _INDEXED.items():
        shard.update(edge.UpdateOperation.create_field_index(name, kind))
    let_go(folder)
    return shard


def _vectors(point: Point) -> dict[str, Named]:
    vectors: dict[str, Named] = {}
    if point.dense is not None:
        vectors["dense"] = point.dense.tolist()
    if point.window is not None:
        vectors["window"] = point.window.tolist()
    for name, sparse in (("words", point.words), ("around", point.around)):
        if sparse.indices:
            vectors[name] = edge.SparseVector(list(sparse.indices), list(sparse.values))
    return vectors


class _Search(Protocol):
    """One channel's search: of what passes the filter, the best `limit`."""

    def __call__(self, scope: edge.Filter, limit: int, payload: bool = False, /) -> edge.QueryRequest: ...


def _searches(ask: Ask, rarity: edge.SearchParams | None) -> dict[Channel, _Search]:
    """The searches for words."""
    channels: tuple[tuple[Channel, Sparse], ...] = (("words", ask.words), ("around", ask.around))
    return {
        name: _search(edge.SparseVector(list(sparse.indices), list(sparse.values)), name, rarity)
        for name, sparse in channels
        if sparse.indices
    }


def _nearest(dense: Vector, using: str) -> _Search:
    return _search(dense.tolist(), using)


def _search(near: list[float] | edge.SparseVector, using: str, params: edge.SearchParams | None = None) -> _Search:
    query = edge.Query.Nearest(near, using=using)
    return lambda scope, limit, payload=False: edge.QueryRequest(
        limit=limit, query=query, filter=scope, params=params, with_payload=payload
    )


def _readers(scope: Scope) -> edge.Filter:
    return _filter(Scope(scope.readers))


def _filter(scope: Scope, *also: edge.ConditionType) -> edge.Filter:
    """Our scope in the engine's words; the readers are always in it.

    One condition a reader, any of which must hold: a fifth of the time of one condition with all their names.
    """
    readers: list[edge.ConditionType] = [
        edge.FieldCondition("readers", match=edge.MatchValue(name)) for name in scope.names
    ]
    must: list[edge.ConditionType] = list(also)
    if scope.sources:
        must.append(edge.FieldCondition("source", match=edge.MatchAny(any=list(scope.sources))))
    if scope.documents:
        must.append(edge.FieldCondition("doc", match=edge.MatchAny(any=list(scope.documents))))
    if scope.after is not None or scope.before is not None:
        must.append(edge.FieldCondition("at", range=edge.RangeFloat(gte=scope.after, lt=scope.before)))
    unwanted: list[edge.ConditionType] = []
    if scope.without:
        unwanted.append(edge.FieldCondition("source", match=edge.MatchAny(any=list(scope.without))))
    return edge.Filter(should=readers, must=must or None, must_not=unwanted or None)
