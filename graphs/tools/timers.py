"""The tools of reminders: rows of the timer table, from which the scheduler makes a delivery when they are due."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from graphs.tools.base import Arguments, Receipt, Tool, ToolTrouble, Undo
from graphs.tools.reading import reading
from graphs.tools.wording import escaped, local, moment, quoted
from graphs.when import Found, Moment, Recurrence, find, occurrence_after, parse_change, say
from knowledge.database import Database
from knowledge.database.schema import timer
from knowledge.store import timers as store
from knowledge.words import Field

KIND = "reminder"
_LATE = timedelta(minutes=1)
_LOOK_BACK = timedelta(days=2)
_TEXT = re.compile(r"(?:call\s+it|say|text:?|sag)\s+(?P<text>.+)", re.I | re.S)
_FIELDS = ("text", "due", "rule", "zone", "channel", "conversation", "made")


def timer_tools(db: Database, clock: Callable[[], datetime]) -> list[Tool]:
    return [_set(db, clock), _cancel(db), _list(db, clock)]


def _set(db: Database, clock: Callable[[], datetime]) -> Tool:
    """Arguments: text (what to say), due (ISO), rule (RRULE or null), zone, channel, conversation, made (ISO)."""

    async def run(arguments: Arguments, key: str) -> Receipt:
        timer_id = _id(key)
        due = datetime.fromisoformat(arguments["due"])
        due_ms, made_ms = _ms(due), _ms(datetime.fromisoformat(arguments["made"]))
        async with db.write() as tx:
            known = await store.get(tx, timer_id)
            if known is None and due < clock() - _LATE:
                raise ToolTrouble(f"{_when(arguments)} is past by now, so I set no reminder. Say a new time.")
            await store.arm(
                tx, timer_id, KIND, arguments["channel"], arguments["conversation"], {"text": arguments["text"]},
                due_ms, made_ms, rule=arguments.get("rule"), zone=arguments["zone"],
            )  # fmt: skip
        return {"timer": timer_id, "due": arguments["due"]}

    return Tool(
        name="timers.set",
        effect="write",
        purpose="set a reminder",
        run=run,
        render=lambda a: f"**Remind you** {_when(a)}: {quoted(a['text'], 300)}",
        report=lambda a, _r: f"I'll remind you {_when(a)}: {quoted(a['text'], 300)}.",
        roles={
            "text": "content",
            "due": "target",
            "rule": "target",
            "zone": "benign",
            "channel": "benign",
            "made": "benign",
        },
        undo=lambda a, r: Undo("timers.cancel", {**_copy(a), "timer": r["timer"]}),
        undo_note=lambda _a: "possible until it goes off",
        revise=_revise,
        form=(Field("text", "What to say"), Field("due", "When", "time")),
        own=True,
    )


def _cancel(db: Database) -> Tool:
    """Arguments: timer (its id), and those of timers.set, to say it and to set it again."""

    async def run(arguments: Arguments, _key: str) -> Receipt:
        timer_id = str(arguments["timer"])
        async with db.write() as tx:
            if not await store.end(tx, timer_id, "cancelled"):
                known = await store.get(tx, timer_id)
                if known is None:
                    raise ToolTrouble("There is no such reminder any more.")
                if known.state != "cancelled":
                    raise ToolTrouble(f"The reminder {quoted(arguments['text'])} has gone off already.")
        return {"timer": timer_id}

    return Tool(
        name="timers.cancel",
        effect="write",
        purpose="cancel a reminder",
        run=run,
        render=lambda a: f"**Cancel reminder** {quoted(a['text'], 300)} — {_when(a)}",
        report=lambda a, _r: f"Cancelled the reminder {quoted(a['text'], 300)} — {_when(a)}.",
        roles={"timer": "target"},
        undo=lambda a, _r: Undo("timers.set", _copy(a)),
        undo_note=lambda _a: "possible until it would have gone off",
        own=True,
    )


def _list(db: Database, clock: Callable[[], datetime]) -> Tool:
    """Arguments: state ("armed", default, or "fired": those that went off lately, the last one first)."""

    async def run(arguments: Arguments, _key: str) -> Receipt:
        now = clock()
        async with db.read() as tx:
            if arguments.get("state", "armed") == "armed":
                return {"timers": [_shown(each) for each in await store.armed(tx, KIND)]}
            rows = await tx.execute(
                select(timer.c.id).where(timer.c.kind == KIND, timer.c.state.in_(("armed", "fired", "done")))
                .where(timer.c.made_at > _ms(now - timedelta(days=400))).order_by(timer.c.due_at.desc()).limit(200)
            )  # fmt: skip
            found = [each for row in rows if (each := await store.get(tx, row.id))]
        fired = [(last, each) for each in found if (last := _last(each, now)) is not None]
        return {
            "timers": [{**_shown(each), "last": last.isoformat()} for last, each in sorted(fired, key=_by_time)[:5]]
        }

    return reading("timers.list", "list the reminders", run)


def _by_time(pair: tuple[datetime, store.Timer]) -> float:
    return -pair[0].timestamp()


def _last(each: store.Timer, now: datetime) -> datetime | None:
    """When the timer went off last, None when it has not lately."""
    due = datetime.fromtimestamp(each.due_at / 1000, UTC)
    if each.rule is None or each.state != "armed":
        return due if each.state != "armed" and due > now - _LOOK_BACK else None
    zone, last = ZoneInfo(each.zone), None
    first = datetime.fromtimestamp(each.first_at / 1000, zone)
    at = occurrence_after(each.rule, first, zone, now - _LOOK_BACK) if each.occurrence else None
    while at is not None and at <= now:
        last, at = at, occurrence_after(each.rule, first, zone, at)
    return last


def _shown(each: store.Timer) -> dict[str, Any]:
    due = datetime.fromtimestamp(each.due_at / 1000, ZoneInfo(each.zone))
    return {
        "timer": each.id, "text": str(each.payload.get("text", "")), "due": due.isoformat(), "rule": each.rule,
        "zone": each.zone, "channel": each.channel, "conversation": each.conversation,
    }  # fmt: skip


def _when(arguments: Arguments) -> str:
    """The resolved time in full: "Fri 27 Nov 2026, 15:00 (Europe/Zurich)"; a rule in words, with its next time."""
    zone = ZoneInfo(str(arguments["zone"]))
    due = local(arguments["due"], zone)
    if not arguments.get("rule"):
        return f"{moment(due)} ({escaped(zone.key)})"
    rule = Recurrence(str(arguments["rule"]), due, zone.key, "")
    rhythm = say(rule, due - timedelta(minutes=1), zone).split(", first on")[0]
    return f"{rhythm}, next on {moment(due)} ({escaped(zone.key)})"


def _revise(arguments: Arguments, words: str, now: datetime, zone: ZoneInfo) -> Arguments | str | None:
    """Another time, rhythm or text when the words hold one, else None."""
    if named := _TEXT.fullmatch(words.strip()):
        return {**arguments, "text": named["text"].strip("“”\"' ")}
    found = find(words, now, zone)
    if isinstance(found, Found) and isinstance(found.when, Recurrence):
        rhythm = found.when
        return {**arguments, "due": rhythm.first.isoformat(), "rule": rhythm.rule, "zone": rhythm.zone}
    due = local(arguments["due"], zone)
    changed = parse_change(words, Moment(due, ""), now, zone)
    if isinstance(changed, Moment):
        keeps = changed.at.date() == due.date() and "BYHOUR" not in str(arguments.get("rule"))
        return {**arguments, "due": changed.at.isoformat(), "rule": arguments.get("rule") if keeps else None}
    return getattr(changed, "question", None) or getattr(changed, "sentence", None)


def _copy(arguments: Arguments) -> dict[str, Any]:
    return {name: arguments.get(name) for name in _FIELDS}


def _id(key: str) -> str:
    return "r" + base64.b32encode(hashlib.sha256(key.encode()).digest()).decode().casefold()[:10]


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
