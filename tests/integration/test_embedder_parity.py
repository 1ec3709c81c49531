"""MiniLM through sentence-transformers gives the vectors that our own graph gives, where both can be had.

Needs the extra `embeddings`, the packages `onnx` and `safetensors`, and STEWARD_TEST_MINILM: a folder with the published
files of all-MiniLM-L6-v2. Without them it is skipped and counted.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from knowledge.embedding.onnx import OnnxEmbedder
from knowledge.embedding.sentences import SentenceEmbedder

WEIGHTS = os.environ.get("STEWARD_TEST_MINILM", "")
MISSING = [name for name in ("sentence_transformers", "onnx", "safetensors") if find_spec(name) is None]
TEXTS = [
    "The accountant prefers mornings.", "When does the accountant like to meet?", "x", "Ünïcode 🙂 und Straße",
    "A much longer passage, which goes on about the garden, the fence and the neighbour's dog, " * 6,
]  # fmt: skip

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(not WEIGHTS, reason="STEWARD_TEST_MINILM names no folder with the published weights"),
]


async def test_sentence_transformers_and_our_graph_agree(tmp_path: Path) -> None:
    from knowledge.embedding import graph

    graph.main([WEIGHTS, str(tmp_path / "model.onnx"), "--fp32"])
    shutil.copy(Path(WEIGHTS) / "tokenizer.json", tmp_path)
    ours, theirs = OnnxEmbedder(tmp_path), SentenceEmbedder(WEIGHTS, 384)
    cosine = (await ours.embed(TEXTS) * await theirs.embed(TEXTS)).sum(axis=1)
    assert np.all(cosine > 0.999), cosine
    await ours.close()
    await theirs.close()
