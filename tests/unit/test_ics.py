"""The calendar file: what Steward does not understand keeps every byte, and series change one day at a time."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.connectors.ics import IcsCalendar
from graphs.connectors.ics_text import cut, escaped, folded, joined, value, with_lines, without
from graphs.tools.base import ToolTrouble
from graphs.tools.values import Event

ZURICH = ZoneInfo("Europe/Zurich")
MADE = datetime(2026, 11, 20, 9, tzinfo=UTC)

OUTLOOK = """BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
X-WR-CALNAME:Büro
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VTODO
UID:todo-1
SUMMARY:Not an event
END:VTODO
BEGIN:VEVENT
UID:audit-1
SUMMARY;LANGUAGE=de:Prüfer\\, Teil 1
DTSTART;TZID="W. Europe Standard Time":20261127T120000
DTEND;TZID="W. Europe Standard Time":20261127T130000
X-ALT-DESC;FMTTYPE=text/html:<p>a long line that was folded by the other
  program\\, and stays so</p>
ATTENDEE;CN="Ada: Lovelace";ROLE=REQ-PARTICIPANT:mailto:ada@example.org
BEGIN:VALARM
UID:alarm-uid
TRIGGER:-PT15M
ACTION:DISPLAY
DESCRIPTION:Soon
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:standup
SUMMARY:Stand-up
DTSTART;TZID=W. Europe Standard Time:20261123T090000
DURATION:PT15M
RRULE:FREQ=DAILY;COUNT=5
END:VEVENT
BEGIN:X-COMPONENT
X-ANYTHING:goes
END:X-COMPONENT
END:VCALENDAR
"""


@pytest.fixture(params=["\r\n", "\n"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "calendar.ics"
    path.write_bytes(b"\xef\xbb\xbf" + OUTLOOK.replace("\n", request.param).encode())
    return path


def week(calendar: IcsCalendar) -> list[Event]:
    start = datetime(2026, 11, 23, tzinfo=ZURICH)
    return calendar.between(start, start + timedelta(days=7))


def named(calendar: IcsCalendar, summary: str) -> list[Event]:
    return [event for event in week(calendar) if event.summary.startswith(summary)]


def test_events_of_other_programs_are_read_in_their_zones(file: Path) -> None:
    audit = named(IcsCalendar(file, ZURICH), "Prüfer")[0]
    assert (audit.uid, audit.summary) == ("audit-1", "Prüfer, Teil 1")
    assert audit.start == datetime(2026, 11, 27, 12, tzinfo=ZURICH)
    assert len(named(IcsCalendar(file, ZURICH), "Stand-up")) == 5


def test_creating_adds_lines_and_changes_none(file: Path) -> None:
    before = file.read_bytes()
    event = Event("new@steward", "Tea; with Ada, at 4", MADE, MADE + timedelta(hours=1))
    IcsCalendar(file, ZURICH).create(event, made=MADE, description="")
    after = file.read_bytes()
    at = after.index(b"BEGIN:VEVENT\r\nUID:new" if b"\r\n" in before else b"BEGIN:VEVENT\nUID:new")
    end = len(after) - (len(before) - at)
    assert after[:at] + after[end:] == before
    assert (b"\r\n" in before) == (b"\r\n" in after[at:end])


def test_moving_touches_the_times_of_that_event_alone(file: Path) -> None:
    calendar = IcsCalendar(file, ZURICH)
    audit = named(calendar, "Prüfer")[0]
    before = file.read_bytes().decode()
    goal = Event("audit-1", audit.summary, audit.start + timedelta(hours=3), audit.end + timedelta(hours=3))
    calendar.change(goal, before=calendar.text("audit-1"), made=MADE)
    after = file.read_bytes().decode()
    gone = [line for line in before.splitlines() if line not in after.splitlines()]
    come = [line for line in after.splitlines() if line not in before.splitlines()]
    assert gone == [line for line in before.splitlines() if line.startswith(('DTSTART;TZID="', 'DTEND;TZID="'))]
    assert 'DTSTART;TZID="W. Europe Standard Time":20261127T150000' in come
    assert {line.split(":")[0].split(";")[0] for line in come} == {
        "DTSTART",
        "DTEND",
        "DTSTAMP",
        "LAST-MODIFIED",
        "SEQUENCE",
    }
    assert named(calendar, "Prüfer")[0].start == datetime(2026, 11, 27, 15, tzinfo=ZURICH)


def test_one_day_of_a_series_moves_and_the_others_stay(file: Path) -> None:
    calendar = IcsCalendar(file, ZURICH)
    original = file.read_bytes()
    third = named(calendar, "Stand-up")[2]
    before = calendar.text("standup")
    goal = Event(
        "standup", "Stand-up", third.start + timedelta(hours=2), third.end + timedelta(hours=2), recurrence=third.start
    )
    state = calendar.change(goal, before=before, made=MADE)
    assert [f"{event.start:%d %H}" for event in named(calendar, "Stand-up")] == [
        "23 09",
        "24 09",
        "25 11",
        "26 09",
        "27 09",
    ]
    moved = named(calendar, "Stand-up")[2]
    assert moved.recurrence == third.start
    again = Event("standup", "Short stand-up", moved.start, moved.end, recurrence=moved.recurrence)
    second = calendar.change(again, before=calendar.text("standup"), made=MADE)
    assert len(named(calendar, "S")) == 5
    assert named(calendar, "Short")[0].start == moved.start
    calendar.restore("standup", before=before, state=second)
    assert file.read_bytes() == original
    assert state != second


def test_one_day_of_a_series_is_cancelled_and_the_others_stay(file: Path) -> None:
    calendar = IcsCalendar(file, ZURICH)
    original, before = file.read_bytes(), calendar.text("standup")
    state = calendar.delete("standup", named(calendar, "Stand-up")[1].recurrence, before=before)
    assert [f"{event.start:%d}" for event in named(calendar, "Stand-up")] == ["23", "25", "26", "27"]
    assert calendar.delete("standup", datetime(2026, 11, 24, 9, tzinfo=ZURICH), before=before) == state
    calendar.restore("standup", before=before, state=state)
    assert file.read_bytes() == original


def test_a_moved_day_of_a_series_can_be_cancelled_too(file: Path) -> None:
    calendar = IcsCalendar(file, ZURICH)
    third = named(calendar, "Stand-up")[2]
    goal = Event(
        "standup", "Stand-up", third.start + timedelta(hours=2), third.end + timedelta(hours=2), recurrence=third.start
    )
    calendar.change(goal, before=calendar.text("standup"), made=MADE)
    calendar.delete("standup", third.recurrence, before=calendar.text("standup"))
    assert [f"{event.start:%d}" for event in named(calendar, "Stand-up")] == ["23", "24", "26", "27"]


def test_a_series_without_a_day_named_is_not_changed(file: Path) -> None:
    calendar = IcsCalendar(file, ZURICH)
    first = named(calendar, "Stand-up")[0]
    moved = Event(
        "standup", "Stand-up", first.start + timedelta(hours=1), first.end + timedelta(hours=1), recurrence=first.start
    )
    calendar.change(moved, before=calendar.text("standup"), made=MADE)
    whole = Event("standup", "Stand-up", first.start, first.end)
    with pytest.raises(ToolTrouble, match="which of its days"):
        calendar.change(whole, before=calendar.text("standup"), made=MADE)


def test_all_day_series_move_by_the_day(tmp_path: Path) -> None:
    path = tmp_path / "c.ics"
    path.write_text(calendar_with("UID:d\nSUMMARY:Bins\nDTSTART;VALUE=DATE:20261123\nRRULE:FREQ=WEEKLY\n"))
    calendar = IcsCalendar(path, ZURICH)
    bins = week(calendar)[0]
    assert (bins.all_day, bins.end - bins.start) == (True, timedelta(days=1))
    goal = Event("d", "Bins", bins.start + timedelta(days=1), bins.end + timedelta(days=1), True, recurrence=bins.start)
    calendar.change(goal, before=calendar.text("d"), made=MADE)
    assert [f"{e.start:%d} {e.all_day}" for e in week(calendar)] == ["24 True"]
    assert "RECURRENCE-ID;VALUE=DATE:20261123" in path.read_text()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", None),
        (b"hello\n", "not an iCalendar file"),
        (b"\x00\x01\x02", "not an iCalendar file"),
        (b"BEGIN:VCARD\nEND:VCARD\n", "not an iCalendar file"),
        (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\n", "damaged"),
        (b"BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR\n", "damaged"),
    ],
)
def test_what_is_no_calendar_is_said_and_left(tmp_path: Path, content: bytes, sentence: str | None) -> None:
    path = tmp_path / "calendar.ics"
    path.write_bytes(content)
    calendar = IcsCalendar(path, ZURICH)
    if sentence is None:
        assert week(calendar) == []
        return
    for act in (lambda: week(calendar), lambda: calendar.delete("x", None, before="")):
        with pytest.raises(ToolTrouble):
            act()
    with pytest.raises(ToolTrouble, match=sentence):
        calendar.create(Event("n", "N", MADE, MADE), made=MADE, description="")
    assert path.read_bytes() == content


def calendar_with(*events: str) -> str:
    body = "".join(f"BEGIN:VEVENT\n{event}END:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{body}END:VCALENDAR\n"


def test_one_unreadable_event_does_not_hide_the_others(tmp_path: Path) -> None:
    path = tmp_path / "c.ics"
    path.write_text(
        calendar_with(
            "UID:1\nSUMMARY:no start\n",
            "UID:2\nSUMMARY:bad start\nDTSTART:2026112\nRRULE:FREQ=HUH\n",
            "UID:3\nSUMMARY:every second\nDTSTART:20261123T090000Z\nRRULE:FREQ=SECONDLY\n",
            "UID:4\nSUMMARY:cancelled\nSTATUS:CANCELLED\nDTSTART:20261123T090000Z\n",
            "UID:5\nSUMMARY:floating\nDTSTART:20261123T100000\nDURATION:PT45M\n",
            "SUMMARY:no uid\nDTSTART:20261124T100000Z\n",
            "UID:7\nSUMMARY:free\nTRANSP:TRANSPARENT\nDTSTART;TZID=Nowhere/Land:20261125T100000\n",
        )
    )
    calendar = IcsCalendar(path, ZURICH)
    assert [(e.summary, e.busy) for e in week(calendar)] == [("floating", True), ("no uid", True), ("free", False)]
    assert week(calendar)[0].start == datetime(2026, 11, 23, 10, tzinfo=ZURICH)
    assert week(calendar)[0].end - week(calendar)[0].start == timedelta(minutes=45)
    with pytest.raises(ToolTrouble, match="no id"):
        calendar.delete("", None, before=calendar.text(""))


def test_bytes_that_are_no_utf8_survive_and_are_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "c.ics"
    path.write_bytes(calendar_with("UID:1\nSUMMARY:B?ro\nDTSTART:20261123T090000Z\n").encode().replace(b"?", b"\xfc"))
    before = path.read_bytes()
    calendar = IcsCalendar(path, ZURICH)
    calendar.restore("n", before="", state=calendar.create(Event("n", "New", MADE, MADE), made=MADE, description=""))
    assert path.read_bytes() == before
    with pytest.raises(ToolTrouble, match="oddly written"):
        calendar.text("1")


def test_a_link_to_the_calendar_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.ics", tmp_path / "link.ics"
    real.write_text(calendar_with())
    link.symlink_to(real)
    IcsCalendar(link, ZURICH).create(Event("n", "New", MADE, MADE), made=MADE, description="")
    assert link.is_symlink()
    assert "SUMMARY:New" in real.read_text()


def test_an_hour_is_an_hour_over_the_change_of_clocks(tmp_path: Path) -> None:
    calendar = IcsCalendar(tmp_path / "c.ics", ZURICH)
    start = datetime(2026, 10, 25, 2, 30, tzinfo=ZURICH)  # the first of two
    calendar.create(
        Event("n", "Night shift", start, start.astimezone(UTC) + timedelta(hours=2)), made=MADE, description=""
    )
    found = calendar.between(start - timedelta(hours=5), start + timedelta(hours=5))[0]
    assert found.end.astimezone(UTC) - found.start.astimezone(UTC) == timedelta(hours=2)
    assert f"{found.start:%H:%M}–{found.end:%H:%M}" == "02:30–03:30"


def test_ten_thousand_events_cost_little(tmp_path: Path) -> None:
    path = tmp_path / "c.ics"
    day = datetime(2006, 1, 1, tzinfo=UTC)
    path.write_text(
        calendar_with(
            *(f"UID:{n}\nSUMMARY:E{n}\nDTSTART:{day + timedelta(days=n):%Y%m%dT%H%M%SZ}\n" for n in range(10_000))
        )
    )
    begun = time.process_time()
    assert len(week(IcsCalendar(path, ZURICH))) == 7
    assert time.process_time() - begun < 3


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=300)


@given(TEXT)
def test_folding_never_loses_a_character_or_a_byte_limit(text: str) -> None:
    lines = folded(f"SUMMARY:{escaped(text)}").split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    event = with_lines("BEGIN:VEVENT\r\nEND:VEVENT\r\n", f"SUMMARY:{escaped(text)}")
    assert value(event, "SUMMARY") == escaped(text)
    assert without(event, "SUMMARY") == "BEGIN:VEVENT\r\nEND:VEVENT\r\n"


@given(st.lists(TEXT, max_size=6))
def test_cutting_and_joining_is_the_identity(lines: list[str]) -> None:
    data = calendar_with(*(f"UID:{n}\nDESCRIPTION:{escaped(line)}\n" for n, line in enumerate(lines))).encode()
    assert joined(cut(data, Path("c.ics"))) == data


def test_calendars_cost_nothing_before_one_is_read() -> None:
    code = "import sys, graphs.agents, graphs.tools.registry; sys.exit(not {'icalendar', 'dateutil'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
