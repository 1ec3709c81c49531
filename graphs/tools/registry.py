"""Where tools are built: the one place that knows the connectors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Memory
from graphs.connectors.ics import IcsCalendar
from graphs.connectors.vault import MarkdownVault
from graphs.connectors.web import WebPages
from graphs.tools.base import Tool
from graphs.tools.calendar import calendar_tools
from graphs.tools.calendar_read import reading_tools
from graphs.tools.clip import clip_tools
from graphs.tools.facts import fact_tools
from graphs.tools.forget import Forgetter, forget_tools
from graphs.tools.graph import graph_tools
from graphs.tools.house import house_tools
from graphs.tools.notes import note_tools
from graphs.tools.people import people_tools
from graphs.tools.timers import timer_tools
from knowledge.database import Database
from knowledge.facts.assertion import Issuers
from knowledge.notes import NoteFolder


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What tools are built from. `read_house(name)` answers what only the house knows ("open_cards"), as JSON."""

    db: Database
    home: Path
    notes: NoteFolder
    calendar_path: Path
    zone: ZoneInfo
    memory: Memory
    clock: Callable[[], datetime]
    read_house: Callable[[str], Awaitable[Any]] | None = None
    forgetter: Forgetter | None = None
    level: Callable[[], Awaitable[object]] | None = None  # brings memory level with the notes
    issuers: Issuers | None = None  # who may assert facts under their signature
    own_pages: tuple[str, ...] = ()  # addresses inside the house that pages may be saved from


def build_tools(context: ToolContext) -> dict[str, Tool]:
    """Every tool by name. Nothing is opened or created before a tool runs."""
    vault = MarkdownVault(context.notes)
    calendar = IcsCalendar(context.calendar_path, context.zone)
    tools = [
        *note_tools(vault),
        *clip_tools(WebPages(context.own_pages), vault, context.clock),
        *calendar_tools(calendar, context.zone),
        *reading_tools(calendar, context.zone, context.clock),
        *timer_tools(context.db, context.clock),
        *graph_tools(context.db, context.clock, context.level or _nothing, context.issuers),
        *fact_tools(context.db, context.clock, context.zone, context.level or _nothing, context.issuers),
        *people_tools(context.db, context.clock),
        *house_tools(context.read_house),
        *(forget_tools(context.forgetter) if context.forgetter is not None else ()),
    ]
    return {tool.name: tool for tool in tools}


async def _nothing() -> None:
    """Where there is no memory to bring level."""
