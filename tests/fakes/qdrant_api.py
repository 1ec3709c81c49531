"""A Qdrant server on loopback: its REST interface, as far as memory uses it, around qdrant-client's own engine.

What comes in is read by the client's published models and what goes out is written by them, so a call that a server would
not understand is not understood here. `fake.key` makes it refuse other keys; `fake.down` makes it answer 503.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, TypeAdapter
from qdrant_client import AsyncQdrantClient, models

from tests.fakes.loopback import Loopback, Request, Response

Handler = Callable[[str, Any], Awaitable[Any]]


@dataclass
class FakeQdrant:
    key: str = ""
    down: bool = False
    version: str = "1.20.0"
    calls: list[str] = field(default_factory=list)

    async def __aenter__(self) -> FakeQdrant:
        self.engine = AsyncQdrantClient(":memory:")
        self._server = await Loopback(self._answer).__aenter__()
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self._server.__aexit__(*problem)
        await self.engine.close()

    async def stop(self) -> None:
        """The server is gone: nobody listens at its address."""
        await self._server.__aexit__()

    async def start(self, *, empty: bool = False) -> None:
        """It is back at the same address, with what it held, or with nothing."""
        if empty:
            await self.engine.close()
            self.engine = AsyncQdrantClient(":memory:")
        await self._server.__aenter__()

    @property
    def url(self) -> str:
        return self._server.url

    async def collections(self) -> list[str]:
        return sorted(c.name for c in (await self.engine.get_collections()).collections)

    async def _answer(self, request: Request) -> Response:
        if self.down:
            return Response(503, b"down", "text/plain")
        if self.key and request.headers.get("api-key") != self.key:
            return Response(401, b"Must provide an API key", "text/plain")
        parts = request.path.strip("/").split("/")
        name = parts[1] if parts[0] == "collections" and len(parts) > 1 and parts[1:] != ["aliases"] else ""
        call = " ".join([request.method, *(parts if not name else [parts[0], "*", *parts[2:]])])
        self.calls.append(call)
        handler = self._handlers().get(call)
        if call == "GET ":
            return Response.of({"title": "qdrant - vector search engine", "version": self.version, "commit": "0"})
        if handler is None:
            return Response.of({"status": {"error": f"unknown call {call}"}}, 404)
        try:
            result = await handler(name, json.loads(request.body) if request.body else {})
        except ValueError as error:
            return Response.of({"status": {"error": str(error)}}, 400)
        body = json.dumps({"result": _plain(result), "status": "ok", "time": 0.0})
        return Response(200, body.encode())

    def _handlers(self) -> dict[str, Handler]:
        return {
            "GET collections": lambda _n, _b: self.engine.get_collections(),
            "GET aliases": lambda _n, _b: self.engine.get_aliases(),
            "POST collections aliases": self._aliases,
            "GET collections *": lambda name, _b: self.engine.get_collection(name),
            "GET collections * exists": self._exists,
            "PUT collections *": self._create,
            "DELETE collections *": lambda name, _b: self.engine.delete_collection(name),
            "PUT collections * index": self._index,
            "PUT collections * points": self._upsert,
            "POST collections * points delete": self._delete,
            "POST collections * points count": self._count,
            "POST collections * points query batch": self._query,
        }

    async def _aliases(self, _name: str, body: Any) -> Any:
        return await self.engine.update_collection_aliases(models.ChangeAliasesOperation(**body).actions)

    async def _exists(self, name: str, _body: Any) -> Any:
        return {"exists": await self.engine.collection_exists(name)}

    async def _create(self, name: str, body: Any) -> Any:
        wanted = models.CreateCollection(**body)
        return await self.engine.create_collection(
            name,
            vectors_config=wanted.vectors,
            sparse_vectors_config=wanted.sparse_vectors,
        )

    async def _index(self, _name: str, body: Any) -> Any:
        models.CreateFieldIndex(**body)
        return _DONE

    async def _upsert(self, name: str, body: Any) -> Any:
        await self.engine.upsert(name, models.PointsList(**body).points)
        return _DONE

    async def _delete(self, name: str, body: Any) -> Any:
        await self.engine.delete(name, models.PointIdsList(**body))
        return _DONE

    async def _count(self, name: str, body: Any) -> Any:
        wanted = models.CountRequest(**body)
        return await self.engine.count(name, count_filter=wanted.filter, exact=bool(wanted.exact))

    async def _query(self, name: str, body: Any) -> Any:
        return await self.engine.query_batch_points(name, models.QueryRequestBatch(**body).searches)


_DONE = {"operation_id": 0, "status": "completed"}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return TypeAdapter(type(value)).dump_python(value, mode="json") if isinstance(value, BaseModel) else value
