"""The golden phrases of time, and the promises that are easier said one by one."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import graphs.when as when_package
from graphs.when import (
    Ambiguous,
    Found,
    Impossible,
    Moment,
    Recurrence,
    Span,
    When,
    find,
    occurrence_after,
    parse_change,
    say,
)

GOLDEN = tomllib.loads((Path(__file__).parent.parent / "golden" / "when.toml").read_text(encoding="utf-8"))
ZURICH = ZoneInfo("Europe/Zurich")
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=ZURICH)  # a Wednesday


def written(answer: object) -> str:
    """An outcome in the notation of the golden file."""
    match answer:
        case Moment():
            marks = " all day" if answer.all_day else "" if answer.precise else " ~"
            return f"{answer.at:%Y-%m-%d}{marks}" if answer.all_day else f"{answer.at:%Y-%m-%d %H:%M}{marks}"
        case Span(start=datetime() as start, end=datetime() as end):
            shape = "%Y-%m-%d" if answer.all_day else "%Y-%m-%d %H:%M"
            return f"{start:{shape}} to {end:{shape}}"
        case Span():
            return f"for {answer.length}"
        case Recurrence():
            return f"{answer.rule} from {answer.first:%Y-%m-%d %H:%M}"
        case Ambiguous():
            return "ask " + " or ".join(written(choice) for choice in answer.choices)
        case Impossible():
            return "impossible"
        case Found():
            return written(answer.when) + (f" | {answer.rest}" if answer.rest else "")
    return "none"


CASES = [
    pytest.param(each["now"], each["zone"], phrase, expected, id=f"{each['zone']} {phrase}")
    for each in GOLDEN["setting"]
    for phrase, expected in each["phrases"].items()
]


@pytest.mark.parametrize(("now", "zone", "phrase", "expected"), CASES)
def test_golden_phrase(now: datetime, zone: str, phrase: str, expected: str) -> None:
    where = ZoneInfo(zone)
    assert written(find(phrase, now.replace(tzinfo=where), where)) == expected


CHANGES = [
    pytest.param(each["current"], each.get("minutes", 0), phrase, expected, id=f"{each.get('minutes', 0)} {phrase}")
    for each in GOLDEN["change"]
    for phrase, expected in each["phrases"].items()
]


@pytest.mark.parametrize(("current", "minutes", "phrase", "expected"), CHANGES)
def test_golden_change(current: datetime, minutes: int, phrase: str, expected: str) -> None:
    start, length = current.replace(tzinfo=ZURICH), timedelta(minutes=minutes)
    old = Span(start, start + length, length, "") if minutes else Moment(start, "")
    assert written(parse_change(phrase, old, NOW, ZURICH)) == expected


def test_the_golden_set_is_large() -> None:
    assert len(CASES) >= 260
    assert len({case.values[1] for case in CASES}) >= 4


def test_the_surface_is_what_is_documented() -> None:
    documented = "Ambiguous Found Impossible Moment Outcome Recurrence Span When find occurrence_after parse_change say"
    assert " ".join(when_package.__all__) == documented


def _found(text: str, now: datetime = NOW, zone: ZoneInfo = ZURICH) -> When:
    outcome = find(text, now, zone)
    assert isinstance(outcome, Found), outcome
    return outcome.when


def test_echoes_read_like_sentences() -> None:
    def echo(text: str) -> str:
        return say(_found(text), NOW, ZURICH)

    assert echo("in 2 hours") == "Wed 18 Nov 2026, 12:00 (in 2 h)"
    assert echo("every monday at 9") == "every Monday at 09:00, first on Mon 23 Nov"
    assert echo("every 3 hours") == "every 3 hours, first on Wed 18 Nov, 13:00"
    assert echo("friday 10 to 11:30") == "Fri 20 Nov 2026, 10:00–11:30 (in 2 days)"
    assert echo("last friday of every month") == "on the last Friday of every month at 09:00, first on Fri 27 Nov"
    assert echo("every weekday at 9 until 24 december") == (
        "every weekday at 09:00, first on Thu 19 Nov, until Thu 24 Dec 2026"
    )
    assert echo("tomorrow") == "Thu 19 Nov 2026 (tomorrow)"
    assert echo("for 90 minutes") == "for 1 h 30 min"


def test_a_skipped_hour_is_offered_moved_by_the_gap() -> None:
    outcome = find("28 March 2027 at 2:30am", NOW, ZURICH)
    assert isinstance(outcome, Ambiguous)
    assert outcome.question == (
        "02:30 does not exist on Sun 28 Mar 2027: the clocks go forward over it. Do you mean 03:30?"
    )


def test_the_repeated_hour_is_the_first_one_and_says_so() -> None:
    when = _found("1 November 2026 at 1:30am", datetime(2026, 10, 30, 12, tzinfo=NEW_YORK), NEW_YORK)
    assert isinstance(when, Moment)
    assert when.at.utcoffset() == timedelta(hours=-4)
    assert say(when, NOW, NEW_YORK).startswith("Sun 1 Nov 2026, 01:30 first time")
    again = _found("1 November 2026 at 1:30am second time", datetime(2026, 10, 30, 12, tzinfo=NEW_YORK), NEW_YORK)
    assert isinstance(again, Moment)
    assert again.at.utcoffset() == timedelta(hours=-5)


def test_a_rule_whose_first_time_is_skipped_goes_on_at_the_hour_that_was_said() -> None:
    eve = datetime(2027, 3, 27, 20, tzinfo=ZURICH)
    rule = _found("every day at 2:30am", eve)
    assert isinstance(rule, Recurrence)
    after = occurrence_after(rule, rule.first, ZURICH, rule.first)
    assert (f"{rule.first:%d %H:%M}", f"{after:%d %H:%M}") == ("28 03:30", "29 02:30")


def test_nine_stays_nine_when_the_clocks_change() -> None:
    first = datetime(2027, 3, 27, 9, tzinfo=ZURICH)
    after = occurrence_after("FREQ=DAILY", first, ZURICH, first)
    assert after is not None
    assert (after.hour, after.astimezone(UTC) - first.astimezone(UTC)) == (9, timedelta(hours=23))


def test_an_occurrence_in_the_gap_moves_and_the_next_is_back() -> None:
    first = datetime(2027, 3, 27, 2, 30, tzinfo=ZURICH)
    moved = occurrence_after("FREQ=DAILY", first, ZURICH, first)
    assert moved is not None
    assert f"{moved:%d %H:%M}" == "28 03:30"
    back = occurrence_after("FREQ=DAILY", first, ZURICH, moved)
    assert f"{back:%d %H:%M}" == "29 02:30"


def test_a_rule_ends() -> None:
    rule = _found("every day at 9 3 times")
    assert isinstance(rule, Recurrence)
    assert occurrence_after(rule, rule.first, ZURICH, rule.first + timedelta(days=1)) is not None
    assert occurrence_after(rule, rule.first, ZURICH, rule.first + timedelta(days=2)) is None


def test_an_old_rule_costs_no_more_than_a_new_one() -> None:
    first = datetime(1990, 1, 1, 9, tzinfo=ZURICH)
    assert occurrence_after("FREQ=MINUTELY;INTERVAL=7", first, ZURICH, NOW) is not None
    assert occurrence_after("FREQ=DAILY;INTERVAL=2", first, ZURICH, NOW) is not None


def test_the_hours_are_asked_about_in_words() -> None:
    outcome = find("today at 8", datetime(2026, 11, 18, 15, tzinfo=ZURICH), ZURICH)
    assert isinstance(outcome, Ambiguous)
    assert outcome.question == ("08:00 is past today. Do you mean Wed 18 Nov 2026, 20:00 or Thu 19 Nov 2026, 08:00?")


def test_what_does_not_exist_is_said_with_the_reason() -> None:
    outcome = find("pay the rent on 31 April", NOW, ZURICH)
    assert isinstance(outcome, Impossible)
    assert outcome.sentence == "There is no 31 April: April has 30 days."
    assert outcome.rest == "pay the rent"


if __name__ == "__main__":  # prints a golden section for phrases on stdin: zone and now are arguments
    import sys

    where = ZoneInfo(sys.argv[1])
    for line in sys.stdin.read().splitlines():
        outcome = find(line, datetime.fromisoformat(sys.argv[2]).replace(tzinfo=where), where)
        print(f"{json.dumps(line, ensure_ascii=False)} = {json.dumps(written(outcome), ensure_ascii=False)}")
