"""Playbooks: forgetting for good, past talks as memory, quick answers, and cards that change by plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import WallSettings
from tests.playbooks.kit import (
    Book,
    Step,
    asks,
    calls,
    calls_nothing,
    does,
    open_book,
    presses,
    says,
    shows,
    toasts,
    user,
)

pytestmark = pytest.mark.slow


def done(tool: str) -> Step:
    """The effect was done; what it was about is forgotten with the rest, so that its receipt is no longer there."""

    async def step(book: Book) -> None:
        rows = await book.rows("SELECT id, state, arguments FROM effect WHERE tool=:tool", tool=tool)
        assert [(r["state"], r["arguments"]) for r in rows] == [("done", "{}")]
        book.effects_read.update(r["id"] for r in rows)

    return step


def _holds(home: Path, words: bytes) -> list[str]:
    return [p.name for p in sorted(home.rglob("*")) if p.is_file() and words in p.read_bytes()]


async def test_forgetting_asks_and_then_erases_the_note_from_vault_and_memory(play: Book) -> None:
    await play(
        user("note: Project Falcon launches in May"),
        says("Noted"),
        calls("notes.write"),
        user("note: the dentist is on the second floor"),
        says("Noted"),
        calls("notes.write"),
        user("/search Falcon"),
        says("Falcon", "notes/"),
        user("/forget Project Falcon"),
        asks("Forget for good", "project-falcon", "Cannot be undone"),
        calls_nothing(),
        presses("Approve"),
        toasts("Approved."),
        says("Forgotten: 1 document", "receipt comes"),
        says("Receipt t", "gone for good", "1 document"),
        done("memory.forget"),
        does(lambda book: list(book.notes) == [name for name in book.notes if "falcon" not in name]),
        does(lambda book: _holds(book.steward.home.path, b"Project Falcon") == []),
        user("/search Falcon"),
        says("Nothing found"),
        user("/search dentist"),
        says("second floor"),
    )


async def test_forgetting_what_is_not_there_says_so_and_rejecting_keeps_everything(play: Book) -> None:
    await play(
        user("/forget Atlantis"),
        says("nothing that contains", "Atlantis"),
        user("note: the safe is behind the mirror"),
        says("Noted"),
        calls("notes.write"),
        user("forget everything about the safe"),
        asks("Forget for good"),
        user("no"),
        says("Nothing was done"),
        calls_nothing(),
        does(lambda book: len(book.notes) == 1),
    )


async def test_a_past_talk_is_found_and_cited(play: Book) -> None:
    await play(
        user("lunch with Ada on 27 November at 12:30"),
        asks("Lunch with Ada"),
        presses("Reject"),
        toasts("Rejected."),
        says("Nothing was done"),
        user("/search lunch Ada"),
        says("lunch with Ada", "chat of"),
    )


async def test_why_an_offer_was_declined_is_found_in_the_decision_and_in_the_note(play: Book) -> None:
    await play(
        user("dinner with Falcon Partners on 27 March 2027 at 19:00"),
        asks("Falcon Partners"),
        presses("Reject"),
        toasts("Rejected."),
        says("Nothing was done"),
        user("note: we declined the March offer of Falcon Partners because the price was too high"),
        says("Noted"),
        calls("notes.write"),
        user("why did we decline the March offer?"),
        says("because the price was too high", "notes/"),
        user("/search declined dinner Falcon"),
        says("You declined (rejected)", "Falcon Partners", "chat of"),
    )


async def test_a_question_has_quick_answers_and_the_second_press_does_nothing(play: Book) -> None:
    await play(
        user("lunch with Ada on friday at 12:30"),
        says("Do you mean"),
        presses("schedule lunch with Ada on 2026-11-27 at 12:30"),
        toasts("lunch with Ada"),
        asks("Lunch with Ada"),
        presses("Reject"),
        toasts("Rejected."),
        says("Nothing was done"),
        presses("schedule lunch with Ada on 2026-11-27 at 12:30"),
        toasts("answered that already"),
        calls_nothing(),
    )


async def test_with_one_card_open_plain_words_change_it(play: Book) -> None:
    await play(
        user("lunch with Ada on 27 November at 12:30"),
        asks("12:30–13:30"),
        user("an hour later"),
        asks("13:30–14:30"),
        shows("13:30–14:30"),
        presses("Approve"),
        toasts("Approved."),
        says("Created"),
        calls("calendar.create"),
    )


async def test_panic_stops_effects_until_lifted_from_elsewhere(play: Book) -> None:
    await play(
        user("/panic"),
        says("Everything is stopped"),
        user("note: this must not be written"),
        says("Everything is stopped", "/panic lift"),
        calls_nothing(),
        user("/panic lift"),
        says("Nothing was lifted"),
        user("/panic lift", on="slack"),
        says("Lifted", on="slack"),
        user("note: now it may"),
        says("Noted"),
        calls("notes.write"),
    )


async def test_the_settings_wall_an_agent_off_in_the_running_house(tmp_path: Path, empty_database: Path) -> None:
    async def talk(home: Path, walls: WallSettings, *answer: str) -> None:
        async with open_book(home, empty_database, walls=walls) as book:
            await _tell(book)
            await book(user("what is the wifi password?"), says(*answer))

    await talk(tmp_path / "open", WallSettings(), "hunter2")
    await talk(tmp_path / "walled", WallSettings(credentials=["ask"]), "I don't know")


async def _tell(book: Book) -> None:
    await book(user("note: the wifi password is hunter2"), says("Noted"), calls("notes.write"))
