"""Other embedders than the default: a server with OpenAI's interface, and sentence-transformers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from bot.embedders import embedder_of, reranker_of
from bot.settings import EmbeddingSettings
from knowledge import doing
from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.embedding.base import Embedder, EmbedderUnavailable, to_blob
from knowledge.embedding.encoder import AT_ONCE as GIVEN
from knowledge.embedding.encoder import Encoder
from knowledge.embedding.onnx import OnnxEmbedder
from knowledge.embedding.remote import AT_ONCE, RemoteEmbedder
from knowledge.embedding.sentences import SentenceEmbedder
from knowledge.memory import Memory
from knowledge.retriever.cross import CrossEncoder, RerankerUnavailable
from tests.fakes.embedder import SIZE, WordEmbedder
from tests.fakes.embeddings_api import FakeEmbeddings


@pytest.fixture
async def server() -> AsyncIterator[FakeEmbeddings]:
    async with FakeEmbeddings(key="sk-1") as fake:
        yield fake


def remote(server: FakeEmbeddings, **other: Any) -> RemoteEmbedder:
    return RemoteEmbedder(**({"url": server.url, "model": "m", "size": SIZE, "key": "sk-1", "pause_s": 0.0} | other))


async def test_memory_says_how_many_passages_have_been_read_and_what_the_model_left_out_has_no_vector() -> None:
    model, texts = WordEmbedder(), [f"word{n}" for n in range(2 * GIVEN + 3)]
    encoder = Encoder(model)
    with doing.listening("Reading") as now:
        made = await encoder.blobs(texts)
        assert str(now) == f"Reading: {2 * GIVEN} of {2 * GIVEN + 3} passages"
    whole = await model.embed(texts)
    assert made == [to_blob(row) for row in whole]
    model.missing = True
    assert await encoder.blobs(texts) == [None] * len(texts)
    assert await encoder.blobs([]) == []


async def test_a_server_gives_unit_vectors_in_the_order_of_the_texts(server: FakeEmbeddings) -> None:
    embedder = remote(server)
    texts = [f"word{n}" for n in range(AT_ONCE + 3)]
    rows = await embedder.embed([*texts, ""])
    assert np.allclose(rows[: len(texts)], await WordEmbedder().embed(texts), atol=1e-5)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert [len(body["input"]) for body in server.bodies] == [AT_ONCE, 4]
    assert (await embedder.embed([])).shape == (0, SIZE)
    assert "sk-1" not in embedder.fingerprint
    await embedder.close()


async def test_a_server_that_is_busy_is_asked_again_and_one_that_stays_so_is_told_of(server: FakeEmbeddings) -> None:
    embedder = remote(server)
    server.fail(503, 429)
    assert len(await embedder.embed(["x"])) == 1
    server.fail(500, 500, 500)
    with pytest.raises(EmbedderUnavailable, match="answered 500"):
        await embedder.embed(["x"])
    server.fail(400)
    with pytest.raises(EmbedderUnavailable, match="answered 400"):
        await embedder.embed(["x"])
    assert len(server.bodies) == 3 + 3 + 1
    await embedder.close()


async def test_a_wrong_key_size_or_address_ends_in_one_sentence_with_the_next_step(server: FakeEmbeddings) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "STEWARD_EMBEDDINGS__API_KEY": {"key": "no"},
        f"STEWARD_EMBEDDINGS__SIZE={SIZE}": {"size": 384},
        "did not answer": {"url": "http://127.0.0.1:9/v1"},
    }
    for sentence, other in wrong.items():
        embedder = remote(server, **other)
        with pytest.raises(EmbedderUnavailable, match=sentence):
            await embedder.embed(["x"])
        await embedder.close()


async def test_another_model_makes_the_index_anew_and_vectors_never_mix(tmp_path: Path, server: FakeEmbeddings) -> None:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)

    async def memory_with(embedder: Embedder) -> Memory:
        memory = Memory(db, tmp_path / "index", embedder, now=lambda: 1)
        await memory.open()
        return memory

    memory = await memory_with(WordEmbedder())
    for n in range(5):
        text = f"The gardener comes on day {n}."
        await memory.remember(source="note", external_id=f"{n}.md", title="", text=text, dated_at=1)
    await memory.close()
    server.size = 32
    memory = await memory_with(remote(server, size=32))
    assert all("dense" not in hit.parts or not hit.parts["dense"] for hit in await memory.search("gardener"))
    await memory.idle()  # embeds what has another model's vectors
    hits = await memory.search("gardener")
    assert len(hits) == 5
    assert all(hit.parts["dense"] > 0 for hit in hits)
    await memory.close()
    await db.close()


class Loaded:
    """What sentence-transformers' model looks like from outside."""

    def __init__(self, size: int = 8) -> None:
        self.size = size

    def encode(self, texts: list[str], *, batch_size: int, show_progress_bar: bool) -> Any:
        return np.arange(1, len(texts) * self.size + 1, dtype=np.float64).reshape(len(texts), self.size)


