"""Asks generated notes with the real model: is the right note first, and is a question without an answer refused?

`python -m tests.evals.memory.asking` prints both families; `--fit` prints weights for `retriever/passage.py`, chosen on
the first family alone.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.documents.pieces import cut
from knowledge.documents.store import NewDocument
from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from knowledge.hits import Hit
from knowledge.memory import Memory
from knowledge.retriever.passage import answerable, signals
from tests.evals.memory.notes_set import notes_set

WHEN = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the text of the note that answers it ("": none does), and what memory found."""

    question: str
    wanted: str
    hits: list[Hit]

    @property
    def right(self) -> bool:
        return bool(self.hits) and self.hits[0].text == self.wanted

    @property
    def answered(self) -> bool:
        return answerable(self.question, self.hits)


async def ask_all(seed: int, family: str, home: Path) -> list[Asked]:
    """Remember a set in an empty `home` and ask every question of it. Needs the prepared model."""
    folder = model_folder()
    if folder is None:
        raise FileNotFoundError("no prepared embedding model")
    made = notes_set(seed, family)
    db = Database(home / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, home / "index", OnnxEmbedder(folder), now=lambda: WHEN)
    await memory.open()
    texts = [(f"notes/{n.name}", n.text) for n in made.notes]
    texts += [(f"notes/d{i}.md", text) for i, text in enumerate(made.distractors)]
    await memory.remember_all([NewDocument("note", name, "", tuple(cut(text)), WHEN) for name, text in texts])
    asked = [Asked(n.question, n.text, await memory.search(n.question)) for n in made.notes]
    asked += [Asked(question, "", await memory.search(question)) for question in made.unanswerable]
    await memory.close()
    await db.close()
    return asked


def summary(asked: list[Asked]) -> dict[str, int]:
    told = [a for a in asked if a.wanted]
    untold = [a for a in asked if not a.wanted]
    return {
        "questions": len(told),
        "right": sum(a.right for a in told),
        "right and answered": sum(a.right and a.answered for a in told),
        "wrong and answered": sum(not a.right and a.answered for a in told),
        "without an answer": len(untold),
        "of them refused": sum(not a.answered for a in untold),
    }


def fit(asked: list[Asked], *, l2: float = 0.01, rounds: int = 6_000) -> dict[str, float]:
    """Logistic regression by gradient descent: is the first hit an answer? Deterministic."""
    kept = [a for a in asked if a.hits and (a.right or not a.wanted)]
    names = list(signals(kept[0].question, kept[0].hits[0]))
    x = np.array([list(signals(a.question, a.hits[0]).values()) for a in kept])
    y = np.array([float(a.right) for a in kept])
    middle, spread = x.mean(0), x.std(0) + 1e-9
    z = np.c_[(x - middle) / spread, np.ones(len(x))]
    w = np.zeros(z.shape[1])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-z @ w))
        w -= 0.5 * (z.T @ (p - y) / len(y) + l2 * np.r_[w[:-1], 0])
    weights = w[:-1] / spread
    return {
        **dict(zip(names, weights.round(1).tolist(), strict=True)),
        "bias": round(float(w[-1] - weights @ middle), 1),
    }


async def main() -> None:
    training: list[Asked] = []
    for family, seed in (("first", 1), ("first", 2), ("first", 3), ("second", 1), ("second", 2)):
        with tempfile.TemporaryDirectory() as home:
            asked = await ask_all(seed, family, Path(home))
        training += asked if family == "first" else []
        print(family, seed, summary(asked))
        if "--misses" in sys.argv:
            for a in asked:
                if a.answered if not a.wanted else not (a.right and a.answered):
                    print(
                        "  ",
                        a.question,
                        "| wanted:",
                        a.wanted or "nothing",
                        "| first:",
                        a.hits[0].text,
                        "|",
                        a.answered,
                    )
    if "--fit" in sys.argv:
        print(fit(training))


if __name__ == "__main__":
    asyncio.run(main())
