"""Reranking: a handful of features of each candidate and a linear weight for each, small enough to explain a hit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowledge.index.base import Found
from knowledge.retriever import points
from knowledge.retriever.question import Question

FEATURES = (
    "dense", "words", "around",  # the three searches: cosine, and BM25 as a share of the pool's best
    "words_raw",  # BM25 per word of the question, on a scale that other questions share
    "near_dense", "near_words", "near_around",  # the best of the two neighbours on each side
    "session_dense", "session_words",  # the best of the same document
    "named", "unnamed",  # the speaker is named in the question; others are and this one is not
    "when", "number",  # the question asks when (how many), the passage tells a time (a number)
    "question", "follows",  # is a question, follows one
    "length", "short",  # logarithm of the word count; fewer than four words
    "first",  # opens its session
)  # fmt: skip


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
    base: list[tuple[float, float, float]] = [
        (
            f.scores.get("dense", 0.0),
            f.scores.get("words", 0.0) / best["words"],
            f.scores.get("around", 0.0) / best["around"],
        )
        for f in pool
    ]
    place = {(f.document, f.ordinal): i for i, f in enumerate(pool)}
    session: dict[int, tuple[float, float]] = {}
    for f, (dense, words, _) in zip(pool, base, strict=True):
        former = session.get(f.document, (0.0, 0.0))
        session[f.document] = (max(former[0], dense), max(former[1], words))
    out = []
    for f, (dense, words, around) in zip(pool, base, strict=True):
        near = [base[place[key]] for step in (-2, -1, 1, 2) if (key := (f.document, f.ordinal + step)) in place] or [
            (0.0, 0.0, 0.0)
        ]
        named = float(f.speaker in question.names) if f.speaker else 0.0
        out.append(
            {
                "dense": dense,
                "words": words,
                "around": around,
                "words_raw": f.scores.get("words", 0.0) / asked,
                "near_dense": max(n[0] for n in near),
                "near_words": max(n[1] for n in near),
                "near_around": max(n[2] for n in near),
                "session_dense": session[f.document][0],
                "session_words": session[f.document][1],
                "named": named,
                "unnamed": float(bool(question.names) and bool(f.speaker) and not named),
                "when": float(question.when and bool(f.traits & points.TIME)),
                "number": float(question.number and bool(f.traits & points.NUMBER)),
                "question": float(bool(f.traits & points.QUESTION)),
                "follows": float(bool(f.traits & points.FOLLOWS_QUESTION)),
                "length": math.log1p(f.length),
                "short": float(f.length < 4),
                "first": float(bool(f.traits & points.FIRST)),
            }
        )
    return out


def rank(question: Question, pool: Sequence[Found], weights: Mapping[str, float]) -> list[Ranked]:
    """The pool, best first; equal scores by newer first, then by id, so that the order never wavers."""
    ranked = [
        Ranked(f, sum(weights.get(name, 0.0) * value for name, value in parts.items()), parts)
        for f, parts in zip(pool, features(question, pool), strict=True)
    ]
    return sorted(ranked, key=lambda r: (-r.score, -r.found.at, r.found.id))
