"""Playbooks: a dry run shows what would be sent, changed or deleted, and does nothing."""

from __future__ import annotations

from tests.playbooks.errands import Outside
from tests.playbooks.kit import Book, asks, calls, calls_nothing, does, presses, says, toasts, user


async def nothing_was_written(book: Book) -> None:
    for table in ("proposal", "card", "effect"):
        assert await book.count(table) == 0, table


async def test_what_would_be_sent_is_shown_and_not_sent(errand_play: Book, outside: Outside) -> None:
    await errand_play(
        user("dry run: errands: tell ada the weekly report; post a card"),
        says("Dry run", "Nothing was done", "+ to: ada", "+ what: the weekly report", "Mail", "Post", "would ask you first",
             "could not be undone", "Can be taken back"),
        calls_nothing(), nothing_was_written,
    )  # fmt: skip
    assert outside.done == []
    await errand_play(user("/why"), says("dry run of `errands.mail`", "nothing was done"))


async def test_what_would_be_changed_or_deleted_is_a_difference(play: Book) -> None:
    await play(
        user("lunch with Ada on 27 November at 12:30"), asks("Lunch"), presses("Approve"), toasts("Approved."),
        calls("calendar.create"), says("Created"),
    )  # fmt: skip
    before = play.calendar
    await play(
        user("dry run: move the lunch with Ada to 28 November at 15:00"),
        says("- start: 2026-11-27T12:30:00+01:00", "+ start: 2026-11-28T15:00:00+01:00", "would ask you first"),
        user("Dry run, cancel the lunch with Ada on 27 November"),
        says("Delete event", "- summary: Lunch with Ada", "Money and deletion"),
        calls_nothing(), does(lambda book: book.calendar == before),
    )  # fmt: skip
    await play(user("move the lunch with Ada to 28 November at 15:00"), asks("15:00"))


async def test_a_note_by_dry_run_is_not_written_and_reading_is_just_read(play: Book) -> None:
    await play(
        user("dry run: note: the door code is `0000`"),
        says("+ text: the door code is '0000'", "would be done unasked", "own-notes-by-direct-words"),
        user("dry run: /brief"),
        says("nothing would be sent, changed or deleted"),
        nothing_was_written,
    )
    assert play.notes == {}
