"""Law 12. Failures are told: nothing that failed is reported as done."""

from __future__ import annotations

import pytest

from channels.base import Delivery, Refusal
from graphs.tools.base import ToolTrouble
from tests.playbooks.errands import Outside
from tests.playbooks.kit import Book, asks, does, later, presses, says, toasts, user

pytestmark = pytest.mark.slow


async def test_a_failed_effect_is_not_reported_as_done(errand_play: Book, outside: Outside) -> None:
    outside.next = [ToolTrouble("Out of stock."), ToolTrouble("Still out of stock.")]
    await errand_play(
        user("errands: post a"),
        asks("Post"),
        presses("Approve"),
        toasts("Approved."),
        says("Not done", "Out of stock."),
        does(lambda book: buttons_of(book) == ["Try again", "Leave it", "Ask me later"]),  # nothing to undo
        user("/failures"),
        says("It was not done."),
        presses("Try again"),
        toasts("Trying"),
        says("Still out of stock."),
    )
    assert not outside.done


def buttons_of(book: Book) -> list[str]:
    """Of the last message."""
    chat = book.chats["telegram"]
    return [b.label for row in chat.posted[chat.said[-1][1]].buttons for b in row]


async def test_a_message_that_cannot_be_delivered_becomes_a_failure_told_elsewhere(play: Book) -> None:
    from graphs.state import ms
    from knowledge.store import people

    async with play.steward.crew.db.write() as tx:
        await people.set_standing(tx, "slack", "42", "principal", ms(play.clock()) - 1, conversation="42")
    play.chats["telegram"].fails = [Refusal("Forbidden: bot was blocked by the user")]
    await play(user("note: hello"), says("telegram failed", "not delivered", on="slack"))
    assert await play.count("message WHERE state='failed'") == 1


async def test_a_poison_delivery_is_kept_and_told_once(play: Book) -> None:
    poison = Delivery("telegram", "bot", "p1", "42", "42", "turn", b"\xff not json", "")
    await play.deliver(poison)
    await play(says("could not be read", "The message is kept."), later(days=1), user("note: hello"), says("Noted"))
    assert await play.count("delivery WHERE state='dead'") == 1


async def test_a_recurring_reminder_that_broke_once_goes_off_again_at_its_next_time(
    play: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_stored: object) -> object:
        raise RuntimeError("a fault of ours")

    await play(user("remind me every day at 10 to water the plants"), says("every day"))
    with monkeypatch.context() as patch:
        patch.setattr(play.steward.worker.hearing, "_timer_said", broken)
        await play(later(days=1), *[later(minutes=20)] * 3, says("A reminder could not be handled"))
    await play(later(days=1), says("water the plants"))
