"""Playbooks: autonomy that is earned and taken back, and sends that wait with an Undo button."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import autonomy
from bot.settings import PolicySettings
from graphs.agent import Task
from graphs.state import ms
from tests.playbooks import errands
from tests.playbooks.errands import Outside
from tests.playbooks.kit import (
    Book,
    asks,
    calls,
    calls_nothing,
    does,
    later,
    open_book,
    presses,
    says,
    toasts,
    user,
)

MAIL = user("errands: tell ada the weekly report")


def told(book: Book) -> list[str]:
    found = book.unread()
    book.read["telegram"] = len(book.chats["telegram"].said)
    return found


async def hurry(book: Book) -> None:
    """Twenty approvals, at hours that are not unusual, with nothing but receipts in between."""
    for n in range(20):
        await later(hours=24)(book)
        await MAIL(book)
        await asks("Mail")(book)
        await presses("Approve")(book)
        await toasts("Approved.")(book)
        await calls("errands.mail", to="ada")(book)
        said = told(book)
        assert any("Mailed ada" in one for one in said), said
        offers = [one for one in said if "Shall I stop asking" in one]
        assert len(offers) == (n == 19), f"after {n + 1} approvals: {said}"


async def past_the_first_weeks(book: Book) -> None:
    """The house has its first record, and two months pass."""
    await user("note: the house begins")(book)
    told(book)
    await calls("notes.write")(book)
    await later(days=61)(book)


async def test_after_twenty_unchanged_approvals_it_may_stop_asking_and_one_button_takes_it_back(
    errand_play: Book, outside: Outside
) -> None:
    book = errand_play
    await past_the_first_weeks(book)
    await hurry(book)
    await book(presses("Stop asking"), toasts("I'll stop asking."), says("I don't ask any more for this", "Mail"))
    await later(hours=24)(book)
    await book(MAIL, calls("errands.mail", to="ada"), says("Mailed ada"))
    await book(user("errands: tell eve the weekly report"), asks("Mail", "eve"), calls_nothing())
    async with book.steward.crew.db.write() as tx:
        await autonomy.evening(tx, book.steward.crew, ms(book.clock()))
    await book.settle()
    await book(
        says("Done unasked today: 1", "Mail ada", "earned"),
        presses("Ask again: Mail ada: the weekly report"),
        toasts("I ask again"),
    )
    await later(hours=24)(book)
    await book(MAIL, asks("Mail", "ada"), calls_nothing())
    records = await book.rows("SELECT what FROM ledger WHERE what LIKE 'autonomy.%' ORDER BY seq")
    assert [row["what"] for row in records] == ["autonomy.granted", "autonomy.taken-back"]


async def test_a_plan_of_many_is_noticed_although_none_of_it_has_begun(errand_play: Book, outside: Outside) -> None:
    """Eight a minute are ordinary: the ninth and tenth of one message ask, and say why."""
    book = errand_play
    await past_the_first_weeks(book)
    await hurry(book)
    await book(presses("Stop asking"), toasts("I'll stop asking."), says("I don't ask any more for this"))
    await later(hours=24)(book)
    plan = "; ".join(f"tell ada report {n}" for n in range(10))
    await book(user(f"errands: {plan}"), asks("report 8", "report 9", "many effects in a short time"))
    rows = await book.rows("SELECT verdict FROM proposal ORDER BY made_at DESC, ordinal LIMIT 10")
    assert [row["verdict"] for row in rows] == ["allow"] * 8 + ["ask"] * 2


async def test_a_rejection_begins_the_count_anew_and_the_first_weeks_offer_nothing(errand_play: Book) -> None:
    book = errand_play
    await user("note: the house begins")(book)
    told(book)
    for n in range(21):
        await later(hours=24)(book)
        await MAIL(book)
        await asks("Mail")(book)
        await presses("Approve")(book)
        await toasts("Approved.")(book)
        assert not any("stop asking" in one for one in told(book)), f"within the first weeks, {n + 1} approvals"
    await later(days=61)(book)
    await book(MAIL, asks("Mail"), presses("Reject"), toasts("Rejected."), says("Nothing was done"))
    await later(hours=24)(book)
    await MAIL(book)
    await asks("Mail")(book)
    await presses("Approve")(book)
    await toasts("Approved.")(book)
    assert not any("stop asking" in one for one in told(book))


@pytest.fixture
async def held(tmp_path: Path, empty_database: Path, outside: Outside) -> AsyncIterator[Book]:
    async with open_book(tmp_path / "home", empty_database, policy=PolicySettings(hold_s=10)) as book:
        book.steward.crew.tools.update(errands.tools(outside))  # type: ignore[attr-defined]  # a dict, made by compose
        yield book


async def test_what_is_sent_waits_and_then_goes(held: Book, outside: Outside) -> None:
    await held(
        MAIL, asks("Mail"), presses("Approve"), toasts("Approved."), says("It goes out in 10 seconds"), calls_nothing_done,
        later(seconds=11), calls("errands.mail", to="ada"), says("Mailed ada"),
    )  # fmt: skip
    assert outside.done == ["the weekly report"]


async def test_undo_within_the_seconds_sends_nothing(held: Book, outside: Outside) -> None:
    await held(
        MAIL, asks("Mail"), presses("Approve"), toasts("Approved."), says("It goes out in 10 seconds"), presses("Undo"),
        toasts("Stopped: it was not done."), says("Stopped before it began"), later(seconds=30),
    )  # fmt: skip
    assert outside.done == []
    assert await held.count("ledger WHERE what='effect.cancelled' AND who='principal'") == 1


async def test_notes_and_reminders_do_not_wait(held: Book) -> None:
    await held(user("note: at once"), says("Noted"), calls("notes.write"), does(lambda book: len(book.notes) == 1))


async def calls_nothing_done(book: Book) -> None:
    assert await book.count("effect WHERE state='done'") == 0


class Plans:
    """A model that plans the same whatever is said."""

    def __init__(self, errand: str) -> None:
        self.errand = errand

    async def plan(self, words: str, _now: datetime, _zone: ZoneInfo) -> tuple[Task, ...]:
        return (Task("1", "errands", words, {"list": self.errand}),)


def plans(book: Book, errand: str) -> None:
    understanding = replace(book.steward.crew.understanding, planner=Plans(errand))
    object.__setattr__(book.steward.crew, "understanding", understanding)


async def test_what_a_model_plans_is_licensed_once_by_your_words_and_never_for_what_it_made_up(
    errand_play: Book, outside: Outside
) -> None:
    book = errand_play
    await past_the_first_weeks(book)
    plans(book, "post the report; post the report; post the client list")
    await book(
        user("please post the report, as one of my errands"), asks("the report", "the client list"), calls_nothing()
    )
    rows = await book.rows("SELECT verdict, rule FROM proposal WHERE tool='errands.post' ORDER BY ordinal")
    assert [(row["verdict"], row["rule"]) for row in rows] == [
        ("allow", "licensed-by-your-words"), ("ask", "effects-ask"), ("ask", "effects-ask"),
    ]  # fmt: skip
    assert "made by me" not in book.shown.text.split("3.")[0]
    assert "Not your words, but made by me: what “the client list”" in book.shown.text
    await book(
        presses("Reject all"),
        toasts("Rejected, all of it."),
        calls("errands.post", what="the report"),
        says("Did post"),
    )
    assert outside.done == ["the report"]


async def test_words_that_do_not_ask_for_a_tool_are_no_licence_for_it(errand_play: Book, outside: Outside) -> None:
    book = errand_play
    await past_the_first_weeks(book)
    plans(book, "post the report")
    await book(
        user("so the report is ready, I hear"), asks("the report"), presses("Reject"), toasts("Rejected."),
        says("Nothing was done"),
    )  # fmt: skip
    assert outside.done == []
