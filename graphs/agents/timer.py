"""The agent of reminders: says the resolved time, asks when there are two, refuses dates that do not exist."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from graphs.agent import Agent, Desk, Draft, Manifest, Task, Wish
from graphs.agents.base import Json, asked, lead_of, phrase
from graphs.agents.timer_claim import bare, claim
from graphs.tools.wording import escaped, moment, plain, quoted
from graphs.when import Ambiguous, Found, Impossible, Moment, Recurrence, Span, When, find, say

_SNOOZE = timedelta(minutes=10)
_LATE = timedelta(minutes=2)
_DEFAULT_HOUR = 9
_WORDLESS = "Time is up: you asked me to tell you now"


async def work(task: Task, desk: Desk) -> Draft:
    if "fire" in task.arguments:
        return _rings(task.arguments["fire"], desk)
    arguments = _arguments(task, desk)
    do = arguments.get("do", "set")
    if do == "list":
        return _listed((await desk.read("timers.list", {"state": "armed"}))["timers"], desk)
    if do == "cancel":
        timers = (await desk.read("timers.list", {"state": "armed"}))["timers"]
        return _cancelled(str(arguments.get("which", "")), bool(arguments.get("all")), timers, desk)
    if do == "snooze":
        fired = (await desk.read("timers.list", {"state": "fired"}))["timers"]
        return _snoozed(str(arguments.get("when", "")), fired, desk)
    return _set(str(arguments.get("what") or task.goal), desk)


def _rings(fired: Json, desk: Desk) -> Draft:
    """A reminder that is due: its words, and by how much it is late where Steward could not ring in time."""
    due = datetime.fromtimestamp(int(fired["due_at"]) / 1000, desk.zone)
    text = f"⏰ {escaped(str(fired.get('text', '')) or _WORDLESS)}"
    if (late := desk.now - due) < _LATE:
        return Draft(text)
    return Draft(f"{text}\n_This was due {moment(due)}: {_long(late)} late._")


def _long(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    for size, name in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "under a minute"


def _arguments(task: Task, desk: Desk) -> Mapping[str, Any]:
    goal = task.goal.strip()
    if task.arguments.get("command") == "remind":
        if goal.casefold() in ("", "list"):
            return {"do": "list"}
        if goal.casefold().startswith(("cancel", "delete", "remove")):
            return {"do": "cancel", "which": goal.partition(" ")[2].strip()}
        return claim(goal, desk.now, desk.zone) or {"do": "set", "what": goal}
    return task.arguments or claim(goal, desk.now, desk.zone) or {"do": "set", "what": goal}


def _set(what: str, desk: Desk) -> Draft:
    found = find(what, desk.now, desk.zone)
    text = bare(lead_of(found) if isinstance(found, Ambiguous) else found.rest if found else what)
    link = "about" if re.match(r"\s*(?:about|of|an)\b", what, re.I) else "to"
    if isinstance(found, Impossible):
        return Draft(escaped(found.sentence), asks=True)
    if not plain(text):
        if found is None:
            return Draft("What shall I remind you of, and when? Say “remind me to … at …”.", asks=True)
        text = _WORDLESS
    if found is None:
        ideas = ("in 1 hour", "tomorrow at 9:00")
        return Draft(
            f"When shall I remind you: {quoted(text)}?",
            asks=True,
            choices=tuple(f"remind me {i} {link} {text}" for i in ideas),
        )
    if isinstance(found, Ambiguous):
        draft = asked(found, "remind me", desk.now, desk.zone)
        return Draft(draft.text, asks=True, choices=tuple(f"{choice} {link} {text}" for choice in draft.choices))
    if isinstance(found.when, Span) and found.when.all_day:
        return _which_day(found.when, text, desk)
    return _wish(text, found.when, desk)


def _which_day(span: Span, text: str, desk: Desk) -> Draft:
    """A week or month was named: which of its days is for the principal to say."""
    days = [span.start + timedelta(days=n) for n in range(span.length.days)] if span.start else []
    ahead = [d.replace(hour=_DEFAULT_HOUR) for d in days if d.replace(hour=_DEFAULT_HOUR) > desk.now][:5]
    choices = tuple(f"remind me {phrase(Moment(each, ''), desk.now, desk.zone)} to {text}" for each in ahead)
    return Draft(f"On which day shall I remind you: {quoted(text)}?", asks=True, choices=choices)


def _wish(text: str, when: When, desk: Desk, **more: Any) -> Draft:
    if isinstance(when, Span):
        when = Moment(when.start or desk.now + when.length, when.text)
    due = when.first if isinstance(when, Recurrence) else when.at
    if due <= desk.now:
        return Draft(f"{moment(due)} is past already. When shall I remind you: {quoted(text)}?", asks=True)
    arguments = {
        "text": text,
        "due": due.isoformat(timespec="seconds"),
        "rule": when.rule if isinstance(when, Recurrence) else None,
        "zone": when.zone if isinstance(when, Recurrence) else desk.zone.key,
        "channel": desk.channel,
        "conversation": desk.conversation,
        "made": desk.now.isoformat(timespec="seconds"),
        **more,
    }
    said = (desk.words_value,)
    return Draft(wishes=(Wish("timers.set", arguments, origins={"text": said, "due": said, "rule": said}),))


def _listed(timers: Sequence[Json], desk: Desk) -> Draft:
    if not timers:
        return Draft("No reminders are set. Set one with “remind me to … at …”.")
    count = "1 reminder" if len(timers) == 1 else f"{len(timers)} reminders"
    return Draft(f"{count}:\n" + "\n".join(f"- {line(each, desk)}" for each in timers[:30]))


def line(timer: Json, desk: Desk) -> str:
    due = datetime.fromisoformat(timer["due"]).astimezone(desk.zone)
    text = escaped(plain(timer["text"], 120))
    if not timer["rule"]:
        return f"{say(Moment(due, ''), desk.now, desk.zone)}: {text}"
    rhythm = say(Recurrence(timer["rule"], due, timer["zone"], ""), desk.now, desk.zone).split(", first on")[0]
    return f"{rhythm}, next {moment(due)}: {text}"


def _cancelled(which: str, everything: bool, timers: Sequence[Json], desk: Desk) -> Draft:
    if not timers:
        return Draft("There is no reminder to cancel.")
    found = list(timers) if everything else _matching(which, timers, desk)
    if not found:
        return Draft(f"I found no reminder about {quoted(which)}.")
    made = desk.now.isoformat(timespec="seconds")
    if len(found) > 1 and not everything:
        lines = "\n".join(f"- {line(each, desk)}" for each in found[:6])
        choices = tuple(f"cancel reminder {each['timer']}" for each in found[:6])
        return Draft(f"Which one shall I cancel?\n{lines}", asks=True, choices=choices)
    return Draft(wishes=tuple(Wish("timers.cancel", {**each, "made": made}) for each in found))


def _matching(which: str, timers: Sequence[Json], desk: Desk) -> list[Json]:
    """Those that bear the id, are due at the time named, or hold all of the words; all of them for no words."""
    exact = [each for each in timers if each["timer"] == which.strip()]
    if exact or not which:
        return exact or list(timers)
    wanted = set(plain(which).casefold().split())
    by_words = [each for each in timers if wanted <= set(plain(each["text"]).casefold().split())]
    if by_words:
        return by_words
    loose = plain(which).casefold()
    by_part = [each for each in timers if loose in plain(each["text"]).casefold()]
    return by_part or _at(find(which, desk.now, desk.zone), timers)


def _at(found: object, timers: Sequence[Json]) -> list[Json]:
    if not isinstance(found, Found) or not isinstance(found.when, Moment):
        return []
    at, all_day = found.when.at, found.when.all_day
    due = [(datetime.fromisoformat(each["due"]), each) for each in timers]
    return [each for moment_due, each in due if moment_due == at or (all_day and moment_due.date() == at.date())]


def _snoozed(when: str, fired: Sequence[Json], desk: Desk) -> Draft:
    if not fired:
        return Draft("No reminder went off lately, so there is nothing to snooze.")
    text = str(fired[0]["text"])
    if not when:
        return _wish(text, Moment((desk.now + _SNOOZE).replace(microsecond=0), ""), desk)
    found = find(when, desk.now, desk.zone)
    if isinstance(found, Ambiguous):
        return asked(found, "snooze", desk.now, desk.zone)
    if isinstance(found, Impossible):
        return Draft(escaped(found.sentence), asks=True)
    if found is None or isinstance(found.when, Recurrence):
        return Draft("Until when shall I snooze it?", asks=True, choices=("snooze 10 minutes", "snooze 1 hour"))
    return _wish(text, found.when, desk)


AGENT = Agent(
    Manifest(
        name="timer",
        purpose="remind the principal of something at a time, once or repeatedly; list, cancel and snooze reminders",
        tools=frozenset({"timers.set", "timers.cancel", "timers.list"}),
        examples=(
            "remind me to call the bank tomorrow at 9",
            "every weekday at 9 remind me to stretch",
            "set a timer for 10 minutes",
            "what reminders do I have?",
            "cancel the reminder about the bank",
            "snooze 10 minutes",
        ),
        arguments={
            "do": "one of set, list, cancel, snooze",
            "what": "what to be reminded of together with the time, in the principal's own words (set)",
            "which": "words of the reminder (cancel)",
            "when": "until when, in the principal's own words (snooze)",
        },
    ),
    claim,
    work,
    commands={"remind": "set a reminder: /remind call Ada tomorrow at 9; without words: list them"},
)
