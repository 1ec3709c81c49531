"""Where LangGraph keeps its pauses: a SQLite file of its own by default, Redis when its URL is set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from knowledge import cipher


class CheckpointTrouble(Exception):
    """The store for paused turns cannot be used: a sentence with the next step."""


_AWAY = frozenset({"ConnectionError", "TimeoutError", "BusyLoadingError"})


def is_away(error: BaseException | None) -> bool:
    """Whether `error` comes of a Redis that does not answer now: what broke by it is to be tried again, however often."""
    seen = 0
    while error is not None and seen < 20:
        if any(c.__module__ == "redis.exceptions" and c.__name__ in _AWAY for c in type(error).__mro__):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


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
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with cipher.connect_async(path) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=15000", "cache_size=-1000"):
            await connection.execute(f"PRAGMA {pragma}")
        await connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        saver = AsyncSqliteSaver(connection, serde=_serde())
        await saver.setup()
        yield saver


@asynccontextmanager
async def _redis(url: str) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    from langgraph.checkpoint.redis.aio import AsyncRedisSaver

    async with AsyncExitStack() as stack:
        try:
            saver = await stack.enter_async_context(AsyncRedisSaver.from_conn_string(url))
            await saver.asetup()
        except Exception as error:  # redis, redisvl and the saver each have their own
            raise CheckpointTrouble(_redis_sentence(str(error))) from error
        yield saver


def _redis_sentence(said: str) -> str:
    if "FT." in said or "unknown command" in said:
        return "The Redis at STEWARD_REDIS__URL lacks RedisJSON and RediSearch. Use Redis 8 or Redis Stack."
    return f"Redis at STEWARD_REDIS__URL cannot be used: {said}"


def _serde() -> Any:
    """Plain data only: a checkpoint never builds an object of a class it names."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    return JsonPlusSerializer(allowed_msgpack_modules=None)
