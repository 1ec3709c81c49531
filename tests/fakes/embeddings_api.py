"""An embeddings server on loopback, with OpenAI's interface, around `WordEmbedder`: texts that share words are near.

`fake.fail(503, 429)` queues what the next requests get. It refuses what the real one refuses: another path (404), no key
when one is set (401), a body without a model or input (400). Answers come in an order of their own, as the real one may.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.embedder import SIZE, WordEmbedder
from tests.fakes.loopback import Loopback, Request, Response


@dataclass
class FakeEmbeddings:
    key: str = ""
    size: int = SIZE
    bodies: list[dict[str, Any]] = field(default_factory=list)
    _fails: list[int] = field(default_factory=list)

    async def __aenter__(self) -> FakeEmbeddings:
        self._server = await Loopback(self._answer).__aenter__()
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self._server.__aexit__(*problem)

    @property
    def url(self) -> str:
        return f"{self._server.url}/v1"

    def fail(self, *statuses: int) -> None:
        self._fails += statuses

    async def _answer(self, request: Request) -> Response:
        if (request.method, request.path) != ("POST", "/v1/embeddings"):
            return Response.of({"error": {"message": "Invalid URL"}}, 404)
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return Response.of({"error": {"message": "Incorrect API key provided"}}, 401)
        body = request.params()
        if not body.get("model") or not body.get("input"):
            return Response.of({"error": {"message": "you must provide a model parameter"}}, 400)
        self.bodies.append(body)
        if self._fails:
            return Response.of({"error": {"message": "scripted failure"}}, self._fails.pop(0))
        rows = 3 * (await WordEmbedder().embed(body["input"]))[:, : self.size]  # not of length one, as some servers'
        data = [{"object": "embedding", "index": n, "embedding": row.tolist()} for n, row in enumerate(rows)]
        return Response.of({"object": "list", "data": data[::-1], "model": body["model"]})
