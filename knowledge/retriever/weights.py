"""The reranker's weights: numbers in `weights.json`, made by `python -m tests.evals.memory.fit`."""

from __future__ import annotations

import json
from pathlib import Path

from knowledge.retriever.rank import Weights

DEFAULT: Weights = json.loads((Path(__file__).parent / "weights.json").read_text("utf-8"))

_WORDS = {"words": 1.0, "around": 0.3, "words_raw": 0.1, "named": 0.2}
LEXICAL: Weights = dict.fromkeys(("chat", "meeting", "document", "translated"), _WORDS)
"""Without a model: words alone."""

REST = 3.6
"""Of the second look: the question's remainder against a document's passage, on the scale of the weights."""

AGREE = 0.3
"""Of the second look: the logarithm of the probability that question and passage are of one attribute."""
