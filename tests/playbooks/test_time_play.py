"""Playbooks: reminders ring once, say how late they are, and keep their hour when the clocks change."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.playbooks.kit import Book, at, does, later, open_book, says, user

pytestmark = pytest.mark.slow

ZONE = ZoneInfo("Europe/Zurich")


async def test_a_reminder_rings_once_where_it_was_set(play: Book) -> None:
    await play(
        user("remind me to call the bank in 10 minutes"),
        says("I'll remind you", "call the bank"),
        later(minutes=9),
        later(minutes=1, seconds=1),
        says("call the bank"),
        later(days=2),
    )


async def test_a_late_reminder_says_how_late_also_after_downtime(tmp_path: Path, empty_database: Path) -> None:
    async with open_book(tmp_path / "home", empty_database) as before:
        await before(user("remind me to call the bank at 11:00"), says("11:00"))
    late = datetime(2026, 11, 20, 14, 0, tzinfo=ZONE)
    async with open_book(tmp_path / "home", empty_database, now=late) as after:
        await after(at(late), says("call the bank", "late"), later(hours=5))


async def test_a_recurring_reminder_keeps_its_hour_across_the_change_to_winter_time(
    tmp_path: Path, empty_database: Path
) -> None:
    start = datetime(2026, 10, 23, 8, 0, tzinfo=ZONE)  # Friday; clocks go back on Sunday the 25th
    async with open_book(tmp_path / "home", empty_database, now=start) as book:
        await book(user("remind me every day at 9 to stretch"), says("stretch"))
        for day in (23, 24, 25, 26):
            before = datetime(2026, 10, day, 8, 59, 58, tzinfo=ZONE)
            await book(at(before), at(datetime(2026, 10, day, 9, 0, 1, tzinfo=ZONE)), says("stretch"))
        assert await book.count("timer WHERE state='armed' AND rule IS NOT NULL") == 1


async def test_a_recurring_reminder_after_a_week_of_downtime_rings_once_and_goes_on(play: Book) -> None:
    await play(
        user("every day at 10 remind me to stretch"),
        says("stretch"),
        later(days=7),
        says("stretch", "late"),
        later(days=1),
        says("stretch"),
    )


async def test_the_day_s_brief_names_reminders_events_and_open_approvals(play: Book) -> None:
    from tests.playbooks.kit import asks

    await play(
        user("remind me to call the bank at 11:00"),
        says("11:00"),
        user("lunch with Ada today at 12:30"),
        asks("Lunch"),
        user("/brief"),
        says("call the bank", "Lunch with Ada"),
        does(lambda book: True),
    )
