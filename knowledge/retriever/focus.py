"""A second look at the best candidates: what is left of question and passage when the words they share are taken out.

"What is Maria's mother tongue?" is near to every note about Maria. Without "Maria", it is near to "speaks Polish at
home" and far from "has three children": that orders notes about one thing, and tells a question that none answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.index.bm25 import STOP, plain_words, stem

CLOSER = 12  # candidates looked at again
SUBJECT = 2  # best candidates: what they share with a question is what it is about
_FAINT = frozenset(
    stem(w) for w in ("much", "many", "use", "need", "want", "get")
)  # they ask, but for what the rest says


@dataclass(frozen=True, slots=True)
class Remainder:
    """A question without its subject, and the share of its words (without stop words) that each candidate has."""

    question: str
    asked: frozenset[str]
    cover: tuple[float, ...]

    @property
    def asks(self) -> bool:
        """Whether a word is left that says what is asked: "what does Ada prefer?" is all said by "Ada prefers tea"."""
        return bool(_stems(self.question) - _FAINT)


def remainder(question: str, texts: Sequence[str]) -> Remainder:
    """What remains of a question, given its candidates, best first. Pure."""
    asked = frozenset(_stems(question))
    shared = [asked & _stems(text) for text in texts]
    return Remainder(
        _without(question, frozenset().union(*shared[:SUBJECT])),
        asked,
        tuple(len(words) / len(asked) if asked else 0.0 for words in shared),
    )


def _stems(text: str) -> set[str]:
    return {stem(w) for w in plain_words(text) if w not in STOP}


def _without(text: str, shared: frozenset[str] | set[str]) -> str:
    kept = [part for part in text.split() if not (words := plain_words(part)) or not {stem(w) for w in words} <= shared]
    return " ".join(kept) or text
