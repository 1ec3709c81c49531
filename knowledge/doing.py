"""What long work is at and how far it has come: the work says it, who shows it listens, else nothing happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Doing:
    """The step that runs now, with how many of its `unit`s are done where that can be counted (`of` 0: it can't)."""

    what: str
    done: int = 0
    of: int = 0
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.done:,} of {self.of:,} {self.unit}" if self.of else self.what


_NOW: ContextVar[Doing | None] = ContextVar("doing", default=None)


@contextmanager
def listening(what: str) -> Iterator[Doing]:
    """What the work inside the block says of itself, beginning with `what`; it changes as the work goes on."""
    heard = Doing(what)
    before = _NOW.set(heard)
    try:
        yield heard
    finally:
        _NOW.reset(before)


def heard() -> bool:
    """Whether somebody listens already: then this work is a part of what is shown."""
    return _NOW.get() is not None


def begin(what: str) -> None:
    """A step begins; `what` is Markdown."""
    if (now := _NOW.get()) is not None:
        now.what, now.done, now.of, now.unit = what, 0, 0, ""


def far(done: int, of: int, unit: str) -> None:
    """So much of the step is done."""
    if (now := _NOW.get()) is not None:
        now.done, now.of, now.unit = done, of, unit
