"""What is found in the project's own chats: `python -m tests.evals.memory.chats`.

First the usual ways, without Steward's ranking: BM25 over turns with their speakers, vectors of the same, and both fused by
reciprocal rank. In public months-long chats, on which nothing here may be fitted, BM25 has 63 percent of the right turns
among the first ten, and fused it has 56: fewer. `dialogues.py` is made so that either half of its stories predicts that;
what Steward finds had no say in it. Then Steward's ranking, with weights set by hand and fitted on the other half.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge.embedding.base import Embedder
from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from knowledge.index.bm25 import document_vector, tokens
from knowledge.retriever.weights import DEFAULT
from tests.evals.memory.dialogues import dialogues
from tests.evals.memory.fit import PRIOR, Once, ask, fit

FUSED = 60  # the usual constant of reciprocal rank fusion
FIRST = 10
Scores = npt.NDArray[np.float64]  # a row a question, a column a turn


def by_words(chat: Mapping[str, Any]) -> Scores:
    """BM25, with the rarity of words in this chat."""
    turns = [tokens(text) for text in _said(chat)]
    average = sum(map(len, turns)) / len(turns)
    columns = {word: n for n, word in enumerate(sorted({word for turn in turns for word in turn}))}
    weights = np.zeros((len(turns), len(columns)))
    for row, turn in zip(weights, turns, strict=True):
        row[[columns[word] for word in dict.fromkeys(turn)]] = document_vector(turn, average).values
    held = (weights > 0).sum(axis=0)
    weights *= np.log1p((len(turns) - held + 0.5) / (held + 0.5))
    asked = np.zeros((len(chat["questions"]), len(columns)))
    for row, question in zip(asked, chat["questions"], strict=True):
        row[[columns[word] for word in set(tokens(question["text"])) if word in columns]] = 1.0
    scores: Scores = asked @ weights.T
    return scores


async def by_meaning(chat: Mapping[str, Any], embedder: Embedder) -> Scores:
    """Cosine of question and turn."""
    turns = np.asarray(await embedder.embed(_said(chat)), float)
    asked = np.asarray(await embedder.embed([question["text"] for question in chat["questions"]]), float)
    scores: Scores = asked @ turns.T
    return scores


def fused(*scores: Scores) -> Scores:
    """Reciprocal rank fusion."""
    out: Scores = sum((1 / (FUSED + 1 + (-one).argsort(axis=1, kind="stable").argsort(axis=1)) for one in scores), 0.0)
    return out


def recall(chat: Mapping[str, Any], scores: Scores) -> list[float]:
    """For each question the share of its right turns among the first ten."""
    ids = [turn["id"] for turn in chat["turns"]]
    best = (-scores).argsort(axis=1, kind="stable")[:, :FIRST]
    return [
        len({ids[n] for n in row}.intersection(question["gold"])) / len(question["gold"])
        for row, question in zip(best, chat["questions"], strict=True)
    ]


def _said(chat: Mapping[str, Any]) -> list[str]:
    return [f"{turn['speaker']}: {turn['text']}" for turn in chat["turns"]]


async def found(embedder: Embedder, chats: int = 10) -> dict[tuple[int, str], list[tuple[str, float]]]:
    """By half and way: of every question its kind, and the share of its right turns among the first ten."""
    halves = [dialogues(count=chats, part=part) for part in (0, 1)]
    asked = [await ask(half, embedder) for half in halves]
    out: dict[tuple[int, str], list[tuple[str, float]]] = {}
    for part, half in enumerate(halves):
        for chat in half:
            words, meaning = by_words(chat), await by_meaning(chat, embedder)
            kinds = [question["category"] for question in chat["questions"]]
            for way, scores in (("BM25", words), ("vectors", meaning), ("fused", fused(words, meaning))):
                out.setdefault((part, way), []).extend(zip(kinds, recall(chat, scores), strict=True))
        for way, weights in (("hand-set", PRIOR["chat"]), ("fitted", fit(asked[1 - part], "chat"))):
            out[part, way] = [(one.category, one.recall({**DEFAULT, "chat": weights}, FIRST)) for one in asked[part]]
    return out


async def main(embedder: Embedder) -> None:
    for (part, way), own in (await found(embedder)).items():
        kinds = sorted({kind for kind, _ in own})
        by_kind = (f"{kind} {_mean(share for k, share in own if k == kind)}" for kind in kinds)
        print(f"half {part}, {len(own)} questions, {way}: {_mean(share for _, share in own)} ({', '.join(by_kind)})")


def _mean(shares: Iterable[float]) -> str:
    return f"{100 * fmean(shares):.1f}"


if __name__ == "__main__":
    folder = model_folder()
    if folder is None:
        sys.exit("The embedding model is not prepared: run ./steward once.")
    asyncio.run(main(Once(OnnxEmbedder(folder))))
