"""Small secrets in files of the home that only its database key opens: the ledger's key, the notes' identity, tokens.

ChaCha20-Poly1305 under a key made from the database's; the name of the file is part of what is authentic.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge import cipher

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

MARK = b"steward sealed 1\n"
_NONCE = 12


class SealTrouble(Exception):
    """A sealed file does not open, or there is no key to seal it with: a sentence with the next step."""


def is_sealed(stored: bytes) -> bool:
    return stored.startswith(MARK)


def write(path: Path, body: bytes) -> None:
    """Keep `body` at `path`, sealed with the key of its home. Raises `SealTrouble` where the home has none."""
    replace(path, _sealed(path, body))


def create(path: Path, body: bytes, *, in_clear: bool = False) -> bool:
    """The same for a file that is not there yet, whole before anybody sees its name; False when somebody was first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    replace(fresh, body if in_clear else _sealed(path, body))
    try:
        os.link(fresh, path)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    return True


def _sealed(path: Path, body: bytes) -> bytes:
    key = cipher.key_for(path)
    if key is None:
        raise SealTrouble(f"{path.name} is kept sealed only. Set STEWARD_DATABASE__KEY; `steward encrypt` makes one.")
    nonce = os.urandom(_NONCE)
    return MARK + nonce + _box(key).encrypt(nonce, body, path.name.encode())


def opened(path: Path, stored: bytes) -> bytes:
    """What was sealed. Raises `SealTrouble` when the key is missing or another one, or the file was changed."""
    key = cipher.key_for(path)
    if key is None:
        raise SealTrouble(f"{path.name} is sealed. Set STEWARD_DATABASE__KEY to the key that it was made with.")
    from cryptography.exceptions import InvalidTag

    nonce, body = stored[len(MARK) :][:_NONCE], stored[len(MARK) + _NONCE :]
    try:
        return _box(key).decrypt(nonce, body, path.name.encode())
    except (InvalidTag, ValueError) as error:
        raise SealTrouble(
            f"The database key does not open {path.name}. Set STEWARD_DATABASE__KEY to the key that it was made with."
        ) from error


def fits(path: Path) -> bool:
    """Whether the home of `path` has a key that opens its database (or has no database yet): what is sealed with it is
    not lost to a mistyped one."""
    home = cipher.home_of(path)
    if home is None:
        return False
    database = next((path for path in (home / "steward.db", home / "checkpoints.db") if path.exists()), None)
    if database is None:
        return True
    try:
        with closing(cipher.connect(database, read_only=True)):
            return True
    except sqlite3.Error:
        return False


def replace(path: Path, body: bytes) -> None:
    """`path` holds `body`, synced and readable by its owner alone, or is as it was."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network disks can't sync a folder
            os.fsync(folder)
    finally:
        os.close(folder)


def _box(key: bytes) -> ChaCha20Poly1305:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(hmac.digest(key, b"steward: sealed files", "sha256"))
