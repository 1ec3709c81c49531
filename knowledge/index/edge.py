"""Qdrant Edge: the index inside the process, brute force and exact, for the one who runs Steward at home."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

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
    fields,
    found,
    window,
)  # fmt: skip
from knowledge.index.lock import own
from knowledge.pages import let_code_go, let_go

log = logging.getLogger(__name__)

ROOM = 24_000_000
"""Bytes that must be free: Edge writes through mapped files, and a page that finds no room kills the process (SIGBUS)."""

PAGES_S = 2.0  # seconds after a search until the pages it read are given back

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
            await asyncio.sleep(0)

    async def remove(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), BATCH):
            self.shard.update(edge.UpdateOperation.delete_points(list(ids[start : start + BATCH])))
            await asyncio.sleep(0)

    async def query(self, ask: Ask) -> Pool:
        if not ask.scope.names:
            return Pool()
        scope, rarity = _filter(ask.scope), self._rarity(ask.scope)
        _, requests = _requests(ask, scope, ask.limit, rarity)
        if ask.dense is not None:
            near = edge.Query.Nearest(ask.dense.tolist(), using="window")
            requests.append(edge.QueryRequest(limit=ask.limit, query=near, filter=scope, with_payload=True))
        answers = self._batch(requests)
        windows = answers.pop() if ask.dense is not None else []
        ids = {int(point.id) for points in answers for point in points}
        pool = self._scored(ask, ids, rarity) if ids else []
        return Pool(pool, [window(p.payload or {}, p.score) for p in windows])

    def _scored(self, ask: Ask, ids: set[int], rarity: edge.SearchParams | None) -> list[Found]:
        """Candidates with their scores in every channel and the words they share with the question.

        What they hold is retrieved once, beside the scores: a search that brings it along costs the engine twice as much.
        """
        narrow = _filter(ask.scope, edge.HasIdCondition(set(ids)))
        channels, requests = _requests(ask, narrow, len(ids), rarity)
        scores = [{point.id: point.score for point in points} for points in self._batch(requests)]
        by_channel = list(zip(channels, scores, strict=True))
        asked = frozenset(ask.words.indices)
        pool = []
        for point in self.shard.retrieve(list(ids), True, ["words"]):
            id = point.id
            hit = found(int(id), point.payload or {})
            hit.scores = {channel: own[id] for channel, own in by_channel if id in own}
            if "words" in hit.scores:
                own: edge.SparseVector = point.vector["words"]  # type: ignore[index,call-overload,assignment]
                hit.shared = {i: w for i, w in zip(own.indices, own.values, strict=True) if i in asked}
            pool.append(hit)
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
        if self._letting_go is None:
            self._letting_go = asyncio.get_running_loop().call_later(PAGES_S, self._let_go)
        return self.shard.query_batch(edge.QueryBatchRequest(requests)) if requests else []

    def _let_go(self) -> None:
        self._letting_go = None
        self._give_back()

    def _give_back(self) -> None:
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


def _requests(
    ask: Ask, scope: edge.Filter, limit: int, rarity: edge.SearchParams | None
) -> tuple[list[Channel], list[edge.QueryRequest]]:
    """A search a channel, for ids and scores alone."""
    channels: list[Channel] = []
    requests: list[edge.QueryRequest] = []
    if ask.dense is not None:
        channels.append("dense")
        query = edge.Query.Nearest(ask.dense.tolist(), using="dense")
        requests.append(edge.QueryRequest(limit=limit, query=query, filter=scope))
    names: tuple[tuple[Channel, Sparse], ...] = (("words", ask.words), ("around", ask.around))
    for name, sparse in names:
        if sparse.indices:
            channels.append(name)
            query = edge.Query.Nearest(edge.SparseVector(list(sparse.indices), list(sparse.values)), using=name)
            requests.append(edge.QueryRequest(limit=limit, query=query, filter=scope, params=rarity))
    return channels, requests


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
