"""The embedder as memory uses it: there may be none, or it may fail, and then words alone must do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from knowledge import doing
from knowledge.embedding.base import Embedder, EmbedderUnavailable, Vectors, to_blob

AT_ONCE = 256  # texts that the model is given; in between it may be asked for others
SIZE = 384  # of vectors, as long as no model says otherwise


class Encoder:
    """`trouble` says why search goes by words alone at the moment; empty when it does not."""

    def __init__(self, embedder: Embedder | None) -> None:
        self._embedder = embedder
        self.trouble = "" if embedder else "no embedding model is set up"

    @property
    def fingerprint(self) -> str:
        """Of the vectors it makes; empty without a model."""
        return self._embedder.fingerprint if self._embedder else ""

    @property
    def size(self) -> int:
        return self._embedder.size if self._embedder else SIZE

    async def encode(self, texts: Sequence[str]) -> Vectors | None:
        """One row a text, or None when no model can be used."""
        if self._embedder is None:
            return None
        try:
            vectors = await self._embedder.embed(texts)
        except EmbedderUnavailable as error:
            self.trouble = str(error)
            return None
        self.trouble = ""
        return vectors

    async def one(self, text: str) -> npt.NDArray[np.float32] | None:
        vectors = await self.encode([text])
        return vectors[0] if vectors is not None else None

    async def blobs(self, texts: Sequence[str]) -> list[bytes | None]:
        """The stored form of each vector; None for those for which no model can be used."""
        made: list[bytes | None] = []
        for start in range(0, len(texts), AT_ONCE):
            if len(texts) > AT_ONCE:
                doing.far(start, len(texts), "passages")
            vectors = await self.encode(texts[start : start + AT_ONCE])
            if vectors is None:
                break
            made += map(to_blob, vectors)
        return made + [None] * (len(texts) - len(made))

    async def close(self) -> None:
        if self._embedder is not None:
            await self._embedder.close()
