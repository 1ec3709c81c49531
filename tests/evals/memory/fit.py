"""Fits the reranker's weights for meetings and chats: `python -m tests.evals.memory.fit MEETINGS.jsonl [--write]`.

Takes minutes and gives the same again. Permitted data only: public meetings (QMSum's training half, read in place)
and the chats of `dialogues.py`. The likelihood is that of some right turn coming first; weights are drawn
to the hand-set prior, which alone decides where the data say nothing. Weights of documents are hand-set.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge.bench_recall import read_lines, remember_line
from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.embedding.base import Embedder, Vectors
from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from knowledge.index.base import Pool, Scope
from knowledge.memory import Memory
from knowledge.retriever import weights
from knowledge.retriever.question import Question, dissect
from knowledge.retriever.rank import FEATURES, Weights, features, rank
from tests.evals.memory.dialogues import dialogues

PRIOR: Mapping[str, Mapping[str, float]] = {
    "meeting": {
        "dense": 6.0, "words": 1.2, "around": 0.3, "words_raw": 0.4, "near_around": 1.0, "stretch_words": 0.1,
        "stretch_around": 0.15, "session_dense": 1.0, "session_words": 0.3, "cover3": 0.5, "cover10": 0.5,
        "session_cover": 0.5, "window6": 1.0, "session_window": 0.5, "named": 0.9, "unnamed": -0.7, "when": 0.4,
        "number": 0.2, "question": -0.4, "follows": 0.2, "length": 0.3, "short": -0.6,
    },
    "chat": {
        "dense": 6.0, "words": 0.6, "around": 0.6, "words_raw": 0.4, "said": 1.0, "near_dense": 1.0, "near_around": 1.0,
        "stretch_words": 0.1, "stretch_around": 0.15, "session_dense": 2.0, "session_dense5": 1.0, "session_words": 0.3,
        "cover3": 0.5, "cover10": 0.5, "session_cover": 0.5, "window6": 1.5, "session_window": 0.5, "named": 0.9,
        "unnamed": -0.6, "when": 0.4, "number": 0.2, "question": -0.4, "follows": 0.5, "length": 0.6, "short": -0.6,
    },
}  # fmt: skip
FROZEN: Mapping[str, frozenset[str]] = {"meeting": frozenset({"turn", "said"}), "chat": frozenset({"turn"})}
PULL: Mapping[str, float] = {"meeting": 0.02, "chat": 0.3}
SCOPE = Scope(("principal",))
TOGETHER = 30  # meetings in an index: weights must hold among many as in one
LEVEL = 8.0  # what a right passage scores on average, in documents as in conversations
Turn = tuple[str, str]  # its line, its id
Right = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the candidates that ranking chooses from, and which turn each of them is."""

    question: Question
    pool: Pool
    turns: tuple[Turn, ...]
    gold: frozenset[Turn]
    category: str

    @property
    def right(self) -> Right:
        return np.array([turn in self.gold for turn in self.turns])

    def recall(self, weights: Weights, k: int) -> float:
        """Share of the right turns among the first `k` by these weights."""
        named = {f.id: turn for f, turn in zip(self.pool.found, self.turns, strict=True)}
        first = {named[r.found.id] for r in islice(rank(self.question, self.pool, weights), k)}
        return len(first & self.gold) / len(self.gold)


async def ask(lines: Iterable[dict[str, Any]], embedder: Embedder, together: int = 1) -> list[Asked]:
    """Ask every question as the principal, `together` lines in an index."""
    out: list[Asked] = []
    everything = list(lines)
    for start in range(0, len(everything), together):
        some = everything[start : start + together]
        with tempfile.TemporaryDirectory() as home:
            db = Database(Path(home) / "steward.db")
            async with db.write() as tx:
                await tx.run_sync(metadata.create_all)
            memory = Memory(db, Path(home) / "index", embedder, now=lambda: 0)
            await memory.open()
            names: dict[tuple[int, int], Turn] = {}
            for one in some:
                names |= await remember_line(memory, one)
            finder = memory._finder
            asking = [(str(one["id"]), question) for one in some for question in one["questions"]]
            for id, question in asking:
                gold = frozenset((id, str(g)) for g in question["gold"])
                asked = dissect(question["text"], finder.names, SCOPE.names)
                pool = await finder.candidates(memory.index, asked, SCOPE)
                turns = tuple(names[f.document, f.ordinal] for f in pool.found)
                out.append(Asked(asked, pool, turns, gold, str(question["category"])))
            await memory._projection.close()
            await db.close()
    return out


def fit(asked: Iterable[Asked], kind: str, *, rounds: int = 400) -> dict[str, float]:
    """Weights that make a right candidate the most likely one. Deterministic."""
    questions = [(features(one.question, one.pool), one.right) for one in asked if one.right.any()]
    everything = np.concatenate([x for x, _ in questions])
    rights = np.concatenate([right for _, right in questions])
    sizes = np.array([len(right) for _, right in questions])
    begins = sizes.cumsum() - sizes
    free = np.array([name not in FROZEN[kind] for name in FEATURES])
    spread = everything.std(0)
    spread[spread < 1e-6] = 1.0
    scaled = everything / spread

    def shares(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Of every question's sum, each candidate's part."""
        return scores / np.repeat(np.add.reduceat(scores, begins), sizes)

    prior = np.array([PRIOR[kind].get(name, 0.0) for name in FEATURES]) * spread
    w, mean, square = prior.copy(), np.zeros(len(FEATURES)), np.zeros(len(FEATURES))
    for step in range(1, rounds + 1):
        score = scaled @ w
        p = shares(np.exp(score - np.repeat(np.maximum.reduceat(score, begins), sizes)))
        gradient = free * (PULL[kind] * (w - prior) + scaled.T @ (p - shares(p * rights)) / len(questions))
        mean, square = 0.9 * mean + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
        w -= 0.03 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    fitted = dict(zip(FEATURES, (w / spread).round(3).tolist(), strict=True))
    level = LEVEL - float(np.mean([(x[right] @ (w / spread)).max() for x, right in questions]))
    return {name: value for name, value in fitted.items() if value and name != "turn"} | {"turn": round(level, 3)}


async def main(meetings: Path, *, write: bool, embedder: Embedder) -> None:
    lines, embedder = list(read_lines(meetings)), Once(embedder)
    body = {
        **{kind: dict(weights.DEFAULT[kind]) for kind in ("document", "translated")},
        "meeting": fit(await ask(lines, embedder) + await ask(lines, embedder, TOGETHER), "meeting"),
        "chat": fit(await ask(dialogues(), embedder), "chat"),
    }
    print(json.dumps(body))
    if write:
        target = Path(weights.__file__).parent / "weights.json"
        lines = [f' "{kind}": {json.dumps(own)}' for kind, own in body.items()]
        target.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


class Once:
    """An embedder that embeds no text twice."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, np.ndarray[Any, Any]] = {}
        self.fingerprint = embedder.fingerprint
        self.size = embedder.size
        self.rest = embedder.rest
        self.close = embedder.close

    async def embed(self, texts: Sequence[str]) -> Vectors:
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            self._known |= dict(zip(new, await self._embedder.embed(new), strict=True))
        return np.array([self._known[text] for text in texts])


if __name__ == "__main__":
    folder = model_folder()
    if folder is None:
        sys.exit("The embedding model is not prepared: run ./steward once.")
    asyncio.run(main(Path(sys.argv[1]), write="--write" in sys.argv, embedder=OnnxEmbedder(folder)))
