"""An embedder without a model: texts that share words are near. Deterministic, quick, and able to be unavailable."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knowledge.embedding.base import EmbedderUnavailable, Vectors
from knowledge.index.bm25 import token_id, tokens

SIZE = 64


class WordEmbedder:
    """Sums one random direction per token. `missing` makes every call fail as a lost model would."""

    def __init__(self, fingerprint: str = "words-1") -> None:
        self.fingerprint = fingerprint
        self.size = SIZE
        self.missing = False
        self.calls = 0
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if self.missing:
            raise EmbedderUnavailable("The embedding model is gone.")
        self.calls += 1
        self.texts += texts
        rows = np.zeros((len(texts), SIZE), np.float32)
        for row, text in enumerate(texts):
            for token in tokens(text) or [text]:
                rows[row] += np.random.default_rng(token_id(token)).normal(size=SIZE).astype(np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    async def rest(self) -> None: ...

    async def close(self) -> None: ...
