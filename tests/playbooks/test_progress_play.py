"""Playbooks: long work is one message that changes and ends with the work, also when the worker at it was killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.progress import FORGETS, Pace, Work, sweep
from channels.base import Inbound
from graphs.state import Said, ms
from graphs.tools.base import Arguments, Receipt
from knowledge import doing, forgetting
from knowledge.database.schema import turn
from knowledge.store.inbox import Stored
from tests.fakes.waiting import until
from tests.playbooks.chats import Chat, opened
from tests.playbooks.kit import Book, asks, calls, presses, says, toasts, user

pytestmark = pytest.mark.slow

QUICK = Pace(after_s=0.02, every_s=0.02)
READ = Said("a file", "file", "untrusted", "test", payload={"sentence": "I have read it."})


def reads(chat: Chat, take: Callable[[int], Awaitable[None]]) -> None:
    """From now on taking in a file is `take` (given which attempt it is), and long work is shown at once."""
    attempts = iter(range(1, 10))

    async def attach(_inbound: Inbound, _stored: Stored) -> Said:
        doing.begin("Reading “offer.txt”")
        await take(next(attempts))
        return READ

    chat.book.steward.hearing.attach = attach
    chat.book.steward.worker.progress.pace = QUICK


async def kept_of_progress(book: Book) -> list[str]:
    return [
        row["key"].split("/", 1)[1] for row in await book.rows("SELECT key FROM message WHERE key LIKE '%/progress%'")
    ]


async def shown(book: Book, opening: str) -> None:
    """What is written beside the worker (no task of its own wakes it) is posted, and begins so."""

    def posted() -> bool:
        book.steward.worker.poke()
        return any(m.text.startswith(opening) for m in book.chats["telegram"].posted.values())

    await until(posted)


@pytest.mark.parametrize("name", ["slack", "telegram"])
async def test_long_work_is_one_message_that_changes_and_ends(name: str, tmp_path: Path, empty_database: Path) -> None:
    async with opened(name, tmp_path / "home", empty_database) as chat:

        async def take(_attempt: int) -> None:
            for done in (120, 480):
                doing.far(done, 900, "passages")
                await until(lambda: chat.rig.shown() and f"“offer.txt”: {done} of 900 passages (0 s)" in chat.said)  # noqa: B023
                assert len(chat.rig.shown()) == 1

        reads(chat, take)
        await chat.sends("offer.txt", "what is offered")
        first, answer = chat.rig.shown()
        assert first == "⌛ This took 0 s."
        assert answer == "I have read it."
        assert await kept_of_progress(chat.book) == ["progress", "progress/end"]
        await chat.sends("offer.txt", "what is offered")
        assert len(chat.rig.shown()) in (3, 4)  # quick work may be over before it counts as long


async def test_where_nothing_can_be_edited_it_is_one_line_and_the_answer(tmp_path: Path, empty_database: Path) -> None:
    async with opened("whatsapp", tmp_path / "home", empty_database) as chat:

        async def take(_attempt: int) -> None:
            for done in (120, 480):
                doing.far(done, 900, "passages")
                await until(lambda: "Reading “offer.txt”. This takes a while." in chat.said)
                await asyncio.sleep(3 * QUICK.every_s)

        reads(chat, take)
        await chat.sends("offer.txt", "what is offered")
        assert chat.rig.shown() == ["⏳ Reading “offer.txt”. This takes a while.", "I have read it."]


async def test_a_terminal_shows_by_itself_that_steward_works(tmp_path: Path, empty_database: Path) -> None:
    async with opened("console", tmp_path / "home", empty_database) as chat:
        reads(chat, lambda _attempt: asyncio.sleep(5 * QUICK.after_s))
        await chat.sends("offer.txt", "what is offered")
        assert chat.rig.shown() == ["I have read it."]


@pytest.mark.parametrize("name", ["slack", "telegram"])
async def test_the_next_worker_ends_what_a_killed_one_was_at(name: str, tmp_path: Path, empty_database: Path) -> None:
    async with opened(name, tmp_path / "home", empty_database) as chat:

        async def take(attempt: int) -> None:
            if attempt == 1:
                await asyncio.Event().wait()

        reads(chat, take)
        book = chat.book
        await asyncio.to_thread(book.store, chat.rig.filed("offer.txt", "what is offered"))
        book.steward.worker.poke()
        await until(lambda: chat.said.startswith("⏳ Reading"))
        await until(lambda: book.count("message WHERE state='sent'"))
        (killed,) = [task for task in asyncio.all_tasks() if task.get_name() == "t1"]
        killed.cancel()
        with suppress(asyncio.CancelledError):
            await killed
        assert chat.said.startswith("⏳ Reading")
        book.steward.worker.progress.pace = Pace(after_s=60)  # the second attempt is over before it would say anything
        await book.move(book.clock.now + timedelta(minutes=2))
        assert chat.rig.shown() == ["⌛ This took 2 min 0 s.", "I have read it."]


@pytest.mark.parametrize(("state", "last"), [("done", "⌛ This took"), ("failed", "⌛ Stopped after")])
async def test_a_message_left_behind_is_ended_at_the_next_start_by_what_became_of_its_turn(
    play: Book, state: str, last: str
) -> None:
    await play(user("note: the gutter leaks"), says("Noted"), calls("notes.write"))
    steward = play.steward
    (row,) = await play.rows("SELECT id FROM turn")

    async def becomes(state: str) -> None:
        async with steward.crew.db.write() as tx:
            await tx.execute(update(turn).where(turn.c.id == row["id"]).values(state=state))

    async def at_work() -> None:
        async with steward.worker.progress.of(Work(row["id"], row["id"], "Working on it")):
            await asyncio.Event().wait()

    steward.worker.progress.pace = QUICK
    await becomes("running")
    killed = asyncio.create_task(at_work())
    await shown(play, "⏳ Working on it")
    killed.cancel()
    with suppress(asyncio.CancelledError):
        await killed
    await steward.worker.recover()
    await play.settle()
    assert await kept_of_progress(play) == ["progress"], "the turn may be taken up again"
    await becomes(state)
    for _ in range(2):
        await steward.worker.recover()
        await play.settle()
    await play(says(last))
    assert await kept_of_progress(play) == ["progress", "progress/end"]


def slow(book: Book, wait: Callable[[], Awaitable[None]]) -> None:
    """`errands.post` waits before it posts, and long work is shown at once."""
    tool = book.steward.crew.tools["errands.post"]

    async def run(arguments: Arguments, key: str) -> Receipt:
        await wait()
        return await tool.run(arguments, key)

    book.steward.crew.tools["errands.post"] = replace(tool, run=run)  # type: ignore[index]  # a dict, made by compose
    book.steward.worker.progress.pace = QUICK


async def test_what_was_approved_and_takes_long_is_shown_as_well(errand_play: Book) -> None:
    chat = errand_play.chats["telegram"]
    await errand_play(user("errands: post a"), asks("a"))
    slow(errand_play, lambda: until(lambda: any(m.text.startswith("⏳ Carrying out") for m in chat.posted.values())))
    await errand_play(
        presses("Approve"),
        toasts("Approved."),
        says("⌛ This took 0 s."),
        says("Did post a"),
        calls("errands.post"),
    )


async def test_a_word_of_progress_that_is_lost_is_no_failure_and_holds_up_nothing(errand_play: Book) -> None:
    chat, lost = errand_play.chats["telegram"], "message WHERE key LIKE '%/progress' AND state='failed'"
    await errand_play(user("errands: post a"), asks("a"))

    chat.refuses = lambda message: message.progress
    slow(errand_play, lambda: until(lambda: errand_play.count(lost)))
    card = chat.said[-1][1]
    await errand_play.deliver(chat.pressed(chat.posted[card].buttons[0][0].data, card))
    await errand_play.settle()
    assert await errand_play.count(lost) == 1
    assert await errand_play.count("failure") == 0
    assert await errand_play.count("message WHERE key LIKE '%/progress/end'") == 0
    assert "Did post a" in chat.posted[chat.said[-1][1]].text


async def test_nothing_is_said_before_it_is_known_whose_work_it_is(play: Book) -> None:
    play.steward.worker.progress.pace = QUICK
    await play(user("buy my course", sender="666"), says("Somebody you don't know"))
    (row,) = await play.rows("SELECT id, conversation FROM turn")
    assert row["conversation"] == "666"
    async with play.steward.worker.progress.of(Work(row["id"], row["id"], "")):
        await asyncio.sleep(10 * QUICK.every_s)
    assert await kept_of_progress(play) == []


async def test_forgetting_that_takes_long_is_shown_until_its_receipt(play: Book) -> None:
    await play(user("note: the heron nests at Blackwater"), says("Noted"), calls("notes.write"))
    steward = play.steward
    (row,) = await play.rows("SELECT id FROM turn")
    async with steward.crew.db.write() as tx:
        await forgetting.begin(tx, [], "Blackwater", now=ms(play.clock()), id="e1", asked_in=row["id"])
    work = Work(f"{FORGETS}e1", row["id"], "Forgetting")
    steward.worker.progress.pace = QUICK
    async with steward.worker.progress.of(work):
        await shown(play, "⏳ Forgetting")
    assert await kept_of_progress(play) == ["progress"], "nothing is told as done before it is"
    steward.librarian.erasing = True
    await steward.librarian.finish_erasing()
    async with steward.crew.db.write() as tx:
        await sweep(tx, ms(play.clock()))
    await play.settle()
    await play(says("⌛ This took"), says("Receipt e1"))
