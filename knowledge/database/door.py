"""A door before the database's write lock: who stores what a platform waits for goes first, who works on it comes after.

SQLite gives its write lock to whoever asks at the right instant; against a busy worker a receiver may lose for seconds.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Door:
    """The door of `database`, for all processes of this machine. Where its file can't be made it always stands open."""

    def __init__(self, database: Path) -> None:
        self._path = f"{database}-door"
        self._file = -1

    def _opened(self, flags: int) -> bool:
        if self._file < 0:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
            except OSError:
                return False
        return True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody passes meanwhile; waits for whoever holds it now. One thread at a time."""
        if not self._opened(os.O_CREAT):
            yield
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def is_open(self) -> bool:
        if not self._opened(0):  # nobody has held it yet
            return True
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return True

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
