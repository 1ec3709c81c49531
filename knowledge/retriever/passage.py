"""The words to quote: of a hit, the sentence that answers; and whether any hit answers at all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from knowledge.hits import Hit
from knowledge.index.bm25 import STOP, plain_words, stem
from knowledge.retriever.question import Names, dissect, has_number, has_time

_WORD = re.compile(r"[\w']+")
SHORT = 160  # characters that need no cutting
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[^\s])|\n+")

ANSWERS: Mapping[str, float] = {
    "dense": 3.34, "match": 11.0, "cover": 2.25, "number_missing": -1.33, "agree": 0.75, "known": -1.14, "told": -2.62,
    "agree_known": 0.03, "agree_both": -0.24, "name_missing": -3.39, "bias": 0.96,
}  # fmt: skip
"""Logistic weights: is the first hit an answer? From `python -m tests.evals.memory.answering`."""

ALONE: Mapping[str, float] = {"dense": 4.6, "match": 12.72, "cover": 1.91, "number_missing": -1.27, "bias": -4.96}
"""The same where nothing is known of attributes: in other languages than English, or with another model."""

SURE = 0.77  # of confidence: from here on an answer
LIKELY = 0.38  # from here on the nearest is shown as such
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
    found = {name: hit.parts.get(name, 0.0) for name in ("dense", "match", "cover")}
    found["number_missing"] = float(asked.number and not has_number(hit.text))
    if "agree" in hit.parts:
        agree, known, told = hit.parts["agree"], hit.parts["known"], hit.parts["told"]
        found |= {"agree": agree, "known": known, "told": told, "agree_known": agree * known}
        found["agree_both"] = agree * known * told
        found["name_missing"] = _name_missing(question, hit.text)
    return found


def _name_missing(question: str, text: str) -> float:
    """The share of the question's names that the text does not have; 0 for a question without one."""
    names = [w for w in _WORD.findall(question)[1:] if w[0].isupper() and w != "I"]
    have = {stem(w) for w in plain_words(text)}
    return sum(not have & {stem(w) for w in plain_words(name)} for name in names) / len(names) if names else 0.0


def confidence(question: str, hits: Sequence[Hit]) -> float:
    """How sure it is, from 0 to 1, that the first hit answers the question. 0 without hits."""
    if not hits:
        return 0.0
    found = signals(question, hits[0])
    if not hits[0].parts.get("dense"):
        return min(1.0, SURE * (found["cover"] / LEXICAL_COVER) ** 2)
    weights = ANSWERS if "agree" in found else ALONE
    score = weights["bias"] + sum(weights[name] * value for name, value in found.items())
    return 1 / (1 + math.exp(-score))


def answerable(question: str, hits: Sequence[Hit]) -> bool:
    """Whether to answer from the first hit, or to say that memory does not know."""
    return confidence(question, hits) >= SURE
