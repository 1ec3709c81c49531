"""One process of a home owns its memory, whichever engine holds the index."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from knowledge.index.base import IndexBusy


def own(folder: Path) -> int:
    """A lock beside the folder, held from before it is there until its handle is closed. Raises `IndexBusy`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder.parent / f"{folder.name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise IndexBusy(IndexBusy.__doc__) from error
    return handle
