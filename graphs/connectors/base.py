"""What file connectors share: a file is replaced whole or not at all, and an operating system's error is a sentence."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graphs.tools.base import ToolLater, ToolTrouble

_PREFIX, _SUFFIX = ".steward-", ".tmp"
_STALE_S = 600
_LOCK_STEP_S = 0.02

_SENTENCES = {
    errno.ENOSPC: "The disk is full: {name} was not written. Free some space and ask again.",
    errno.EDQUOT: "Your disk quota is used up: {name} was not written. Free some space and ask again.",
    errno.EFBIG: "There is no room for {name}: the system's limit on file size is reached, so nothing was written.",
    errno.EROFS: "{name} lies on a read-only disk, so nothing was written.",
    errno.EACCES: "I may not write {name}: the folder or file is read-only. Nothing was changed.",
    errno.EPERM: "I may not write {name}: the folder or file is read-only. Nothing was changed.",
    errno.ENAMETOOLONG: "The name of {name} is too long for this disk, so nothing was written.",
    errno.ENOTDIR: "{name} can't be written: a part of its path is a file, not a folder.",
    errno.EISDIR: "{name} is a folder, not a file, so I left it alone.",
    errno.ELOOP: "{name} is a link that leads elsewhere, so I left it alone.",
}


def trouble_of(error: OSError, path: Path) -> ToolTrouble:
    """The system's complaint about `path` as a sentence; nothing was changed."""
    sentence = _SENTENCES.get(error.errno or 0, "{name} can't be used ({reason}). Nothing was changed.")
    return ToolTrouble(sentence.format(name=path.name, reason=error.strerror or error))


def make_folder(folder: Path) -> None:
    """`folder` and its parents exist afterwards; new ones are readable by their owner alone."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ToolTrouble(f"{folder.name} is a file, not a folder, so I can't keep anything in it.") from error
    except OSError as error:
        raise trouble_of(error, folder) from error


def read_bytes(path: Path) -> bytes | None:
    """The bytes of the regular file at `path` (no link is followed), None when there is none."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = "it is a link or a folder" if error.errno in (errno.ELOOP, errno.EISDIR) else error.strerror
        raise ToolTrouble(f"{path.name} can't be read: {reason}.") from error


def write_file(path: Path, data: bytes, *, new: bool = False) -> None:
    """`path` holds `data`, synced, or is as it was. With `new` an existing file raises FileExistsError, untouched."""
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=path.parent)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        if new:
            _place_new(temporary, path)
        else:
            with suppress(FileNotFoundError):
                os.chmod(temporary, path.stat().st_mode & 0o777)
            os.replace(temporary, path)
        sync_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise trouble_of(error, path) from error
    finally:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)


def _place_new(temporary: str, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: as good as it gets there
        if path.exists():
            raise FileExistsError(errno.EEXIST, "exists", str(path)) from None
        os.replace(temporary, path)


def move_file(path: Path, goal: Path) -> None:
    """`path` becomes `goal`, which must be free; both lie on one disk."""
    try:
        if goal.exists():
            raise ToolTrouble(f"There is already a {goal.name}, so I left both alone.")
        os.rename(path, goal)
        sync_folder(goal.parent)
        sync_folder(path.parent)
    except OSError as error:
        raise trouble_of(error, path) from error


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network disks can't sync a folder; the file itself is synced
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the temporary files of processes that were killed in the middle of a write."""
    for leftover in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _STALE_S:
                leftover.unlink()


@contextmanager
def locked(path: Path, wait_s: float) -> Iterator[None]:
    """Alone among Stewards with the file at `path`; raises ToolLater when another holds it for longer than `wait_s`."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise trouble_of(error, path) from error
    try:
        _take(descriptor, path, wait_s)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise ToolLater(f"{path.name} is in use by another program; I'll try again shortly.") from None
            time.sleep(_LOCK_STEP_S)
