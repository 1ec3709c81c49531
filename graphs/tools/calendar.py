"""The tools of the calendar: create, move, delete, and the way back; each shows exactly what it will do."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.tools.base import Arguments, Receipt, Role, Tool, Undo
from graphs.tools.calendar_revise import revise
from graphs.tools.slots import overlapping
from graphs.tools.values import Calendar, Event
from graphs.tools.wording import clock, day, escaped, local, plain, quoted, times
from knowledge.words import Field

_TARGETS = ("start", "end", "uid", "recurrence")
_SLIPS = (
    "all_day",
    "zone",
    "made",
    "before",
    "beside",
    "free",
    "was",
    "asked",
)  # copied or counted by code, not chosen by a text
_ROLES: dict[str, Role] = {**dict.fromkeys(_TARGETS, "target"), **dict.fromkeys(_SLIPS, "benign")}


def calendar_tools(calendar: Calendar, zone: ZoneInfo) -> list[Tool]:
    """The writing tools; `zone` is the principal's, in which an overlap is looked for."""
    return [_create(calendar, zone), _move(calendar), _delete(calendar), _restore(calendar)]


def event_of(arguments: Arguments, uid: str = "") -> Event:
    """The event that the arguments describe, its times in the zone they name."""
    zone = ZoneInfo(str(arguments.get("zone", "UTC")))
    planned = str(arguments.get("recurrence", ""))
    return Event(
        uid=uid or str(arguments.get("uid", "")),
        summary=str(arguments["summary"]),
        start=local(arguments["start"], zone),
        end=local(arguments["end"], zone),
        all_day=bool(arguments.get("all_day", False)),
        location=str(arguments.get("location", "")),
        recurrence=local(planned, zone) if planned else None,
    )


def _create(calendar: Calendar, zone: ZoneInfo) -> Tool:
    """Arguments: summary, start, end (ISO with offset), zone (IANA), made (ISO), and, where they apply, all_day,
    location, description, beside (the day's other events) and asked (the busy time that was asked for first)."""

    async def run(arguments: Arguments, key: str) -> Receipt:
        uid = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}@steward"
        event = event_of(arguments, uid)
        made = datetime.fromisoformat(arguments["made"])
        description = str(arguments.get("description", ""))
        state = await asyncio.to_thread(calendar.create, event, made=made, description=description)
        found = await asyncio.to_thread(calendar.between, event.start.astimezone(zone), event.end.astimezone(zone))
        others = [] if event.all_day else overlapping(found, event.start, event.end)
        return {"uid": uid, "state": state, "overlaps": [other.summary for other in others if other.uid != uid]}

    def undo(arguments: Arguments, receipt: Receipt) -> Undo:
        return _back(arguments, receipt, "", "remove")

    return Tool(
        name="calendar.create",
        effect="write",
        purpose="put an event into the calendar",
        run=run,
        render=lambda a: f"**Create event** {_said(a)}{_asked_for(a)}{_overlaps(a)}",
        report=lambda a, r: f"Created {_said(a)}.{_overlapping(r)}",
        roles={**_ROLES, "summary": "content", "location": "content", "description": "content"},
        undo=undo,
        undo_note=lambda _a: "possible until the event is changed",
        revise=revise,
        form=_FORM,
    )


def _move(calendar: Calendar) -> Tool:
    """Arguments: as create (the event as it shall be), and uid, recurrence, before (the ICS text of the UID that was
    seen), was (summary, start, end, location as they were)."""

    async def run(arguments: Arguments, _key: str) -> Receipt:
        made = datetime.fromisoformat(arguments["made"])
        event = event_of(arguments)
        state = await asyncio.to_thread(calendar.change, event, before=arguments["before"], made=made)
        return {"uid": event.uid, "state": state}

    def undo(arguments: Arguments, receipt: Receipt) -> Undo:
        was = {**arguments, **arguments["was"]}
        return _back(was, receipt, arguments["before"], "put back")

    return Tool(
        name="calendar.move",
        effect="write",
        purpose="move or rename an event",
        run=run,
        render=lambda a: f"{_changes(a)}{_asked_for(a)}{_overlaps(a)}",
        report=lambda a, _r: f"Changed: {_said(a)}.",
        roles={**_ROLES, "summary": "content", "location": "content"},
        undo=undo,
        undo_note=lambda _a: "possible until the event is changed again",
        revise=revise,
        form=_FORM,
    )


def _delete(calendar: Calendar) -> Tool:
    """Arguments: uid, recurrence, summary, start, end, all_day, location, zone, before (the ICS text that was seen)."""

    async def run(arguments: Arguments, _key: str) -> Receipt:
        event = event_of(arguments)
        state = await asyncio.to_thread(calendar.delete, event.uid, event.recurrence, before=arguments["before"])
        return {"uid": event.uid, "state": state}

    return Tool(
        name="calendar.delete",
        effect="delete",
        purpose="take an event out of the calendar",
        run=run,
        render=lambda a: f"**Delete event** {_said(a)}{_one_of_many(a)}",
        report=lambda a, _r: f"Deleted {_said(a)}.",
        roles={**_ROLES, "summary": "benign"},
        undo=lambda a, r: _back(a, r, a["before"], "put back"),
        undo_note=lambda _a: "possible; the event comes back as it was",
    )


