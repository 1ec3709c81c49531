"""Fits the weights by which `retriever/passage.py` tells an answer: `python -m tests.evals.memory.answering`.

Pairs of a question and a sentence come from `retriever/attributes.txt` alone. The classifier of attributes that judges a
pair has not seen its wording, and for a part of the pairs not even its attribute: real questions are of both sorts.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from knowledge.hits import Hit
from knowledge.retriever.attributes import EXAMPLES, Attributes, Block, Matrix, descend, examples
from knowledge.retriever.focus import remainder
from knowledge.retriever.passage import signals

ALIKE, OTHER = 6, 3  # wrong sentences about the same subject, for each question: of its sort, of any
STRANGE = 0.15  # of the pairs are tried with another subject, too
SPREADS = 4  # of attributes; wordings are spread in three


@dataclass(frozen=True, slots=True)
class Pair:
    """A question of a block and a sentence of a block, by their numbers, with what is left of the question."""

    question: str
    sentence: str
    asked: int
    told: int
    wording: tuple[int, int]
    left: str
    cover: float
    right: bool


def pairs(blocks: Sequence[Block], slots: Mapping[str, Sequence[str]], seed: int = 1) -> list[Pair]:
    rng = random.Random(seed)
    made = []
    for asked, block in enumerate(blocks):
        alike = [n for n, other in enumerate(blocks) if n != asked and other.sort == block.sort]
        for number, ask in enumerate(block.asks):
            wrong = rng.sample(alike, min(ALIKE, len(alike))) + rng.sample(range(len(blocks)), OTHER)
            chosen = [(asked, n) for n in range(len(block.tells))] if asked else []
            chosen += [(n, rng.randrange(len(blocks[n].tells))) for n in wrong if n != asked]
            for told, n in chosen:
                filled = {name: rng.choice(values) for name, values in slots.items()}
                x = filled["x"] = rng.choice(slots[block.sort])
                question = ask.format(**filled)
                made.append(
                    _pair(
                        question,
                        blocks[told].tells[n].format(**filled),
                        asked,
                        told,
                        (number % 3, n % 3),
                        asked == told > 0,
                    )
                )
                if rng.random() < STRANGE and len(slots[block.sort]) > 1:  # the same of somebody else is no answer
                    filled["x"] = rng.choice([s for s in slots[block.sort] if s != x])
                    made.append(
                        _pair(question, blocks[told].tells[n].format(**filled), asked, told, (number % 3, n % 3), False)
                    )
    return made


def _pair(question: str, sentence: str, asked: int, told: int, wording: tuple[int, int], right: bool) -> Pair:
    sentence = sentence[:1].upper() + sentence[1:]
    left = remainder(question, [sentence])
    return Pair(question, sentence, asked, told, wording, left.question, left.cover[0], right)


def judged(made: Sequence[Pair], vector: Callable[[str], Matrix]) -> tuple[list[Hit], list[Pair]]:
    """Each pair as the finder would see it, with its attributes told by classifiers that do not know it."""
    blocks = max(p.asked for p in made) + 1
    spread = np.random.default_rng(0).permutation(blocks) % SPREADS
    hits: list[Hit] = []
    kept: list[Pair] = []

    def judge(taught: Sequence[Pair], asked: Sequence[Pair]) -> None:
        classifiers = Attributes(
            _taught({(p.left, p.asked) for p in taught}, blocks, vector),
            _taught({(p.sentence, p.told) for p in taught}, blocks, vector),
        )
        for p in asked:
            parts = classifiers.parts(vector(p.left), vector(p.sentence)[None])[0]
            parts |= {
                "dense": float(vector(p.question) @ vector(p.sentence)),
                "match": float(vector(p.left) @ vector(p.sentence)),
                "cover": p.cover,
            }
            hits.append(_hit(p.sentence, parts))
            kept.append(p)

    for n in range(3):
        judge([p for p in made if n not in p.wording], [p for p in made if p.wording == (n, n)])
    for n in range(2):
        unseen = [p for p in made if spread[p.asked] == n and p.asked]
        judge([p for p in made if n not in (spread[p.asked], spread[p.told])], unseen[::4])
    return hits, kept


def logistic(x: Matrix, y: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float64], float]:
    """Weights and bias, both outcomes counting alike, by the same descent as everything else here."""
    middle, scale = x.mean(0), x.std(0) + 1e-9
    z = np.c_[(x - middle) / scale, np.ones(len(x))]
    w = np.zeros(z.shape[1])
    share = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    for _ in range(4_000):
        w -= 0.5 * (z.T @ (share * (1 / (1 + np.exp(-z @ w)) - y)) / len(y) + 1e-3 * np.r_[w[:-1], 0])
    weights = w[:-1] / scale
    return weights, float(w[-1] - weights @ middle)


def _taught(labelled: set[tuple[str, int]], blocks: int, vector: Callable[[str], Matrix]) -> Matrix:
    rows = sorted(labelled)
    return descend(np.stack([vector(t) for t, _ in rows]), np.array([n for _, n in rows]), blocks)


def _hit(text: str, parts: Mapping[str, float]) -> Hit:
    from datetime import UTC, datetime

    return Hit(text, "", "", datetime(2026, 1, 1, tzinfo=UTC), "note", "principal", 0.0, parts=parts)


async def main() -> None:
    folder = model_folder()
    if folder is None:
        raise SystemExit("no prepared embedding model: run ./steward once")
    made = pairs(*examples(EXAMPLES.read_text("utf-8")))
    texts = list(dict.fromkeys(t for p in made for t in (p.question, p.sentence, p.left)))
    embedder = OnnxEmbedder(folder)
    vectors = {}
    for i in range(0, len(texts), 32):
        vectors.update(zip(texts[i : i + 32], await embedder.embed(texts[i : i + 32]), strict=True))
    await embedder.close()
    hits, kept = judged(made, vectors.__getitem__)
    found = [signals(p.question, hit) for p, hit in zip(kept, hits, strict=True)]
    y = np.array([p.right for p in kept])
    for title, names in (("ANSWERS", tuple(found[0])), ("ALONE", ("dense", "match", "cover", "number_missing"))):
        x = np.array([[f[name] for name in names] for f in found])
        weights, bias = logistic(x, y)
        scores = x @ weights + bias
        print(title, {**dict(zip(names, weights.round(2).tolist(), strict=True)), "bias": round(bias, 2)})
        for share in (0.9, 0.95, 0.97):
            refused = np.mean(scores[~y] < np.quantile(scores[y], 1 - share))
            print(f"of {len(y)} pairs: {share:.0%} of the answers taken, {refused:.1%} of the others refused")


if __name__ == "__main__":
    asyncio.run(main())