async def test_sentence_transformers_are_loaded_late_let_go_and_checked() -> None:
    loads: list[str] = []

    def load(name: str) -> Loaded:
        loads.append(name)
        return Loaded()

    embedder = SentenceEmbedder("a/model", 8, load=load)
    assert not loads
    rows = await embedder.embed(["a", "b"])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    await embedder.embed(["c"])
    await embedder.rest()
    await embedder.embed(["d"])
    assert loads == ["a/model", "a/model"]
    await embedder.close()
    wrong = SentenceEmbedder("a/model", 9, load=load)
    with pytest.raises(EmbedderUnavailable, match="STEWARD_EMBEDDINGS__SIZE=8"):
        await wrong.embed(["x"])
    await wrong.close()


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="sentence-transformers is installed")
async def test_without_the_extra_one_sentence_says_how_to_get_it() -> None:
    embedder = SentenceEmbedder("a/model", 8)
    with pytest.raises(EmbedderUnavailable, match="steward\\[embeddings\\]"):
        await embedder.embed(["x"])
    await embedder.close()


def test_the_settings_choose(tmp_path: Path) -> None:
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"x")
    default = embedder_of(EmbeddingSettings(path=str(tmp_path)))
    assert isinstance(default, OnnxEmbedder)
    assert embedder_of(EmbeddingSettings(path=str(tmp_path / "none"))) is None
    assert isinstance(embedder_of(EmbeddingSettings(model="a/b")), SentenceEmbedder)
    served = embedder_of(
        EmbeddingSettings(base_url="http://127.0.0.1:1/v1", model="m", size=64, api_key=SecretStr("k"))
    )
    assert isinstance(served, RemoteEmbedder)
    assert served.size == 64


class Reads:
    """What sentence-transformers' cross-encoder looks like from outside: the share of the question's words in a text."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    def predict(self, pairs: list[tuple[str, str]], *, batch_size: int, show_progress_bar: bool) -> Any:
        self.pairs += pairs
        return np.array([float("friday" in text.lower()) for _, text in pairs])


async def reranked(tmp_path: Path, reranker: CrossEncoder) -> list[Any]:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: 1, reranker=reranker)
    await memory.open()
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday"):
        text = f"The gardener comes on {day}." if day != "friday" else "On Friday somebody comes for the garden."
        await memory.remember(source="note", external_id=day, title="", text=text, dated_at=1)
    hits = await memory.search("when does the gardener come?", k=3)
    await memory.close()
    await db.close()
    return hits


async def test_a_cross_encoder_takes_the_rerankers_place_and_its_score_is_told(tmp_path: Path) -> None:
    model = Reads()
    hits = await reranked(tmp_path, CrossEncoder("a/reranker", load=lambda _: model))
    assert (hits[0].name, hits[0].score, hits[0].parts["cross"]) == ("friday", 1.0, 1.0)
    assert {"cover", "match"} <= hits[0].parts.keys()  # what says whether it is an answer at all
    assert [hit.parts["cross"] for hit in hits] == [1.0, 0.0, 0.0]
    assert len(model.pairs) == 5


@pytest.mark.parametrize("scores", [np.array([np.nan] * 5), np.zeros((5, 2)), None])
async def test_a_cross_encoder_that_cannot_be_used_leaves_the_ranking_as_it_is(tmp_path: Path, scores: Any) -> None:
    class Broken:
        def predict(self, pairs: list[tuple[str, str]], **_: Any) -> Any:
            if scores is None:
                raise RuntimeError("out of memory")
            return scores

    hits = await reranked(tmp_path, CrossEncoder("a/reranker", load=lambda _: Broken()))
    assert len(hits) == 3
    assert "cross" not in hits[0].parts
    assert "gardener" in hits[0].text


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="sentence-transformers is installed")
async def test_a_reranker_without_the_extra_says_how_to_get_it() -> None:
    reranker = reranker_of(EmbeddingSettings(reranker="a/reranker"))
    assert reranker is not None
    with pytest.raises(RerankerUnavailable, match="steward\\[embeddings\\]"):
        await reranker.score("q", ["x"])
    await reranker.close()
    assert reranker_of(EmbeddingSettings()) is None


@pytest.mark.integration
@pytest.mark.skipif(
    find_spec("sentence_transformers") is None or not os.environ.get("STEWARD_TEST_RERANKER"),
    reason="the extra `embeddings` is not installed, or STEWARD_TEST_RERANKER names no cross-encoder",
)
async def test_a_real_cross_encoder_prefers_the_answer() -> None:
    reranker = CrossEncoder(os.environ["STEWARD_TEST_RERANKER"])
    answer, other = await reranker.score(
        "When does the gardener come?", ["The gardener comes on Friday.", "Tea is hot."]
    )
    assert answer > other
    await reranker.close()
