"""PostgreSQL as the truth: one writer, synced commits, forgetting, backups, and a sentence for everything that fails."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr, ValidationError
from sqlalchemy import NullPool, create_engine, insert, select

from bot.cli.sentences import sentence_of
from bot.home import Home
from bot.receiver import Receiver, now_ms
from bot.settings import DatabaseSettings, Settings
from knowledge import forgetting, ledger
from knowledge.backup import BackupTrouble, backup, new_identity, restore, verify
from knowledge.database import Database, DatabaseTrouble, bare, migrate, postgres, postgres_upkeep, schema_memory
from knowledge.database.schema import metadata, setting
from knowledge.store import failures, timers
from knowledge.store.intake import Arrival, Intake
from knowledge.words import Outbound
from tests.fakes.postgres_server import PostgresServer
from tests.fakes.waiting import read_all
from tests.playbooks.kit import asks, later, open_book, presses, says, shows, user

pytestmark = pytest.mark.integration

PATIENCE_S = 120.0
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
CANARY = "Quendelsturz"


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.fresh("current")


@pytest.fixture
def path(url: str, tmp_path: Path) -> Iterator[Path]:
    """The database of a home; no file of this name is ever made."""
    path = tmp_path / "home" / "steward.db"
    path.parent.mkdir()
    bare.serve(path, url)
    yield path
    bare.serve(path, "")
    assert not path.exists()


@pytest.fixture
async def db(path: Path) -> AsyncIterator[Database]:
    db = Database(path)
    yield db
    await db.close()


def _arrival(number: int) -> Arrival:
    return Arrival("telegram", "", f"d{number}", "42", "42", "turn", b"\0raw")


def test_migrating_an_empty_server_gives_the_schema_of_the_code(url: str) -> None:
    assert schema_memory.document.metadata is metadata
    engine = create_engine("postgresql+psycopg://", creator=lambda: postgres.plain(url), poolclass=NullPool)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_two_that_start_at_once_on_a_new_server_migrate_it_once(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url, homes = postgres_server.fresh(), [tmp_path / "a", tmp_path / "b"]
    code = (
        "import sys; from pathlib import Path; from knowledge.database import bare, migrate; path = Path(sys.argv[1]); "
        "bare.serve(path, sys.argv[2]); migrate.ensure(path); assert migrate.is_current(path)"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(home / "steward.db"), url]) for home in homes]
    assert [one.wait(PATIENCE_S) for one in started] == [0, 0]


async def test_writers_of_all_kinds_come_one_after_the_other(path: Path) -> None:
    """Each reads the ledger's end and writes the next record: two at once would take the same number."""
    workers, receiver = [Database(path) for _ in range(3)], Intake(path)

    async def writes(db: Database) -> None:
        for _ in range(10):
            async with db.write() as tx:
                await ledger.append(tx, 1, ledger.Entry("system", "test.wrote", "wor\0ker", "x\0"))

    def notes() -> None:
        for n in range(10):
            assert receiver.record_failure(f"key{n}", "what", "", "", 1)

    await asyncio.gather(*map(writes, workers), asyncio.to_thread(notes))
    async with workers[0].read() as tx:
        lines = await ledger.lines(tx)
    assert [line.seq for line in lines] == list(range(1, 41))
    assert ledger.check(lines) is None
    assert [db.commits for db in workers] == [10, 10, 10]
    async with workers[0].write() as tx:
        await tx.execute(select(setting.c.key))
    assert workers[0].commits == 10  # nothing was changed, nothing was synced
    for db in workers:
        await db.close()
    receiver.close()


