"""The words to quote: of a hit, the sentence that answers; and whether any hit answers at all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from knowledge.hits import Hit
from knowledge.index.bm25 import STOP, plain_words, stem
from knowledge.retriever.question import Names, dissect, has_number, has_time

SHORT = 160  # characters that need no cutting
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[^\s])|\n+")

ANSWERS: Mapping[str, float] = {
    "dense": 9.5,
    "rest": 7.4,
    "match": 9.6,
    "cover": 7.9,
    "number_missing": -2.7,
    "bias": -11.2,
}
"""Logistic weights: is the first hit an answer? From `python -m tests.evals.memory.asking --fit`."""

SURE = 0.4  # of confidence: a wrong "I don't know" costs more than a citation that the principal can see through
LEXICAL_COVER = 0.6  # without a model: the share of the question's words that an answer has to contain


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text, in order, without surrounding space or list marks."""
    return [s for part in _SENTENCE.split(text) if (s := part.strip().lstrip("#>*-•").strip())]


def best_sentence(question: str, text: str) -> str:
    """The sentence of `text` that shares most with the question; of equal ones the first. Short texts stay whole."""
    parts = sentences(text)
    if len(parts) <= 1:
        return parts[0] if parts else text.strip()
    asked = dissect(question, Names())
    wanted = set(asked.words)

    def worth(sentence: str) -> float:
        words = plain_words(sentence)
        stems = {stem(w) for w in words if w not in STOP}
        fits = (asked.when and has_time(words)) + (asked.number and has_number(sentence))
        return len(wanted & stems) + 0.5 * fits - 0.2 * (len(words) < 3)

    return max(parts, key=worth)


def passage(question: str, hit: Hit) -> str:
    """What to quote of a hit: all of a short one, else the sentence that shares most with the question."""
    text = hit.text.strip()
    if len(text) <= SHORT and "\n" not in text:
        return text
    return best_sentence(question, text)


def signals(question: str, hit: Hit) -> dict[str, float]:
    """What speaks for and against a hit being an answer, by the names of `ANSWERS`."""
    asked = dissect(question, Names())
    return {
        **{name: hit.parts.get(name, 0.0) for name in ("dense", "rest", "match", "cover")},
        "number_missing": float(asked.number and not has_number(hit.text)),
    }


def confidence(question: str, hits: Sequence[Hit]) -> float:
    """How sure it is, from 0 to 1, that the first hit answers the question. 0 without hits."""
    if not hits:
        return 0.0
    found = signals(question, hits[0])
    if not hits[0].parts.get("dense"):
        return found["cover"] * SURE / LEXICAL_COVER if found["cover"] < 2 * LEXICAL_COVER else 1.0
    score = ANSWERS["bias"] + sum(ANSWERS[name] * value for name, value in found.items())
    return 1 / (1 + math.exp(-score))


def answerable(question: str, hits: Sequence[Hit]) -> bool:
    """Whether to answer from the first hit, or to say that memory does not know."""
    return confidence(question, hits) >= SURE