def _restore(calendar: Calendar) -> Tool:
    """Undo of the others. Arguments: uid, before (ICS text, "" removes), state (digest of what must stand there now),
    and for the card: does ("remove" or "put back"), summary, start, end, all_day, location, zone."""

    async def run(arguments: Arguments, _key: str) -> Receipt:
        uid, before, state = (str(arguments[name]) for name in ("uid", "before", "state"))
        return {"uid": uid, "state": await asyncio.to_thread(calendar.restore, uid, before=before, state=state)}

    return Tool(
        name="calendar.restore",
        effect="write",
        purpose="put the calendar back as it was before a change",
        run=run,
        render=lambda a: f"**{'Remove event' if a['does'] == 'remove' else 'Put back event'}** {_said(a)}",
        report=lambda a, _r: f"{'Removed' if a['does'] == 'remove' else 'Put back'} {_said(a)}.",
        roles={"uid": "target", "before": "content", "state": "benign"},
    )


_FORM = (
    Field("summary", "What"), Field("start", "Begins", "time"), Field("end", "Ends", "time"),
    Field("location", "Where", optional=True),
)  # fmt: skip
_SHOWN = ("summary", "start", "end", "all_day", "location", "zone")


def _back(arguments: Arguments, receipt: Receipt, before: str, does: str) -> Undo:
    shown = {name: arguments[name] for name in _SHOWN if name in arguments}
    return Undo(
        "calendar.restore",
        {**shown, "uid": receipt["uid"], "before": before, "state": receipt["state"], "does": does},
    )


def _said(arguments: Arguments) -> str:
    """“Lunch with Ada” — Fri 27 Nov 2026, 12:30–13:30 (Europe/Zurich), at “Luigi's”"""
    event = event_of(arguments)
    place = f", at {quoted(event.location)}" if event.location else ""
    when = times(event.start, event.end, all_day=event.all_day)
    return f"{quoted(event.summary)} — {when} ({escaped(arguments.get('zone', 'UTC'))}){place}"


def _changes(arguments: Arguments) -> str:
    event, was = event_of(arguments), event_of({**arguments, **arguments["was"]})
    moved = (event.start, event.end, event.all_day) != (was.start, was.end, was.all_day)
    lines = [f"**{'Move' if moved else 'Change'} event** {_said(arguments)}{_one_of_many(arguments)}"]
    if moved:
        lines.append(f"It was {times(was.start, was.end, all_day=was.all_day)}.")
    if event.summary != was.summary:
        lines.append(f"It was called {quoted(was.summary)}.")
    if event.location != was.location:
        lines.append(f"It was at {quoted(was.location)}." if was.location else "It had no place.")
    return "\n".join(lines)


def _one_of_many(arguments: Arguments) -> str:
    return " (this day only; the others of the series stay)" if arguments.get("recurrence") else ""


def _asked_for(arguments: Arguments) -> str:
    """Why the card names another time than the principal did."""
    asked: dict[str, Any] | None = arguments.get("asked")
    if not asked or (asked["start"], asked["end"]) == (arguments["start"], arguments["end"]):
        return ""
    start, end = (local(asked[name], arguments["zone"]) for name in ("start", "end"))
    other_day = start.date() != local(arguments["start"], arguments["zone"]).date()
    yours = f"{day(start)} at {clock(start)}" if other_day else clock(start)
    taken = overlapping(beside(arguments), start, end)
    by = f": {_named(taken)}" if taken else ""
    told = f"You asked for {times(start, end)}, which is taken{by}."
    return f"\n{told} This is the next free time; say “make it {yours}” to keep yours."


def _overlaps(arguments: Arguments) -> str:
    event = event_of(arguments)
    taken = [] if event.all_day else overlapping(beside(arguments), event.start, event.end)
    if not taken:
        return ""
    free: dict[str, Any] | None = arguments.get("free")
    after = (
        f" The next free time is {times(*(local(free[n], arguments['zone']) for n in ('start', 'end')))}."
        if free
        else ""
    )
    return f"\n⚠ Overlaps {_named(taken)}.{after}"


def _named(events: list[Event]) -> str:
    return ", ".join(f"{quoted(e.summary)} ({clock(e.start)}–{clock(e.end)})" for e in events)


def beside(arguments: Arguments) -> list[Event]:
    """The other events that were seen near the time when the card was made."""
    return [event_of({**other, "zone": arguments["zone"]}) for other in arguments.get("beside", ())]


def _overlapping(receipt: Receipt) -> str:
    names = ", ".join(quoted(plain(name)) for name in receipt.get("overlaps", ()))
    return f" It overlaps {names}." if names else ""
