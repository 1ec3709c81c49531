"""Where LangGraph keeps its pauses: a SQLite file of its own by default, Redis when its URL is set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver


class CheckpointTrouble(Exception):
    """The store for paused turns cannot be used: a sentence with the next step."""


@asynccontextmanager
async def open_checkpoints(path: Path, redis_url: str = "") -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """The saver. Raises `CheckpointTrouble`.

    SQLite runs `synchronous=NORMAL`: after a power cut the last pauses may be missing, and SQL makes them again.
    Redis gets no time to live (it would silently delete pending approvals) and needs RedisJSON and RediSearch.
    """
    if redis_url:
        async with _redis(redis_url) as saver:
            yield saver
        return
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with aiosqlite.connect(path) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=15000", "cache_size=-1000"):
            await connection.execute(f"PRAGMA {pragma}")
        await connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        saver = AsyncSqliteSaver(connection, serde=_serde())
        await saver.setup()
        yield saver


@asynccontextmanager
async def _redis(url: str) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    from langgraph.checkpoint.redis.aio import AsyncRedisSaver
    from redis.exceptions import RedisError

    try:
        async with AsyncRedisSaver.from_conn_string(url) as saver:
            await saver.asetup()
            yield saver
    except RedisError as error:
        raise CheckpointTrouble(f"Redis at STEWARD_REDIS__URL cannot be used: {error}") from error
    except Exception as error:
        if "FT.INFO" in str(error) or "unknown command" in str(error):
            raise CheckpointTrouble(
                "The Redis at STEWARD_REDIS__URL lacks RedisJSON and RediSearch. Use Redis 8 or Redis Stack."
            ) from error
        raise


def _serde() -> Any:
    """Plain data only: a checkpoint never builds an object of a class it names."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    return JsonPlusSerializer(allowed_msgpack_modules=None)
