"""Turns "every other friday at 9 until May" into an RFC 5545 rule and its first occurrence."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .dates import Period, short, valid
from .every import CODES, Every
from .hours import DAY_START, DEFAULTS, usual
from .length import add_months
from .occur import next_of
from .phrase import Phrase
from .tokens import Time
from .values import Ambiguous, Impossible, Recurrence
from .zones import place, wall

Answer = Recurrence | Ambiguous | Impossible
_DAYLESS = ("HOURLY", "MINUTELY")


def repeat(rule: Every, said: Phrase, now: datetime, zone: ZoneInfo, text: str, hint: str) -> Answer:
    if rule.month and not valid(2024, rule.month, abs(rule.monthday)):
        return Impossible(f"No year has a day {rule.monthday} in month {rule.month}. Say another date.")
    part = rule.part or said.part
    clocks = [_clock(each, part, hint) for each in said.times or ((said.time,) if said.time else ())]
    if len({minute for _, minute in clocks}) > 1:
        return Impossible("One repetition can't have times at different minutes. Say them as two repetitions.")
    hour, minute = min(clocks, default=(DEFAULTS.get(part, DAY_START), 0))
    begin_day = max(_begin(said) or now.date(), now.date())
    since = max(now, place(datetime.combine(begin_day, time()), zone) - timedelta(seconds=1))
    start = datetime.combine(begin_day, time(hour, minute))
    if rule.freq in _DAYLESS:
        begin = _sub_daily(rule, said, start, since, now, zone)
        return _bounded(rule, said, [], begin, zone, text)
    hours = [each for each, _ in clocks]
    plain = rule.weekdays or rule.monthday
    step = rule._replace(interval=1) if plain or rule.freq == "DAILY" else rule
    # The first one ahead, whatever the interval; the interval counts from there.
    first = next_of(text_of(step, hours), place(start, zone), zone, since)
    if first is None:
        return Impossible("That never happens. Say another rule.")
    if wall(first).time() != start.time() and len(set(hours)) < 2:
        # The clocks skip the very first one: the rule itself must then say the hour that is meant.
        return _bounded(rule, said, hours, first, zone, text, f";BYHOUR={hour};BYMINUTE={minute}")
    if rule.freq == "MONTHLY" and rule.monthday in (29, 30, 31):
        return _short_months(rule, said, hours, start, since, zone, text)
    return _bounded(rule, said, hours, first, zone, text)


def _clock(said: Time, part: str, hint: str) -> tuple[int, int]:
    return usual(said, part, hint) % 24, said.minute


def _begin(said: Phrase) -> date | None:
    if isinstance(said.start, Period):
        return said.start.start
    return said.start.dates[0] if said.start and said.start.dates else None


def _sub_daily(rule: Every, said: Phrase, start: datetime, since: datetime, now: datetime, zone: ZoneInfo) -> datetime:
    if said.time or since > now:
        at = place(start, zone)
        return at if at >= since and at > now else place(start + timedelta(days=1), zone)
    step = timedelta(minutes=rule.interval * (60 if rule.freq == "HOURLY" else 1))
    return (now.astimezone(UTC) + step).astimezone(zone).replace(second=0, microsecond=0)


def text_of(rule: Every, hours: list[int]) -> str:
    parts = [f"FREQ={rule.freq}"]
    if rule.interval > 1:
        parts.append(f"INTERVAL={rule.interval}")
    if rule.month:
        parts.append(f"BYMONTH={rule.month}")
    if rule.weekdays:
        parts.append("BYDAY=" + ",".join(f"{rule.nth or ''}{CODES[each]}" for each in rule.weekdays))
    if rule.monthday:
        parts.append(f"BYMONTHDAY={rule.monthday}")
    if len(set(hours)) > 1:
        parts.append("BYHOUR=" + ",".join(str(each) for each in sorted(set(hours))))
    return ";".join(parts)


def _short_months(
    rule: Every, said: Phrase, hours: list[int], start: datetime, since: datetime, zone: ZoneInfo, text: str
) -> Answer:
    """The 31st of every month: some months have none, so which is meant is asked."""
    choices: list[Recurrence] = []
    for each in (rule._replace(monthday=-1), rule):
        first = next_of(text_of(each._replace(interval=1), hours), place(start, zone), zone, since)
        answer = _bounded(each, said, hours, first, zone, text) if first else None
        if isinstance(answer, Impossible):
            return answer
        if isinstance(answer, Recurrence):
            choices.append(answer)
    day = rule.monthday
    return Ambiguous(
        f"Not every month has a day {day}. Do you mean the last day of each month, or only months that have a {day}?",
        tuple(choices),
    )


def _bounded(
    rule: Every, said: Phrase, hours: list[int], first: datetime, zone: ZoneInfo, text: str, clock: str = ""
) -> Answer:
    line = text_of(rule, hours) + clock
    last: date | None = said.until.dates[-1] if said.until and said.until.dates else None
    if said.length and last is None:
        last = add_months(first.date(), said.length.months) + timedelta(days=said.length.days - 1)
    if last is not None:
        if last < first.date():
            return Impossible(
                f"It would end on {short(last)}, before its first time on {short(first.date())}. Say a later end."
            )
        end = place(datetime.combine(last, time(23, 59, 59)), zone).astimezone(UTC)
        line += f";UNTIL={end:%Y%m%dT%H%M%SZ}"
    elif said.count:
        line += f";COUNT={said.count}"
    return Recurrence(line, place(wall(first), zone, first.fold), str(zone), text)
