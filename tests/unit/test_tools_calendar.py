"""The calendar's tools: cards say exactly what will be done, changes in words change just that, conflicts are named."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.tools.base import Tool, ToolTrouble
from graphs.tools.slots import next_free, overlapping
from graphs.tools.values import Event
from tests.contract.connector_rigs import ZONE, tools_of

NOW = datetime(2026, 11, 18, 10, 0, tzinfo=ZONE)
LUNCH: dict[str, Any] = {
    "summary": "Lunch with Ada", "start": "2026-11-27T12:30:00+01:00", "end": "2026-11-27T13:30:00+01:00",
    "zone": "Europe/Zurich", "location": "", "made": NOW.isoformat(),
}  # fmt: skip


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, Tool]:
    return tools_of(tmp_path, now=NOW)


def test_a_card_says_title_day_times_zone_and_place(tools: dict[str, Tool]) -> None:
    create = tools["calendar.create"]
    assert create.render(LUNCH) == "**Create event** “Lunch with Ada” — Fri 27 Nov 2026, 12:30–13:30 (Europe/Zurich)"
    at = create.render({**LUNCH, "location": "Luigi's"})
    assert at.endswith("(Europe/Zurich), at “Luigi's”")
    late = create.render({**LUNCH, "end": "2026-11-28T01:00:00+01:00"})
    assert "Fri 27 Nov 2026, 12:30 – Sat 28 Nov 2026, 01:00" in late


@pytest.mark.parametrize(
    "title", ["a](http://x)", "**bold**", "two\nlines", "“quote” ends", "\u202ereversed", "`code`", "<b>"]
)
def test_foreign_words_stay_words_on_a_card(tools: dict[str, Tool], title: str) -> None:
    card = tools["calendar.create"].render({**LUNCH, "summary": title})
    assert card.count("\n") == 0
    assert card.count("“") == card.count("”") == 1
    assert "\u202e" not in card
    assert "**" not in card.removeprefix("**Create event**").replace(r"\*", "")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("make it 3pm", "Fri 27 Nov 2026, 15:00–16:00"),
        ("no, make it 3pm", "Fri 27 Nov 2026, 15:00–16:00"),
        ("an hour later", "Fri 27 Nov 2026, 13:30–14:30"),
        ("half an hour earlier", "Fri 27 Nov 2026, 12:00–13:00"),
        ("30 minutes longer", "Fri 27 Nov 2026, 12:30–14:00"),
        ("for two hours", "Fri 27 Nov 2026, 12:30–14:30"),
        ("on monday", "Mon 23 Nov 2026, 12:30–13:30"),
        ("from 2 to 4", "Fri 27 Nov 2026, 14:00–16:00"),
        ("tomorrow at 9", "Thu 19 Nov 2026, 09:00–10:00"),
        ("call it Dinner with Ada", "“Dinner with Ada” — Fri 27 Nov 2026, 12:30–13:30"),
        ("title: “Tea”", "“Tea”"),
        ("at Luigi's", "13:30 (Europe/Zurich), at “Luigi's”"),
        ("make it at the office", "at “the office”"),
        ("lieber im Kronenhof", "at “Kronenhof”"),
        ("location: Room 5", "at “Room 5”"),
        ("in Room 5", "at “Room 5”"),
        ("call it Chat and make it 3pm", "“Chat” — Fri 27 Nov 2026, 15:00–16:00"),
        ("at 2:30pm and call it Chat", "“Chat” — Fri 27 Nov 2026, 14:30–15:30"),
        ("tomorrow at 9, at Luigi's", "Thu 19 Nov 2026, 09:00–10:00 (Europe/Zurich), at “Luigi's”"),
        ("at noon", "Fri 27 Nov 2026, 12:00–13:00"),
    ],
)
def test_a_change_in_words_changes_that_and_nothing_else(tools: dict[str, Tool], words: str, part: str) -> None:
    create = tools["calendar.create"]
    assert create.revise is not None
    changed = create.revise(LUNCH, words, NOW, ZONE)
    assert isinstance(changed, dict)
    assert part in create.render(changed)
    assert len({k for k in changed if changed[k] != LUNCH.get(k)} - {"all_day"}) <= 3


@pytest.mark.parametrize("words", ["", "thanks", "why?", "I am hungry", "approve", "no"])
def test_words_that_change_nothing_are_no_change(tools: dict[str, Tool], words: str) -> None:
    revise = tools["calendar.create"].revise
    assert revise is not None
    assert revise(LUNCH, words, NOW, ZONE) is None


@pytest.mark.parametrize("words", ["two hours shorter", "on 31 november", "yesterday"])
def test_an_impossible_change_is_answered_with_a_sentence(tools: dict[str, Tool], words: str) -> None:
    revise = tools["calendar.create"].revise
    assert revise is not None
    answer = revise(LUNCH, words, NOW, ZONE)
    assert isinstance(answer, str)
    assert answer.endswith((".", "?", ")"))


def test_a_change_onto_a_busy_time_names_what_it_overlaps(tools: dict[str, Tool]) -> None:
    create = tools["calendar.create"]
    bank = {"summary": "Bank", "start": "2026-11-27T15:00:00+01:00", "end": "2026-11-27T16:00:00+01:00"}
    assert create.revise is not None
    changed = create.revise({**LUNCH, "beside": [bank]}, "make it 3pm", NOW, ZONE)
    assert isinstance(changed, dict)
    assert "⚠ Overlaps “Bank” (15:00–16:00)." in create.render(changed)
    asked = {**LUNCH, "beside": [bank], "asked": {"start": bank["start"], "end": bank["end"]}}
    assert "You asked for Fri 27 Nov 2026, 15:00–16:00, which is taken: “Bank”" in create.render(asked)
    for words in ("anyway", "make it 15:00", "make it Fri 27 Nov 2026 at 15:00"):
        anyway = create.revise(asked, words, NOW, ZONE)
        assert isinstance(anyway, dict)
        assert "Fri 27 Nov 2026, 15:00–16:00 (Europe/Zurich)\n⚠ Overlaps “Bank”" in create.render(anyway)


async def test_what_came_in_between_is_told_afterwards(tools: dict[str, Tool]) -> None:
    create = tools["calendar.create"]
    await create.run({**LUNCH, "summary": "Bank"}, "k1")
    receipt = await create.run(LUNCH, "k2")
    assert create.report(LUNCH, receipt).endswith("(Europe/Zurich). It overlaps “Bank”.")


async def test_undo_of_a_creation_refuses_once_the_event_was_moved(tools: dict[str, Tool], tmp_path: Path) -> None:
    create = tools["calendar.create"]
    receipt = await create.run(LUNCH, "k1")
    before = (await tools["calendar.event"].run({"uid": receipt["uid"]}, ""))["before"]
    was = {name: LUNCH[name] for name in ("summary", "start", "end", "location")}
    moved = {
        **LUNCH,
        "uid": receipt["uid"],
        "before": before,
        "was": was,
        "recurrence": "",
        "start": "2026-11-27T12:00:00+01:00",
    }
    await tools["calendar.move"].run(moved, "k2")
    file = (tmp_path / "calendar.ics").read_bytes()
    assert create.undo is not None
    back = create.undo(LUNCH, receipt)
    assert back is not None
    assert tools[back.tool].render(back.arguments).startswith("**Remove event** “Lunch with Ada”")
    with pytest.raises(ToolTrouble, match="changed by another program"):
        await tools[back.tool].run(back.arguments, "u")
    assert (tmp_path / "calendar.ics").read_bytes() == file


async def test_a_repeated_creation_stays_done_after_another_program_changed_it(
    tools: dict[str, Tool], tmp_path: Path
) -> None:
    create = tools["calendar.create"]
    receipt = await create.run(LUNCH, "k1")
    file = tmp_path / "calendar.ics"
    file.write_text(file.read_text().replace("SUMMARY:Lunch with Ada", "SUMMARY:Brunch"))
    assert await create.run(LUNCH, "k1") == receipt
    assert "Brunch" in file.read_text()


# ── busy and free ────────────────────────────────────────────────────────────────────────────────────────────────


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


def event(start: datetime, end: datetime, **more: Any) -> Event:
    return Event("u", "Busy", start, end, **more)


def test_touching_free_and_all_day_events_are_no_conflict() -> None:
    beside = [
        event(at(27, 11), at(27, 12)),
        event(at(27, 13), at(27, 14)),
        event(at(27, 12), at(27, 13), busy=False),
        event(at(27, 0), at(28, 0), all_day=True),
    ]
    assert overlapping(beside, at(27, 12), at(27, 13)) == []
    assert next_free(beside, at(27, 12), at(27, 13)) == (at(27, 12), at(27, 13))


def test_the_next_free_time_keeps_to_working_hours_and_quarters() -> None:
    assert next_free([event(at(27, 17), at(27, 17, 50))], at(27, 17), at(27, 18)) == (at(30, 9), at(30, 10))
    assert next_free([event(at(27, 12), at(27, 12, 50))], at(27, 12), at(27, 13)) == (at(27, 13), at(27, 14))
    evening = [event(at(27, 20), at(27, 21))]
    assert next_free(evening, at(27, 20), at(27, 21)) == (at(27, 21), at(27, 22))
    late = [event(at(27, 18), at(27, 23))]
    assert next_free(late, at(27, 20), at(27, 21)) == (at(28, 18), at(28, 19))
    saturday = [event(at(28, 12), at(28, 13))]
    assert next_free(saturday, at(28, 12), at(28, 13)) == (at(28, 13), at(28, 14))


def test_two_full_weeks_have_no_free_time() -> None:
    assert next_free([event(at(1, 0), at(30, 23) + timedelta(days=30))], at(16, 9), at(16, 10)) is None


TIMES = st.integers(0, 14 * 96).map(lambda quarter: at(16, 0) + timedelta(minutes=15 * quarter))
EVENTS = st.lists(
    st.tuples(TIMES, st.integers(1, 24)).map(lambda t: event(t[0], t[0] + timedelta(minutes=15 * t[1]))), max_size=30
)


@given(EVENTS, TIMES, st.integers(1, 16))
def test_a_free_time_is_free_as_long_as_asked_and_not_before(
    events: list[Event], start: datetime, quarters: int
) -> None:
    end = start + timedelta(minutes=15 * quarters)
    found = next_free(events, start, end)
    if found is None:
        return
    assert found[0] >= start
    assert found[1] - found[0] == end - start
    assert overlapping(events, *found) == []
