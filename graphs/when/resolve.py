"""Asks the calendar: turns a phrase, now and a zone into one time, a question, or a plain no."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from .dates import Day, Period, short
from .every import Every
from .hours import DAY_START, DEFAULTS, ENDS, fit, other, spoken, usual
from .length import later
from .phrase import Phrase
from .recur import repeat
from .tokens import Time
from .values import Ambiguous, Impossible, Moment, Recurrence, Span, When
from .zones import place, skipped, wall

Answer = When | Ambiguous | Impossible


class Now(NamedTuple):
    """Where and when the sentence was said. `hint`: the part of the day that its other words suggest."""

    at: datetime
    zone: ZoneInfo
    text: str
    hint: str = ""

    @property
    def wall(self) -> datetime:
        return wall(self.at)

    @property
    def today(self) -> date:
        return self.at.date()


class Reading(NamedTuple):
    """One wall-clock candidate for a phrase."""

    at: datetime
    all_day: bool = False
    precise: bool = True


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def resolve(said: Phrase, now: Now) -> Answer | None:
    for each in (said.day, said.to_day, said.until, said.start):
        if isinstance(each, Day) and each.bad:
            return Impossible(each.bad)
    if said.bad:
        return Impossible(said.bad)
    if said.every:
        return repeat(said.every, said, now.at, now.zone, now.text, now.hint)
    if said.now:
        return Moment(now.at, now.text)
    if said.shift:
        return _shifted(said, now)
    if said.period:
        return _periodic(said, said.period, now)
    if said.time and said.time.offset is not None and said.day:
        return _foreign(said.day.dates[0], said.time, said.time.offset, now)
    if said.to_time and said.time:
        return _between(said, said.time, said.to_time, now)
    if said.day or said.time or said.part:
        return _dated(said, now)
    return Span(None, None, said.length.plain, now.text) if said.length else None


def _foreign(day: date, said: Time, offset: timedelta, now: Now) -> Moment:
    wall_there = midnight(day) + timedelta(hours=said.hour, minutes=said.minute) - offset
    return Moment(place(wall_there, ZoneInfo("UTC")).astimezone(now.zone), now.text)


def _shifted(said: Phrase, now: Now) -> Answer | None:
    shift = said.shift
    if shift is None:
        return None
    moved = later(now.wall, shift)
    if said.time and not shift.seconds:
        at = midnight(moved.date()) + _offset(said.time, said.part, now.hint)
        return _finish(said, now, Reading(at, precise=spoken(said.time, said.part)))
    if said.part and not shift.seconds:
        return _finish(said, now, Reading(midnight(moved.date()) + timedelta(hours=DEFAULTS[said.part]), precise=False))
    start = place(moved, now.zone, now.at.fold) if shift.days or shift.months else now.at
    at = (start.astimezone(ZoneInfo("UTC")) + timedelta(seconds=shift.seconds)).astimezone(now.zone)
    if shift.seconds % 60 == 0:
        at = at.replace(second=0, microsecond=0)
    return _with_length(said, now, Moment(at, now.text, precise=not (shift.days or shift.months)))


def _periodic(said: Phrase, period: Period, now: Now) -> Answer | None:
    if said.time or said.part:
        named = replace(said, period=None, day=Day((max(period.start, now.today),)))
        answer = resolve(named, now)
        return replace(answer, precise=False) if isinstance(answer, Moment) else answer
    start, end = place(midnight(period.start), now.zone), place(midnight(period.end), now.zone)
    return Span(start, end, wall(end) - wall(start), now.text, all_day=True)


def _offset(said: Time, part: str, hint: str) -> timedelta:
    return timedelta(hours=usual(said, part, hint), minutes=said.minute, seconds=said.second)


def _part(said: Phrase) -> str:
    return said.part or (said.day.part if said.day else "")


def _dated(said: Phrase, now: Now) -> Answer | None:
    if said.to_day and said.day and said.day.dates and said.to_day.dates:
        if said.time:
            return _each_day(said, said.day, said.to_day, now)
        return _days(said, said.day.dates[0], said.to_day, now)
    if said.day is None:
        return _undated(said, now)
    part = _part(said)
    if said.time and said.time.style == "midnight" and not said.day.named and part not in ("night", "tonight"):
        return _midnight(said, said.day, now)
    readings = [each for day in said.day.dates if (each := _on(said, day, part, now))]
    if said.day.past:
        return _finish(said, now, readings[0]) if len(readings) == 1 else _ask(said, now, readings, said.day.ask)
    ahead = [each for each in readings if place(each.at, now.zone) > now.at]
    if said.time and len(said.day.dates) == 1 and not ahead:
        return _over(said, said.time, readings[0], part, now)
    if not ahead:
        return Impossible(_past(readings[0] if readings else None, now, part))
    if said.day.ask or len(ahead) > 1:
        return _ask(said, now, ahead, said.day.ask)
    return _finish(said, now, ahead[0])


def _on(said: Phrase, day: date, part: str, now: Now) -> Reading | None:
    """The phrase on one date; None when that part of today is over."""
    if said.time:
        return Reading(midnight(day) + _offset(said.time, part, now.hint), precise=spoken(said.time, part))
    hour = DEFAULTS.get(part, DAY_START)
    at = midnight(day) + timedelta(hours=hour)
    if day == now.today and at <= now.wall:
        at = (now.wall + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
        latest = midnight(day) + timedelta(hours=ENDS.get(part, 24)) - timedelta(minutes=1)
        at = min(at, latest)
        if at <= now.wall and part:
            return None
        if at <= now.wall:  # the last minute of the day
            at = latest + timedelta(seconds=59)
    return Reading(at, all_day=not part, precise=False)


def _over(said: Phrase, clock: Time, reading: Reading, part: str, now: Now) -> Answer:
    """The clock time is past on the one day named: ask when twelve hours later is still ahead, else say so."""
    evening = other(clock, part, now.hint)
    day = reading.at.date()
    if evening is not None and usual(clock, part, now.hint) == clock.hour:
        at = midnight(day) + timedelta(hours=evening, minutes=clock.minute)
        if place(at, now.zone) > now.at:
            later_on = [Reading(at)]
            if said.day and said.day.named:
                later_on.append(Reading(reading.at + timedelta(days=1)))
            return _ask(said, now, later_on, f"{reading.at:%H:%M} is past today.")
    return Impossible(_past(reading, now, part))


def _past(reading: Reading | None, now: Now, part: str) -> str:
    what = f"This {part}" if reading is None else f"{short(reading.at.date())}, {reading.at:%H:%M}"
    return f"{what} is already past; it is {now.at:%H:%M}. Say a time that is still ahead."


def _midnight(said: Phrase, day: Day, now: Now) -> Answer:
    starts = [Reading(midnight(each) + timedelta(days=extra)) for each in day.dates[:1] for extra in (0, 1)]
    ahead = [each for each in starts if place(each.at, now.zone) > now.at]
    if not ahead:
        return Impossible(_past(starts[-1], now, ""))
    return _ask(said, now, ahead, "Midnight can begin that day or end it.")


def _undated(said: Phrase, now: Now) -> Answer | None:
    if said.time is None:
        hours, precise = (DEFAULTS[said.part],), False
        return _finish(said, now, Reading(_next(hours, 0, now)[0], precise=precise))
    clock, part = said.time, said.part
    usually, later_hour = usual(clock, part, now.hint), other(clock, part, now.hint)
    if clock.style == "bare" and not part and not now.hint:
        ahead = _next((clock.hour % 12, clock.hour % 12 + 12), clock.minute, now)
        readings = [Reading(each, precise=False) for each in ahead]
        return _ask(said, now, readings[:2], "") if ahead[0].hour < 6 else _finish(said, now, readings[0])
    ahead = _next((usually % 24,), clock.minute, now, clock.second)
    if later_hour is not None and clock.style == "written" and ahead[0].date() > now.today:
        evening = midnight(now.today) + timedelta(hours=later_hour, minutes=clock.minute)
        if evening > now.wall:
            return _ask(said, now, [Reading(evening), Reading(ahead[0])], f"{ahead[0]:%H:%M} is past today.")
    return _finish(said, now, Reading(ahead[0], precise=spoken(clock, part)))


def _next(hours: tuple[int, ...], minute: int, now: Now, second: int = 0) -> list[datetime]:
    days = [midnight(now.today + timedelta(days=extra)) for extra in (0, 1, 2)]
    walls = sorted(day + timedelta(hours=hour, minutes=minute, seconds=second) for day in days for hour in hours)
    return [each for each in walls if place(each, now.zone) > now.at]


def _ask(said: Phrase, now: Now, readings: list[Reading], why: str) -> Answer:
    choices: list[When] = []
    for reading in readings:
        answer = _finish(said, now, reading)
        if isinstance(answer, Ambiguous):
            choices += answer.choices
        elif not isinstance(answer, Impossible):
            choices.append(answer)
    names = [f"{short(each.at.date())}" + ("" if each.all_day else f", {each.at:%H:%M}") for each in readings]
    return Ambiguous(f"{why} Do you mean {' or '.join(names)}?".strip(), tuple(choices))


def _finish(said: Phrase, now: Now, reading: Reading) -> Answer:
    fold = said.time.fold if said.time else 0
    at = place(reading.at, now.zone, fold)
    moment = Moment(at, now.text, reading.all_day, reading.precise)
    answer = _with_length(said, now, moment)
    if skipped(reading.at, now.zone):
        return Ambiguous(gap(reading.at, at), (answer,))
    return answer


def gap(said: datetime, moved: datetime) -> str:
    """The question about a wall time that the clocks skip."""
    day = short(said.date())
    return f"{said:%H:%M} does not exist on {day}: the clocks go forward over it. Do you mean {moved:%H:%M}?"


def _with_length(said: Phrase, now: Now, moment: Moment) -> When:
    if said.length is None:
        return moment
    if moment.all_day and said.length.days and not said.length.seconds:
        start = midnight(moment.at.date())
        end = start + timedelta(days=said.length.days)
        return Span(place(start, now.zone), place(end, now.zone), end - start, now.text, all_day=True)
    end = place(later(wall(moment.at), said.length._replace(seconds=0)), now.zone, moment.at.fold)
    end = (end.astimezone(ZoneInfo("UTC")) + timedelta(seconds=said.length.seconds)).astimezone(now.zone)
    return span(moment.at, end, now.text)


def span(start: datetime, end: datetime, text: str) -> Span:
    utc = ZoneInfo("UTC")
    return Span(start, end, end.astimezone(utc) - start.astimezone(utc), text)


def _days(said: Phrase, start: date, to: Day, now: Now) -> Answer:
    """From monday to wednesday: whole days, the last one included."""
    last = next((each for each in to.dates if each >= start), None)
    while last is None or last < start:
        last = (last or to.dates[0]) + timedelta(days=7)
        if (last - start).days > 366:
            return Impossible(f"{short(to.dates[0])} is before {short(start)}. Say the earlier day first.")
    if to.named and to.dates[0] < start:
        return Impossible(f"{short(to.dates[0])} is before {short(start)}. Say the earlier day first.")
    begin, end = midnight(start), midnight(last) + timedelta(days=1)
    return Span(place(begin, now.zone), place(end, now.zone), end - begin, now.text, all_day=True)


def _each_day(said: Phrase, day: Day, to: Day, now: Now) -> Answer:
    """Monday to friday at 9: on each of those days, and perhaps every week."""
    first = day.dates[0]
    length = (to.dates[0] - first).days % 7 if len(day.dates) == len(to.dates) == 1 else 0
    last = Day((first + timedelta(days=length),))
    weekdays = tuple(sorted((first.weekday() + extra) % 7 for extra in range(length + 1)))
    once = replace(said, start=Day((first,)), until=last, day=None, to_day=None)
    answers = [
        repeat(Every("DAILY"), once, now.at, now.zone, now.text, now.hint),
        repeat(Every("WEEKLY", 1, weekdays), replace(once, until=None), now.at, now.zone, now.text, now.hint),
    ]
    choices = tuple(each for each in answers if isinstance(each, Recurrence))
    if not choices:
        return answers[0]
    names = f"{short(first)} to {short(last.dates[0])}"
    return Ambiguous(f"Do you mean each day from {names}, or these days every week?", choices)


def _between(said: Phrase, begin: Time, finish: Time, now: Now) -> Answer:
    first, last = fit(begin, finish, _part(said), now.hint)
    if said.day is None:
        day = now.today if midnight(now.today) + timedelta(minutes=first) > now.wall else now.today + timedelta(days=1)
        return _stretch(day, first, last, now)
    spans = [_stretch(day, first, last, now) for day in said.day.dates]
    ahead = [each for each in spans if said.day.past or _ahead(each, now)]
    if not ahead:
        return Impossible(_past(Reading(midnight(said.day.dates[0]) + timedelta(minutes=first)), now, ""))
    if len(ahead) == 1 and not said.day.ask:
        return ahead[0]
    choices = tuple(each for answer in ahead for each in _spans(answer))
    names = " or ".join(f"{short(each.start.date())}, {each.start:%H:%M}" for each in choices if each.start)
    return Ambiguous(f"{said.day.ask} Do you mean {names}?".strip(), choices)


def _spans(answer: Span | Ambiguous) -> list[Span]:
    return [answer] if isinstance(answer, Span) else [each for each in answer.choices if isinstance(each, Span)]


def _ahead(answer: Span | Ambiguous, now: Now) -> bool:
    return any(each.end is not None and each.end > now.at for each in _spans(answer))


def _stretch(day: date, first: int, last: int, now: Now) -> Span | Ambiguous:
    begin, finish = midnight(day) + timedelta(minutes=first), midnight(day) + timedelta(minutes=last)
    found = span(place(begin, now.zone), place(finish, now.zone), now.text)
    if not skipped(begin, now.zone):
        return found
    return Ambiguous(gap(begin, place(begin, now.zone)), (found,))
