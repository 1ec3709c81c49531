"""Playbooks: commands, /stop, strangers, linking, and words that are no words."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels.render import read, to_plain
from tests.playbooks.kit import Book, asks, calls, calls_nothing, does, open_book, presses, says, shows, toasts, user

pytestmark = pytest.mark.slow


async def test_a_stranger_gets_no_answer_and_the_principal_one_card(play: Book) -> None:
    await play(
        user("hello? who is there?", sender="666"),
        says("Somebody you don't know", "666"),
        user("/help", sender="666"),
        user("note: hacked", sender="666"),
        calls_nothing(),
        does(lambda book: not book.notes and not book.chats["telegram"].toasts),
        presses("Show it once"),
        toasts("Shown once"),
        says("666", "> hello? who is there?"),
        user("still there?", sender="666"),
        presses("Allow"),
        toasts("Allowed"),
        user("note: now an item", sender="666"),
        says("> note: now an item"),
        presses("Block"),
        toasts("Blocked"),
        user("let me in", sender="666"),
        calls_nothing(),
        does(lambda book: not book.notes),
    )


def sent_to(book: Book, conversation: str) -> list[str]:
    chat = book.chats["telegram"]
    return [chat.posted[ref].text for where, ref in chat.said if where == conversation]


async def test_an_answer_to_somebody_who_is_allowed_is_a_proposal_and_goes_to_them_alone(play: Book) -> None:
    await play(
        user("is Friday all right? <b>Eve</b>", sender="666"),
        says("Somebody you don't know"),
        presses("Allow"),
        toasts("Allowed"),
        says("> is Friday all right?", "answer s"),
        presses("Answer"),
        toasts("Tell me the answer."),
        says("What shall I answer", "666"),
        user("Yes, *12:30* is fine.\n- Ada"),
        asks("Answer", "666", "on telegram", "Yes, \\*12:30\\* is fine.", "Cannot be undone"),
        calls_nothing(),
        does(lambda book: sent_to(book, "666") == []),
        presses("Approve"),
        toasts("Approved."),
        calls("people.answer", person="666"),
        says("is fine."),
        says("Handed over for 666 on telegram"),
    )
    (told,) = sent_to(play, "666")
    assert to_plain(read(told)) == "Yes, *12:30* is fine.\n- Ada"
    await play(user("and on Saturday?", sender="666"), says("> and on Saturday?", "Answer"))
    assert len(sent_to(play, "666")) == 1, "they get nothing that was not approved"


async def test_an_answer_can_be_given_by_number_edited_and_rejected_and_who_was_blocked_gets_none(play: Book) -> None:
    await play(user("hello", sender="666"), says("Somebody"), presses("Allow"), toasts("Allowed"), says("> hello"))
    number = play.chats["telegram"].posted[play.chats["telegram"].said[-1][1]].text.split("`answer ")[1].split(":")[0]
    await play(
        user(f"answer {number}: no, thank you"),
        asks("no, thank you"),
        user("no", reply_to=""),
        says("Nothing was done"),
        user(f"answer {number}: yes"),
        asks("> yes"),
        user("make it perhaps"),
        asks("> perhaps", "version 2"),
        presses("Block"),
        toasts("Blocked"),
        presses("Approve"),
        toasts("Approved."),
        says("is not allowed to write to you any more; nothing was sent"),
    )
    assert sent_to(play, "666") == []


async def answerable(book: Book) -> list[str]:
    return [row["key"] for row in await book.rows("SELECT key FROM setting WHERE key LIKE 'item:%' ORDER BY key")]


async def test_who_wrote_a_forgotten_message_and_where_to_answer_is_forgotten_with_it(play: Book) -> None:
    forgotten = (presses("Approve"), toasts("Approved."), says("Forgotten"), says("Receipt"), calls("memory.forget"))
    await play(
        user("the heron nests at Blackwater", sender="666"),
        says("Somebody"),
        presses("Allow"),
        toasts("Allowed"),
        says("> the heron"),
        user("good morning", sender="666"),
        says("> good morning"),
    )
    first, second = await answerable(play)
    await play(user("/forget Blackwater"), asks(f"the message {first.removeprefix('item:')} of 666"), *forgotten)
    assert await answerable(play) == [second], "the other message does not hold the words"
    await play(
        user(f"answer {first.removeprefix('item:')}: yes"),
        says("I know no message"),
        user("/forget 666"),
        asks("can be answered"),
        *forgotten,
    )
    assert await answerable(play) == []


async def test_no_one_else_can_be_answered(play: Book) -> None:
    await play(
        user("hello", sender="666"),
        says("Somebody"),
        presses("Show it once"),
        toasts("Shown once"),
        does(lambda book: "Answer" not in str(book.chats["telegram"].posted)),
        says("> hello"),
        user("answer s1: hello"),
        says("I know no message s1"),
        user("answer s99: hello"),
        says("I know no message s99"),
    )
    assert sent_to(play, "666") == []


async def test_a_link_code_links_once(tmp_path: Path, empty_database: Path) -> None:
    async with open_book(tmp_path / "home", empty_database, link=False) as book:
        async with book.steward.crew.db.write() as tx:
            sentence = await book.steward.house.link(tx, "telegram", int(book.clock().timestamp() * 1000))
        code = sentence.split("**")[1]
        await book(
            user("hello"),
            user("deadbeef"),
            user(f"/start {code}"),
            says("Linked."),
            user("note: hello"),
            says("Noted"),
            user(code, sender="666"),
            says("Somebody you don't know"),
            user("hi", sender="666"),
        )


async def test_five_wrong_codes_void_the_code(tmp_path: Path, empty_database: Path) -> None:
    async with open_book(tmp_path / "home", empty_database, link=False) as book:
        async with book.steward.crew.db.write() as tx:
            sentence = await book.steward.house.link(tx, "telegram", int(book.clock().timestamp() * 1000))
        code = sentence.split("**")[1]
        for n in range(5):
            await book(user(f"wrong00{n}"))
        await book(user(code))


async def test_an_unknown_command_suggests_the_nearest(play: Book) -> None:
    await play(user("/remnd me"), says("Did you mean", "/remind"), user("/xyzzy"), says("did not understand"))


async def test_what_is_told_and_not_understood_is_offered_as_a_note(play: Book) -> None:
    await play(
        user("Frau Keller introduced me to our lawyer Dr. Baum in March"),
        says("did not understand", "keep it as a note?"),
        presses("note: Frau Keller introduced me to our lawyer Dr. Baum in M…"),
        says("Noted", "Dr. Baum in March"),
        user("who introduced me to our lawyer?"),
        says("Frau Keller", "Dr. Baum in March", "Source"),
    )


async def test_a_mistyped_house_command_is_suggested_too(play: Book) -> None:
    await play(user("/statsu"), says("Did you mean", "/status"))


async def test_stop_with_nothing_running_says_so(play: Book) -> None:
    await play(
        user("lunch with Ada on 27 November at 12:30"),
        asks("Lunch"),
        user("/stop"),
        says("Nothing is running", "Open approvals stay open"),
    )


@pytest.mark.parametrize("words", ["", " ", "\n\n", "\x00", "\x00\x00 \x00", "👍", "🎉🎉🎉", "…", "?", "\u200b"])
async def test_words_without_content_get_one_sentence(play: Book, words: str) -> None:
    await play(user(words), says(""), calls_nothing())


async def test_nul_bytes_never_reach_a_file(play: Book) -> None:
    await play(user("note: before\x00after"), says("Noted"))
    assert "\x00" not in "".join(play.notes.values())
    assert "\x00" not in play.calendar


async def test_twenty_thousand_characters_are_one_note_whole(play: Book) -> None:
    words = " ".join(f"word{n}" for n in range(2_600))[:20_000]
    await play(user(f"note: {words}"), says("Noted"))
    (note,) = play.notes.values()
    assert words in " ".join(note.split())


async def test_twenty_thousand_characters_of_nothing_get_one_sentence(play: Book) -> None:
    await play(user("lorem " * 3_334), says(""), calls_nothing())


@pytest.mark.parametrize(
    "words",
    ["lunch with Ada on 31 February at 12:30", "remind me on 30 February to pay", "meeting on 2026-13-01 at 10"],
)
async def test_a_date_that_does_not_exist_is_said_and_nothing_is_done(play: Book, words: str) -> None:
    await play(user(words), says(""), calls_nothing())


async def test_help_status_whoami_agents_answer(play: Book) -> None:
    await play(
        user("/help"),
        says("Commands", "/undo"),
        user("/status"),
        says("open approvals: 0"),
        user("/whoami"),
        says("principal"),
        user("/agents"),
        says("notes", "calendar", "timer"),
        user("/new"),
        says("A new conversation"),
        user("/failures"),
        says("Nothing is wrong."),
        user("/why"),
        says(""),
    )


async def test_several_texts_sent_quickly_are_answered_in_order_none_merged(play: Book) -> None:
    chat = play.chats["telegram"]
    await play.deliver(*(chat.typed(f"note: number {n}") for n in range(12)))
    for n in range(12):
        await play(says(f"number {n}")) if n == 11 else await says(f"number {n}")(play)
    assert len(play.notes) == 12


async def test_a_calendar_file_that_is_no_calendar_is_told_and_left_alone(play: Book) -> None:
    path = play.steward.settings.calendar_path
    path.write_text("this is my shopping list\n")
    await play(user("what is on my calendar today?"), says(""), calls_nothing())
    assert path.read_text() == "this is my shopping list\n"
    await play(user("lunch with Ada on 27 November at 12:30"), either())
    assert path.read_text() == "this is my shopping list\n"


def either():  # type: ignore[no-untyped-def]
    async def step(book: Book) -> None:
        from tests.playbooks.kit import presses

        _, message = book.next_message()
        if message.card:
            await presses("Approve")(book)
            _, message = book.next_message()
        assert "⚠️" in message.text or "calendar" in message.text.lower()

    return step


async def test_a_command_in_plain_words_is_that_command_and_words_about_one_are_not(play: Book) -> None:
    await play(
        user("What can you do?"), says("Just write to me", "/remind"), calls_nothing(),
        user("lunch with Ada on 2027-01-06 at 12:30"), asks("Create event"),
        user("ok, do it"), shows("Approved"), says("Created"), calls("calendar.create"),
        user("undo that please"), says("Undoing it"), says("Undone", "Ada"), calls("calendar.restore"),
        user("What did you do today?"), says("Done today: 1", "Created “Lunch with Ada”", "(undone since)"),
        user("undo that", forwarded=True), says("Shall I note this down?"), calls_nothing(),
    )  # fmt: skip
    await play(user("note: undo the top button"), says("Noted: “undo the top button”"), calls("notes.write"))
    assert await play.count("effect WHERE undoes IS NOT NULL") == 1


async def test_a_stranger_who_asks_for_help_is_held_like_any_other(play: Book) -> None:
    await play(user("what can you do?", sender="666"), says("Somebody you don't know", "666"), calls_nothing())
