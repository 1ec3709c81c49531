"""What a time phrase can mean: small frozen values, so that callers match on types and never on strings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant in the principal's zone.

    `all_day`: only a day was named; `at` is then 09:00 of it (for today: the next full hour).
    `precise`: every part of the clock time was spoken. False where a rule supplied some of it ("morning", "at 8").
    """

    at: datetime
    text: str
    all_day: bool = False
    precise: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to, not including, `end`. A bare length ("for 45 minutes") has neither.

    An `all_day` span runs from midnight to midnight.
    """

    start: datetime | None
    end: datetime | None
    length: timedelta
    text: str
    all_day: bool = False


@dataclass(frozen=True, slots=True)
class Recurrence:
    """An RFC 5545 rule without DTSTART; `first` is its DTSTART, `zone` the IANA name of its wall clock."""

    rule: str
    first: datetime
    zone: str
    text: str


When = Moment | Span | Recurrence


@dataclass(frozen=True, slots=True)
class Found:
    """A time with one reading; `rest` is the sentence without it."""

    when: When
    rest: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several readings are plausible, or the one left needs a nod: ask `question`, offer `choices`, likelier first.

    Where the choices come from different phrases of the sentence, `rest` is the whole of it.
    """

    question: str
    choices: tuple[When, ...]
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Impossible:
    """The phrase names a time that does not exist or is over; `sentence` says so and what to say instead."""

    sentence: str
    rest: str = ""


Outcome = Found | Ambiguous | Impossible
