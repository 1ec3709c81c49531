"""The index moves between the home and a Qdrant server, and is made anew where what lies there is old."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.cli.doctor import _index_server
from bot.home import Home
from bot.settings import EmbeddingSettings, QdrantSettings, Settings
from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.index.base import IndexBusy, IndexUnreachable
from knowledge.index.home import ClientHome, IndexHome
from knowledge.memory import Memory
from tests.fakes.embedder import SIZE, WordEmbedder
from tests.fakes.qdrant_api import FakeQdrant

pytestmark = pytest.mark.slow


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(tmp_path / "steward.db")
    async with made.write() as tx:
        await tx.run_sync(metadata.create_all)
    yield made
    await made.close()


@asynccontextmanager
async def a_memory(
    db: Database, path: Path, home: IndexHome | None = None, *, model: str = "words-1"
) -> AsyncIterator[Memory]:
    memory = Memory(db, path / "index", WordEmbedder(model), now=lambda: 1, home=home)
    await memory.open()
    yield memory
    await memory.close()


async def note(memory: Memory, name: str, text: str) -> None:
    await memory.remember(source="note", external_id=name, title="", text=text, dated_at=1)


async def found(memory: Memory, query: str) -> list[str]:
    return [h.text for h in await memory.search(query)][:1]


async def test_the_index_moves_to_a_server_and_back_with_what_changed_meanwhile(db: Database, tmp_path: Path) -> None:
    async with FakeQdrant(key="k") as server:
        at_server = lambda: ClientHome(server.url, SIZE, api_key="k", path=tmp_path / "index")  # noqa: E731
        async with a_memory(db, tmp_path) as memory:
            await note(memory, "a", "The plumber comes on Tuesdays.")
            await note(memory, "b", "The dentist is upstairs.")
        async with a_memory(db, tmp_path, at_server()) as memory:
            assert await found(memory, "plumber") == ["The plumber comes on Tuesdays."]
            assert not (tmp_path / "index" / "current").exists()  # what is forgotten later must not stay in there
            await note(memory, "a", "The plumber comes on Fridays.")
        async with a_memory(db, tmp_path, at_server()) as memory:  # level: nothing is made anew
            before = await server.collections()
            assert len(before) == 1
            assert await found(memory, "plumber") == ["The plumber comes on Fridays."]
        async with a_memory(db, tmp_path) as memory:
            assert await found(memory, "plumber") == ["The plumber comes on Fridays."]
            await note(memory, "a", "The plumber comes on Sundays.")
        async with a_memory(db, tmp_path, at_server()) as memory:  # as many points as before, and yet old ones
            assert await found(memory, "plumber") == ["The plumber comes on Sundays."]
            assert await server.collections() != before
            assert len(await server.collections()) == 1
        await at_server().leave()
        assert await server.collections() == []


async def test_another_model_is_embedded_again_behind_the_alias_while_search_goes_on(
    db: Database, tmp_path: Path
) -> None:
    async with FakeQdrant() as server:
        home = ClientHome(server.url, SIZE, path=tmp_path / "index")
        async with a_memory(db, tmp_path, home) as memory:
            await note(memory, "a", "The plumber comes on Tuesdays.")
        old = await server.collections()
        home = ClientHome(server.url, SIZE, path=tmp_path / "index")
        async with a_memory(db, tmp_path, home, model="words-2") as memory:
            assert old != await server.collections()
            (hit,) = await memory.search("plumber")
            assert hit.parts["dense"] == 0  # the old model's vector is not compared with the new one's
            assert await memory.embed_missing() == 1
            (hit,) = await memory.search("plumber")
            assert hit.parts["dense"] > 0
            assert json.loads((tmp_path / "index" / "server.json").read_text())["label"] == "words-2"


async def test_what_is_forgotten_is_in_no_collection_of_the_server(db: Database, tmp_path: Path) -> None:
    async with FakeQdrant() as server:
        home = ClientHome(server.url, SIZE, path=tmp_path / "index")
        async with a_memory(db, tmp_path, home) as memory:
            await note(memory, "a", "The plumber comes on Tuesdays.")
            await note(memory, "b", "The dentist is upstairs.")
            await memory.forget("note", "a")
            await memory.rebuild()
            (only,) = await server.collections()
            assert (await server.engine.count(only)).count == 1
            assert await found(memory, "plumber") == ["The dentist is upstairs."]


async def test_a_home_is_owned_by_one_process_whichever_engine_it_uses(db: Database, tmp_path: Path) -> None:
    async with FakeQdrant() as server, a_memory(db, tmp_path, ClientHome(server.url, SIZE, path=tmp_path / "index")):
        with pytest.raises(IndexBusy):
            await Memory(db, tmp_path / "index", None, now=lambda: 1).open()
        with pytest.raises(IndexBusy):
            await ClientHome(server.url, SIZE, path=tmp_path / "index").open()
    async with a_memory(db, tmp_path):
        pass


async def test_a_server_that_is_down_or_refuses_the_key_is_one_sentence(db: Database, tmp_path: Path) -> None:
    async with FakeQdrant(key="right") as server:
        for key in ("wrong", "right"):
            server.down = key == "right"
            home = ClientHome(server.url, SIZE, api_key=key, path=tmp_path / "index")
            with pytest.raises(IndexUnreachable, match="STEWARD_QDRANT__URL"):
                await home.open()
        server.down = False
        async with a_memory(
            db, tmp_path, ClientHome(server.url, SIZE, api_key="right", path=tmp_path / "index")
        ) as memory:
            await note(memory, "a", "The plumber comes on Tuesdays.")
            server.down = True
            with pytest.raises(IndexUnreachable):
                await memory.search("plumber")
            server.down = False
            ends = time.monotonic() + 40
            while memory.away and time.monotonic() < ends:
                await asyncio.sleep(0.2)
                await memory.project()
            assert await found(memory, "plumber") == ["The plumber comes on Tuesdays."]


async def test_doctor_tells_of_the_server_its_version_and_whether_the_index_on_it_fits(
    db: Database, tmp_path: Path
) -> None:
    async with FakeQdrant(key="right") as server:

        async def told(size: int = SIZE, key: str = "right") -> list[tuple[str, bool, str]]:
            settings = Settings(
                home=tmp_path, qdrant=QdrantSettings(url=server.url, api_key=SecretStr(key)),
                embeddings=EmbeddingSettings(base_url="http://127.0.0.1:9", model="m", size=size),
            )  # fmt: skip
            return [(f.what, f.ok, f.next_step) for f in await _index_server(settings, Home(tmp_path))]

        (answers, not_yet) = await told()
        assert (answers[1], "version 1.20.0" in answers[0], not_yet[1], "next start" in not_yet[0]) == (True,) * 4
        home = ClientHome(server.url, SIZE, api_key="right", path=tmp_path / "index")
        async with a_memory(db, tmp_path, home) as memory:
            await note(memory, "a", "The plumber comes on Tuesdays.")
        assert [ok for _, ok, _ in await told()] == [True, True]
        assert "holds 1 of 1 passages" in (await told())[1][0]
        server.version = "1.2.0"
        what, ok, step = (await told(size=SIZE + 8))[0]
        assert (ok, "1.2.0" in what, "put a server of that version" in step) == (False, True, True)
        what, ok, step = (await told(size=SIZE + 8))[1]
        assert (ok, f"vectors of {SIZE} numbers" in what, "steward reindex" in step) == (False, True, True)
        assert "401" in (await told(key="wrong"))[0][2]
        await server.stop()
        ((what, ok, step),) = await told()
        assert (ok, "cannot be used" in what, "what comes in is kept" in step) == (False, True, True)
        await server.start()
