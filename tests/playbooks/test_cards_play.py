"""Playbooks: the approval card, by button and by words; presses that come twice, late, from strangers or from nowhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.forms import fields_of
from knowledge.words import Press
from tests.playbooks.kit import (
    Book,
    asks,
    button,
    calls,
    calls_nothing,
    does,
    later,
    presses,
    presses_data,
    says,
    shows,
    toasts,
    user,
)

pytestmark = pytest.mark.slow

LUNCH = user("lunch with Ada on 27 November at 12:30")


async def test_approve_by_button_creates_the_event_and_undo_takes_it_out(play: Book) -> None:
    await play(
        LUNCH,
        asks("Create event", "Lunch with Ada", "Fri 27 Nov 2026, 12:30"),
        calls_nothing(),
        does(lambda book: "Ada" not in book.calendar),
        presses("Approve"),
        toasts("Approved."),
        calls("calendar.create", summary="Lunch with Ada"),
        shows("✅ Approved"),
        says("Created", "Lunch with Ada"),
        does(lambda book: book.calendar.count("BEGIN:VEVENT") == 1),
        presses("Undo"),
        toasts("Undoing"),
        says("Undone", "Removed"),
        does(lambda book: "BEGIN:VEVENT" not in book.calendar),
    )


async def test_reject_does_nothing(play: Book) -> None:
    await play(
        LUNCH,
        asks("Lunch"),
        presses("Reject"),
        toasts("Rejected."),
        shows("❌ Rejected"),
        says("Nothing was done"),
        calls_nothing(),
    )


async def test_yes_and_no_in_words(play: Book) -> None:
    await play(
        LUNCH,
        asks("Lunch"),
        user("yes"),
        calls("calendar.create"),
        says("Created"),
        user("coffee with Bob on 28 November at 10:00"),
        asks("Coffee with Bob"),
        user("no"),
        says("Nothing was done"),
        calls_nothing(),
    )


async def test_no_make_it_3pm_is_an_edit_and_the_new_version_is_what_is_done(play: Book) -> None:
    await play(
        LUNCH,
        asks("12:30"),
        user("no, make it 3pm"),
        asks("15:00", "version 2"),
        calls_nothing(),
        presses("Approve"),
        toasts("Approved."),
        calls("calendar.create", start="2026-11-27T15:00:00+01:00"),
        says("Created", "15:00"),
    )


async def test_edit_by_button_asks_what_and_takes_the_next_message(play: Book) -> None:
    await play(
        LUNCH,
        asks("12:30"),
        presses("Edit"),
        toasts("Tell me the change"),
        says("What should change"),
        user("make it 2pm"),
        asks("14:00"),
        user("yes"),
        calls("calendar.create", start="2026-11-27T14:00:00+01:00"),
        says("Created"),
    )


async def test_a_press_on_an_old_version_is_superseded(play: Book) -> None:
    old: list[str] = []
    await play(
        LUNCH,
        asks("12:30"),
        does(lambda book: old.append(button(book, "Approve")[2])),
        user("make it 3pm"),
        asks("15:00"),
    )
    await play(
        presses_data(old[0]),
        toasts("superseded"),
        calls_nothing(),
        presses("Approve"),
        toasts("Approved."),
        calls("calendar.create"),
        says("Created"),
    )


async def test_later_asks_again_and_the_card_stays_open(play: Book) -> None:
    await play(
        LUNCH,
        asks("Lunch"),
        presses("Later"),
        toasts("I'll ask again at 11:30"),
        shows("I ask again"),
        later(hours=2, seconds=1),
        asks("Lunch with Ada"),
        presses("Approve"),
        toasts("Approved."),
        calls("calendar.create"),
        says("Created"),
    )


async def test_why_is_answered_from_the_rows_before_and_after(play: Book) -> None:
    await play(
        LUNCH,
        asks("Lunch"),
        presses("Why?"),
        toasts("Here is why"),
        says("Why approval 1?", "the calendar agent wants `calendar.create`", "rule"),
        user("why"),
        says("Why approval 1?"),
        calls_nothing(),
        presses("Reject"),
        toasts("Rejected."),
        says("Nothing was done"),
    )


async def test_nobody_answers_and_the_card_expires_by_itself(play: Book) -> None:
    old: list[str] = []
    await play(
        LUNCH,
        asks("Expires"),
        does(lambda book: old.append(button(book, "Approve")[2])),
        later(days=7, seconds=1),
        says("Nobody answered in time"),
        shows("⌛ Expired", "nobody answered"),
        does(decided_by("expiry")),
    )
    await play(presses_data(old[0]), toasts("This card has expired; nothing was done."), calls_nothing())


async def test_a_day_before_it_expires_a_card_that_nobody_decided_is_shown_once_more(play: Book) -> None:
    await play(
        LUNCH, asks("Lunch"), later(days=6, seconds=1), asks("about to expire", "Lunch with Ada"), presses("Approve"),
        toasts("Approved."), calls("calendar.create"), says("Created"), later(days=2),
    )  # fmt: skip
    await play(
        LUNCH, asks("Lunch"), presses("Reject"), toasts("Rejected."), says("Nothing was done"), later(days=6, hours=1)
    )


def decided_by(who: str):  # type: ignore[no-untyped-def]
    async def check(book: Book) -> bool:
        return {row["decided_by"] for row in await book.rows("SELECT decided_by FROM proposal")} == {who}

    return check


async def test_a_double_press_makes_one_effect_and_the_second_hears_so(play: Book) -> None:
    await play(
        LUNCH,
        asks("Lunch"),
        presses("Approve", times=3),
        toasts("Approved.", "Already approved", "Already approved"),
        calls("calendar.create"),
        says("Created"),
        does(lambda book: book.calendar.count("BEGIN:VEVENT") == 1),
    )


async def test_a_button_of_another_database_or_no_button_at_all_means_nothing(play: Book) -> None:
    await play(LUNCH, asks("Lunch"))
    data = button(play, "Approve")[2]
    press = Press.decode(data)
    assert press is not None
    foreign = replace(press, nonce="00000000").encode()
    unknown = replace(press, ref="c999").encode()
    await play(
        presses_data(foreign),
        toasts("I don't know this card"),
        presses_data(unknown),
        toasts("I don't know this card"),
        presses_data("rm -rf /"),
        toasts("I don't know this button"),
        presses_data(Press("undo", "t1.p1", nonce="00000000").encode()),
        toasts("I don't know this button"),
        presses_data(Press("retry", "f999").encode()),
        toasts("I don't know this failure"),
        calls_nothing(),
    )


async def test_a_stranger_s_press_does_nothing(play: Book) -> None:
    await play(
        LUNCH,
        asks("Lunch"),
        presses("Approve", sender="666"),
        toasts("not yours"),
        calls_nothing(),
        presses("Approve"),
        toasts("Approved."),
        calls("calendar.create"),
        says("Created"),
    )


async def test_a_forwarded_approve_is_nobody_s_word(play: Book) -> None:
    await play(
        LUNCH,
        asks("Lunch"),
        user("approve", forwarded=True),
        says_or_asks(),
        calls_nothing(),
        does(open_cards(at_least=1)),
    )


def says_or_asks():  # type: ignore[no-untyped-def]
    async def step(book: Book) -> None:
        book.next_message()

    return step


def open_cards(at_least: int):  # type: ignore[no-untyped-def]
    async def check(book: Book) -> bool:
        return await book.count("card WHERE state='open' AND id='c1'") >= at_least

    return check


async def test_two_open_cards_and_a_bare_yes_is_asked_back(play: Book) -> None:
    await play(
        LUNCH,
        asks("Approval 1"),
        user("coffee with Bob on 28 November at 10:00"),
        asks("Approval 2"),
        user("yes"),
        says("Which one do you mean?", "1", "2", "Lunch", "Coffee"),
        calls_nothing(),
        user("approve 2"),
        calls("calendar.create", summary="Coffee with Bob"),
        says("Created", "Coffee"),
        user("yes"),
        calls("calendar.create", summary="Lunch with Ada"),
        says("Created", "Lunch"),
    )


async def test_a_reply_to_a_card_means_that_card(play: Book) -> None:
    await play(LUNCH, asks("Approval 1"))
    first = play.card
    await play(
        user("coffee with Bob on 28 November at 10:00"),
        asks("Approval 2"),
        user("yes", reply_to=first),
        calls("calendar.create", summary="Lunch with Ada"),
        says("Created", "Lunch"),
    )


async def test_words_in_reply_to_a_card_change_that_card_however_long(play: Book) -> None:
    await play(user("lunch with Ada on 27 November at 12:30"), asks("Lunch with Ada"))
    first = play.card
    await play(user("dinner with Bo on 28 November at 19:00"), asks("Dinner with Bo"))
    long = "at " + "the very nice place by the lake " * 120
    await play(user(long, reply_to=first), asks("Lunch with Ada", "by the lake"))


async def test_a_form_sent_after_the_card_expired_says_so_and_changes_nothing(play: Book) -> None:
    await play(user("lunch with Ada on 27 November at 12:30"), asks("Lunch with Ada"))
    _, ref, data = button(play, "Edit")
    play.clock.now += timedelta(days=30)
    await play.settle()
    form = play.chats["telegram"].pressed(data, ref, text="make it 3pm")
    await play.deliver(form)
    assert "This card has expired; nothing was done." in play.chats["telegram"].toasts[-1]
    assert await play.count("effect") == 0


async def test_a_form_holds_todays_values_and_what_is_changed_in_it_is_the_new_version(play: Book) -> None:
    await play(LUNCH, asks("12:30"))
    _, ref, data = button(play, "Edit")
    today = {field.label: field.value for field in fields_of(play.intake, data)}
    assert today == {
        "What": "Lunch with Ada", "Begins": "2026-11-27T12:30:00+01:00", "Ends": "2026-11-27T13:30:00+01:00", "Where": "",
    }  # fmt: skip
    changed = {
        "end": "2026-11-27T14:00:00+00:00",
        "location": "Luigi's",
        "uid": "e9",
        "made": "2020-01-01",
        "zone": "UTC",
    }
    await play.deliver(play.chats["telegram"].pressed(data, ref, **changed))
    await play(asks("12:30–15:00", "Luigi's", "version 2"), calls_nothing())
    assert fields_of(play.intake, data) == (), "the form of a version that is superseded has no fields"
    _, ref, data = button(play, "Edit")
    assert {field.label: field.value for field in fields_of(play.intake, data)}["Where"] == "Luigi's"
    await play.deliver(play.chats["telegram"].pressed(data, ref, summary="Dinner", text="make it 7pm"))
    await play(
        asks("Dinner", "19:00–21:30", "version 3"),
        presses("Approve"),
        calls("calendar.create", summary="Dinner", location="Luigi's", zone="Europe/Zurich"),
        says("Created “Dinner”"),
    )


async def test_a_form_that_makes_no_sense_changes_nothing_and_says_why(play: Book) -> None:
    await play(LUNCH, asks("12:30"))
    _, ref, data = button(play, "Edit")
    for changed, told in (
        ({"end": "2026-11-27T12:00:00+01:00"}, "It would end before it begins."),
        ({"start": "at noon"}, "“Begins” is no time that I can read."),
        ({"summary": "  "}, "“What” can't be empty."),
        ({"summary": "Lunch with Ada"}, "I don't see what to change"),
        ({"uid": "e9"}, "I don't see what to change"),
    ):
        await play.deliver(play.chats["telegram"].pressed(data, ref, **changed))
        assert told in play.chats["telegram"].toasts[-1]
    assert await play.count("proposal WHERE version=1 AND state='open'") == 1


async def test_only_who_presses_a_button_of_this_very_card_sees_what_it_holds(play: Book) -> None:
    await play(LUNCH, asks("12:30"))
    _, _, data = button(play, "Edit")
    press = Press.decode(data)
    assert press is not None
    for other in (
        replace(press, nonce="x"),
        replace(press, version=2),
        replace(press, ref="c99"),
        replace(press, item=7),
    ):
        assert fields_of(play.intake, other.encode()) == ()
    assert fields_of(play.intake, "no press") == ()


async def test_a_new_message_voids_none_of_three_open_cards_and_all_three_turns_finish(play: Book) -> None:
    await play(
        LUNCH,
        asks("Approval 1"),
        user("coffee with Bob on 28 November at 10:00"),
        asks("Approval 2"),
        user("dinner with Eve on 29 November at 19:00"),
        asks("Approval 3"),
        user("note: in between"),
        says("Noted"),
        calls("notes.write"),
        user("/approve 3"),
        calls("calendar.create", summary="Dinner with Eve"),
        says("Approved"),
        says("Created", "Eve"),
        user("/reject 1"),
        says("Rejected"),
        says("Nothing was done"),
        user("approve 2"),
        calls("calendar.create", summary="Coffee with Bob"),
        says("Created", "Bob"),
        does(all_turns("done", 4)),
        does(lambda book: book.calendar.count("BEGIN:VEVENT") == 2),
    )


def all_turns(state: str, count: int):  # type: ignore[no-untyped-def]
    async def check(book: Book) -> bool:
        return [r["state"] for r in await book.rows("SELECT state FROM turn")] == [state] * count

    return check


async def test_decided_on_another_channel_every_copy_is_updated_and_the_answer_goes_where_it_was_asked(
    play: Book,
) -> None:
    await play(
        LUNCH,
        asks("Approval 1"),
        user("yes", on="slack"),
        calls("calendar.create"),
        says("Created"),
        shows("✅ Approved"),
    )
    assert play.chats["telegram"].edits


async def test_a_card_survives_a_restart(tmp_path, empty_database) -> None:  # type: ignore[no-untyped-def]
    from tests.playbooks.kit import open_book

    async with open_book(tmp_path / "home", empty_database) as before:
        await before(LUNCH, asks("Approval 1"))
        data = button(before, "Approve")[2]
    async with open_book(tmp_path / "home", empty_database) as after:
        await after(presses_data(data), toasts("Approved."), calls("calendar.create"), says("Created"))


async def test_a_lost_checkpoint_loses_no_approval(tmp_path, empty_database) -> None:  # type: ignore[no-untyped-def]
    from tests.playbooks.kit import open_book

    async with open_book(tmp_path / "home", empty_database) as before:
        await before(LUNCH, asks("Approval 1"))
        data = button(before, "Approve")[2]
    for path in (tmp_path / "home").glob("checkpoints.db*"):
        path.unlink()
    async with open_book(tmp_path / "home", empty_database) as after:
        await after(presses_data(data), toasts("Approved."), calls("calendar.create"), says("Created"))
        assert after.calendar.count("BEGIN:VEVENT") == 1
