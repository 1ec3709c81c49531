"""Encrypted at rest: SQLAlchemy and the saver work on it, the files hold no word in clear, a wrong key opens nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from bot.cli.seal import seal_all
from graphs.checkpoints import open_checkpoints
from knowledge import cipher, sealed
from knowledge.cipher import CipherTrouble, WrongKey
from knowledge.database import Database, DatabaseTrouble
from knowledge.database.migrate import ensure, is_current
from knowledge.database.schema import setting
from knowledge.forgetting import scrub
from knowledge.keys import KeyTrouble, path_of, seed_of
from knowledge.signing import PublicKey, SigningKey, notes_in
from knowledge.store.intake import Arrival, Intake
from knowledge.store.look import Look

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


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder whose databases are opened with KEY."""
    folder = tmp_path / "home"
    folder.mkdir()
    cipher.unlock(folder, KEY.hex())
    yield folder
    cipher.unlock(folder, "")


async def test_the_database_writes_reads_and_gets_its_own_errors(home: Path) -> None:
    ensure(home / "steward.db")
    assert is_current(home / "steward.db")
    db = Database(home / "steward.db")
    async with db.write() as tx:
        await tx.execute(insert(setting).values(key="a", value=CANARY))
    with pytest.raises(IntegrityError):
        async with db._writer.begin() as tx:
            await tx.execute(insert(setting).values(key="a", value="twice"))
    async with db.read() as tx:
        assert (await tx.execute(select(setting.c.value))).scalar_one() == CANARY
        assert (home / "steward.db-wal").exists()
        assert clear(home) == []
    await db.close()
    with Look(home / "steward.db") as look:
        assert look.counts()["failures"] == 0
    intake = Intake(home / "steward.db")
    assert intake.accept([Arrival("console", "", "1", "c", "s", "turn", CANARY.encode())], 1) == [1]
    intake.close()
    scrub(home / "steward.db")
    assert clear(home) == []


async def test_a_wrong_key_opens_nothing_and_is_one_sentence(home: Path) -> None:
    path = home / "steward.db"
    ensure(path)
    for key in (OTHER.hex(), KEY[::-1].hex()):
        cipher.unlock(home, key)
        for opens in (Intake, Look, is_current, scrub):
            with pytest.raises(WrongKey, match=r"does not open steward\.db"):
                opens(path)
        db = Database(path)
        with pytest.raises(DatabaseTrouble, match="Set STEWARD_DATABASE__KEY to the key that it was made with"):
            async with db.read() as tx:
                await tx.execute(select(setting.c.value))
        await db.close()
    cipher.unlock(home, "")
    db = Database(path)
    with pytest.raises(DatabaseTrouble, match="it is encrypted and STEWARD_DATABASE__KEY is not set"):
        async with db.read() as tx:
            await tx.execute(select(setting.c.value))
    await db.close()


def test_a_database_in_clear_is_encrypted_in_place_and_said_to_be_clear_before(tmp_path: Path) -> None:
    path = tmp_path / "steward.db"
    ensure(path)
    with closing(cipher.connect(path)) as db, db:
        db.execute("INSERT INTO setting(key, value) VALUES('a', ?)", (CANARY,))
    cipher.unlock(tmp_path, KEY.hex())
    try:
        with pytest.raises(WrongKey, match="not encrypted yet"):
            is_current(path)
        cipher.encrypt(path, KEY)
        assert is_current(path)
        with closing(cipher.connect(path)) as db:
            assert db.execute("SELECT value FROM setting WHERE key='a'").fetchone() == (CANARY,)
        assert clear(tmp_path) == []
    finally:
        cipher.unlock(tmp_path, "")


