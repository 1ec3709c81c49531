"""A backup is one file that only the offline identity opens; restored, it is what was there; trouble changes nothing."""

from __future__ import annotations

import io
import sqlite3
import stat
import tarfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest

from knowledge import backup as backups
from knowledge.backup import BackupTrouble, backup, new_identity, prune, restore, verify

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
CANARY = "canary: the merger with Lindqvist is off"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    for folder in ("notes/trash", "run", "index", "keys"):
        (home / folder).mkdir(parents=True)
    (home / "notes" / "merger.md").write_text(CANARY)
    (home / "notes" / "trash" / "Ümlaut 語.md").write_bytes(b"\x00\xff")
    (home / "keys" / "ledger.key").write_text("00" * 32)
    (home / "keys" / "ledger.key").chmod(0o600)
    (home / "run" / "worker.lock").write_text("1")
    (home / "index" / "segment").write_bytes(b"rebuilt")
    (home / "link").symlink_to("/etc/passwd")
    with sqlite3.connect(home / "steward.db") as db:
        db.execute("pragma journal_mode=wal")
        db.execute("create table mail (text)")
        db.execute("insert into mail values (?)", (CANARY,))
    db.close()
    return home


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_restored_home_is_what_was_backed_up(home: Path, tmp_path: Path) -> None:
    identity, recipient = new_identity()
    made = backup(home, recipient, tmp_path, NOW)
    assert made.path.name == "steward-20261120T030000Z.age"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    fresh = tmp_path / "fresh"
    assert restore(made.path, identity, fresh).files == made.files == 4
    assert set(files(fresh)) == {"notes/merger.md", "notes/trash/Ümlaut 語.md", "keys/ledger.key", "steward.db"}
    assert (fresh / "notes/trash/Ümlaut 語.md").read_bytes() == b"\x00\xff"
    assert stat.S_IMODE((fresh / "keys/ledger.key").stat().st_mode) == 0o600
    db = sqlite3.connect(fresh / "steward.db")
    assert db.execute("select text from mail").fetchall() == [(CANARY,)]
    db.close()


def test_nothing_is_readable_without_the_identity_and_nothing_is_left_lying_about(home: Path, tmp_path: Path) -> None:
    before = set(files(home))
    made = backup(home, new_identity()[1], tmp_path, NOW)
    body = made.path.read_bytes()
    assert b"Lindqvist" not in body
    assert b"merger" not in body
    assert set(files(home)) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", made.path.name]
    with pytest.raises(BackupTrouble, match="another identity"):
        restore(made.path, new_identity()[0], tmp_path / "fresh")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", made.path.name]


def test_a_backup_made_while_steward_writes_is_consistent(home: Path, tmp_path: Path) -> None:
    """Two tables that always change in one transaction are equal in every backup."""
    identity, recipient = new_identity()
    db = sqlite3.connect(home / "steward.db")
    db.executescript("create table a (n); create table b (n);")
    db.close()
    stop = threading.Event()

    def write() -> None:
        own = sqlite3.connect(home / "steward.db", timeout=30)
        n = 0
        while not stop.is_set():
            n += 1
            with own:
                own.execute("insert into a values (?)", (n,))
                own.execute("insert into b values (?)", (n,))
        own.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [backup(home, recipient, tmp_path / f"{n}.age", NOW) for n in range(5)]
    finally:
        stop.set()
        writer.join()
    for n, one in enumerate(made):
        restore(one.path, identity, tmp_path / f"home{n}")
        db = sqlite3.connect(tmp_path / f"home{n}" / "steward.db")
        counts = db.execute("select (select count(*) from a), (select count(*) from b)").fetchone()
        db.close()
        assert counts[0] == counts[1]


@pytest.mark.parametrize("where", [0.001, 0.3, 0.6, 0.999])
def test_a_changed_or_cut_off_backup_restores_nothing(home: Path, tmp_path: Path, where: float) -> None:
    identity, recipient = new_identity()
    (home / "notes" / "long.md").write_bytes(b"long " * 60_000)
    good = backup(home, recipient, tmp_path / "good.age", NOW).path.read_bytes()
    at = int(len(good) * where)
    flipped = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
    for bad in (flipped, good[:at], good + b"x", b""):
        (tmp_path / "bad.age").write_bytes(bad)
        with pytest.raises(BackupTrouble):
            restore(tmp_path / "bad.age", identity, tmp_path / "fresh")
        assert not (tmp_path / "fresh").exists()
        assert not list(tmp_path.glob(".restore-*"))


def test_a_home_that_is_not_empty_is_never_touched(home: Path, tmp_path: Path) -> None:
    identity, recipient = new_identity()
    made = backup(home, recipient, tmp_path, NOW)
    before = files(home)
    with pytest.raises(BackupTrouble, match="not empty"):
        restore(made.path, identity, home)
    assert files(home) == before
    (tmp_path / "empty").mkdir()
    assert restore(made.path, identity, tmp_path / "empty").files == made.files


