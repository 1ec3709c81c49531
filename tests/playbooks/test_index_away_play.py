"""Playbooks: the Qdrant server of memory is gone at the start, goes later, and comes back with nothing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.settings import QdrantSettings
from tests.fakes.qdrant_api import FakeQdrant
from tests.playbooks.kit import Book, calls, does, later, open_book, says, user

pytestmark = pytest.mark.slow


async def look(book: Book) -> None:
    """Idle until the index's trouble, or its end, is known."""
    await book.steward.librarian.idle()
    book.steward.worker.poke()
    await book.settle()


async def is_back(book: Book) -> None:
    ends = time.monotonic() + 40
    while book.steward.librarian.away:
        assert time.monotonic() < ends, "the index was not tried again"
        await asyncio.sleep(0.2)
        await book.steward.librarian.idle()


async def test_a_server_that_is_gone_costs_passages_and_nothing_else_and_learns_the_rest_when_it_is_back(
    tmp_path: Path, empty_database: Path
) -> None:
    async with FakeQdrant(key="k") as server:
        qdrant = QdrantSettings(url=server.url, api_key=SecretStr("k"))
        await server.stop()
        async with open_book(tmp_path / "home", empty_database, qdrant=qdrant) as book:
            told = (
                does(look),
                says("The search index does not answer", "passages are not found", "STEWARD_QDRANT__URL"),
            )
            await book(
                *told,
                user("note: The plumber comes on Tuesdays."),
                says("Noted"),
                calls("notes.write"),
                user("my lawyer is Frau Keller"),
                says("your lawyer"),
                calls("facts.tell"),
                user("who is my lawyer?"),
                says("Frau Keller"),
                user("when does the plumber come?"),
                says("does not answer"),
                does(look),
            )  # fmt: skip
            assert await book.count("failure WHERE state='open'") == 1
            await server.start()
            await book(
                does(is_back),
                user("when does the plumber come?"),
                says("Tuesdays", "notes/"),
            )
            assert await book.count("failure WHERE state='open'") == 0
            await server.stop()
            await book(
                later(hours=1),
                user("note: The gardener comes on Fridays."),
                says("Noted"),
                calls("notes.write"),
                *told,
            )
            await server.start(empty=True)
            await book(
                does(is_back),
                user("when does the gardener come?"),
                says("Fridays", "notes/"),
                user("when does the plumber come?"),
                says("Tuesdays", "notes/"),
            )
            assert await book.count("failure WHERE state='open'") == 0
