"""Which everyday attribute a question asks for, and which a sentence tells: a birthday, a price, a place, an employer.

"How tall is Maria?" is near to every short note about Maria, and for a sentence encoder a birthday is hardly farther from
it than a height. Two classifiers, one over the vector of the question's remainder and one over that of the whole sentence,
learned from the written examples in `attributes.txt`, tell them apart. They are fitted once for an embedding model, by
`python -m knowledge.retriever.attributes FOLDER`.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge.retriever.focus import remainder

Matrix = npt.NDArray[np.float32]
Embed = Callable[[Sequence[str]], Awaitable[Matrix]]

EXAMPLES = Path(__file__).with_name("attributes.txt")
ROUNDS = 150
FILLS = 6  # of an example's slots: what they hold must not matter
_SCALE = 8.0  # of unit vectors, for the descent
_LEAST = 1e-3  # of the probability of one attribute


@dataclass(frozen=True, slots=True)
class Block:
    """One attribute: the sort of thing it is about, its name, ways to ask for it and ways to tell it."""

    sort: str
    name: str
    asks: tuple[str, ...]
    tells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attributes:
    """`asks` and `tells` have one column an attribute, and a row more than a vector has numbers."""

    asks: Matrix
    tells: Matrix

    @classmethod
    def load(cls, folder: Path, fingerprint: str) -> Attributes | None:
        """What was fitted for the model of this fingerprint from today's examples; None when there is nothing."""
        try:
            with np.load(file_in(folder), allow_pickle=False) as kept:
                if str(kept["model"]) != fingerprint:
                    return None
                return cls(kept["asks"].astype(np.float32), kept["tells"].astype(np.float32))
        except (OSError, ValueError, KeyError):
            return None

    def save(self, folder: Path, fingerprint: str) -> None:
        file = file_in(folder)
        beside = folder / f".{file.name}"
        with beside.open("wb") as written:
            np.savez(written, model=fingerprint, asks=self.asks.astype("<f2"), tells=self.tells.astype("<f2"))
        for old in folder.glob("attributes-*.npz"):
            old.unlink()
        beside.replace(file)

    def parts(self, question: Matrix, sentences: Matrix) -> list[dict[str, float]]:
        """Of the question's remainder and of sentences: for each of these, how far it and the question are of one attribute.

        `agree` is the logarithm of the probability that both have the same attribute, at least log 0.001 (the first
        column is of what has none); `known` and `told` are the probabilities of the question's and the sentence's
        likeliest attribute.
        """
        asked, told = _shares(question[None], self.asks)[0], _shares(sentences, self.tells)
        agree = np.log(_LEAST + told[:, 1:] @ asked[1:])
        return [
            {"agree": float(a), "known": float(asked.max()), "told": float(t.max())}
            for a, t in zip(agree, told, strict=True)
        ]


def file_in(folder: Path) -> Path:
    """Where a fit of today's examples lies in the folder of its model."""
    return folder / f"attributes-{hashlib.sha256(EXAMPLES.read_bytes()).hexdigest()[:12]}.npz"


def examples(text: str) -> tuple[list[Block], dict[str, list[str]]]:
    """The blocks and the slots' values of a file of examples. Raises `ValueError` with the line that is not one."""
    blocks: list[Block] = []
    slots: dict[str, list[str]] = {}
    for part in re.split(r"\n\s*\n", text):
        lines = [line for line in part.splitlines() if line.strip() and not line.startswith("#")]
        values = [line for line in lines if line.startswith("@")]
        slots.update((name, rest.split("|")) for name, rest in (line[1:].split(" ", 1) for line in values))
        lines = [line for line in lines if not line.startswith("@")]
        if not lines:
            continue
        sort, _, name = lines[0].partition(" ")
        asks, tells = (tuple(line[2:].strip() for line in lines[1:] if line.startswith(mark)) for mark in ("? ", ". "))
        if not name or not asks or not tells or len(asks) + len(tells) != len(lines) - 1:
            raise ValueError(f"not a block of examples: {lines[0]!r}")
        blocks.append(Block(sort, name, asks, tells))
    return blocks, slots


def labelled(
    blocks: Sequence[Block], slots: Mapping[str, Sequence[str]], seed: int = 1
) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """What is left of each question once the words of its answer are taken out, and each sentence whole; with its block.

    Sentences are whole since a passage is embedded before anybody asks: names vary, so that they do not matter.
    """
    rng = random.Random(seed)
    asks: dict[tuple[str, int], None] = {}
    tells: dict[tuple[str, int], None] = {}
    for number, block in enumerate(blocks):
        for tell, _ in itertools.product(block.tells, range(FILLS)):
            filled = {name: rng.choice(values) for name, values in slots.items()}
            filled["x"] = rng.choice(slots[block.sort])
            sentence = tell.format(**filled)
            sentence = sentence[:1].upper() + sentence[1:]
            tells[sentence, number] = None
            for ask in block.asks:
                asks[remainder(ask.format(**filled), [sentence]).question, number] = None
    return list(asks), list(tells)


async def fit(embed: Embed, text: str) -> Attributes:
    """Two classifiers, one of questions and one of sentences, over the attributes of `text`. Deterministic."""
    asks, tells = labelled(*examples(text))
    count = asks[-1][1] + 1
    return Attributes(await _learned(embed, asks, count), await _learned(embed, tells, count))


async def _learned(embed: Embed, known: Sequence[tuple[str, int]], count: int) -> Matrix:
    vectors = np.concatenate([await embed([t for t, _ in known[i : i + 32]]) for i in range(0, len(known), 32)])
    return descend(vectors, np.array([label for _, label in known]), count)


def descend(
    vectors: Matrix, labels: npt.NDArray[np.int64], count: int, *, l2: float = 1e-4, rounds: int = ROUNDS
) -> Matrix:
    """Multinomial logistic regression by Adam from nought; the labels are below `count`."""
    x = _inputs(vectors)
    wanted = np.eye(count, dtype=np.float32)[labels]
    weights = np.zeros((x.shape[1], wanted.shape[1]), np.float32)
    mean: npt.NDArray[np.floating] = np.zeros_like(weights)
    spread: npt.NDArray[np.floating] = np.zeros_like(weights)
    for step in range(1, rounds + 1):
        slope = x.T @ (_softmax(x @ weights) - wanted) / len(x) + l2 * weights
        mean = 0.9 * mean + 0.1 * slope
        spread = 0.99 * spread + 0.01 * slope * slope
        weights -= 0.1 * (mean / (1 - 0.9**step)) / (np.sqrt(spread / (1 - 0.99**step)) + 1e-8)
    return weights


def _inputs(vectors: Matrix) -> Matrix:
    return np.concatenate([vectors * _SCALE, np.ones((len(vectors), 1), np.float32)], 1, dtype=np.float32)


def _shares(vectors: Matrix, weights: Matrix) -> Matrix:
    return _softmax(_inputs(vectors) @ weights)


def _softmax(scores: Matrix) -> Matrix:
    raised = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True), np.float32)


def _examples() -> str:
    return EXAMPLES.read_text("utf-8")


async def prepare(folder: Path) -> None:
    """Fit the model in `folder` to the examples, unless that is done."""
    from knowledge.embedding.onnx import OnnxEmbedder

    embedder = OnnxEmbedder(folder)
    if Attributes.load(folder, embedder.fingerprint) is None:
        fitted = await fit(embedder.embed, _examples())
        fitted.save(folder, embedder.fingerprint)
    await embedder.close()


if __name__ == "__main__":
    import asyncio

    asyncio.run(prepare(Path(sys.argv[1])))
