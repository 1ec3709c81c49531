"""Encrypted at rest: SQLAlchemy and the saver work on it, the files hold no word in clear, a wrong key opens nothing."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from knowledge import cipher
from knowledge.cipher import CipherTrouble
from knowledge.database.schema import metadata, setting

pytest.importorskip("sqlcipher3", reason="the extra `encryption` is not installed")

KEY, OTHER = bytes(range(32)), bytes(32)
CANARY = "canary: the merger with Lindqvist is off"


def clear(folder: Path) -> list[str]:
    """Files that hold the canary, or say that they are SQLite's."""
    return [
        p.name
        for p in folder.iterdir()
        if b"Lindqvist" in p.read_bytes() or p.read_bytes().startswith(b"SQLite format")
    ]


async def test_sqlalchemy_writes_reads_and_gets_its_own_errors(tmp_path: Path) -> None:
    path = tmp_path / "steward.db"
    engine = create_async_engine("sqlite+aiosqlite://", async_creator=cipher.opener(path, KEY))
    async with engine.begin() as tx:
        await tx.execute(text("PRAGMA journal_mode=WAL"))
        await tx.run_sync(metadata.create_all)
        await tx.execute(insert(setting).values(key="a", value=CANARY))
    with pytest.raises(IntegrityError):
        async with engine.begin() as tx:
            await tx.execute(insert(setting).values(key="a", value="twice"))
    async with engine.begin() as tx:
        assert (await tx.execute(select(setting.c.value))).scalar_one() == CANARY
        assert (tmp_path / "steward.db-wal").exists()
        assert clear(tmp_path) == []
    await engine.dispose()


async def test_a_wrong_key_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "steward.db"
    with cipher.connect(path, KEY) as made:
        made.execute("create table t (x)")
        made.execute("insert into t values (?)", (CANARY,))
    made.close()
    for key in (OTHER, KEY[::-1]):
        wrong = cipher.connect(path, key)
        with pytest.raises(sqlite3.DatabaseError, match="not a database"):
            wrong.execute("select * from t")
        wrong.close()
    plain = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        plain.execute("select * from t")
    plain.close()
    engine = create_async_engine("sqlite+aiosqlite://", async_creator=cipher.opener(path, OTHER))
    with pytest.raises(DBAPIError, match="not a database"):
        async with engine.begin() as tx:
            await tx.execute(text("select * from t"))
    await engine.dispose()


async def test_langgraphs_saver_sets_itself_up_twice_and_keeps_nothing_in_clear(tmp_path: Path) -> None:
    from langgraph.checkpoint.base import empty_checkpoint
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    path = tmp_path / "checkpoints.db"
    config = {"configurable": {"thread_id": CANARY, "checkpoint_ns": ""}}
    for round_ in range(2):
        async with cipher.connect_async(path, KEY) as connection:
            saver = AsyncSqliteSaver(connection)
            await saver.setup()
            if round_ == 0:
                one = empty_checkpoint()
                one["channel_values"] = {"said": CANARY}
                one["channel_versions"] = {"said": 1}
                await saver.aput(config, one, {"source": "input", "step": 1}, {"said": 1})  # type: ignore[arg-type]
            found = await saver.aget_tuple(config)  # type: ignore[arg-type]
            assert found is not None
            assert found.checkpoint["channel_values"] == {"said": CANARY}
            assert clear(tmp_path) == []


def test_a_key_of_another_length_is_no_key(tmp_path: Path) -> None:
    for key in (b"", b"short", os.urandom(33)):
        with pytest.raises(CipherTrouble, match="32 bytes"):
            cipher.connect(tmp_path / "x.db", key)
    assert list(tmp_path.iterdir()) == []


def test_errors_are_the_ones_that_everybody_catches(tmp_path: Path) -> None:
    made = cipher.connect(tmp_path / "x.db", KEY)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        made.execute("select * from nowhere")
    made.execute("create table t (x unique)")
    made.executemany("insert into t values (?)", [(1,), (2,)])
    with pytest.raises(sqlite3.IntegrityError):
        made.cursor().execute("insert into t values (1)")
    made.commit()
    assert made.execute("select count(*) from t").fetchone() == (2,)
    made.close()
