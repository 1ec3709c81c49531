"""A cross-encoder in the reranker's place: a model that reads question and passage together. Slower, and any you like."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

DEEP = 40  # candidates that are read
BATCH = 16


class Reranker(Protocol):
    """How well passages answer a question: one number each, the higher the better."""

    async def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """Raises `RerankerUnavailable`."""
        ...

    async def close(self) -> None: ...


class RerankerUnavailable(Exception):
    """The reranking model cannot be used: the small linear one ranks instead."""


class CrossEncoder:
    """`model` is a folder or a name that sentence-transformers knows; loaded when first used, in a thread of its own."""

    def __init__(self, model: str, *, load: Callable[[str], Any] | None = None) -> None:
        self._name = model
        self._load = load or _load
        self._model: Any = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="rerank")

    async def score(self, question: str, texts: Sequence[str]) -> list[float]:
        if not texts:
            return []
        pairs = [(question, text) for text in texts]
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._score, pairs)

    async def close(self) -> None:
        self._pool.shutdown(wait=True)
        self._model = None
        gc.collect()

    def _score(self, pairs: list[tuple[str, str]]) -> list[float]:
        try:
            if self._model is None:
                self._model = self._load(self._name)
            scores = np.asarray(self._model.predict(pairs, batch_size=BATCH, show_progress_bar=False), np.float64)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise RerankerUnavailable(f"The reranking model {self._name} cannot be used: {error}") from error
        if scores.shape != (len(pairs),) or not np.isfinite(scores).all():
            raise RerankerUnavailable(f"The model {self._name} is no reranker: it does not give one number a passage.")
        return [float(score) for score in scores]


def _load(name: str) -> Any:
    if find_spec("sentence_transformers") is None:
        raise ImportError("sentence-transformers is not installed; run pip install 'steward[embeddings]'.")
    import sentence_transformers
    import torch

    torch.set_num_threads(1)
    return sentence_transformers.CrossEncoder(name)
