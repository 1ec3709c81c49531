"""The ledger's secret: one file of the home, from which its signing key and its keyed hashes of contents are made."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from knowledge import cipher, sealed
from knowledge.sealed import SealTrouble

Sealer = Callable[[str | bytes], str]
"""A content → its keyed hash (hex)."""


class KeyTrouble(Exception):
    """The ledger's key can't be used. Restore `keys/ledger.key` from a backup, readable by you alone (chmod 600)."""


def path_of(home: Path) -> Path:
    return home / "keys" / "ledger.key"


def seed_of(home: Path) -> bytes:
    """The 32 bytes in `keys/ledger.key` under the home, made when there are none; sealed where the home has a database key.

    Raises `KeyTrouble`.
    """
    path = path_of(home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return _made(path)
    with open(descriptor, "rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:  # narrowed, not refused, so that nothing is lost
            os.fchmod(file.fileno(), 0o600)
        stored = file.read(400)
    in_clear = not sealed.is_sealed(stored)
    try:
        seed = bytes.fromhex((stored if in_clear else sealed.opened(path, stored)).decode("ascii").strip())
    except SealTrouble as trouble:
        raise KeyTrouble(str(trouble)) from trouble
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise KeyTrouble(KeyTrouble.__doc__)
    if in_clear and sealed.fits(path):
        sealed.write(path, _body(seed))
    return seed


def _body(seed: bytes) -> bytes:
    return seed.hex().encode() + b"\n"


def _made(path: Path) -> bytes:
    """A fresh key; when two make one at once, the first counts."""
    seed = os.urandom(32)
    if sealed.create(path, _body(seed), in_clear=cipher.key_for(path) is None):
        return seed
    return seed_of(path.parent.parent)


def sealer(home: Path) -> Sealer:
    """HMAC-SHA256 under the home's key: says later that a content was this one, and lets nobody try out short ones."""

    @cache
    def key() -> bytes:
        return hmac.digest(seed_of(home), b"steward: keyed hashes of contents", "sha256")

    def seal(content: str | bytes) -> str:
        body = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        return hmac.digest(key(), body, "sha256").hex()

    return seal