async def test_a_reader_sees_one_moment_waits_for_nobody_and_cannot_write(db: Database) -> None:
    async with db.write() as tx:
        await tx.execute(insert(setting).values(key="a", value="1"))
    async with db.read() as early:
        assert len((await early.execute(select(setting))).all()) == 1
        async with db.write() as tx:
            await tx.execute(insert(setting).values(key="b", value="2"))
        assert len((await early.execute(select(setting))).all()) == 1
    with pytest.raises(DatabaseTrouble):
        async with db.read() as tx:
            await tx.execute(insert(setting).values(key="c", value="3"))
    async with db.read() as late:
        assert sorted(row.key for row in await late.execute(select(setting))) == ["a", "b"]


async def _says_twice(db: Database) -> None:
    async with db.write() as tx:
        await tx.execute(insert(setting).values(key="a", value="1"))
        await tx.execute(insert(setting).values(key="a", value="2"))


async def _breaks(db: Database) -> None:
    async with db.write() as tx:
        await tx.execute(insert(setting).values(key="b", value="1"))
        raise RuntimeError("on the way")


async def test_what_is_refused_in_the_middle_leaves_nothing_and_nobody_locked_out(db: Database, path: Path) -> None:
    with pytest.raises(DatabaseTrouble):
        await _says_twice(db)
    with pytest.raises(RuntimeError, match="on the way"):
        await _breaks(db)
    async with db.write() as tx:
        assert (await tx.execute(select(setting))).all() == []
    with closing(Intake(path)) as intake:
        assert intake.accept([_arrival(1), _arrival(1)], 1) == [1]
        assert intake.accept([_arrival(1)], 1) == []


async def test_signs_that_postgres_does_not_take_are_kept_as_the_sign_for_what_cannot_be_shown(db: Database) -> None:
    async with db.write() as tx:
        kept, fresh = await failures.note(tx, "k\0", "wh\0t", "", "", 1)
        assert fresh
        assert not (await failures.note(tx, "k\0", "wh\0t", "", "", 1))[1]
    async with db.read() as tx:
        assert [f.what for f in await failures.open_ones(tx)] == ["wh\ufffdt"]
    assert kept.count == 1


