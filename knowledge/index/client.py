"""Qdrant as a server, through qdrant-client: the index of an installation with several machines."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from urllib.parse import urlsplit

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.version_check import is_compatible
from qdrant_client.http.exceptions import ApiException
from qdrant_client.local.async_qdrant_local import AsyncQdrantLocal

from knowledge.egress import GuardedTransport, Rules
from knowledge.index.base import (
    BATCH,
    Ask,
    Channel,
    Found,
    IndexUnreachable,
    Point,
    Pool,
    Scope,
    Sparse,
    Vector,
    fields,
    found,
    window,
)  # fmt: skip
from knowledge.index.home import Seen

PORT = 6333  # of a server whose address names none
TIMEOUT_S = 60

_INDEXED = {
    "readers": models.PayloadSchemaType.KEYWORD,
    "source": models.PayloadSchemaType.KEYWORD,
    "at": models.PayloadSchemaType.INTEGER,
    "doc": models.PayloadSchemaType.INTEGER,
}


class ClientIndex:
    """A collection, or the alias of one, behind a client. `release` is called when it is closed for good."""

    def __init__(self, client: AsyncQdrantClient, collection: str, release: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._release = release
        self.collection = collection

    @classmethod
    async def connect(cls, location: str, *, api_key: str = "", collection: str, size: int) -> ClientIndex:
        """`location` is a server's address, or ":memory:". The collection is made when it is missing."""
        client = connected(location, api_key)
        if not await client.collection_exists(collection):
            await create(client, collection, size)
        return cls(client, collection)

    async def upsert(self, points: Sequence[Point]) -> None:
        for start in range(0, len(points), BATCH):
            batch = [
                models.PointStruct(id=p.id, vector=_vectors(p), payload=fields(p))
                for p in points[start : start + BATCH]
            ]
            with reached():
                await self._client.upsert(self.collection, batch, wait=True)

    async def remove(self, ids: Sequence[int]) -> None:
        if ids:
            with reached():
                await self._client.delete(self.collection, models.PointIdsList(points=list(ids)), wait=True)

    async def query(self, ask: Ask, dense: Awaitable[Vector | None] | None = None) -> Pool:
        if not ask.scope.names:
            return Pool()
        if dense is not None:
            ask = replace(ask, dense=await dense)
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
        with reached():
            return (await self._client.count(self.collection, count_filter=narrow, exact=True)).count

    async def flush(self) -> None:
        """A server keeps its own promises: writes here wait until they are applied."""

    async def close(self) -> None:
        await self._client.close()
        self._release()

    async def drop(self) -> None:
        """Remove the collection: the projection is about to be made anew."""
        await self._client.delete_collection(self.collection)

    async def _batch(self, requests: list[models.QueryRequest]) -> list[list[models.ScoredPoint]]:
        if not requests:
            return []
        with reached():
            return [r.points for r in await self._client.query_batch_points(self.collection, requests)]


@contextmanager
def reached() -> Iterator[None]:
    """Whatever the client raises of a server that does not answer becomes `IndexUnreachable`."""
    try:
        yield
    except (ApiException, OSError) as error:
        status = getattr(error, "status_code", None)
        told = f"it answered {status}" if status else type(error).__name__
        raise IndexUnreachable(f"{IndexUnreachable.__doc__} ({told})") from error


def connected(location: str, api_key: str = "") -> AsyncQdrantClient:
    """A client of the server at `location` and of nothing else, or of an engine of its own at ":memory:"."""
    if location == ":memory:":
        return AsyncQdrantClient(location)
    location = location if urlsplit(location).port else f"{location.rstrip('/')}:{PORT}"
    guard = GuardedTransport(Rules.of(settings=[location]))
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Api key is used with an insecure connection"
        )  # the operator wrote the address
        return AsyncQdrantClient(
        url=location, api_key=api_key or None, timeout=TIMEOUT_S, check_compatibility=False, transport=guard,
        trust_env=False,
    )  # fmt: skip


async def create(client: AsyncQdrantClient, collection: str, size: int) -> None:
    """An empty collection with the vectors, and on a server the payload indexes, that points need."""
    await client.create_collection(
        collection,
        vectors_config={
            name: models.VectorParams(size=size, distance=models.Distance.DOT) for name in ("dense", "window")
        },
        sparse_vectors_config={
            name: models.SparseVectorParams(modifier=models.Modifier.IDF) for name in ("words", "around")
        },
    )
    if not isinstance(client._client, AsyncQdrantLocal):  # which knows no payload index and needs none
        for name, kind in _INDEXED.items():
            await client.create_payload_index(collection, name, field_schema=kind, wait=True)


async def aimed_at(client: AsyncQdrantClient, alias: str) -> str:
    """The collection that an alias leads to; empty when there is no such alias."""
    known = (await client.get_aliases()).aliases
    return next((a.collection_name for a in known if a.alias_name == alias), "")


async def aim(client: AsyncQdrantClient, alias: str, collection: str) -> None:
    """Make the alias lead to another collection, for every searcher at once, and drop all others of its name."""
    create_alias = models.CreateAlias(collection_name=collection, alias_name=alias)
    changes: list[models.AliasOperations] = [models.CreateAliasOperation(create_alias=create_alias)]
    if await aimed_at(client, alias):
        changes.insert(0, models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))
    await client.update_collection_aliases(changes)
    await sweep(client, alias, but=collection)


async def look(client: AsyncQdrantClient, alias: str) -> Seen:
    """The server's version, and what an alias leads to."""
    version = (await client.info()).version
    made_for = metadata.version("qdrant-client")
    fits = is_compatible(made_for, version)
    target = await aimed_at(client, alias) if alias else ""
    if not target:
        return Seen(version, made_for, fits)
    vectors = (await client.get_collection(target)).config.params.vectors
    dense = vectors.get("dense") if isinstance(vectors, dict) else None
    points = (await client.count(target, exact=True)).count
    return Seen(version, made_for, fits, target, dense.size if dense is not None else 0, points)


async def sweep(client: AsyncQdrantClient, alias: str, *, but: str = "") -> None:
    """Drop the collections that were made for an alias, but for one."""
    for one in (await client.get_collections()).collections:
        if one.name.startswith(f"{alias}-") and one.name != but:
            await client.delete_collection(one.name)


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
