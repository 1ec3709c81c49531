"""Reads corrections of a time already set: "make it 3pm", "an hour later", "friday instead", "30 minutes longer"."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from .clock import Words
from .dates import Day, Period, short
from .hours import DEFAULTS, usual
from .length import Amount, amount, later
from .lex import lexemes
from .phrase import Phrase
from .resolve import Now, gap, midnight, resolve, span
from .search import join, phrases
from .tokens import Time
from .values import Ambiguous, Impossible, Moment, Span, When
from .zones import place, skipped, wall

Change = Moment | Span | Ambiguous | Impossible
_LATER = frozenset(
    ("later", "push", "postpone", "delay", "snooze", "back", "später", "tard", "tarde", "tardi", "shift", "verschiebe")
)
_EARLIER = frozenset(("earlier", "sooner", "forward", "früher", "antes", "prima", "tôt"))
_LONGER = frozenset(("longer", "länger", "extend"))
_ELSEWHERE = frozenset(
    ("AGO", "PASTWARD", "UNTIL", "TIME", "DAY", "DAYPART", "WEEKDAY", "DATE", "MONTH", "AMPM", "PART", "NEXT", "AT")
)
_SHORTER = frozenset(("shorter", "kürzer", "shorten"))


def parse_change(text: str, current: Moment | Span, now: datetime, zone: ZoneInfo) -> Change | None:
    """The new time; what the text leaves unsaid (day, clock time, length) stays as in `current`.

    An hour without marker takes the half of the day nearest to the current time. None when the text changes no time.
    """
    here = now.astimezone(zone)
    start = current.at if isinstance(current, Moment) else current.start
    if start is None:
        return None
    if isinstance(current, Moment):
        current = replace(current, at=start.astimezone(zone))
    short_text = text[:500]
    try:
        return _changed(short_text, current, start.astimezone(zone), here, zone)
    except (OverflowError, ValueError):  # past the end of the calendar
        return Impossible("That is outside the calendar. Say a nearer time.")


def _changed(text: str, current: Moment | Span, start: datetime, here: datetime, zone: ZoneInfo) -> Change | None:
    w = lexemes(text)
    moved = _moved(w, current, start, here, zone, text)
    if moved is not None:
        return moved
    said = phrases(w, here, loose=len(w) < 18)
    if not said:
        return None
    whole = said[0]
    for more in said[1:]:
        whole = join(whole, more)
    here_and_now = Now(here, zone, text)
    if any("UNTIL" in token.senses for token in w[:3]) and whole.time and not whole.day and not whole.to_time:
        return _until(whole, whole.time, start, here_and_now)
    if whole.day:
        whole = replace(whole, day=_widened(whole.day, w, start, here.date()))
    return _apply(whole, current, start, here_and_now)


def _until(said: Phrase, clock: Time, start: datetime, now: Now) -> Change:
    """A new end; an hour without marker is the next one after the start."""
    hour = _near(clock, said.part, start)
    end = midnight(start.date()) + timedelta(hours=hour, minutes=clock.minute)
    while end <= wall(start):
        end += timedelta(hours=12 if clock.style == "bare" and not said.part else 24)
    return span(start, place(end, now.zone), now.text)


def _widened(day: Day, w: Words, start: datetime, today: date) -> Day:
    """A lone weekday may be the coming one or that of the week the thing now stands in."""
    lone = [i for i, token in enumerate(w) if "WEEKDAY" in token.senses]
    if len(lone) != 1 or not day.dates or day.named or day.past or any("MONTH" in token.senses for token in w):
        return day
    if lone[0] and "NEXT" in w[lone[0] - 1].senses:
        return day
    own = start.date() - timedelta(days=start.weekday() - day.dates[0].weekday())
    if day.ask.startswith("Today") and own in day.dates:
        return day._replace(dates=(own,), ask="")
    return day._replace(dates=(*day.dates, own)) if own > today and own not in day.dates else day


def _moved(
    w: Words, current: Moment | Span, start: datetime, here: datetime, zone: ZoneInfo, text: str
) -> Change | None:
    """An amount and a direction: an hour later, push it by 30 minutes, a quarter of an hour longer."""
    words = {part for token in w for part in token.raw.split()}
    hit = next((hit for i in range(min(len(w) - 5, 40)) if (hit := amount(w, i))), None)
    if hit is None:
        return None
    size = hit[0]
    if words & (_LONGER | _SHORTER):
        return _resized(size.signed(-1 if words & _SHORTER else 1), current, start, zone, text)
    if any("IN" in token.senses for token in w) or "from now" in {token.raw for token in w}:
        return None
    if not words & (_LATER | _EARLIER):
        alone = size.seconds and not size.days and all(_ELSEWHERE.isdisjoint(token.senses) for token in w)
        return _resized(size, Moment(start, ""), start, zone, text) if alone else None
    size = size.signed(-1 if words & _EARLIER else 1)
    at = _plus(start, size, zone)
    return _keep(current, start, at, here, zone, text)


def _plus(start: datetime, size: Amount, zone: ZoneInfo) -> datetime:
    moved = place(later(wall(start), size), zone, start.fold) if size.days or size.months else start
    return (moved.astimezone(UTC) + timedelta(seconds=size.seconds)).astimezone(zone)


def _resized(size: Amount, current: Moment | Span, start: datetime, zone: ZoneInfo, text: str) -> Change:
    end = current.end if isinstance(current, Span) and current.end else start
    end = _plus(end.astimezone(zone), size, zone)
    if end <= start:
        return Impossible("That would leave nothing of it. Say a smaller change.")
    return span(start, end, text)


def _keep(current: Moment | Span, start: datetime, at: datetime, here: datetime, zone: ZoneInfo, text: str) -> Change:
    """The same thing at another start; its length moves with it."""
    if at <= here and not (isinstance(current, Moment) and current.all_day and at.date() >= here.date()):
        return Impossible(
            f"{short(at.date())}, {at:%H:%M} is already past; it is {here:%H:%M}. Say a time that is still ahead."
        )
    if isinstance(current, Moment):
        return Moment(at, text, current.all_day and wall(at).time() == wall(start).time(), current.precise)
    if current.all_day and current.start and current.end:
        days = (wall(current.end.astimezone(zone)) - wall(start)).days
        begin = midnight(at.date())
        return Span(
            place(begin, zone), place(begin + timedelta(days=days), zone), timedelta(days=days), text, all_day=True
        )
    return span(at, (at.astimezone(UTC) + current.length).astimezone(zone), text)


def _apply(said: Phrase, current: Moment | Span, start: datetime, now: Now) -> Change | None:
    if said.bad or said.now or said.shift or (said.day and said.day.bad) or said.every:
        return _fresh(said, current, start, now)
    if said.length and not (said.day or said.time or said.period or said.part):
        return _resized(said.length, Moment(start, ""), start, now.zone, now.text)
    if said.time and said.to_time is None and said.length is None and said.day is None and said.period is None:
        return _at_clock(said, said.time, current, start, now)
    if said.part and not said.day and not said.time and not said.period:
        at = midnight(start.date()) + timedelta(hours=DEFAULTS[said.part])
        return _keep(current, start, place(at, now.zone), now.at, now.zone, now.text)
    if said.period and not said.time and not said.part:
        return _in_period(said.period, current, start, now)
    if said.day and not said.time and not said.part and not said.day.part and not said.length:
        return _on_day(said.day, current, start, now)
    if said.day is None and said.time:
        said = replace(said, day=Day((start.date(),)))
    return _fresh(said, current, start, now)


def _fresh(said: Phrase, current: Moment | Span, start: datetime, now: Now) -> Change | None:
    """Says enough to stand alone; only the old length is kept."""
    answer = resolve(said, now)
    if isinstance(answer, Moment) and isinstance(current, Span) and not current.all_day and not answer.all_day:
        return _keep(current, start, answer.at, now.at, now.zone, now.text)
    if isinstance(answer, Ambiguous) and isinstance(current, Span) and not current.all_day:
        kept = (
            _keep(current, start, each.at, now.at, now.zone, now.text)
            for each in answer.choices
            if isinstance(each, Moment)
        )
        spans = tuple(each for each in kept if isinstance(each, Span))
        return replace(answer, choices=spans) if spans else answer
    return answer if isinstance(answer, (Moment, Span, Ambiguous, Impossible)) else None


def _near(said: Time, part: str, start: datetime) -> int:
    if said.style != "bare" or part:
        return usual(said, part, "")
    options = (said.hour % 12, said.hour % 12 + 12)
    return min(options, key=lambda hour: (abs(hour * 60 + said.minute - start.hour * 60 - start.minute), -hour))


def _at_clock(said: Phrase, clock: Time, current: Moment | Span, start: datetime, now: Now) -> Change:
    base = start if not (isinstance(current, Moment) and current.all_day) else start.replace(hour=13)
    at = midnight(start.date()) + timedelta(hours=_near(clock, said.part, base), minutes=clock.minute)
    if isinstance(current, Span) and current.all_day:
        current = Moment(start, "", all_day=True)
    placed = place(at, now.zone, clock.fold)
    changed = _keep(
        replace(current, all_day=False, precise=True) if isinstance(current, Moment) else current,
        start,
        placed,
        now.at,
        now.zone,
        now.text,
    )
    if skipped(at, now.zone) and isinstance(changed, (Moment, Span)):
        return Ambiguous(gap(at, placed), (changed,))
    return changed


def _same_time(day: date, start: datetime, now: Now) -> datetime:
    return place(datetime.combine(day, wall(start).time()), now.zone)


def _in_period(period: Period, current: Moment | Span, start: datetime, now: Now) -> Change:
    """Next week: the same weekday of it. Next month: the same day of it."""
    size = (period.end - period.start).days
    day = period.start + timedelta(days=start.weekday() if size == 7 else min(start.day, size) - 1 if size > 7 else 0)
    already = period.start <= start.date() < period.end
    moved = day + timedelta(days=size) if already else day
    answer = _keep(current, start, _same_time(moved, start, now), now.at, now.zone, now.text)
    if already and isinstance(answer, (Moment, Span)):
        return Ambiguous(f"It is already there, on {short(start.date())}. Do you mean {short(moved)}?", (answer,))
    return answer


def _on_day(day: Day, current: Moment | Span, start: datetime, now: Now) -> Change:
    """Another day, the same clock time."""
    answers = [_keep(current, start, _same_time(each, start, now), now.at, now.zone, now.text) for each in day.dates]
    ahead: list[When] = [each for each in answers if isinstance(each, (Moment, Span))]
    if len(ahead) > 1:
        names = " or ".join(short(each) for each in day.dates)
        return Ambiguous(f"{day.ask} Do you mean {names}?".strip(), tuple(ahead))
    return next((each for each in answers if isinstance(each, (Moment, Span))), answers[0])
