"""With the real model: what memory finds in chats over months whose stories no weight was fitted on."""

from __future__ import annotations

from statistics import fmean

import pytest

from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from knowledge.retriever.weights import DEFAULT
from tests.evals.memory.chats import FIRST, by_words, found, recall
from tests.evals.memory.dialogues import dialogues
from tests.evals.memory.fit import PRIOR, Once, ask

pytestmark = pytest.mark.skipif(
    model_folder() is None, reason="the embedding model is not prepared: run ./steward once"
)


def embedder() -> Once:
    folder = model_folder()
    assert folder is not None
    return Once(OnnxEmbedder(folder))


@pytest.mark.integration
async def test_by_weights_set_by_hand_memory_finds_far_more_in_a_chat_than_words_alone() -> None:
    chats = dialogues(count=1, part=1)
    asked = await ask(chats, embedder())
    ours = fmean(one.recall({**DEFAULT, "chat": PRIOR["chat"]}, FIRST) for one in asked)
    assert ours > fmean(recall(chats[0], by_words(chats[0]))) + 0.1


@pytest.mark.soak
async def test_the_chats_are_as_hard_as_public_ones_and_memory_finds_in_them_what_it_should() -> None:
    everything = await found(embedder())
    share = {at: 100 * fmean(share for _, share in own) for at, own in everything.items()}
    for part in (0, 1):
        assert 60 < share[part, "BM25"] < 66, share
        assert 55 < share[part, "fused"] < 60, share
        assert share[part, "hand-set"] >= 81, share
        assert share[part, "fitted"] >= 85, share
