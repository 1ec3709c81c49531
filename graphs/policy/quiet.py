"""The engine's C++ diagnostics go to file descriptor 1; here they are caught, so that standard output stays clean."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

_one_at_a_time = Lock()


@contextmanager
def caught() -> Iterator[Callable[[], str]]:
    """Inside, descriptor 1 is a file; the yielded function reads what was written so far. For loading, never per turn."""
    with _one_at_a_time, tempfile.TemporaryFile() as file:
        if sys.stdout is not None:
            sys.stdout.flush()
        try:
            kept = os.dup(1)
        except OSError:  # a service without standard output: nothing to keep clean
            yield lambda: ""
            return
        try:
            os.dup2(file.fileno(), 1)
            yield lambda: _read(file.fileno())
        finally:
            _flush()
            os.dup2(kept, 1)
            os.close(kept)


def _read(descriptor: int) -> str:
    _flush()
    return os.pread(descriptor, 65536, 0).decode("utf-8", "replace")


def _flush() -> None:
    """C's own buffers: what lies in them would come out later, on the real descriptor."""
    ctypes.CDLL(None).fflush(None)
