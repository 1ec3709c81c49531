"""Many passages are given their vectors by a child: it may be killed, the service goes on meanwhile, nothing is lost."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from bot.bench.processes import tree
from bot.bench.seed import documents
from knowledge import cipher
from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.documents import store
from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from knowledge.memory import Memory
from tests.fakes.waiting import until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(model_folder() is None, reason="the embedding model is not prepared: run ./steward once"),
]
CHUNKS = 400
KEY = "5a" * 32


async def opened(home: Path) -> tuple[Database, Memory]:
    folder = model_folder()
    assert folder is not None
    db = Database(home / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, home / "index", OnnxEmbedder(folder), now=lambda: 1, fitted=folder)
    await memory.open()
    return db, memory


async def lacking(db: Database, memory: Memory) -> int:
    async with db.read() as tx:
        return len(await store.without_vector(tx, (await memory.status()).fingerprint, 10_000))


async def child() -> int:
    """The process that makes vectors, once it has begun."""
    await until(lambda: len(tree(os.getpid())) > 1, lambda: "no child was started")
    return tree(os.getpid())[1]


@pytest.mark.parametrize("key", ["", KEY], ids=["in clear", "encrypted"])
async def test_a_child_makes_the_vectors_and_one_that_is_killed_loses_nothing(key: str, tmp_path: Path) -> None:
    cipher.unlock(tmp_path, key)
    db, memory = await opened(tmp_path)
    await memory.remember_all(documents(CHUNKS), later=True)
    assert await lacking(db, memory) == CHUNKS
    found = await memory.search("The gardener, file 7.")
    assert found, "it is found by its words at once"
    assert "rest" not in found[0].parts

    making = asyncio.create_task(memory.embed_rest())
    os.kill(await child(), signal.SIGKILL)
    made = await making
    left = await lacking(db, memory)
    assert made + left == CHUNKS
    assert left, "it was killed too late to show anything"
    await memory.close()
    await db.close()

    db, memory = await opened(tmp_path)
    assert await memory.embed_rest() == left
    assert await lacking(db, memory) == 0
    status = await memory.status()
    assert (status.chunks, status.waiting) == (CHUNKS, 0)
    again = await memory.search("when does the person with the plants come by?", k=20)
    assert all(hit.parts["dense"] for hit in again)
    await memory.close()
    await db.close()
    cipher.unlock(tmp_path, "")


async def test_without_a_child_the_rest_is_made_here(tmp_path: Path) -> None:
    db, memory = await opened(tmp_path)
    await memory.remember_all(documents(300), later=True)
    assert await memory.idle(), "more is missing than is quickly done"
    making = asyncio.create_task(memory.embed_rest())
    os.kill(await child(), signal.SIGKILL)
    await making
    assert not await memory.idle()
    assert await lacking(db, memory) == 0
    await memory.close()
    await db.close()
