"""A real database, its ledger changed by hand in every way: `steward audit verify` exits with 1 and names the record."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cli import audit
from knowledge import anchor, ledger
from knowledge.database import Database
from knowledge.ledger import Entry
from knowledge.signing import SigningKey

pytestmark = pytest.mark.slow

RECORDS, ANCHORED = 60, 47
COLUMNS = ("at", "who", "what", "why", "ref", "seal", "previous", "hash")
_NAMES = ", ".join(COLUMNS)


async def _fill(home: Path, count: int, checkpoints: tuple[int, ...]) -> None:
    db = Database(home / "steward.db")
    key, written = SigningKey.of_home(home), 0
    for upto in (*checkpoints, count):
        entries = [
            Entry("principal", "proposal.approved", "telegram:42", f"t{n}.p1", f"{n}") for n in range(written, upto)
        ]
        async with db.write() as tx:
            await ledger.append(tx, 1_790_000_000_000, *entries)
            if upto in checkpoints:
                await anchor.checkpoint(tx, key, 5)
        written = upto
    await db.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    home = tmp_path_factory.mktemp("ledger")
    shutil.copy(empty_database, home / "steward.db")
    asyncio.run(_fill(home, RECORDS, (20, ANCHORED)))
    return home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEWARD_HOME", str(folder))
        yield folder


def _flip(db: sqlite3.Connection, seq: int, column: str, bit: int) -> int:
    """One bit of one field, whatever it then is."""
    (value,) = db.execute(f"SELECT {column} FROM ledger WHERE seq=?", (seq,)).fetchone()
    if isinstance(value, int):
        changed: object = value ^ (1 << bit % 40)
    else:
        body = bytearray(str(value).encode() or b"\0")
        body[bit // 8 % len(body)] ^= 1 << bit % 8
        changed = bytes(body)
    db.execute(f"UPDATE ledger SET {column}=CAST(? AS TEXT) WHERE seq=?" if isinstance(changed, bytes) else
               f"UPDATE ledger SET {column}=? WHERE seq=?", (changed, seq))  # fmt: skip
    return seq


def _delete(db: sqlite3.Connection, seq: int, close_up: bool) -> int:
    db.execute("DELETE FROM ledger WHERE seq=?", (seq,))
    if close_up:
        for later in range(seq + 1, RECORDS + 1):
            db.execute("UPDATE ledger SET seq=? WHERE seq=?", (later - 1, later))
    return seq


def _swap(db: sqlite3.Connection, seq: int, other: int) -> int:
    first, second = sorted((seq, other))
    rows = [db.execute(f"SELECT {_NAMES} FROM ledger WHERE seq=?", (n,)).fetchone() for n in (second, first)]
    for n, row in zip((first, second), rows, strict=True):
        db.execute(f"UPDATE ledger SET ({_NAMES})=({','.join('?' * len(COLUMNS))}) WHERE seq=?", (*row, n))
    return first


def _truncate(db: sqlite3.Connection, seq: int) -> int:
    db.execute("DELETE FROM ledger WHERE seq>=?", (seq,))
    return seq


_records = st.integers(1, ANCHORED)
_attacks = st.one_of(
    st.tuples(st.just(_flip), _records, st.sampled_from(COLUMNS), st.integers(0, 600)),
    st.tuples(st.just(_delete), _records, st.booleans()),
    st.tuples(st.just(_swap), _records, _records).filter(lambda a: a[1] != a[2]),
    st.tuples(st.just(_truncate), _records),
)


@given(_attacks)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_flipped_deleted_moved_or_cut_off_before_the_last_anchor_is_named(
    template: Path, home: Path, capsys: pytest.CaptureFixture[str], attack: tuple[object, ...]
) -> None:
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(template, home)
    with closing(sqlite3.connect(home / "steward.db")) as db, db:
        bad = attack[0](db, *attack[1:])  # type: ignore[operator]
    capsys.readouterr()
    assert audit.verify(as_json=True) == 1, attack
    assert json.loads(capsys.readouterr().out)["broken"]["seq"] == bad, attack
    assert audit.verify() == 1
    assert f"Record {bad} is bad" in capsys.readouterr().err


def test_the_untouched_one_holds_and_what_nobody_vouches_for_is_said(
    template: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(template, home)
    assert audit.verify() == 0
    assert f"The last {RECORDS - ANCHORED} came after the last checkpoint" in capsys.readouterr().out


@pytest.mark.integration
def test_a_hundred_thousand_records_in_a_real_database_verify_in_less_than_ten_seconds(
    home: Path, empty_database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    shutil.copy(empty_database, home / "steward.db")
    asyncio.run(_fill(home, 100_000, (50_000, 100_000)))
    began = time.process_time()
    assert audit.verify(as_json=True) == 0
    spent = time.process_time() - began
    assert json.loads(capsys.readouterr().out)["witnessed"] == 100_000
    assert spent < 10, f"{spent:.1f} s"
