"""Playbooks: what went wrong comes back as buttons: try again, leave it, roll back the rest, ask me later."""

from __future__ import annotations

from channels.base import Unauthorised
from knowledge.store import people
from tests.playbooks.errands import Outside, ToolTrouble
from tests.playbooks.kit import Book, asks, calls, later, presses, says, toasts, user
from tests.playbooks.recorder import PRINCIPAL

TWO = user("errands: post a; park b")


async def failing_second(book: Book, outside: Outside) -> None:
    """The first of two succeeds, the second is refused by the outside; the answer tells, /failures has the buttons."""
    await book(TWO, asks("Post", "Park"))
    original = book.steward.crew.tools["errands.park"].run

    async def refuses(arguments: object, key: str) -> dict[str, object]:
        raise ToolTrouble("the shop is closed")

    object.__setattr__(book.steward.crew.tools["errands.park"], "run", refuses)
    await book(
        presses("Approve all"), toasts("Approved, all of it."), calls("errands.post", what="a"),
        says("Did post a", "the shop is closed"),
    )  # fmt: skip
    object.__setattr__(book.steward.crew.tools["errands.park"], "run", original)


async def labels(book: Book) -> list[str]:
    await user("/failures")(book)
    _, message = book.next_message()
    assert "the shop is closed" in message.text
    return [b.label for row in message.buttons for b in row]


async def test_the_rest_of_a_half_done_turn_can_be_rolled_back(errand_play: Book, outside: Outside) -> None:
    await failing_second(errand_play, outside)
    assert await labels(errand_play) == ["Try again", "Leave it", "Roll back the rest", "Ask me later"]
    await errand_play(
        presses("Roll back the rest"), toasts("Rolling back 1"), says("Undone", "Took back a"),
        user("/failures"), says("Nothing is wrong"),
    )  # fmt: skip
    assert outside.done == ["a", "not a"]


async def test_ask_me_later_tells_it_again_and_retry_settles_it(errand_play: Book, outside: Outside) -> None:
    await failing_second(errand_play, outside)
    await labels(errand_play)
    await errand_play(
        presses("Ask me later"), toasts("I'll ask again at 11:30"), later(hours=2, seconds=1),
        says("the shop is closed"), presses("Try again"), toasts("Trying again"), says("Did park b"),
        user("/failures"), says("Nothing is wrong"),
    )  # fmt: skip
    assert outside.done == ["a", "b"]


async def test_a_token_that_is_refused_is_one_failure_told_elsewhere_and_closed_when_it_works_again(play: Book) -> None:
    chat = play.chats["telegram"]
    async with play.steward.crew.db.write() as tx:
        await people.set_standing(tx, "slack", PRINCIPAL, "principal", 1, conversation="D1")
    chat.fails = [Unauthorised("put a fresh token into the settings.", 60.0) for _ in range(2)]
    await play.deliver(chat.typed("note: one"))
    _, told = play.next_message("slack")
    assert "does not take its token any more" in told.text
    assert "put a fresh token" in told.text
    assert [b.label for row in told.buttons for b in row] == ["Re-authenticated: try again", "Ask me later"]
    (open_one,) = await play.rows("SELECT what, count, state FROM failure")
    assert open_one["state"] == "open"
    await later(minutes=10)(play)
    await later(minutes=10)(play)
    assert any("Noted" in text for text in play.unread())
    (closed,) = await play.rows("SELECT state, count FROM failure")
    assert closed == {"state": "closed", "count": 2}
