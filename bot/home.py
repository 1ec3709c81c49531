"""The data folder: where everything lies, who owns it at the moment, and how a second process finds the first."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_LIMIT = 100  # bytes; Linux allows 107 in sun_path


class HomeTrouble(Exception):
    """The home cannot be used: a sentence for the principal."""


_held: list[Lock] = []  # kept until the process ends
_sockets: set[Path] = set()  # where this process listens


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under one home. Nothing is created before `prepare`."""

    path: Path

    @property
    def database(self) -> Path:
        return self.path / "steward.db"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints.db"

    @property
    def index(self) -> Path:
        return self.path / "index"

    def socket(self, name: str) -> Path:
        """The local socket of `receiver` or `worker`; in the temporary folder when the home's path is too long for one."""
        path = self.path / "run" / f"{name}.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return path
        short = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"steward-{os.getuid()}-{short}" / f"{name}.sock"

    def worker_sockets(self) -> list[Path]:
        """The sockets of all workers of this home; dead ones may be among them."""
        return sorted(self.socket("worker").parent.glob("worker*.sock"))

    def is_own(self, socket: Path) -> bool:
        """Whether this process listens there itself."""
        return socket in _sockets

    def own_socket(self) -> Path:
        """Where this worker listens: `worker` for the first one of the home, else a name of its own."""
        lock = Lock(self.path / "run" / "worker.lock")
        first = lock.take()
        if first:
            _held.append(lock)
        path = self.socket("worker" if first else f"worker-{os.getpid()}")
        _sockets.add(path)
        return path

    def prepare(self) -> None:
        """Create the folders, private to this user. Raises `HomeTrouble` with the next step."""
        try:
            for folder in (self.path, self.path / "run", self.socket("worker").parent):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = self.path / "run" / f".writable-{os.getpid()}"
            probe.write_bytes(b"x")
            probe.unlink()
        except OSError as error:
            raise HomeTrouble(home_sentence(self.path, error)) from error

    def own(self, role: str) -> Lock:
        """Take the home for `role`; raises `HomeTrouble` when another process has it. Freed when the process ends."""
        lock = Lock(self.path / "run" / f"{role}.lock")
        if not lock.take():
            raise HomeTrouble(
                f"Steward already runs on this home ({self.path}, process {lock.holder()}). "
                "Use `steward chat` beside it, stop it first, or set STEWARD_HOME to another folder."
            )
        return lock

    def owner_of(self, role: str) -> int | None:
        """The process that owns the home for `role`, or None."""
        lock = Lock(self.path / "run" / f"{role}.lock")
        if not lock.path.exists():
            return None
        if lock.take():
            lock.free()
            return None
        return lock.holder() or -1


class Lock:
    """An advisory file lock that the kernel frees when the process dies, whatever way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def take(self) -> bool:
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        self._file = handle
        return True

    def free(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def holder(self) -> int:
        try:
            return int(self.path.read_text() or 0)
        except (OSError, ValueError):
            return 0


def home_sentence(path: Path, error: OSError) -> str:
    """Why the home cannot be used, and what to do."""
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"Steward cannot write to its home {path}. Make it writable, or set STEWARD_HOME to another folder."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: Steward cannot write to its home {path}. Free some space and start again."
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"Steward's home {path} is not a folder. Set STEWARD_HOME to a folder."
    return f"Steward's home {path} cannot be used ({error.strerror}). Set STEWARD_HOME to another folder."
