"""Playbooks: notes, questions about them, and undo."""

from __future__ import annotations

from tests.playbooks.kit import Book, calls, calls_nothing, does, presses, says, toasts, user


async def test_a_note_is_written_found_and_cited(play_by_meaning: Book) -> None:
    await play_by_meaning(
        user("note: the accountant prefers mornings"),
        says("Noted", "the accountant prefers mornings"),
        calls("notes.write", text="the accountant prefers mornings"),
        does(lambda book: len(book.notes) == 1),
        user("when does the accountant like to meet?"),
        says("mornings", "Source", "notes/"),
        user("what did the dentist charge?"),
        says("I don't know"),
    )


async def test_undo_takes_the_note_away_and_a_second_undo_says_so(play: Book) -> None:
    await play(
        user("note: buy milk"),
        says("Noted"),
        calls("notes.write"),
        presses("Undo"),
        toasts("Undoing"),
        says("Undone."),
        calls("notes.delete"),
        does(lambda book: not book.notes),
        presses("Undo"),
        toasts("Already undone"),
        user("/undo"),
        says("nothing to undo"),
        calls_nothing(),
    )


async def test_undo_by_command_takes_the_last_then_the_one_before(play: Book) -> None:
    await play(
        user("note: one"),
        says("Noted"),
        calls("notes.write"),
        user("note: two"),
        says("Noted"),
        calls("notes.write"),
        user("/undo"),
        says("Undoing"),
        says("Undone", "Two"),
        user("/undo"),
        says("Undoing"),
        says("Undone", "One"),
        does(lambda book: not book.notes),
    )


async def test_undo_by_id(play: Book) -> None:
    await play(
        user("note: one"),
        says("Noted"),
        user("note: two"),
        says("Noted"),
        user("/undo 1"),
        says("Undoing"),
        says("Undone", "One"),
        does(lambda book: next(iter(book.notes.values())).rstrip().endswith("two")),
        user("/undo t2.p1"),
        says("Undoing"),
        says("Undone", "Two"),
        user("/undo 77"),
        says("no effect called"),
    )


async def test_undo_after_the_note_was_edited_by_hand_leaves_the_hand_alone(play: Book) -> None:
    def edit(book: Book) -> None:
        path = next(book.steward.settings.notes_path.glob("*.md"))
        path.write_text(path.read_text() + "\nmy own line\n")

    await play(
        user("note: buy milk"),
        says("Noted"),
        calls("notes.write"),
        does(edit),
        presses("Undo"),
        toasts("Undoing"),
        says("notes.delete failed", "not done"),
        does(lambda book: "my own line" in "".join(book.notes.values())),
        calls_nothing_done(),
    )


def calls_nothing_done():  # type: ignore[no-untyped-def]
    async def step(book: Book) -> None:
        assert await book.count("effect WHERE state='done'") == 1

    return step


async def test_a_reminder_set_and_undone_never_rings(play: Book) -> None:
    from tests.playbooks.kit import later

    await play(
        user("remind me to call the bank in 10 minutes"),
        says("I'll remind you", "call the bank"),
        calls("timers.set", text="call the bank"),
        presses("Undo"),
        toasts("Undoing"),
        says("Undone"),
        later(minutes=11),
    )
