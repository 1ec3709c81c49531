"""The reranker's weights, made by `python -m tests.evals.memory.fit`, as numbers so that a diff shows what changed."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT: Mapping[str, float] = {
    "dense": 1.0,
    "words": 0.4,
    "around": 0.1,
    "words_raw": 0.05,
}

REST = 0.6
"""Of the second look: the question's remainder against the passage."""

LEXICAL: Mapping[str, float] = {"words": 1.0, "around": 0.2, "words_raw": 0.05}
"""Without a model: words alone."""
