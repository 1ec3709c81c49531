"""Law 6. An effect whose outcome is unknown is never repeated blindly."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from graphs.state import ms
from graphs.tools.base import OutcomeUnknown
from knowledge.store import cards
from knowledge.store.cards import Decider
from tests.playbooks.errands import Outside
from tests.playbooks.kit import Book, asks, effects, later, presses, says, toasts, user
from tests.playbooks.recorder import PRINCIPAL

pytestmark = pytest.mark.slow


async def approved_by_a_dead_worker(book: Book, tool: str) -> None:
    """The effect is decided, and a worker that is dead holds its claim: all in one commit."""
    await book(user(f"errands: {tool} a"), asks(tool.capitalize()))
    async with book.steward.crew.db.write() as tx:
        outcome = await cards.decide(
            tx, "c1", 0, 0, "approved", Decider("principal", f"telegram:{PRINCIPAL}"), ms(book.clock())
        )
        assert outcome.kind == "decided"
        await tx.execute(text("UPDATE effect SET state='running', owner='1:1', lease_until=1"))
    await book.settle()


@pytest.mark.parametrize(
    ("tool", "state", "runs"), [("park", "uncertain", 0), ("find", "done", 1), ("post", "done", 1)]
)
async def test_after_a_crash_in_the_middle(
    errand_play: Book, outside: Outside, tool: str, state: str, runs: int
) -> None:
    """A worker died holding the claim: `park` asks, `find` looks (and finds nothing), `post` is idempotent."""
    await approved_by_a_dead_worker(errand_play, tool)
    (found,) = await effects(errand_play)
    assert (found.state, len(outside.done)) == (state, runs)


async def test_what_the_look_up_finds_is_not_done_again(errand_play: Book, outside: Outside) -> None:
    outside.done.append("a")
    await approved_by_a_dead_worker(errand_play, "find")
    assert outside.done == ["a"]


async def test_parked_stays_parked_until_the_principal_says_so(errand_play: Book, outside: Outside) -> None:
    outside.after = [OutcomeUnknown("no answer")]
    await errand_play(
        user("errands: park a"),
        asks("Park"),
        presses("Approve"),
        toasts("Approved."),
        says("can't tell"),  # once, and the answer has the buttons
        later(days=3),
    )
    assert outside.done == ["a"]
    await errand_play(presses("Try again"), toasts("Trying again"), says("Did park a."))
    assert outside.done == ["a", "a"]
