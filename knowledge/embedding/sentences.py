"""Any sentence-transformers model, for those who want another one and have the extra `embeddings` installed."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import numpy as np

from knowledge.embedding.base import EmbedderUnavailable, Vectors, unit

BATCH = 32


class SentenceEmbedder:
    """`model` is a folder or a name that the library knows; it is loaded when first used, in a thread of its own.

    torch gets one thread: with more, a busy machine embeds slower, since they wait for each other by spinning.
    """

    def __init__(self, model: str, size: int, *, load: Callable[[str], Any] | None = None) -> None:
        self._name = model
        self.size = size
        self._load = load or _load
        self._model: Any = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="embed")

    @property
    def fingerprint(self) -> str:
        return f"st-{self._name}-fp32-{self.size}"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.size), np.float32)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._embed, list(texts))

    async def rest(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, self._unload)

    async def close(self) -> None:
        await self.rest()
        self._pool.shutdown(wait=False)

    def _embed(self, texts: list[str]) -> Vectors:
        try:
            if self._model is None:
                self._model = self._load(self._name)
            rows = np.asarray(self._model.encode(texts, batch_size=BATCH, show_progress_bar=False), np.float32)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise EmbedderUnavailable(f"The embedding model {self._name} cannot be used: {error}") from error
        if rows.shape != (len(texts), self.size):
            raise EmbedderUnavailable(
                f"The model {self._name} gives {rows.shape[-1]} numbers a text, not {self.size}:"
                f" set STEWARD_EMBEDDINGS__SIZE={rows.shape[-1]}."
            )
        return unit(rows)

    def _unload(self) -> None:
        self._model = None
        gc.collect()


def _load(name: str) -> Any:
    if find_spec("sentence_transformers") is None:
        raise ImportError("sentence-transformers is not installed; run pip install 'steward[embeddings]'.")
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    return SentenceTransformer(name)
