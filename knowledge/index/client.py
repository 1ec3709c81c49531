"""Qdrant as a server, through qdrant-client: the index of an installation with several machines."""

from __future__ import annotations

from collections.abc import Sequence

from qdrant_client import AsyncQdrantClient, models

from knowledge.index.base import BATCH, Ask, Channel, Found, Point, Scope, Sparse, fields, found

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
                vectors_config={"dense": models.VectorParams(size=size, distance=models.Distance.DOT)},
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

    async def query(self, ask: Ask) -> list[Found]:
        if not ask.scope.names:
            return []
        channels, requests = _requests(ask, _filter(ask.scope), ask.limit, payload=True)
        pool: dict[int, Found] = {}
        for channel, points in zip(channels, await self._batch(requests), strict=True):
            for point in points:
                id = int(point.id)
                hit = pool.get(id)
                if hit is None:
                    hit = pool[id] = found(id, point.payload or {})
                hit.scores[channel] = point.score
        return list(pool.values())

    async def score(self, ask: Ask, ids: Sequence[int]) -> dict[int, dict[Channel, float]]:
        scores: dict[int, dict[Channel, float]] = {id: {} for id in ids}
        if not ids or not ask.scope.names:
            return scores
        narrow = models.Filter(must=[_filter(ask.scope), models.HasIdCondition(has_id=list(ids))])
        channels, requests = _requests(ask, narrow, len(ids), payload=False)
        for channel, points in zip(channels, await self._batch(requests), strict=True):
            for point in points:
                scores[int(point.id)][channel] = point.score
        return scores

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
    for name, sparse in (("words", point.words), ("around", point.around)):
        if sparse.indices:
            vectors[name] = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
    return vectors


def _requests(
    ask: Ask, scope: models.Filter, limit: int, *, payload: bool
) -> tuple[list[Channel], list[models.QueryRequest]]:
    channels: list[Channel] = []
    requests: list[models.QueryRequest] = []
    if ask.dense is not None:
        channels.append("dense")
        requests.append(
            models.QueryRequest(
                query=ask.dense.tolist(), using="dense", filter=scope, limit=limit, with_payload=payload
            )
        )
    rarity = models.SearchParams(idf=models.IdfCorpusParams(corpus=_readers(ask.scope)))
    names: tuple[tuple[Channel, Sparse], ...] = (("words", ask.words), ("around", ask.around))
    for name, sparse in names:
        if sparse.indices:
            channels.append(name)
            query = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
            requests.append(
                models.QueryRequest(
                    query=query, using=name, filter=scope, limit=limit, with_payload=payload, params=rarity
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
