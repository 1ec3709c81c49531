"""The stores behind one set of verbs, so that every connector passes the same suite. A new one adds its rig here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from graphs.tools.base import Receipt, Tool
from graphs.tools.registry import ToolContext, build_tools
from knowledge.database import Database
from knowledge.hits import Hit
from knowledge.notes import NoteFolder
from tests.contract.connector_child import folder_of
from tests.fakes.memory import ListMemory

ZONE = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=ZONE)


class NoMemory:
    """Memory that holds nothing."""

    async def search(self, query: str, **_more: object) -> list[Hit]:
        return []


def tools_of(
    home: Path, db: Database | None = None, memory: Any = None, now: datetime = NOW, cards: Sequence[Any] = (),
    notes: NoteFolder | None = None,
) -> dict[str, Tool]:  # fmt: skip
    """The real tools over real files in `home`; `cards` are the open approvals that the house tells of."""

    async def house(_name: str) -> list[Any]:
        return list(cards)

    context = ToolContext(
        db or Database(home / "unused.db"),
        home,
        notes or NoteFolder(home / "notes"),
        home / "calendar.ics",
        ZONE,
        memory or NoMemory(),
        lambda: now,
        house,
        memory if isinstance(memory, ListMemory) else None,
    )
    return build_tools(context)


@dataclass
class Rig:
    """One store: how to create a thing, see it, change it through its tools and behind their back, and break it."""

    store: str
    home: Path
    tools: dict[str, Tool] = field(init=False)
    folder: NoteFolder = field(init=False)

    def __post_init__(self) -> None:
        self.folder = folder_of(self.store, self.home / "notes")
        self.tools = tools_of(self.home, notes=self.folder)

    @property
    def holds_notes(self) -> bool:
        return self.store != "ics"

    @property
    def path(self) -> Path:
        return self.home / ("notes" if self.holds_notes else "calendar.ics")

    async def run(self, name: str, arguments: Mapping[str, Any], key: str = "") -> Receipt:
        return await self.tools[name].run(arguments, key)

    async def create(self, key: str = "k1", title: str = "Lunch with Ada") -> tuple[Tool, dict[str, Any], Receipt]:
        if self.holds_notes:
            name, arguments = "notes.write", {"title": title, "text": f"{title}, Luigi's", "created": NOW.isoformat()}
        else:
            name = "calendar.create"
            arguments = {
                "summary": title, "start": "2026-11-27T12:30:00+01:00", "end": "2026-11-27T13:30:00+01:00",
                "zone": ZONE.key, "made": NOW.isoformat(),
            }  # fmt: skip
        return self.tools[name], arguments, await self.run(name, arguments, key)

    async def changing(self, receipt: Receipt) -> tuple[Tool, dict[str, Any]]:
        """A change of the created thing, as an agent would propose it now."""
        if self.holds_notes:
            arguments = {"name": receipt["note"], "title": "x", "text": "bring the papers", "expected": receipt["hash"]}
            return self.tools["notes.append"], arguments
        return self.tools["calendar.move"], {
            **await self._shown(receipt), "start": "2026-11-27T15:00:00+01:00", "end": "2026-11-27T16:00:00+01:00",
        }  # fmt: skip

    async def deleting(self, receipt: Receipt) -> tuple[Tool, dict[str, Any]]:
        if self.holds_notes:
            return self.tools["notes.delete"], {"name": receipt["note"], "title": "x", "expected": receipt["hash"]}
        return self.tools["calendar.delete"], await self._shown(receipt)

    async def _shown(self, receipt: Receipt) -> dict[str, Any]:
        before = (await self.run("calendar.event", {"uid": receipt["uid"]}))["before"]
        event = (await self.run("calendar.find", {"words": ""}))["events"][0]
        was = {name: event[name] for name in ("summary", "start", "end", "location", "all_day")}
        stamp = {"zone": ZONE.key, "made": NOW.isoformat()}
        return {**was, "was": was, "uid": receipt["uid"], "recurrence": "", "before": before, **stamp}

    async def titles(self) -> list[str]:
        """The things in the store, by title."""
        if self.holds_notes:
            return [note["title"] for note in (await self.run("notes.list", {"limit": 10_000}))["notes"]]
        return [event["summary"] for event in (await self.run("calendar.find", {"words": ""}))["events"]]

    def meddle(self) -> None:
        """Another program changes the thing."""
        for name in self.folder.scan():
            changed = self.folder.read(name).replace(b"Luigi", b"Mario")
            self.folder.path(name).write_bytes(self.folder.pack(name, changed))
        for path in self.files() if not self.holds_notes else ():
            path.write_bytes(path.read_bytes().replace(b"SUMMARY:Lunch", b"SUMMARY:Brunch"))

    def vanish(self) -> None:
        """Another program deletes the thing."""
        for path in self.files():
            path.unlink()

    def damage(self) -> None:
        """What lies there is no store at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"%PDF-1.7 this is something else\n")

    def files(self) -> list[Path]:
        """The files that a person sees."""
        found = [p for p in self.home.rglob("*") if p.is_file()]
        return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(self.home).parts))

    def temporary(self) -> list[Path]:
        return list(self.home.rglob("*.tmp"))

    def snapshot(self) -> dict[str, bytes]:
        """What the store holds, byte for byte: a note sealed anew is the same note."""
        if self.store == "sealed":
            return {name: self.folder.read(name) for name in self.folder.scan()}
        return {str(p.relative_to(self.home)): p.read_bytes() for p in self.files()}


RIGS = ("vault", "sealed", "ics")
