"""Backups: one file that only an offline identity opens, made while Steward runs; restoring proves itself before it counts.

This machine holds the recipient (`age1…`): it can write backups and read none of them, old ones included.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from knowledge import cipher
from knowledge.database import bare
from knowledge.ids import canonical

MANIFEST = ".steward-backup.json"
DUMP = "steward.pgdump"
"""In the backup of a home whose database is a PostgreSQL: what `pg_dump` wrote."""
_LEFT_OUT = {"run", "index"}  # locks and sockets; the index is made anew from SQL
PREFIX, SUFFIX = "steward-", ".age"

Connect = Callable[[Path], Any]
"""Opens a database of the home."""


class BackupTrouble(Exception):
    """A backup can't be made or used: a sentence with the next step. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written or restored."""

    path: Path
    files: int
    size: int


def new_identity() -> tuple[str, str]:
    """(identity to keep offline, recipient for this machine)."""
    from pyrage import x25519

    made = x25519.Identity.generate()
    return str(made), str(made.to_public())


def backup(home: Path, recipient: str, target: Path, now: datetime, *, connect: Connect = cipher.connect) -> Backup:
    """Write everything under `home` to one encrypted file; `target` is a folder or a file name.

    Databases are snapshotted (`VACUUM INTO`), so that a running Steward may go on writing. Raises `BackupTrouble`.
    """
    import pyrage

    try:
        to = pyrage.x25519.Recipient.from_str(recipient.strip())
    except pyrage.RecipientError as error:
        raise BackupTrouble(
            "The recipient is no age key. It begins with age1; `steward backup --new` makes one."
        ) from error
    if not home.is_dir():
        raise BackupTrouble(f"There is no home at {home}.")
    path = target / f"{PREFIX}{now.astimezone(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}" if target.is_dir() else target
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=home) as staging:
            files = list(_snapshot(home, Path(staging), path, connect))
            with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                with _written_by(lambda pipe: _pack(files, pipe, now)) as plain:
                    pyrage.encrypt_io(plain, out, [to])
                out.flush()
                os.fsync(out.fileno())
        os.replace(partial, path)
    except (OSError, sqlite3.Error) as error:
        raise BackupTrouble(f"The backup was not written: {error}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return Backup(path, len(files), path.stat().st_size)


def _snapshot(home: Path, staging: Path, target: Path, connect: Connect) -> Iterator[tuple[str, Path]]:
    """(name in the backup, file to read) for everything that counts; no link is followed."""
    for folder, folders, names in os.walk(home):
        here = Path(folder)
        folders[:] = sorted(f for f in folders if not (here == home and (f in _LEFT_OUT or f.startswith(".backup-"))))
        for name in sorted(names):
            path = here / name
            if (
                path.is_symlink()
                or not path.is_file()
                or path == target
                or name == MANIFEST
                or name.endswith(("-wal", "-shm", ".tmp"))
            ):
                continue
            inside = path.relative_to(home).as_posix()
            if name.endswith(".db"):
                copy = staging / hashlib.sha256(inside.encode()).hexdigest()
                with closing(connect(path)) as database:
                    database.execute("VACUUM INTO ?", (str(copy),))
                path = copy
            yield inside, path
    if url := bare.url_of(home / "steward.db"):
        from knowledge.database import postgres_upkeep as postgres

        postgres.dump(url, staging / DUMP)
        yield DUMP, staging / DUMP


def _pack(files: list[tuple[str, Path]], pipe: IO[bytes], now: datetime) -> None:
    """A tar of all files and, last, the manifest with what each of them hashes to."""
    hashes: dict[str, str] = {}
    with tarfile.open(fileobj=pipe, mode="w|") as tar:
        for name, path in files:
            try:
                file = path.open("rb")
            except FileNotFoundError:  # deleted since we looked
                continue
            with file:
                info = tar.gettarinfo(arcname=name, fileobj=file)
                reader = _Hashing(file, info.size)
                tar.addfile(info, reader)
            hashes[name] = reader.digest.hexdigest()
        body = canonical({"version": 1, "made": now.astimezone(UTC).isoformat(), "files": hashes}).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(body)
        tar.addfile(info, io.BytesIO(body))


class _Hashing(io.RawIOBase):
    """Reads exactly `size` bytes and hashes them; a file that shrinks meanwhile is filled up, so that the tar stays whole."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left, self.digest = file, size, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        want = self._left if size < 0 else min(size, self._left)
        data = self._file.read(want).ljust(want, b"\0")
        self._left -= len(data)
        self.digest.update(data)
        return data


@contextmanager
def _written_by(write: Callable[[IO[bytes]], None]) -> Iterator[IO[bytes]]:
    """The reading end of a pipe that `write` fills in a thread: nothing lies on the disk in clear. Its error is ours."""
    reading, writing = os.pipe()
    errors: list[BaseException] = []

    def run() -> None:
        with os.fdopen(writing, "wb") as pipe:
            try:
                write(pipe)
            except BrokenPipeError:
                return
            except Exception as error:  # noqa: BLE001 (handed over to the caller below)
                errors.append(error)

    thread = threading.Thread(target=run, name="backup")
    thread.start()
    try:
        with os.fdopen(reading, "rb") as pipe:
            yield pipe
    finally:
        thread.join()
    if errors:
        raise errors[0]


def restore(
    file: Path, identity: str, home: Path, *, connect: Connect = cipher.connect, only_check: bool = False
) -> Backup:
    """Open a backup into an empty (or absent) home. All of it is checked first; on any trouble the home stays as it was.

    A PostgreSQL's goes into the empty database at the URL of this home, unless it is `only_check`.
    """
    if home.exists() and any(home.iterdir()):
        raise BackupTrouble(f"{home} is not empty. Restore into an empty folder, then set STEWARD_HOME to it.")
    home.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".restore-", dir=home.parent))
    try:
        count = _unpack(file, identity, staging)
        _check_databases(staging, connect)
        if not only_check:
            _fill_server(staging, bare.url_of(home / "steward.db"))
        if home.exists():
            home.rmdir()
        os.replace(staging, home)
    except (OSError, sqlite3.Error) as error:
        raise BackupTrouble(f"The backup was not restored: {error}.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Backup(home, count, file.stat().st_size)


def verify(file: Path, identity: str, *, connect: Connect = cipher.connect) -> Backup:
    """Prove a backup by restoring it into a folder that is thrown away. Raises `BackupTrouble`."""
    with tempfile.TemporaryDirectory(prefix="steward-verify-") as folder:
        restored = restore(file, identity, Path(folder) / "home", connect=connect, only_check=True)
        return Backup(file, restored.files, restored.size)


def _unpack(file: Path, identity: str, into: Path) -> int:
    import pyrage

    try:
        key = pyrage.x25519.Identity.from_str(identity.strip())
    except pyrage.IdentityError as error:
        raise BackupTrouble("The identity is no age key. It begins with AGE-SECRET-KEY-1.") from error
    try:
        encrypted = file.open("rb")
    except OSError as error:
        raise BackupTrouble(f"{file} can't be read: {error.strerror}.") from error
    hashes: dict[str, str] = {}
    with encrypted:
        try:
            with _written_by(lambda pipe: pyrage.decrypt_io(encrypted, pipe, [key])) as plain:
                manifest = _extract(plain, into, hashes)
                while plain.read(65536):  # to the end: only then the decryption is authentic as a whole
                    pass
        except pyrage.DecryptError as error:
            raise BackupTrouble("The backup does not open: this is another identity's, or it was changed.") from error
        except tarfile.TarError as error:
            raise BackupTrouble("The backup does not open: this is another identity's, or it is cut off.") from error
    if manifest != hashes:
        raise BackupTrouble("The backup is not whole: its list of contents does not fit.")
    return len(hashes)


def _extract(plain: IO[bytes], into: Path, hashes: dict[str, str]) -> dict[str, str] | None:
    """Write every file, fill in `hashes`, give back what the manifest says. Names that lead out are refused."""
    manifest: dict[str, str] | None = None
    with tarfile.open(fileobj=plain, mode="r|") as tar:
        for member in tar:
            source = tar.extractfile(member) if member.isreg() else None
            name = PurePosixPath(member.name)
            if source is None or name.is_absolute() or ".." in name.parts:
                raise BackupTrouble(f"The backup holds {member.name!r}, which has no place in a home.")
            if member.name == MANIFEST:
                manifest = json.loads(source.read())["files"]
                continue
            path = into / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode & 0o700), "wb") as out:
                while data := source.read(1 << 20):
                    digest.update(data)
                    out.write(data)
            hashes[member.name] = digest.hexdigest()
    return manifest


def _check_databases(folder: Path, connect: Connect) -> None:
    if (folder / DUMP).exists():
        from knowledge.database import postgres_upkeep as postgres

        postgres.read_through(folder / DUMP)
    for path in sorted(folder.rglob("*.db")):
        try:
            with closing(connect(path)) as database:
                answer = database.execute("PRAGMA integrity_check").fetchone()[0]
        except Exception as error:  # SQLCipher's errors are not sqlite3's
            if cipher.NOT_A_DATABASE in str(error) or isinstance(error, cipher.WrongKey):
                raise BackupTrouble(
                    f"{path.name} in the backup is encrypted or damaged. Set STEWARD_DATABASE__KEY to the key of that home."
                ) from error
            raise BackupTrouble(f"{path.name} in the backup does not open: {error}.") from error
        if answer != "ok":
            raise BackupTrouble(f"{path.name} in the backup is damaged: {answer}.")


def _fill_server(folder: Path, url: str) -> None:
    """What was a PostgreSQL's goes to one; a file never takes its place unnoticed."""
    dump = folder / DUMP
    if dump.exists() and not url:
        raise BackupTrouble(
            "This backup holds a PostgreSQL database. Set STEWARD_DATABASE__URL to an empty one of yours."
        )
    if url and not dump.exists():
        raise BackupTrouble("This backup's database is a file of the home. Restore it without STEWARD_DATABASE__URL.")
    if not url:
        return
    from knowledge.database import postgres_upkeep as postgres

    if not postgres.is_empty(url):
        raise BackupTrouble("The database at STEWARD_DATABASE__URL is not empty. Restore into an empty one.")
    postgres.fill(url, dump)
    dump.unlink()


def prune(folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest `keep` (at least one) backups of a folder; those that were deleted."""
    found = sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))
    gone = found[: max(0, len(found) - max(1, keep))]
    for path in gone:
        path.unlink()
    return gone
