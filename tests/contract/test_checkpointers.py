"""Where turns pause: both stores, opened as Steward opens them, against LangGraph's own conformance suite and ours.

What is known to fail is written down by name: a failure that goes away, or a new one, fails the test.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import ProgressCallbacks

from bot.settings import RedisSettings
from graphs.checkpoints import CheckpointTrouble, open_checkpoints
from tests.fakes.redis_stack import NoRedisStack, RedisStack
from tests.playbooks.kit import asks, open_book, presses, says, user

pytestmark = pytest.mark.filterwarnings("ignore:get_async_redis_connection:DeprecationWarning")

SOAK = bool(os.environ.get("STEWARD_SOAK"))

REDIS_FAILS = frozenset(
    {
        "list/test_list_before",  # `before` parses a ULID where ids are UUIDs, and swallows the error
        "list/test_list_limit_plus_before",
        "list/test_list_by_namespace",  # the root namespace is "", so never filtered
        "list/test_list_multiple_namespaces",
        "list/test_list_metadata_custom_keys",  # unknown keys raise
        "prune/test_prune_empty_list_noop",
        "prune/test_prune_keep_latest_across_namespaces",
    }
)
"""Of langgraph-checkpoint-redis 0.5.2. Steward lists nothing and deletes whole threads, so none of it is used."""


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        server = RedisStack(tmp_path_factory.mktemp("redis"), durable=False).start()
    except NoRedisStack as why:
        pytest.skip(f"no Redis Stack: {why}")
    try:
        yield server.url
    finally:
        server.kill()


async def _failures(name: str, saver: Any) -> tuple[frozenset[str], int]:
    """`capability/test` of everything that failed, and how many tests ran."""
    failed: set[str] = set()
    ran = 0

    def told(capability: str, test: str, passed: bool, error: str | None) -> None:
        nonlocal ran
        ran += 1
        if not passed:
            failed.add(f"{capability}/{test}")

    @checkpointer_test(name=name)
    async def factory() -> AsyncGenerator[BaseCheckpointSaver[Any], None]:
        async with saver() as opened:
            yield opened

    await validate(factory, progress=ProgressCallbacks(on_test_result=told))
    return frozenset(failed), ran


async def test_sqlite_conforms_wholly(tmp_path: Path) -> None:
    numbers = iter(range(100))

    @asynccontextmanager
    async def opened() -> AsyncIterator[BaseCheckpointSaver[Any]]:
        async with open_checkpoints(tmp_path / f"{next(numbers)}.db") as saver:
            yield saver

    failed, ran = await _failures("steward-sqlite", opened)
    assert not failed
    assert ran >= 58


@pytest.mark.integration
async def test_redis_conforms_but_for_what_is_known(redis_url: str, tmp_path: Path) -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[BaseCheckpointSaver[Any]]:
        async with open_checkpoints(tmp_path / "unused", redis_url) as saver:
            yield saver

    failed, ran = await _failures("steward-redis", opened)
    assert failed == REDIS_FAILS
    assert ran >= 66


@pytest.mark.integration
async def test_a_redis_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointTrouble, match="STEWARD_REDIS__URL"):
        async with open_checkpoints(tmp_path / "unused", "redis://127.0.0.1:1/0"):
            pass


@pytest.mark.slow
async def test_finished_turns_leave_next_to_nothing_in_sqlite(tmp_path: Path, empty_database: Path) -> None:
    """Issue 2: a thousand finished turns leave less than 20 MB behind, in all files together."""
    turns = 1000 if SOAK else 60
    home = tmp_path / "home"
    async with open_book(home, empty_database) as book:
        await _turns(book, turns)
    with closing(sqlite3.connect(home / "steward.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    left = sum(path.stat().st_size for path in home.rglob("*") if path.is_file() and "index" not in path.parts)
    pauses = sum(path.stat().st_size for path in home.glob("checkpoints.db*"))
    print(f"{turns} turns left {left / 1e6:.2f} MB, of it pauses {pauses / 1e6:.2f} MB")
    assert left < (20_000_000 if SOAK else 1_000_000 + turns * 20_000)
    assert pauses < 1_000_000


@pytest.mark.integration
async def test_finished_turns_leave_no_key_in_redis(redis_url: str, tmp_path: Path, empty_database: Path) -> None:
    import redis.asyncio as client

    async with client.from_url(redis_url) as server:
        await server.flushall()
    async with open_book(tmp_path / "home", empty_database, redis=RedisSettings(url=redis_url)) as book:
        await _turns(book, 1000 if SOAK else 20)
        await book(user("lunch with Ada on 27 November at 12:30"), asks("Lunch"))
        async with client.from_url(redis_url) as server:
            waiting = [key async for key in server.scan_iter("checkpoint*")]
            lives = [await server.ttl(key) for key in waiting]
        assert waiting, "the open card's pause is in Redis"
        assert set(lives) == {-1}, "a pause must never expire by itself"
        await book(presses("Approve"), says("Created"))
        async with client.from_url(redis_url) as server:
            assert [key async for key in server.scan_iter("checkpoint*")] == []


async def _turns(book: Any, count: int) -> None:
    """Notes, and every tenth a card that is rejected: that turn pauses, resumes and ends."""
    for number in range(count):
        if number % 10:
            await book(user(f"note: number {number} of many"), says("Noted"))
        else:
            await book(
                user("dinner with Eve on 29 November at 19:00"), asks("Dinner"), presses("Reject"), says("I left it")
            )
