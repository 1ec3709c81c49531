"""Memory that a process holds and does not need: pages of mapped files, which the system reads again when they are."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path

_DONTNEED = 4  # madvise(2): MADV_DONTNEED


def let_go(folder: Path) -> None:
    """Give back the pages of the files that are mapped from `folder`, shared.

    Nothing is lost: dirty pages stay in the page cache.
    """
    inside = f"{folder.resolve()}/"
    _advise(lambda rights, path: rights.endswith("s") and path.startswith(inside))


def let_code_go(package: str) -> None:
    """Give back the code of a package's libraries: it is never written, and read again by whoever calls it."""
    _advise(lambda rights, path: rights == "r-xp" and f"/{package}/" in path)


def trim() -> None:
    """Return freed memory to the system; glibc keeps it otherwise."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def settle() -> None:
    """Have the collector pass over all there is now, which stays as long as the process: a look through it takes 40 ms.

    Whoever imports much does it with the collector off, which would look through it all again and again; here it goes on.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def _advise(which: Callable[[str, str], bool]) -> None:
    if sys.platform != "linux":
        return
    advise = ctypes.CDLL(None, use_errno=True).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for line in Path("/proc/self/maps").read_text().splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and which(fields[1], fields[5]):
            low, high = (int(part, 16) for part in fields[0].split("-"))
            advise(low, high - low, _DONTNEED)
