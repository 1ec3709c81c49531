"""Embeddings from a server with OpenAI's interface: its own model, on its own hardware, over the guard of every call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from knowledge.embedding.base import EmbedderUnavailable, Vectors, unit

if TYPE_CHECKING:
    import httpx

AT_ONCE = 64  # texts a request
LONGEST = 8_000  # characters of a text; servers refuse what their model cannot read
TRIES = 3
TIMEOUT_S = 30.0
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class RemoteEmbedder:
    """`POST {url}/embeddings`. `size` is what the operator says the model gives; another answer is refused.

    What is embedded goes to that server: for a private memory it should be one's own.
    """

    def __init__(self, url: str, model: str, size: int, key: str = "", *, pause_s: float = 0.5) -> None:
        self._url = f"{url.rstrip('/')}/embeddings"
        self._model, self._key, self._pause_s = model, key, pause_s
        self.size = size
        self._where = urlsplit(self._url).netloc.rpartition("@")[2]
        self._client: httpx.AsyncClient | None = None

    @property
    def fingerprint(self) -> str:
        return f"api-{self._where}-{self._model}-{self.size}"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        rows = [await self._ask(texts[start : start + AT_ONCE]) for start in range(0, len(texts), AT_ONCE)]
        return unit(np.concatenate(rows)) if rows else np.zeros((0, self.size), np.float32)

    async def rest(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def close(self) -> None:
        await self.rest()

    async def _ask(self, texts: Sequence[str]) -> Vectors:
        import httpx

        from knowledge.egress import EgressRefused, Rules, guarded_client

        if self._client is None:
            self._client = guarded_client(Rules.of(settings=[self._url]), timeout=TIMEOUT_S)
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        body = {"model": self._model, "input": [text[:LONGEST] or " " for text in texts], "encoding_format": "float"}
        said = "did not answer"
        for n in range(TRIES):
            try:
                answer = await self._client.post(self._url, json=body, headers=headers)
            except EgressRefused as refused:
                raise EmbedderUnavailable(f"The embeddings server cannot be asked: {refused}") from None
            except httpx.HTTPError as trouble:
                said = f"did not answer ({type(trouble).__name__})"
            else:
                if answer.status_code == 200:
                    return self._rows(answer, len(texts))
                if answer.status_code in (401, 403):
                    said = f"The embeddings server at {self._where} refused the key; set STEWARD_EMBEDDINGS__API_KEY."
                    raise EmbedderUnavailable(said)
                said = f"answered {answer.status_code}"
                if answer.status_code not in _AGAIN:
                    break
            if n + 1 < TRIES:
                await asyncio.sleep(self._pause_s * 2**n)
        raise EmbedderUnavailable(f"The embeddings server at {self._where} {said}.")

    def _rows(self, answer: httpx.Response, many: int) -> Vectors:
        try:
            data: list[dict[str, Any]] = answer.json()["data"]
            rows = np.array([one["embedding"] for one in sorted(data, key=lambda one: one["index"])], np.float32)
        except (ValueError, LookupError, TypeError) as error:
            raise EmbedderUnavailable(f"The embeddings server at {self._where} answered no embeddings.") from error
        if rows.ndim != 2 or len(rows) != many or not np.isfinite(rows).all():
            raise EmbedderUnavailable(f"The embeddings server at {self._where} answered something else than asked.")
        if rows.shape[1] != self.size:
            raise EmbedderUnavailable(
                f"The model {self._model} gives {rows.shape[1]} numbers a text, not {self.size}:"
                f" set STEWARD_EMBEDDINGS__SIZE={rows.shape[1]}."
            )
        return rows