async def test_every_commit_is_synced_whatever_the_server_s_default(url: str, path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("ALTER ROLE steward SET synchronous_commit = off")
        try:
            with closing(bare.connect(path)) as db:
                assert db.execute("SHOW synchronous_commit").fetchone() == ("on",)
            worker = Database(path)
            async with worker.write() as tx:
                assert (await tx.exec_driver_sql("SHOW synchronous_commit")).scalar_one() == "on"
            await worker.close()
        finally:
            other.execute("ALTER ROLE steward RESET synchronous_commit")


async def test_a_server_that_went_down_is_told_in_a_sentence_and_used_again_when_it_is_back(
    postgres_server: PostgresServer, path: Path
) -> None:
    db, intake = Database(path), Intake(path)
    assert intake.accept([_arrival(1)], 1) == [1]
    async with db.write() as tx:
        await tx.execute(insert(setting).values(key="a", value="1"))
    postgres_server.kill()
    for _ in range(2):
        with pytest.raises(sqlite3.Error, match="STEWARD_DATABASE__URL"):
            intake.accept([_arrival(2)], 1)
        with pytest.raises(DatabaseTrouble, match="STEWARD_DATABASE__URL"):
            async with db.write():
                pass
        with pytest.raises(DatabaseTrouble, match="STEWARD_DATABASE__URL"):
            async with db.read() as tx:
                await tx.execute(select(setting))
    postgres_server.start()
    assert len(intake.accept([_arrival(2)], 1)) == 1
    assert intake.has_open_card() is False
    async with db.write() as tx:
        assert [row.key for row in await tx.execute(select(setting))] == ["a"]
    async with db.read() as tx:
        assert [row.key for row in await tx.execute(select(setting))] == ["a"]
    intake.close()
    await db.close()


async def test_a_receiver_outlives_its_server_and_fires_what_became_due_meanwhile(
    postgres_server: PostgresServer, path: Path, db: Database
) -> None:
    async with db.write() as tx:
        await timers.arm(tx, "r1", "reminder", "telegram", "42", {"text": "tea"}, now_ms() + 1_500, now_ms())
    home = Home(path.parent)
    home.prepare()
    receiver = Receiver(home, {}, None)
    running = asyncio.create_task(receiver.run())
    try:
        await asyncio.sleep(0.1)
        postgres_server.kill()
        await asyncio.sleep(2.5)  # it became due while nobody could know
        assert not running.done()
        postgres_server.start()
        ends = time.monotonic() + PATIENCE_S
        while not await asyncio.to_thread(_fired, path) and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        assert _fired(path) == 1
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_was_said_while_the_server_went_away_is_noted_when_it_is_back_and_not_said_again(
    postgres_server: PostgresServer, url: str, tmp_path: Path
) -> None:
    home, cut = tmp_path / "home", ["Noted", "Approval", "Created"]
    async with open_book(home, None, database=DatabaseSettings(url=SecretStr(url))) as book:

        def cuts(message: Outbound) -> bool:
            if cut and cut[0] in message.text:
                del cut[0]
                postgres_server.kill()
                threading.Timer(0.5, postgres_server.start).start()
            return False

        book.chats["telegram"].refuses = cuts
        await book(
            user("note: The plumber comes on Tuesdays."), says("Noted"), user("lunch with Ada on 2027-01-06 at 12:30"),
            asks("Approval", "Ada"), later(seconds=10), presses("Approve"), shows("Approved"), says("Created"),
        )  # fmt: skip
        assert not cut
        assert await book.count("message WHERE state!='sent' OR attempts>1") == 0
        assert await book.count("failure") == 0
    bare.serve(home / "steward.db", "")


def _fired(path: Path) -> int:
    with closing(bare.connect(path, read_only=True)) as rows:
        return int(rows.execute("SELECT count(*) FROM delivery WHERE channel='timer'").fetchone()[0])


def test_a_url_that_cannot_be_used_is_refused_in_a_sentence_without_its_password(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(home=tmp_path, database={"url": "mysql://u:s3cret@h/d"})  # type: ignore[arg-type]
    assert sentence_of(refused.value) == (
        "STEWARD_DATABASE__URL: It is no PostgreSQL URL; one looks like postgresql://steward:password@host/steward."
    )
    for wrong in (
        "postgresql://u:s3cret@127.0.0.1:1/d", "postgresql://u:s3cret@h:port/d",
        postgres_server.url("nowhere").replace("steward@", "steward:s3cret@"),
    ):  # fmt: skip
        settings = Settings(home=tmp_path, database={"url": wrong})  # type: ignore[arg-type]
        assert "s3cret" not in repr(settings)
        with pytest.raises(sqlite3.OperationalError) as error:
            migrate.ensure(settings.home / "steward.db")
        assert "STEWARD_DATABASE__URL" in str(sentence_of(error.value))
        assert "s3cret" not in str(error.value)
    bare.serve(tmp_path / "steward.db", "")


def test_a_file_that_was_filled_before_is_named_and_left(tmp_path: Path, url: str) -> None:
    path = tmp_path / "steward.db"
    path.write_bytes(b"filled")
    assert bare.left_aside(path) == ""
    bare.serve(path, url)
    try:
        assert "was filled before and is not used" in bare.left_aside(path)
        path.unlink()
        assert bare.left_aside(path) == ""
    finally:
        bare.serve(path, "")


def test_doctor_looks_at_what_the_laws_need_of_a_server(postgres_server: PostgresServer, url: str) -> None:
    what, well, step = postgres_upkeep.health(url)
    assert (well, "fsync" in step) == (False, True), what  # the tests' server does not sync
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ALTER SYSTEM SET fsync = on")
        try:
            db.execute("SELECT pg_reload_conf()")
            ends = time.monotonic() + PATIENCE_S
            while not (found := postgres_upkeep.health(url))[1] and time.monotonic() < ends:
                time.sleep(0.05)
        finally:
            db.execute("ALTER SYSTEM RESET fsync")
            db.execute("SELECT pg_reload_conf()")
    assert found[1], found
    assert "PostgreSQL" in found[0]


async def test_what_is_forgotten_is_in_no_table_file_and_no_statistic(
    db: Database, path: Path, url: str, postgres_server: PostgresServer
) -> None:
    async with db.write() as tx:
        await tx.execute(insert(setting), [{"key": f"k{n}", "value": f"{CANARY} {n % 3}"} for n in range(600)])
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("ANALYZE; CHECKPOINT")
        assert _holders(postgres_server, CANARY), "it must be findable before"
    async with db.write() as tx:
        await tx.execute(setting.delete())
    async with db.read() as tx:  # a snapshot that still might see it
        await tx.execute(select(setting.c.key))
        async with db.write() as newer:
            await newer.execute(insert(setting).values(key="new", value="x"))
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(forgetting.scrub, path)
    await asyncio.to_thread(forgetting.scrub, path)
    assert _holders(postgres_server, CANARY) == []
    async with db.read() as tx:
        assert [row.key for row in await tx.execute(select(setting))] == ["new"]


def _holders(server: PostgresServer, words: str) -> list[str]:
    """Files of tables and indexes that hold the words."""
    return [str(file) for file, held in read_all(server.data / "base").items() if words.encode() in held]


def test_a_backup_is_restored_into_an_empty_database_and_nowhere_else(
    path: Path, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    home, away = path.parent, tmp_path / "away"
    (home / "notes").mkdir()
    (home / "notes" / "a.md").write_text("a note")
    with closing(Intake(path)) as intake:
        intake.accept([_arrival(1)], 1)
    identity, recipient = new_identity()
    made = backup(home, recipient, tmp_path, NOW)
    verify(made.path, identity)

    with pytest.raises(BackupTrouble, match="Set STEWARD_DATABASE__URL to an empty"):
        restore(made.path, identity, away)
    bare.serve(away / "steward.db", bare.url_of(path))
    with pytest.raises(BackupTrouble, match="not empty"):
        restore(made.path, identity, away)
    assert not away.exists()
    bare.serve(away / "steward.db", postgres_server.fresh())
    restore(made.path, identity, away)
    assert (away / "notes" / "a.md").read_text() == "a note"
    assert migrate.is_current(away / "steward.db")
    with closing(Intake(away / "steward.db")) as intake:
        assert intake.counts()["deliveries_waiting"] == 1
        assert intake.accept([_arrival(1)], 1) == []
        assert min(intake.accept([_arrival(2)], 1)) > 1  # numbers go on where they were
    bare.serve(away / "steward.db", "")


def test_a_backup_without_pg_dump_says_what_is_missing(path: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    code = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime; "
        "from knowledge.backup import backup, new_identity; from knowledge.database import bare; home = Path(sys.argv[1]); "
        "bare.serve(home / 'steward.db', sys.argv[2]); backup(home, new_identity()[1], home.parent, datetime.now(UTC))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path.parent), bare.url_of(path)],
        env={**os.environ, "PATH": str(tools)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "BackupTrouble: The backup was not written: pg_dump is not on the PATH" in ran.stderr


@pytest.mark.usefixtures("on_postgres")
def test_the_commands_work_on_it(tmp_path: Path) -> None:
    home = tmp_path / "home"

    def run(*words: str) -> str:
        environment = {**os.environ, "STEWARD_HOME": str(home), "STEWARD_EMBEDDINGS__PATH": str(tmp_path / "no-model")}
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "bot.cli", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    assert "Approval 1" in run("chat", "--once", "lunch with Ada on 27 November 2030 at 12:30")
    run("approvals", "reject", "1")
    assert json.loads(run("status", "--json"))["open_approvals"] == 0
    assert json.loads(run("audit", "verify", "--json"))["ok"]
    assert not (home / "steward.db").exists()
