"""Mails in five languages, asked for in other words: what the default model and the lexicon find, with words alone beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from tests.evals.memory.mail_set import ask, mail_set

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(model_folder() is None, reason="the embedding model is not prepared: run ./steward once"),
]


async def test_the_right_mail_is_found_far_more_often_than_by_words(tmp_path: Path) -> None:
    folder = model_folder()
    assert folder is not None
    made = mail_set()
    (tmp_path / "words").mkdir()
    found, words = await ask(made, OnnxEmbedder(folder), tmp_path), await ask(made, None, tmp_path / "words")
    assert found["all"] >= 72, found
    assert found["all"] >= words["all"] + 10, (found, words)
    assert min(found.values()) >= 60, found
