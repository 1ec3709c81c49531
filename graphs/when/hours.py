"""Decides which hour an unmarked one is. The whole table of rules, in one place:

- "15:00", "08:00", "3pm", "noon" are what they say.
- A part of the day decides: "tonight at 8" is 20:00, "8 in the morning" 08:00, "tonight at 1" the night after.
- So do words like "dinner" and "wake" elsewhere in the sentence, for hours without any marker.
- A 24-hour custom ("um 8 Uhr", "à 8h") is taken as written, but asked about when it is over for today.
- For another day, and in repetitions, 7 to 11 are morning, 12 is noon, 1 to 6 afternoon.
- With no day at all, the next one ahead counts, unless that falls between midnight and 06:00: then it is asked.
"""

from __future__ import annotations

from .tokens import Time

DEFAULTS = {"morning": 9, "afternoon": 15, "evening": 19, "tonight": 20, "night": 21}
ENDS = {"morning": 12, "afternoon": 18, "evening": 24, "tonight": 24, "night": 24}
DAY_START = 9


def in_part(hour: int, part: str) -> int:
    """The hour of the day that `hour` is in that part; 24 and more belong to the night after."""
    if part in ("tonight", "night") and (hour < 5 or hour == 12):
        return 24 + hour % 12
    if part == "morning":
        return hour % 12 if hour == 12 else hour
    if part == "evening" and hour == 12:
        return 24
    return hour + 12 if hour < 12 else hour


def usual(time: Time, part: str, hint: str) -> int:
    """The hour meant on a day that is not today."""
    if time.style in ("sure", "midnight"):
        return time.hour + 24 if part in ("tonight", "night") and time.hour < 5 else time.hour
    if hint == "lunch" and time.style == "bare" and not part:
        return time.hour if time.hour > 9 else time.hour + 12
    part = part or (hint if time.style == "bare" and (hint == "morning" or time.hour >= 5) else "")
    if part:
        return in_part(time.hour, part)
    if time.style == "written" or time.hour > 6:
        return time.hour
    return time.hour + 12


def other(time: Time, part: str, hint: str) -> int | None:
    """The same figure twelve hours later, where nothing rules that out."""
    if part or hint or time.style not in ("bare", "written") or not 1 <= time.hour < 12:
        return None
    return time.hour + 12


def spoken(time: Time, part: str) -> bool:
    return time.style != "bare" or bool(part)


def _options(time: Time, part: str) -> list[int]:
    if time.style != "bare" or part:
        return [usual(time, part, "")]
    return [time.hour % 12, time.hour % 12 + 12]


def fit(start: Time, end: Time, part: str, hint: str) -> tuple[int, int]:
    """Start and end of a range in minutes from midnight: the shortest that agrees with what was marked."""
    ends = [
        hour * 60 + end.minute + night
        for night in (0, 1440)
        for hour in _options(end, part if start.style != "sure" else "")
    ]
    if start.style == "bare" and end.style != "bare" and not part:
        last = ends[0]
        begins = [hour * 60 + start.minute for hour in _options(start, part)]
        before = [each for each in begins if each < last]
        first = max(before) if before else min(begins)
    else:
        first = usual(start, part, hint) * 60 + start.minute
    if first >= 1440 and ends[0] < first:
        ends = [each + 1440 for each in ends]
    return first, min((each for each in ends if each > first), default=first + 60)
