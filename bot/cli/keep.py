"""`steward backup` and `restore`: one encrypted file that this machine can write and only an offline key can read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bot.cli.serve import CliTrouble
from bot.home import Home
from bot.settings import Settings
from knowledge.backup import BackupTrouble, new_identity, verify
from knowledge.backup import backup as write
from knowledge.backup import restore as read

_RECIPIENT = "backup-recipient"  # in the home: whom backups are for


def new_key() -> int:
    """Make a key: the identity is shown once and kept nowhere, the recipient stays in the home."""
    home = Home(Settings().home)
    home.prepare()
    identity, recipient = new_identity()
    (home.path / _RECIPIENT).write_text(recipient + "\n", encoding="utf-8")
    print(f"Keep this line somewhere else; it is shown once, and without it no backup opens:\n{identity}")
    print(f"Backups of this home are from now on written for {recipient}.")
    return 0


def backup(target: Path, to: str) -> int:
    """Write a backup of the home; a running Steward goes on."""
    home = Settings().home
    known = home / _RECIPIENT
    recipient = to or (known.read_text("utf-8") if known.is_file() else "")
    if not recipient.strip():
        raise CliTrouble("Say whom the backup is for (--to age1…), or make a key once with `steward backup --new`.")
    try:
        made = write(home, recipient, target, datetime.now(UTC))
    except BackupTrouble as trouble:
        raise CliTrouble(str(trouble)) from trouble
    print(f"{made.files} files are in {made.path} ({made.size / 1e6:.1f} MB, encrypted).")
    return 0


def restore(file: Path, identity: Path | None, *, only_check: bool) -> int:
    """Restore into the (empty) home, or only prove that it could be done. The identity never comes from the arguments."""
    key = _identity(identity)
    home = Settings().home
    try:
        found = verify(file, key) if only_check else read(file, key, home)
    except BackupTrouble as trouble:
        raise CliTrouble(str(trouble)) from trouble
    except FileNotFoundError as missing:
        raise CliTrouble(f"There is no backup {file}.") from missing
    if only_check:
        print(f"{file} opens and holds: {found.files} files.")
    else:
        print(f"{found.files} files are restored to {found.path}. `steward reindex` makes the search index anew.")
    return 0


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
