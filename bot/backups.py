"""Backups to where the settings say, by hand and every night; old ones go, and what failed is told."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.settings import Settings
from graphs.state import Crew, ms
from knowledge.backup import PREFIX, SUFFIX, Backup, BackupTrouble, backup, prune
from knowledge.bucket import Access, Bucket, BucketTrouble
from knowledge.database import Tx
from knowledge.store import timers

TIMER, KIND = "backup", "house_backup"
NIGHT = time(3, 30)
RECIPIENT = "backup-recipient"  # in the home: whom backups are for


def next_night(now: datetime, zone: ZoneInfo) -> datetime:
    """The next half past three in the morning, after `now`."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), NIGHT, zone)
    return today if today > local else datetime.combine(local.date() + timedelta(days=1), NIGHT, zone)


async def arm(tx: Tx, crew: Crew) -> None:
    """See to it that the night's backup is on its way."""
    now = crew.clock()
    await timers.arm(tx, TIMER, KIND, "house", "", {}, ms(next_night(now, crew.zone)), ms(now))


def recipient(settings: Settings, given: str = "") -> str:
    """Whom a backup is for. Raises `BackupTrouble` when nobody said so."""
    known = settings.home / RECIPIENT
    found = given or (known.read_text("utf-8").strip() if known.is_file() else "")
    if not found:
        raise BackupTrouble("Say whom the backup is for (--to age1…), or make a key once with `steward backup --new`.")
    return found


async def write(settings: Settings, target: str = "", to: str = "", now: datetime | None = None) -> Backup:
    """Write a backup to `target` (a folder, a file name or s3://bucket/prefix; none: where the settings say).

    Where the settings say, all but the newest `backup.keep` are deleted afterwards. Raises `BackupTrouble`.
    """
    where, at, whom = target or settings.backup.to, now or datetime.now(UTC), recipient(settings, to)
    keep = settings.backup.keep if not target else 0
    if not where.startswith("s3://"):
        return await asyncio.to_thread(_to_folder, settings.home, whom, where or ".", at, keep)
    try:
        bucket = Bucket(where, access(settings))
        try:
            with tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.home) as folder_:
                made = await asyncio.to_thread(backup, settings.home, whom, Path(folder_), at)
                await bucket.put(made.path.name, made.path)
            for name in _old(await bucket.names(), keep) if keep else []:
                await bucket.delete(name)
        finally:
            await bucket.close()
    except BucketTrouble as trouble:
        raise BackupTrouble(str(trouble)) from trouble
    return Backup(Path(f"{bucket.prefix}/{made.path.name}"), made.files, made.size)


def _to_folder(home: Path, whom: str, where: str, at: datetime, keep: int) -> Backup:
    folder = Path(where).expanduser()
    made = backup(home, whom, folder, at)
    if keep and folder.is_dir():
        prune(folder, keep)
    return made


async def fetch(settings: Settings, url: str, into: Path) -> Path:
    """The backup at s3://bucket/prefix/NAME, or the newest under s3://bucket/prefix. Raises `BackupTrouble`."""
    try:
        if url.endswith(SUFFIX):
            url, _, name = url.rpartition("/")
        else:
            name = ""
        bucket = Bucket(url, access(settings))
        try:
            name = name or next(iter(reversed(_backups(await bucket.names()))), "")
            if not name:
                raise BackupTrouble(f"There is no backup under {url}.")
            await bucket.get(name, into / name)
        finally:
            await bucket.close()
    except BucketTrouble as trouble:
        raise BackupTrouble(str(trouble)) from trouble
    return into / name


def access(settings: Settings) -> Access:
    to = settings.backup
    return Access(to.endpoint, to.region, to.access_key, to.secret_key.get_secret_value())


def _backups(names: list[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(PREFIX) and name.endswith(SUFFIX))


def _old(names: list[str], keep: int) -> list[str]:
    found = _backups(names)
    return found[: max(0, len(found) - keep)]
