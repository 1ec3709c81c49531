"""Short-lived tokens (OAuth, RFC 6749 §6): refreshed before they run out, and kept sealed or in the keyring, never in clear.

A refresh token often counts once: whoever refreshes is alone among all processes of the home, and what came of it is kept
before it is used.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from knowledge import cipher, sealed
from knowledge.sealed import SealTrouble
from knowledge.strongbox import Strongbox, from_keyring, to_keyring

log = logging.getLogger(__name__)

AHEAD_S = 900.0
"""How long before its end a token is refreshed; of one that lives for less than an hour, in its last quarter."""
WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Grant:
    """What a service gave for a refresh token; `seconds` until the access token runs out."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: float


class Reauthenticate(Exception):
    """The service refused the refresh token, or it was revoked here: somebody has to authorise Steward again."""


class TokenLater(ConnectionError):
    """There is no token at the moment: the same call may be repeated."""


Ask = Callable[[str], Awaitable[Grant]]
"""Refresh token → grant. Raises `Reauthenticate` when it is refused, `TokenLater` when there was no clear answer."""


class Keep(Protocol):
    """One place for one secret text."""

    def read(self) -> str: ...  # "" when nothing was kept
    def write(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Held:
    origin: str  # hash of the refresh token that the operator gave: another one begins anew
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    due: float  # seconds since 1970: from then on it is refreshed
    until: float


class RefreshingToken:
    """`first` is the refresh token that the operator gave; from its first use on only what is kept counts."""

    def __init__(
        self, name: str, first: str, keep: Keep, lock: Path, ask: Ask, box: Strongbox, now: Callable[[], float] = time.time
    ) -> None:  # fmt: skip
        self.name, self._first, self._keep, self._lock, self._ask = name, first, keep, lock, ask
        self._box, self._now = box, now
        self._origin = hashlib.sha256(first.encode()).hexdigest()
        self._mine = asyncio.Lock()

    async def get(self) -> str:
        """A token that still counts, read anew each time: what another process revoked or refreshed holds at once.

        Raises `Reauthenticate`, `TokenLater`, `SealTrouble`.
        """
        held = await self._read()
        if held is not None and self._now() < held.due:
            return held.access
        try:
            return await self.renewed(held.access if held else "")
        except TokenLater:
            if held is not None and self._now() < held.until:
                return held.access  # still good for a while
            raise

    async def renewed(self, refused: str) -> str:
        """Another token than `refused`: the one that somebody else fetched meanwhile, else a fresh one."""
        async with self._mine, self._alone():
            held = await self._read()
            if held is not None and held.access != refused and self._now() < held.until:
                return held.access
            grant = await self._ask(held.refresh if held else self._first)
            began = self._now()
            due = began + max(grant.seconds - AHEAD_S, grant.seconds * 0.75)
            await self._write(_Held(self._origin, grant.access, grant.refresh, due, began + grant.seconds))
            log.info("the token of %s was refreshed", self.name)
            return grant.access

    async def revoke(self) -> None:
        """Forget the tokens, in every process of this home from its next call on; a new refresh token begins anew."""
        async with self._mine, self._alone():
            await self._write(_Held(self._origin, "", "", 0, 0))

    async def _read(self) -> _Held | None:
        text = await asyncio.to_thread(self._keep.read)
        try:
            held = _Held(**json.loads(text)) if text else None
        except (ValueError, TypeError):
            held = None
        if held is None or held.origin != self._origin:
            return None
        if not held.refresh:
            raise Reauthenticate(f"The token of {self.name} was revoked here.")
        self._remember(held)
        return held

    async def _write(self, held: _Held) -> None:
        self._remember(held)
        body = {
            "origin": held.origin,
            "access": held.access,
            "refresh": held.refresh,
            "due": held.due,
            "until": held.until,
        }
        await asyncio.to_thread(self._keep.write, json.dumps(body))

    def _remember(self, held: _Held) -> None:
        """So that no log says them."""
        self._box.put(f"{self.name}.access", held.access, until=held.until)
        self._box.put(f"{self.name}.refresh", held.refresh)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        self._lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            ends = time.monotonic() + WAIT_S
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > ends:
                        raise TokenLater(f"another process is still refreshing the token of {self.name}") from None
                await asyncio.sleep(0.02)
            yield
        finally:
            os.close(file)


# ── where it is kept ─────────────────────────────────────────────────────────────────────────────────────────────────


def lock_of(home: Path, name: str) -> Path:
    return home / "run" / f"{name}.token.lock"


def keep_of(home: Path, name: str) -> Keep:
    """Sealed by the database key, else the desktop's keyring. Raises `SealTrouble` where there is neither."""
    path = home / "keys" / f"{name}.token"
    if cipher.key_for(path) is not None:
        return SealedKeep(path)
    if from_keyring() is not None:
        return KeyringKeep(f"{name}.token")
    raise SealTrouble(
        f"A refresh token of {name} changes with each use and is never written down in clear. Set STEWARD_DATABASE__KEY "
        "(`steward encrypt` makes one), or install the package `keyring` where there is a desktop's keyring."
    )


class SealedKeep:
    """A file that the home's database key opens."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str:
        try:
            stored = self._path.read_bytes()
        except FileNotFoundError:
            return ""
        return sealed.opened(self._path, stored).decode()

    def write(self, text: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed.write(self._path, text.encode())


class KeyringKeep:
    """An entry of the desktop's keyring."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read(self) -> str:
        source = from_keyring()
        return (source(self._name) if source else None) or ""

    def write(self, text: str) -> None:
        to_keyring(self._name, text)
