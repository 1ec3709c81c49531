"""Changing the calendar: move, rename or cancel the one event that is meant; of several it asks which."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from graphs.agent import Desk, Draft, Wish
from graphs.agents.base import Json, event_line, event_proof, event_times, phrase
from graphs.agents.calendar_create import described, slim
from graphs.tools.wording import escaped, quoted, times
from graphs.when import Ambiguous, Found, Impossible, Moment, Span, find, parse_change

_DAY = timedelta(days=1)
_HORIZON = timedelta(days=90)


async def change(do: str, which: str, arguments: Json, desk: Desk) -> Draft:
    event = await _chosen(do, which, arguments, desk)
    if isinstance(event, Draft):
        return event
    if not event["uid"]:
        return Draft(f"{quoted(event['summary'])} has no id in the calendar file, so I can't change it safely.")
    before = (await desk.read("calendar.event", {"uid": event["uid"]}))["before"]
    start, end = event_times(event, desk.zone)
    now_so = {**described(event["summary"], event["location"], start, end, desk), "all_day": event["all_day"]}
    known = {"uid": event["uid"], "recurrence": event["recurrence"], "before": before}
    proofs = (event_proof(event, desk.zone),)
    if do == "cancel":
        return Draft(evidence=proofs, wishes=(Wish("calendar.delete", {**now_so, **known}, proofs),))
    was = {name: now_so[name] for name in ("summary", "start", "end", "location", "all_day")}
    goal = {**now_so, **known, "was": was}
    if do in ("rename", "place"):
        name = "summary" if do == "rename" else "location"
        goal[name] = str(arguments["name" if do == "rename" else "place"]).strip("“”\"' ")
        said = {name: (desk.words_value,)}
        return Draft(evidence=proofs, wishes=(Wish("calendar.move", goal, proofs, said),))
    return await _moved(event, goal, arguments, desk)


async def _moved(event: Json, goal: dict[str, Any], arguments: Json, desk: Desk) -> Draft:
    start, end = event_times(event, desk.zone)
    words = re.sub(r"^(?:to|auf|until|till)\s+", "", str(arguments.get("to", "")), flags=re.I)
    words = (
        f"{arguments.get('verb', 'move')} it {words}"
        if re.match(r"by|back|forward|um\s+\d+\s+(?:min|st)", words, re.I)
        else words
    )
    current = Span(start, end, end - start, "", bool(event["all_day"]))
    changed = parse_change(words, current, desk.now, desk.zone)
    if isinstance(changed, Impossible):
        return Draft(escaped(changed.sentence), asks=True)
    if isinstance(changed, Ambiguous):
        lead = f"move {event['summary']} {phrase(Moment(start, ''), desk.now, desk.zone)} to"
        choices = tuple(
            f"{lead} {phrase(choice, desk.now, desk.zone).removeprefix('on ')}" for choice in changed.choices
        )
        return Draft(changed.question, asks=True, choices=choices)
    if changed is None:
        return Draft(f"To what time shall I move {quoted(event['summary'])}?", asks=True)
    begin, until = (
        (changed.start, changed.end) if isinstance(changed, Span) else (changed.at, changed.at + (end - start))
    )
    if begin is None or until is None:
        return Draft(f"To what time shall I move {quoted(event['summary'])}?", asks=True)
    whole = isinstance(changed, Span) and changed.all_day
    goal |= {"start": begin.isoformat(timespec="seconds"), "end": until.isoformat(timespec="seconds"), "all_day": whole}
    look = {"start": goal["start"], "end": goal["end"], "except": event["uid"]}
    seen = await desk.read("calendar.conflicts", look)
    goal |= {"beside": [slim(each) for each in seen["beside"]], **({"free": seen["free"]} if seen["free"] else {})}
    proofs = (event_proof(event, desk.zone), *(event_proof(each, desk.zone) for each in seen["conflicts"]))
    said = (desk.words_value,)
    wish = Wish("calendar.move", goal, proofs, {"start": said, "end": said})
    return Draft(evidence=proofs, wishes=(wish,))


async def _chosen(do: str, which: str, arguments: Json, desk: Desk) -> Json | Draft:
    """The one event that the words mean, or a question, or that there is none."""
    found = find(which, desk.now, desk.zone)
    if isinstance(found, Impossible):
        return Draft(escaped(found.sentence), asks=True)
    look, words = _window(found, which, desk)
    events = (await desk.read("calendar.find", {**look, "words": words}))["events"]
    if not events:
        where = times(*(datetime.fromisoformat(look[n]) for n in ("start", "end")), all_day=True) if found else ""
        where = f" on {where.removesuffix(', all day')}" if found else " in the next 90 days"
        return Draft(f"I found no event {quoted(words)}{where}." if words else f"I found no event{where}.")
    if len(events) == 1:
        return dict(events[0])
    choices = tuple(_again(do, event, arguments, desk) for event in events[:5])
    lines = "\n".join(f"- {event_line(event, desk.zone)}" for event in events[:5])
    more = f"\n… and {len(events) - 5} more." if len(events) > 5 else ""
    return Draft(f"Which one do you mean?\n{lines}{more}", asks=True, choices=choices)


def _window(found: Any, which: str, desk: Desk) -> tuple[dict[str, Any], str]:
    """Where to look, and the words that are left to look for."""
    when = found.when if isinstance(found, Found) else found.choices[0] if isinstance(found, Ambiguous) else None
    words = (found.rest if found else which).strip(" ,.'’")
    words = re.sub(r"^(?:['’]?s\s+)?(?:(?:my|the|our)\s+)?", "", words, flags=re.I)
    words = re.sub(r"^(?:everything|alles|all(?:\s+(?:events|meetings|appointments))?)$", "", words, flags=re.I)
    if isinstance(when, Span) and when.start and when.end:
        return {"start": when.start.isoformat(), "end": when.end.isoformat()}, words
    if not isinstance(when, Moment):
        return {"start": desk.now.isoformat(), "end": (desk.now + _HORIZON).isoformat()}, words
    morning = when.at.replace(hour=0, minute=0, second=0, microsecond=0)
    last = found.choices[-1].at if isinstance(found, Ambiguous) and isinstance(found.choices[-1], Moment) else when.at
    look = {"start": morning.isoformat(), "end": (last.replace(hour=0, minute=0) + _DAY).isoformat()}
    return look | ({} if when.all_day or not re.search(r"\d", when.text) else {"at": f"{when.at:%H:%M}"}), words


def _again(do: str, event: Json, arguments: Json, desk: Desk) -> str:
    """The request as a sentence that means this event."""
    start, _ = event_times(event, desk.zone)
    which = f"{event['summary']} {phrase(Moment(start, '', event['all_day']), desk.now, desk.zone)}"
    if do == "cancel":
        return f"cancel {which}"
    if do == "rename":
        return f"rename {which} to {arguments['name']}"
    if do == "place":
        return f"change the place of {which} to {arguments['place']}"
    return f"{arguments.get('verb', 'move')} {which} {arguments.get('to', '')}".strip()