async def test_langgraphs_saver_sets_itself_up_twice_and_keeps_nothing_in_clear(home: Path) -> None:
    from langgraph.checkpoint.base import empty_checkpoint

    config = {"configurable": {"thread_id": CANARY, "checkpoint_ns": ""}}
    for round_ in range(2):
        async with open_checkpoints(home / "checkpoints.db") as saver:
            if round_ == 0:
                one = empty_checkpoint()
                one["channel_values"] = {"said": CANARY}
                one["channel_versions"] = {"said": 1}
                await saver.aput(config, one, {"source": "input", "step": 1}, {"said": 1})  # type: ignore[arg-type]
            found = await saver.aget_tuple(config)  # type: ignore[arg-type]
            assert found is not None
            assert found.checkpoint["channel_values"] == {"said": CANARY}
            assert clear(home) == []


def test_what_is_no_key_is_one_sentence(tmp_path: Path) -> None:
    for key in ("short", "ab" * 31, "zz" * 32):
        with pytest.raises(CipherTrouble, match="64 hex digits"):
            cipher.unlock(tmp_path, key)
    assert cipher.key_for(tmp_path / "x.db") is None


def test_errors_are_the_ones_that_everybody_catches(home: Path) -> None:
    made = cipher.connect(home / "x.db")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        made.execute("select * from nowhere")
    made.execute("create table t (x unique)")
    made.executemany("insert into t values (?)", [(1,), (2,)])
    with pytest.raises(sqlite3.IntegrityError):
        made.cursor().execute("insert into t values (1)")
    made.commit()
    assert made.execute("select count(*) from t").fetchone() == (2,)
    made.close()


# ── private keys beside the database ─────────────────────────────────────────────────────────────────────────────────


def test_the_ledger_s_key_is_sealed_from_the_beginning_and_a_wrong_key_does_not_open_it(home: Path) -> None:
    ensure(home / "steward.db")
    seed = seed_of(home)
    stored = path_of(home).read_bytes()
    assert seed.hex().encode() not in stored
    assert seed not in stored
    assert seed_of(home) == seed
    assert [p.name for p in (home / "keys").iterdir()] == ["ledger.key"]
    for key, sentence in ((OTHER.hex(), "does not open ledger.key"), ("", "ledger.key is sealed")):
        cipher.unlock(home, key)
        with pytest.raises(KeyTrouble, match=sentence):
            seed_of(home)
    assert path_of(home).read_bytes() == stored


def test_a_key_file_that_was_changed_or_moved_does_not_open(home: Path) -> None:
    seed_of(home)
    stored = path_of(home).read_bytes()
    for changed in (stored[:-1] + bytes([stored[-1] ^ 1]), stored[:40], stored[: len(sealed.MARK)]):
        path_of(home).write_bytes(changed)
        with pytest.raises(KeyTrouble, match="does not open"):
            seed_of(home)
    other = path_of(home).with_name("notes.key")
    with pytest.raises(sealed.SealTrouble, match=r"does not open notes\.key"):
        sealed.opened(other, stored)


def test_a_key_in_clear_is_sealed_with_the_database_and_never_under_a_key_that_does_not_open_it(tmp_path: Path) -> None:
    seed = seed_of(tmp_path)
    public = str(SigningKey.of_home(tmp_path).public)
    ensure(tmp_path / "steward.db")
    cipher.unlock(tmp_path, KEY.hex())
    try:
        assert seed_of(tmp_path) == seed, "the database is still in clear, and so the key stays"
        assert seed.hex().encode() in path_of(tmp_path).read_bytes()
        seal_all(tmp_path, KEY)
        assert seed.hex().encode() not in path_of(tmp_path).read_bytes()
        assert str(SigningKey.of_home(tmp_path).public) == public
        path_of(tmp_path).write_bytes(seed.hex().encode())
        cipher.unlock(tmp_path, OTHER.hex())
        assert seed_of(tmp_path) == seed
        assert seed.hex().encode() in path_of(tmp_path).read_bytes(), "a mistyped key seals nothing"
    finally:
        cipher.unlock(tmp_path, "")


def test_the_ledger_is_verified_with_the_public_key_alone(home: Path) -> None:
    key = SigningKey.of_home(home)
    note = key.sign(1, bytes(32))
    cipher.unlock(home, "")
    ((checkpoint, seal),) = notes_in(note)
    assert PublicKey.parse(str(key.public)).genuine(checkpoint, seal)
