"""Qdrant as a server, through qdrant-client: the index of an installation with several machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qdrant_client import AsyncQdrantClient, models

from knowledge.index.base import BATCH, Ask, Channel, Found, Point, Pool, Scope, Sparse, fields, found, window

_INDEXED = {
    "readers": models.PayloadSchemaType.KEYWORD,
    "source": models.PayloadSchemaType.KEYWORD,
    "at": models.PayloadSchemaType.INTEGER,
    "doc": models.PayloadSchemaType.INTEGER,
}


class ClientIndex:
    """A collection behind a client. Made by `connect`; `local` engines know no payload index and need none."""

    def __init__(self, client: AsyncQdrantClient, collection: str) -> None:
        self._client = client
        self.collection = collection

    @classmethod
    async def connect(cls, location: str, *, api_key: str = "", collection: str, size: int) -> ClientIndex:
        """`location` is a server's address, or ":memory:". The collection is made when it is missing."""
        local = location == ":memory:"
        client = AsyncQdrantClient(location) if local else AsyncQdrantClient(url=location, api_key=api_key or None)
        if not await client.collection_exists(collection):
            await client.create_collection(
                collection,
                vectors_config={
                    name: models.VectorParams(size=size, distance=models.Distance.DOT) for name in ("dense", "window")
                },
                sparse_vectors_config={
                    name: models.SparseVectorParams(modifier=models.Modifier.IDF) for name in ("words", "around")
                },
            )
            if not local:
                for name, kind in _INDEXED.items():
                    await client.create_payload_index(collection, name, field_schema=kind, wait=True)
        return cls(client, collection)

    async def upsert(self, points: Sequence[Point]) -> None:
        for start in range(0, len(points), BATCH):
            batch = [
                models.PointStruct(id=p.id, vector=_vectors(p), payload=fields(p))
                for p in points[start : start + BATCH]
            ]
            await self._client.upsert(self.collection, batch, wait=True)

    async def remove(self, ids: Sequence[int]) -> None:
        if ids:
            await self._client.delete(self.collection, models.PointIdsList(points=list(ids)), wait=True)

    async def query(self, ask: Ask) -> Pool:
        if not ask.scope.names:
            return Pool()
        scope = _filter(ask.scope)
        channels, requests = _requests(ask, scope, ask.limit)
        if ask.dense is not None:
            near = ask.dense.tolist()
            requests.append(
                models.QueryRequest(query=near, using="window", filter=scope, limit=ask.limit, with_payload=True)
            )
        answers = await self._batch(requests)
        pool: dict[int, Found] = {}
        for points in answers[: len(channels)]:
            for point in points:
                id = int(point.id)
                if id not in pool:
                    pool[id] = found(id, point.payload or {})
        if pool:
            await self._score(ask, pool)
        windows = answers[-1] if ask.dense is not None else []
        return Pool(list(pool.values()), [window(p.payload or {}, p.score) for p in windows])

    async def _score(self, ask: Ask, pool: Mapping[int, Found]) -> None:
        """Score every candidate in every channel, and note the words it shares with the question."""
        narrow = models.Filter(must=[_filter(ask.scope), models.HasIdCondition(has_id=list(pool))])
        channels, requests = _requests(ask, narrow, len(pool), scoring=True)
        asked = set(ask.words.indices)
        for channel, points in zip(channels, await self._batch(requests), strict=True):
            for point in points:
                hit = pool[int(point.id)]
                hit.scores[channel] = point.score
                if channel == "words" and isinstance(point.vector, dict):
                    own = point.vector["words"]
                    assert isinstance(own, models.SparseVector)
                    hit.shared = {i: w for i, w in zip(own.indices, own.values, strict=True) if i in asked}

    async def count(self, scope: Scope | None = None) -> int:
        if scope is not None and not scope.names:
            return 0
        narrow = _filter(scope) if scope else None
        return (await self._client.count(self.collection, count_filter=narrow, exact=True)).count

    async def flush(self) -> None:
        """A server keeps its own promises: writes here wait until they are applied."""

    async def close(self) -> None:
        await self._client.close()

    async def drop(self) -> None:
        """Remove the collection: the projection is about to be made anew."""
        await self._client.delete_collection(self.collection)

    async def _batch(self, requests: list[models.QueryRequest]) -> list[list[models.ScoredPoint]]:
        if not requests:
            return []
        return [r.points for r in await self._client.query_batch_points(self.collection, requests)]


def _vectors(point: Point) -> models.VectorStruct:
    vectors: dict[str, models.Vector] = {}
    if point.dense is not None:
        vectors["dense"] = point.dense.tolist()
    if point.window is not None:
        vectors["window"] = point.window.tolist()
    for name, sparse in (("words", point.words), ("around", point.around)):
        if sparse.indices:
            vectors[name] = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
    return vectors


def _requests(
    ask: Ask, scope: models.Filter, limit: int, *, scoring: bool = False
) -> tuple[list[Channel], list[models.QueryRequest]]:
    """A search a channel. `scoring` known points needs no payload, but the words that a point has."""
    channels: list[Channel] = []
    requests: list[models.QueryRequest] = []
    if ask.dense is not None:
        channels.append("dense")
        near = ask.dense.tolist()
        requests.append(
            models.QueryRequest(query=near, using="dense", filter=scope, limit=limit, with_payload=not scoring)
        )
    rarity = models.SearchParams(idf=models.IdfCorpusParams(corpus=_readers(ask.scope)))
    names: tuple[tuple[Channel, Sparse], ...] = (("words", ask.words), ("around", ask.around))
    for name, sparse in names:
        if sparse.indices:
            channels.append(name)
            query = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
            requests.append(
                models.QueryRequest(
                    query=query,
                    using=name,
                    filter=scope,
                    limit=limit,
                    params=rarity,
                    with_payload=not scoring,
                    with_vector=["words"] if scoring and name == "words" else False,
                )
            )
    return channels, requests


def _readers(scope: Scope) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key="readers", match=models.MatchAny(any=scope.names))])


def _filter(scope: Scope) -> models.Filter:
    """Our scope in the client's words; the readers are always in it."""
    must: list[models.Condition] = [models.FieldCondition(key="readers", match=models.MatchAny(any=scope.names))]
    if scope.sources:
        must.append(models.FieldCondition(key="source", match=models.MatchAny(any=list(scope.sources))))
    if scope.documents:
        must.append(models.FieldCondition(key="doc", match=models.MatchAny(any=list(scope.documents))))
    if scope.after is not None or scope.before is not None:
        must.append(models.FieldCondition(key="at", range=models.Range(gte=scope.after, lt=scope.before)))
    unwanted: list[models.Condition] = []
    if scope.without:
        unwanted.append(models.FieldCondition(key="source", match=models.MatchAny(any=list(scope.without))))
    return models.Filter(must=must, must_not=unwanted or None)
