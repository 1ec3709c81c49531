"""What tools and connectors say to each other: the values of notes and events, and the few verbs of their stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it lies in the vault. `name` is its path inside the vault, `hash` the SHA-256 of the whole file."""

    name: str
    title: str
    text: str
    created: str  # ISO 8601, or a date, or "" when nobody wrote it down
    hash: str
    id: str = ""
    source: str = ""
    tags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "tags": list(self.tags)}


@dataclass(frozen=True, slots=True)
class Event:
    """One occurrence in the calendar; `recurrence` names the occurrence of a recurring event by its planned start."""

    uid: str
    summary: str
    start: datetime
    end: datetime
    all_day: bool = False
    location: str = ""
    recurrence: datetime | None = None
    busy: bool = True  # False: the calendar marks it as free time

    def to_json(self) -> dict[str, Any]:
        recurrence = self.recurrence.isoformat() if self.recurrence else ""
        times = {"start": self.start.isoformat(), "end": self.end.isoformat(), "recurrence": recurrence}
        return {**asdict(self), **times}


class Vault(Protocol):
    """A folder of notes. Every verb is idempotent under its key; a file changed by hand is never lost."""

    def write(self, *, title: str, text: str, created: str, source: str, tags: Sequence[str], key: str) -> Note: ...
    def append(self, name: str, text: str, expected: str) -> tuple[Note, str]: ...
    def cut(self, name: str, block: str, expected: str) -> Note: ...
    def delete(self, name: str, expected: str, key: str) -> str: ...
    def restore(self, name: str, trash: str, expected: str) -> Note: ...
    def read(self, name: str) -> Note | None: ...
    def notes(self) -> list[Note]: ...


class Calendar(Protocol):
    """One calendar. `before` is the ICS text of all that stands under a UID; a write happens only while it stands so.

    Every write may be repeated: what is already as it should be is left alone and answered alike.
    """

    def between(self, start: datetime, end: datetime) -> list[Event]: ...
    def text(self, uid: str) -> str: ...
    def create(self, event: Event, *, made: datetime, description: str) -> str: ...
    def change(self, event: Event, *, before: str, made: datetime) -> str: ...
    def delete(self, uid: str, recurrence: datetime | None, *, before: str) -> str: ...
    def restore(self, uid: str, *, before: str, state: str) -> str: ...
