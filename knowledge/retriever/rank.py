"""Reranking: a handful of features of each candidate and a linear weight for each, small enough to explain a hit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge.index.base import Found
from knowledge.retriever import points
from knowledge.retriever.question import Question

FEATURES = (
    "dense", "words", "around",  # the three searches: cosine, and BM25 as a share of the pool's best
    "words_raw",  # BM25 per word of the question, on a scale that other questions share
    "near_dense", "near_words", "near_around",  # the best of the two neighbours on each side
    "stretch_words", "stretch_around",  # what stands around it in the same document, fading with distance
    "session_dense", "session_words",  # the best of the same document
    "session_dense5", "session_words5",  # the mean of its five best: how much of it is about the question
    "named", "unnamed",  # the speaker is named in the question; others are and this one is not
    "when", "number",  # the question asks when (how many), the passage tells a time (a number)
    "question", "follows",  # is a question, follows one
    "length", "short",  # logarithm of the word count; fewer than four words
    "first",  # opens its session
    "turn",  # somebody said it; always 1 where the weights of turns are used: it sets them level with documents'
)  # fmt: skip
_SESSION = ("session_dense", "session_words", "session_dense5", "session_words5")
NEARBY = 2  # turns
FADES = {"stretch_words": 7.0, "stretch_around": 20.0}  # turns after which a neighbour counts a third
AGAIN = 2.0  # what a passage loses when the one right beside it is chosen already
MEETING = 60  # turns: a conversation that goes on beyond them is a meeting, shorter ones are sessions of a chat
STRETCH, SHARE = 10.0, 30  # how far that reaches, in turns: at most 10, and a thirtieth of the document

Weights = Mapping[str, Mapping[str, float]]
"""Kind of passage (chat | meeting | document) → feature → weight."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score and the parts it is made of."""

    found: Found
    score: float
    parts: Mapping[str, float]


def features(question: Question, pool: Sequence[Found]) -> list[dict[str, float]]:
    """One mapping a candidate, in the pool's order. Pure; depends on the pool as a whole."""
    best = {c: max((f.scores.get(c, 0.0) for f in pool), default=0.0) or 1.0 for c in ("words", "around")}
    asked = max(1, len(set(question.words)))
    base = np.array(
        [
            [
                f.scores.get("dense", 0.0),
                f.scores.get("words", 0.0) / best["words"],
                f.scores.get("around", 0.0) / best["around"],
            ]
            for f in pool
        ]
    )
    near, stretch, session = _surroundings(pool, base)
    out = []
    for i, f in enumerate(pool):
        dense, words, around = base[i].tolist()
        named = float(f.speaker in question.names) if f.speaker else 0.0
        out.append(
            {
                "dense": dense,
                "words": words,
                "around": around,
                "words_raw": f.scores.get("words", 0.0) / asked,
                **dict(zip(("near_dense", "near_words", "near_around"), near[i].tolist(), strict=True)),
                **dict(zip(FADES, stretch[i].tolist(), strict=True)),
                **dict(zip(_SESSION, session[i].tolist(), strict=True)),
                "named": named,
                "unnamed": float(bool(question.names) and bool(f.speaker) and not named),
                "when": float(question.when and bool(f.traits & points.TIME)),
                "number": float(question.number and bool(f.traits & points.NUMBER)),
                "question": float(bool(f.traits & points.QUESTION)),
                "follows": float(bool(f.traits & points.FOLLOWS_QUESTION)),
                "length": math.log1p(f.length),
                "short": float(f.length < 4),
                "first": float(bool(f.traits & points.FIRST)),
                "turn": float(bool(f.traits & points.TURN)),
            }
        )
    return out


def rank(question: Question, pool: Sequence[Found], weights: Weights) -> list[Ranked]:
    """The pool, best first. Of passages side by side in a long conversation one stands for its stretch.

    Equal scores go by newer first, then by id, so that the order never wavers.
    """
    if not pool:
        return []
    ranked = []
    last: dict[int, int] = {}
    for found in pool:
        last[found.document] = max(found.ordinal, last.get(found.document, 0))
    for found, parts in zip(pool, features(question, pool), strict=True):
        own = weights[kind(found, last[found.document])]
        ranked.append(Ranked(found, sum(weight * parts[name] for name, weight in own.items()), parts))
    ranked.sort(key=lambda r: (-r.score, -r.found.at, r.found.id))
    return [ranked[i] for i in _spread([r.found for r in ranked], np.array([r.score for r in ranked]))]


def kind(found: Found, last: int) -> str:
    """Whose weights apply; `last` is the highest ordinal that is known of the candidate's document."""
    if not found.traits & points.TURN:
        return "document"
    return "meeting" if last >= MEETING else "chat"


def _surroundings(
    pool: Sequence[Found], base: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Per candidate: the best beside it, the fading sums around it, the best of its document."""
    near, stretch = np.zeros_like(base), np.zeros((len(pool), len(FADES)))
    session = np.concatenate([base[:, :2], base[:, :2] / 5], axis=1)  # of a document found once
    members: dict[int, list[int]] = {}
    for i, f in enumerate(pool):
        members.setdefault(f.document, []).append(i)
    for own in members.values():
        if len(own) == 1:
            continue
        best = -np.sort(-base[own][:, :2], axis=0)[:5]
        session[own] = np.concatenate([best[0], best.sum(axis=0) / 5])
        ordinals = np.array([pool[i].ordinal for i in own])
        distance = np.abs(ordinals[:, None] - ordinals[None, :])
        beside = (distance > 0) & (distance <= NEARBY)
        near[own] = np.where(beside[:, :, None], base[own][None, :, :], 0.0).max(axis=1)
        for n, (column, fade) in enumerate(zip((1, 2), FADES.values(), strict=True)):
            closeness = np.exp(-distance / fade)
            np.fill_diagonal(closeness, 0.0)
            stretch[own, n] = closeness @ base[own, column]
    return near, stretch, session


def _spread(found: Sequence[Found], scores: npt.NDArray[np.float64], most: int = 30) -> list[int]:
    """Positions in the order chosen: each choice lowers its neighbours, in long documents further than in short ones."""
    documents = np.array([f.document for f in found])
    if len(set(documents.tolist())) == len(found):
        return list(range(len(found)))
    ordinals = np.array([f.ordinal for f in found])
    reach = np.empty(len(found))
    for document in set(documents.tolist()):
        own = documents == document
        reach[own] = min(STRETCH, (ordinals[own].max() + 1) / SHARE)
    left = scores.astype(float).copy()
    order: list[int] = []
    for _ in range(min(most, len(found))):
        i = int(np.argmax(left))
        order.append(i)
        same = documents == documents[i]
        left[same] -= AGAIN * np.exp(-np.abs(ordinals[same] - ordinals[i]) / reach[same])
        left[order] = -np.inf
    rest = [i for i in np.argsort(-left, kind="stable").tolist() if np.isfinite(left[i])]
    return order + rest