def forged(recipient: str, names: list[tuple[str, bytes]]) -> bytes:
    """What somebody who has the recipient (it is no secret) can write."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, kind in names:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            tar.addfile(info, io.BytesIO())
    out: bytes = pyrage.encrypt(raw.getvalue(), [pyrage.x25519.Recipient.from_str(recipient)])
    return out


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../escaped", tarfile.REGTYPE), ("/tmp/escaped", tarfile.REGTYPE), ("a/../../escaped", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE), ("dir", tarfile.DIRTYPE),
    ],
)  # fmt: skip
def test_a_forged_backup_leads_nowhere(tmp_path: Path, name: str, kind: bytes) -> None:
    identity, recipient = new_identity()
    (tmp_path / "forged.age").write_bytes(forged(recipient, [(name, kind)]))
    with pytest.raises(BackupTrouble, match="no place in a home"):
        restore(tmp_path / "forged.age", identity, tmp_path / "deep" / "home")
    assert not (tmp_path / "escaped").exists()
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_backup_without_its_list_of_contents_is_not_whole(tmp_path: Path) -> None:
    identity, recipient = new_identity()
    (tmp_path / "forged.age").write_bytes(forged(recipient, [("a", tarfile.REGTYPE)]))
    with pytest.raises(BackupTrouble, match="not whole"):
        restore(tmp_path / "forged.age", identity, tmp_path / "home")


def test_a_damaged_database_is_found_before_it_counts(home: Path, tmp_path: Path) -> None:
    identity, recipient = new_identity()
    (home / "other.db").write_bytes(b"SQLite format 3\x00 and then rubbish" * 100)
    with pytest.raises(BackupTrouble, match="not written"):
        backup(home, recipient, tmp_path, NOW)
    assert list(tmp_path.glob("*.age")) == []
    assert identity


def test_an_encrypted_database_stays_encrypted_inside_the_backup(home: Path, tmp_path: Path) -> None:
    sqlcipher = pytest.importorskip("sqlcipher3", reason="the extra `encryption` is not installed")

    def connect(path: Path) -> object:
        database = sqlcipher.connect(str(path))
        database.execute(f"PRAGMA key = \"x'{'ab' * 32}'\"")
        return database

    (home / "steward.db").unlink()
    db = connect(home / "steward.db")
    db.execute("create table mail (text)")  # type: ignore[attr-defined]
    db.execute("insert into mail values (?)", (CANARY,))  # type: ignore[attr-defined]
    db.commit()  # type: ignore[attr-defined]
    db.close()  # type: ignore[attr-defined]
    identity, recipient = new_identity()
    made = backup(home, recipient, tmp_path, NOW, connect=connect)
    restore(made.path, identity, tmp_path / "fresh", connect=connect)
    assert b"Lindqvist" not in (tmp_path / "fresh" / "steward.db").read_bytes()
    db = connect(tmp_path / "fresh" / "steward.db")
    assert db.execute("select text from mail").fetchall() == [(CANARY,)]  # type: ignore[attr-defined]
    db.close()  # type: ignore[attr-defined]
    with pytest.raises(BackupTrouble, match=r"steward\.db .*Set STEWARD_DATABASE__KEY"):
        restore(made.path, identity, tmp_path / "other")


def test_proving_a_backup_leaves_nothing_behind(home: Path, tmp_path: Path) -> None:
    identity, recipient = new_identity()
    made = backup(home, recipient, tmp_path, NOW)
    assert verify(made.path, identity).files == made.files
    with pytest.raises(BackupTrouble):
        verify(made.path, new_identity()[0])


def test_wrong_keys_and_missing_files_are_sentences(home: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupTrouble, match="begins with age1"):
        backup(home, "not a key", tmp_path, NOW)
    with pytest.raises(BackupTrouble, match="no home"):
        backup(tmp_path / "nowhere", new_identity()[1], tmp_path, NOW)
    with pytest.raises(BackupTrouble, match="begins with AGE-SECRET-KEY"):
        restore(tmp_path / "x.age", "not a key", tmp_path / "fresh")
    with pytest.raises(BackupTrouble, match="can't be read"):
        restore(tmp_path / "x.age", new_identity()[0], tmp_path / "fresh")


def test_the_newest_backups_are_kept_and_nothing_else_is_touched(tmp_path: Path) -> None:
    names = [f"steward-2026110{n}T030000Z.age" for n in range(1, 6)]
    for name in [*names, "holiday.age"]:
        (tmp_path / name).touch()
    assert [p.name for p in prune(tmp_path, 2)] == names[:3]
    assert [p.name for p in prune(tmp_path, 0)] == names[3:4]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["holiday.age", names[4]]


def test_a_backup_into_the_home_does_not_hold_itself(home: Path, tmp_path: Path) -> None:
    identity, recipient = new_identity()
    made = backup(home, recipient, home / "mine.age", NOW)
    again = backup(home, recipient, home / "mine.age", NOW)
    assert made.files == again.files == restore(again.path, identity, tmp_path / "fresh").files
    assert backups.MANIFEST not in files(tmp_path / "fresh")
