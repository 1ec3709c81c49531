"""What an embedder is to the rest of memory, so that models and runtimes can be exchanged without it noticing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Texts to unit vectors. Vectors of different fingerprints must never meet in one index."""

    @property
    def fingerprint(self) -> str:
        """Weights, precision, pooling and length in one short string: equal strings, comparable vectors."""
        ...

    @property
    def size(self) -> int:
        """Numbers in a vector."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of float32 and length 1 for each text. Raises `EmbedderUnavailable`."""
        ...

    async def rest(self) -> None:
        """Give back the memory the model takes; the next `embed` loads it again."""
        ...

    async def close(self) -> None: ...


class EmbedderUnavailable(Exception):
    """The embedding model cannot be used: search goes by words alone. Run `steward doctor` to see what is missing."""


def batches(lengths: Sequence[int], budget: int, most: int = 32) -> list[list[int]]:
    """Positions of texts in runs whose padded size (longest times count) stays within `budget` tokens.

    Texts of like length run together, since padding costs as much as words. Each position appears exactly once.
    """
    runs: list[list[int]] = []
    longest = 0
    for position in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        longest = max(lengths[position], 1)
        if runs and len(runs[-1]) < most and longest * (len(runs[-1]) + 1) <= budget:
            runs[-1].append(position)
        else:
            runs.append([position])
    return runs


def unit(rows: Vectors) -> Vectors:
    """The rows, each of length one."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


def to_blob(vector: npt.NDArray[np.float32]) -> bytes:
    """The stored form: float16, little endian. Half the disk, and a cosine that differs in the fourth place."""
    return vector.astype("<f2").tobytes()


def from_blob(blob: bytes) -> npt.NDArray[np.float32]:
    """The vector in a stored blob, as float32 of unit length (rounding is undone as far as its length goes)."""
    vector = np.frombuffer(blob, dtype="<f2").astype(np.float32)
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector
