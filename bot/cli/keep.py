"""`steward backup` and `restore`: one encrypted file that this machine can write and only an offline key can read."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import TypeVar

from bot import backups
from bot.cli.serve import CliTrouble
from bot.home import Home
from bot.refusals import witnessed
from bot.settings import Settings
from knowledge import cipher
from knowledge.backup import BackupTrouble, new_identity, verify
from knowledge.backup import restore as read

T = TypeVar("T")


def new_key() -> int:
    """Make a key: the identity is shown once and kept nowhere, the recipient stays in the home."""
    home = Home(Settings().home)
    home.prepare()
    identity, recipient = new_identity()
    (home.path / backups.RECIPIENT).write_text(recipient + "\n", encoding="utf-8")
    print(f"Keep this line somewhere else; it is shown once, and without it no backup opens:\n{identity}")
    print(f"Backups of this home are from now on written for {recipient}.")
    return 0


def backup(target: str, to: str) -> int:
    """Write a backup of the home; a running Steward goes on."""
    try:
        made = asyncio.run(_written_down(backups.write(Settings(), target, to)))
    except BackupTrouble as trouble:
        raise CliTrouble(str(trouble)) from trouble
    print(f"{made.files} files are in {made.path} ({made.size / 1e6:.1f} MB, encrypted).")
    return 0


def restore(file: str, identity: Path | None, *, only_check: bool) -> int:
    """Restore into the (empty) home, or only prove that it could be done. The identity never comes from the arguments."""
    key, settings = _identity(identity), Settings()
    connect = partial(cipher.connect, key=cipher.key_for(settings.home / "steward.db"))
    with tempfile.TemporaryDirectory(prefix="steward-fetch-") as folder:
        try:
            path = Path(file)
            if file.startswith("s3://"):
                path = asyncio.run(_written_down(backups.fetch(settings, file, Path(folder))))
            if only_check:
                found = verify(path, key, connect=connect)
            else:
                found = read(path, key, settings.home, connect=connect)
        except BackupTrouble as trouble:
            raise CliTrouble(str(trouble)) from trouble
        except FileNotFoundError as missing:
            raise CliTrouble(f"There is no backup {file}.") from missing
    if only_check:
        print(f"{file} opens and holds: {found.files} files.")
    else:
        print(f"{found.files} files are restored to {found.path}. `steward reindex` makes the search index anew.")
    return 0


async def _written_down(work: Awaitable[T]) -> T:
    """With the outgoing calls that were refused on the way in the ledger."""
    async with witnessed(Home(Settings().home).database):
        return await work


def _identity(file: Path | None) -> str:
    """From a file, else asked for without showing it."""
    if file is not None:
        try:
            lines = file.expanduser().read_text("utf-8").splitlines()
        except OSError as error:
            raise CliTrouble(f"The identity file {file} cannot be read.") from error
        return next((line.strip() for line in lines if line.startswith("AGE-SECRET-KEY-")), "")
    from getpass import getpass

    return getpass("The backup's identity (AGE-SECRET-KEY-…): ").strip()
