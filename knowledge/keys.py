"""The ledger's secret: one file of the home, from which its signing key and its keyed hashes of contents are made."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

Sealer = Callable[[str | bytes], str]
"""A content → its keyed hash (hex)."""


class KeyTrouble(Exception):
    """The ledger's key can't be used. Restore `keys/ledger.key` from a backup, readable by you alone (chmod 600)."""


def seed_of(home: Path) -> bytes:
    """The 32 bytes in `keys/ledger.key` under the home, made when there are none. Raises `KeyTrouble`."""
    path = home / "keys" / "ledger.key"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return _made(path)
    with open(descriptor, "rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:  # narrowed, not refused, so that nothing is lost
            os.fchmod(file.fileno(), 0o600)
        try:
            seed = bytes.fromhex(file.read(200).decode("ascii").strip())
        except ValueError:
            seed = b""
    if len(seed) != 32:
        raise KeyTrouble(KeyTrouble.__doc__)
    return seed


def _made(path: Path) -> bytes:
    """A fresh key, whole before anybody sees its name; when two make one at once, the first counts."""
    seed, fresh = os.urandom(32), path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(seed.hex().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        return seed_of(path.parent.parent)
    finally:
        fresh.unlink()
    return seed


def sealer(home: Path) -> Sealer:
    """HMAC-SHA256 under the home's key: says later that a content was this one, and lets nobody try out short ones."""

    @cache
    def key() -> bytes:
        return hmac.digest(seed_of(home), b"steward: keyed hashes of contents", "sha256")

    def seal(content: str | bytes) -> str:
        body = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        return hmac.digest(key(), body, "sha256").hex()

    return seal
