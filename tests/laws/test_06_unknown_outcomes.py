"""Law 6. An effect whose outcome is unknown is never repeated blindly."""

from __future__ import annotations

import pytest

from graphs.tools.base import OutcomeUnknown
from knowledge.ids import canonical
from knowledge.store import effects as store
from tests.playbooks.errands import Outside
from tests.playbooks.kit import Book, asks, effects, later, presses, says, toasts, user


@pytest.mark.parametrize(
    ("tool", "state", "runs"), [("park", "uncertain", 0), ("find", "done", 1), ("post", "done", 1)]
)
async def test_after_a_crash_in_the_middle(
    errand_play: Book, outside: Outside, tool: str, state: str, runs: int
) -> None:
    """A worker died holding the claim: `park` asks, `find` looks (and finds nothing), `post` is idempotent."""
    async with errand_play.steward.crew.db.write() as tx:
        await store.add(
            tx, "t9.p1", f"errands.{tool}", canonical({"what": "a"}), 1, turn=None, owner="1:1", lease_ms=1
        )  # fmt: skip
    await errand_play.settle()
    (found,) = await effects(errand_play)
    assert (found.state, len(outside.done)) == (state, runs)


async def test_what_the_look_up_finds_is_not_done_again(errand_play: Book, outside: Outside) -> None:
    outside.done.append("a")
    async with errand_play.steward.crew.db.write() as tx:
        await store.add(tx, "t9.p1", "errands.find", canonical({"what": "a"}), 1, turn=None, owner="1:1", lease_ms=1)
    await errand_play.settle()
    assert outside.done == ["a"]


async def test_parked_stays_parked_until_the_principal_says_so(errand_play: Book, outside: Outside) -> None:
    outside.after = [OutcomeUnknown("no answer")]
    await errand_play(
        user("errands: park a"),
        asks("Park"),
        presses("Approve"),
        toasts("Approved."),
        says("can't tell"),
        says("can't tell"),
        later(days=3),
    )
    assert outside.done == ["a"]
    await errand_play(presses("Try again"), toasts("Trying again"), says("Did park a."))
    assert outside.done == ["a", "a"]
