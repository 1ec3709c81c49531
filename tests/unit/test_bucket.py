"""Backups into an S3-compatible bucket: signed as Amazon's own example says, fetched and restored, old ones gone."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot import backups
from bot.settings import BackupSettings
from bot.stage import BareSettings
from knowledge.backup import BackupTrouble, new_identity, restore
from knowledge.bucket import Access, Bucket, BucketTrouble, signature
from tests.fakes.s3 import KEY, REGION, SECRET, FakeS3

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_request_is_signed_as_amazons_example() -> None:
    """The GET example of "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)"."""
    access = Access("", "us-east-1", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    headers = {
        "host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-content-sha256": _EMPTY,
        "x-amz-date": "20130524T000000Z",
    }  # fmt: skip
    made = signature(access, "GET", "/test.txt", {}, headers, _EMPTY, datetime(2013, 5, 24, tzinfo=UTC))
    assert made.endswith("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    assert "wJalr" not in repr(access)


@pytest.fixture
async def store() -> AsyncIterator[FakeS3]:
    async with FakeS3() as fake:
        yield fake


@pytest.fixture
def settings(tmp_path: Path, empty_database: Path, store: FakeS3) -> BareSettings:
    home = tmp_path / "home"
    (home / "notes").mkdir(parents=True)
    (home / "notes" / "a.md").write_text("a note")
    shutil.copy(empty_database, home / "steward.db")
    to = BackupSettings(
        to="s3://safe/my house", keep=2, endpoint=store.url, region=REGION, access_key=KEY, secret_key=SecretStr(SECRET)
    )
    return BareSettings(home=home, backup=to)


async def test_a_backup_goes_there_comes_back_and_is_restored_and_only_the_newest_stay(
    settings: BareSettings, store: FakeS3, tmp_path: Path
) -> None:
    with pytest.raises(BackupTrouble, match="backup --new"):
        await backups.write(settings)
    identity, recipient = new_identity()
    (settings.home / backups.RECIPIENT).write_text(recipient)
    store.objects["my house/something-else.txt"] = b"not ours"
    for day in range(4):
        await backups.write(settings, now=NOW + timedelta(days=day))
    kept = [
        "my house/something-else.txt",
        "my house/steward-20261122T033000Z.age",
        "my house/steward-20261123T033000Z.age",
    ]
    assert sorted(store.objects) == kept
    assert not any(b"a note" in body for body in store.objects.values())
    newest = await backups.fetch(settings, "s3://safe/my house", tmp_path)
    assert newest.name == "steward-20261123T033000Z.age"
    restored = restore(newest, identity, tmp_path / "fresh")
    assert (restored.path / "notes" / "a.md").read_text() == "a note"
    named = await backups.fetch(settings, "s3://safe/my house/steward-20261122T033000Z.age", tmp_path)
    assert named.exists()
    assert not list(settings.home.glob(".backup-*"))


async def test_what_goes_wrong_is_one_sentence_without_a_key(
    settings: BareSettings, store: FakeS3, tmp_path: Path
) -> None:
    (settings.home / backups.RECIPIENT).write_text(new_identity()[1])
    store.down = True
    with pytest.raises(BackupTrouble, match=r"refused \(503 SlowDown\)"):
        await backups.write(settings)
    store.down = False
    settings.backup.secret_key = SecretStr("another")
    with pytest.raises(BackupTrouble, match=r"refused \(403 SignatureDoesNotMatch\)") as told:
        await backups.write(settings)
    assert "another" not in str(told.value)
    settings.backup.endpoint = "http://127.0.0.1:9"
    with pytest.raises(BackupTrouble, match="could not be reached"):
        await backups.fetch(settings, "s3://safe/x", tmp_path)
    with pytest.raises(BucketTrouble, match="s3://name/prefix"):
        Bucket("https://safe/x", backups.access(settings))


async def test_a_folder_keeps_the_newest_too(settings: BareSettings, tmp_path: Path) -> None:
    (settings.home / backups.RECIPIENT).write_text(new_identity()[1])
    settings.backup.to = str(tmp_path / "shelf")
    (tmp_path / "shelf").mkdir()
    for day in range(4):
        await backups.write(settings, now=NOW + timedelta(days=day))
    assert [p.name[8:16] for p in sorted((tmp_path / "shelf").iterdir())] == ["20261122", "20261123"]
    await backups.write(settings, str(tmp_path), now=NOW)
    assert len(list((tmp_path / "shelf").iterdir())) == 2
