"""`steward encrypt`: every database of the home under a key, made, shown once, and kept away from the home."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bot.cli.serve import CliTrouble
from bot.home import Home
from bot.settings import Settings
from knowledge import cipher
from knowledge.keys import path_of, seed_of
from knowledge.notes import NoteFolder
from knowledge.strongbox import from_keyring, to_keyring

NAME = "database.key"
_PROBES = 40
NOTES_COST = (
    "What that costs: no editor opens a note any more and its file name says nothing; `steward notes show` and "
    "`steward notes export` do, and so does every chat."
)


def encrypt() -> int:
    """Encrypt what lies there in clear. The key is the one that is set, else a fresh one. Raises CliTrouble."""
    settings = Settings()
    encrypt_home(settings)
    if not settings.notes.sealed:
        print(f"The notes stay Markdown. `sealed = true` under [notes] in steward.toml seals them, too. {NOTES_COST}")
    print(cost())
    return 0


def encrypt_home(settings: Settings) -> bytes:
    """The same; the key."""
    told = settings.database.key.get_secret_value()
    key = bytes.fromhex(told) if told else os.urandom(32)
    home = Home(settings.home)
    home.prepare()
    for role in ("receiver", "worker", "console"):
        if home.owner_of(role) is not None:
            raise CliTrouble("Steward runs on this home. Stop it, then encrypt.")
    if not told and not _kept(key):
        print(
            "This key opens the databases of this home. It is shown once, and without it nothing in them is ever read again:"
            f"\n{key.hex()}\nKeep it away from this disk, and give it to Steward as STEWARD_DATABASE__KEY, as a systemd "
            "credential steward.database.key, or in a sealed file (`steward secrets seal`)."
        )
    done = seal_all(home.path, key)
    plural = "" if done == 1 else "s"
    what = f"{done} database{plural} and the ledger's key are encrypted" if done else "What is written is encrypted"
    print(f"{what} from now on. The calendar stays a file that you can read.")
    if settings.database.url.get_secret_value():
        print("What is in PostgreSQL is not: its disk, and TLS on the way there, are the server's to encrypt.")
    return key


def seal_notes(settings: Settings) -> int:
    """Seal every note that lies there in clear; how many."""
    return NoteFolder.of(settings.notes_path, settings.home, sealed=True).settle()


def _kept(key: bytes) -> bool:
    """Put a fresh key into the desktop's keyring, where there is one."""
    if from_keyring() is None:
        return False
    to_keyring(NAME, key.hex())
    print("The key is in your desktop's keyring (steward, database.key). Keep a copy of it elsewhere.")
    return True


def seal_all(home: Path, key: bytes) -> int:
    """Encrypt every database of `home` that is in clear, and the ledger's key; how many databases there were."""
    cipher.unlock(home, key.hex())
    done = 0
    for path in sorted(home.glob("*.db")):
        if cipher.is_plain(path):
            try:
                cipher.encrypt(path, key)
            except sqlite3.Error as error:
                raise CliTrouble(f"{path.name} was left as it was: {error}.") from error
            done += 1
    if path_of(home).exists():
        seed_of(home)  # what is in clear is sealed by reading it
    history = home / "console-history"
    history.unlink(missing_ok=True)  # from now on it is kept in memory alone
    return done


def cost() -> str:
    """What encryption costs on this machine, measured now."""
    key = os.urandom(32)
    with tempfile.TemporaryDirectory(prefix="steward-cost-") as folder:
        rounds = [
            (_commits(Path(folder) / f"{n}.db", None), _commits(Path(folder) / f"{n}s.db", key)) for n in range(3)
        ]
    plain, sealed = (min(times) for times in zip(*rounds, strict=True))
    return (
        f"What it costs here: a synced commit takes {sealed:.1f} ms instead of {plain:.1f}. "
        "Elsewhere the writes of paused turns were measured six to eight times slower; reading is about the same."
    )


def _commits(path: Path, key: bytes | None) -> float:
    """Milliseconds for a synced commit of a checkpoint's size."""
    with closing(cipher.connect(path, key=key, isolation_level=None)) as db:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("CREATE TABLE t (x)")
        began = time.perf_counter()
        for _ in range(_PROBES):
            db.execute("INSERT INTO t VALUES (?)", (os.urandom(8_000),))
        return (time.perf_counter() - began) * 1000 / _PROBES
