"""Panic: from its commit on nothing is decided or begun, whoever says so wherever, until it is lifted from elsewhere."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.orders import Orders
from bot.settings import PolicySettings
from graphs.state import ms
from graphs.tools.base import OutcomeUnknown
from knowledge.store import effects as store
from knowledge.store import panic, people, settings
from tests.playbooks import errands
from tests.playbooks.errands import Outside
from tests.playbooks.kit import (
    Book,
    asks,
    at,
    button,
    effects,
    later,
    open_book,
    presses,
    presses_data,
    says,
    toasts,
    user,
)
from tests.playbooks.recorder import PRINCIPAL

pytestmark = pytest.mark.slow

STOPPED = "Everything is stopped"


def stops(*, on: str = "telegram") -> tuple[object, ...]:
    return user("/panic", on=on), says(STOPPED, on=on)


LIFTS = (user("/panic lift", on="slack"), says("Lifted", on="slack"))


async def data(book: Book, label: str) -> str:
    return button(book, label)[2]


async def test_every_button_word_and_form_that_was_out_decides_nothing_until_it_is_lifted(
    errand_play: Book, outside: Outside
) -> None:
    book = errand_play
    await book(user("errands: post a"), asks("Post"))
    out = {label: button(book, label)[2] for label in ("Approve", "Reject", "Edit", "Later")}
    await book(presses_data(out["Edit"], ref=book.card), toasts("Tell me the change"), says("What should change"))
    await book(*stops())
    for press in out.values():
        for channel in ("telegram", "slack"):
            await book(presses_data(press, ref=book.card, on=channel), toasts(STOPPED, on=channel))
    for words in ("make it b", "yes", "/approve 1", "/reject 1", "/undo", "/link slack", "note: x", "errands: post c"):
        await book(user(words), says(STOPPED))
    (proposal,) = await book.rows("SELECT state, version FROM proposal")
    assert proposal == {"state": "open", "version": 1}
    assert not await effects(book)
    await book(user("/status"), says("everything is stopped"))
    await book(*LIFTS, presses_data(out["Approve"], ref=book.card), toasts("Approved."), says("Did post a"))
    assert outside.done == ["a"]


async def test_the_shell_decides_nothing_either(errand_play: Book, outside: Outside) -> None:
    book = errand_play
    await book(user("errands: post a"), asks("Post"), *stops())
    orders = Orders(book.steward)
    for line in ("/approve 1", "/reject 1"):
        assert STOPPED in (await orders.take(line)).said[0]
    assert not await effects(book)
    assert (await orders.take("/panic lift")).said[0].startswith("Lifted")


async def test_what_was_approved_and_had_not_begun_is_never_done(
    tmp_path: Path, empty_database: Path, outside: Outside
) -> None:
    """A send within its seconds, when everything is stopped, the house is killed and opened again."""
    home = tmp_path / "home"
    async with open_book(home, empty_database, policy=PolicySettings(hold_s=10)) as book:
        book.steward.crew.tools.update(errands.tools(outside))  # type: ignore[attr-defined]
        await book(user("errands: tell ada hello"), asks("Mail"))
        await book(
            presses_data(await data(book, "Approve"), ref=book.card), toasts("Approved."), says("It goes out in")
        )
        await user("/panic")(book)
        said = [text for text in book.unread() if STOPPED in text]
        assert "1 that had not begun is cancelled" in said[0]
        book.read["telegram"] = len(book.chats["telegram"].said)
    async with open_book(home, empty_database, now=book.clock.now, policy=PolicySettings(hold_s=10)) as again:
        again.steward.crew.tools.update(errands.tools(outside))  # type: ignore[attr-defined]
        for chat in again.chats.values():
            chat._count = 1000  # the platform goes on counting
        await again(user("note: x"), says(STOPPED), later(minutes=5), *LIFTS, later(minutes=5))
    assert outside.done == []


@pytest.mark.parametrize(
    ("tool", "was_done", "state"),
    [("post", False, "uncertain"), ("park", False, "uncertain"), ("find", False, "cancelled"), ("find", True, "done")],
)
async def test_what_was_under_way_when_its_worker_was_killed_is_looked_up_and_not_done_again(
    errand_play: Book, outside: Outside, tool: str, was_done: bool, state: str
) -> None:
    book = errand_play
    await book(user(f"errands: {tool} a"), asks(tool.capitalize()))
    async with book.steward.crew.db.write() as tx:  # approved, begun by a worker that was killed, then the panic
        await book.steward.house.decide(tx, "c1", 0, "approved", decider(), ms(book.clock()))
        await tx.execute(text("UPDATE effect SET state='running', owner='1:1', lease_until=1"))
        await panic.begin(tx, "principal", f"telegram:{PRINCIPAL}", ms(book.clock()))
    outside.done += ["a"] if was_done else []
    before = list(outside.done)
    await book.settle()
    (effect,) = await effects(book)
    assert effect.state == state
    await book.deliver(book.chats["slack"].typed("/panic lift"))
    await book.move(book.clock.now + timedelta(minutes=5))
    (effect,) = await effects(book)
    assert effect.state == state
    assert outside.done == before


def decider() -> object:
    from knowledge.store.cards import Decider

    return Decider("principal", f"telegram:{PRINCIPAL}")


async def test_a_failure_is_not_tried_again_and_an_undo_not_begun(errand_play: Book, outside: Outside) -> None:
    book = errand_play
    await book(user("errands: post b"), asks("Post"), presses("Approve"), toasts("Approved."), says("Did post b"))
    outside.after = [OutcomeUnknown("no answer")]
    await book(user("errands: park a"), asks("Park"), presses("Approve"), toasts("Approved."), says("can't tell"))
    retry, undo = button(book, "Try again")[2], button(book, "Undo")[2]
    orders = Orders(book.steward)
    await book(*stops())
    for press in (retry, undo):
        await book(presses_data(press, on="slack"), toasts(STOPPED, on="slack"))
        assert STOPPED in (await orders.take(press=press)).said[0]
    assert outside.done == ["b", "a"]
    await book(*LIFTS, presses_data(undo), toasts("Undoing it."), says("Undone", "Took back b"))
    await book(presses_data(retry), toasts("Trying again"), says("Did park a."))
    assert outside.done == ["b", "a", "not b", "a"]


async def test_what_a_running_turn_had_allowed_just_before_is_not_begun(errand_play: Book, outside: Outside) -> None:
    """Its outbox row was written, claimed, and then everything was stopped."""
    book = errand_play
    crew = book.steward.crew
    async with crew.db.write() as tx:
        row = await store.add(
            tx, "t9.p1", "errands.post", '{"what":"a"}', ms(book.clock()), turn=None, owner=crew.owner, lease_ms=60_000
        )
        assert row is not None
        await panic.begin(tx, "principal", "telegram:42", ms(book.clock()))
    await book.steward.outbox.carry_out(row)
    (state,) = await book.rows("SELECT state FROM effect")
    assert state == {"state": "cancelled"}
    assert outside.done == []


async def test_a_link_code_that_was_out_makes_nobody_who_could_lift_it(play: Book) -> None:
    await user("/link slack")(play)
    (offer,) = (await open_codes(play)).values()
    play.read["telegram"] = len(play.chats["telegram"].said)
    await play(*stops())
    assert await open_codes(play) == {}
    await play(user(offer["code"], on="slack", sender="thief"), says("Somebody you don't know wrote"))
    assert await play.count("identity WHERE external='thief' AND standing='principal'") == 0


async def open_codes(book: Book) -> dict[str, dict[str, str]]:
    async with book.steward.crew.db.read() as tx:
        return await settings.under(tx, "link:", ms(book.clock()))


async def test_every_other_chat_hears_of_it_at_once_and_may_lift_it(play: Book) -> None:
    async with play.steward.crew.db.write() as tx:
        await people.set_standing(tx, "slack", PRINCIPAL, "principal", 1, conversation=PRINCIPAL)
    await play(user("/panic"), says(STOPPED), says("Everything was stopped from telegram", on="slack"))
    await play(user("/panic lift"), says("Nothing was lifted"), *LIFTS, user("note: again"), says("Noted"))
    assert await play.count("ledger WHERE what IN ('panic.begun','panic.kept','panic.lifted')") == 3
    await at(play.clock.now)(play)
