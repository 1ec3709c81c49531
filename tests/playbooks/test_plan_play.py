"""Playbooks: several proposals on one card, effects that fail, effects of which nobody knows."""

from __future__ import annotations

import pytest

from graphs.tools.base import OutcomeUnknown, ToolLater, ToolTrouble
from tests.playbooks.errands import Outside
from tests.playbooks.kit import Book, asks, calls, calls_nothing, does, later, presses, says, shows, toasts, user

pytestmark = pytest.mark.slow

THREE = user("errands: post a; post b; post c")


async def test_each_proposal_of_a_card_has_its_own_switch(errand_play: Book, outside: Outside) -> None:
    await errand_play(
        THREE,
        asks("3 of 3 open", "1. **Post** a", "2. **Post** b", "3. **Post** c"),
        presses("✓ 2"),
        toasts("Approved."),
        calls("errands.post", what="b"),
        shows("2 of 3 open", "✅ Approved"),
        presses("✗ 1"),
        toasts("Rejected."),
        calls_nothing(),
        presses("✓ 3"),
        toasts("Approved."),
        calls("errands.post", what="c"),
        says("Did post b.", "Did post c."),
    )
    assert outside.done == ["b", "c"]


async def test_approve_all_does_what_is_still_open(errand_play: Book, outside: Outside) -> None:
    await errand_play(
        THREE,
        asks("3 of 3 open"),
        presses("✗ 2"),
        toasts("Rejected."),
        presses("Approve all"),
        toasts("Approved, all of it."),
        says("Did post a.", "Did post c."),
    )
    assert sorted(outside.done) == ["a", "c"]


async def test_numbers_in_words_mean_the_card_s_proposals(errand_play: Book, outside: Outside) -> None:
    await errand_play(
        THREE,
        asks("3 of 3 open"),
        user("approve 2 and 3"),
        does(lambda _: sorted(outside.done) == ["b", "c"]),
        user("edit 1 make it z"),
        asks("1. **Post** z"),
        user("yes"),
        says("Did post z.", "Did post b."),
    )
    assert sorted(outside.done) == ["b", "c", "z"]


async def test_undo_has_one_button_each(errand_play: Book, outside: Outside) -> None:
    await errand_play(
        user("errands: post a"),
        asks("Post"),
        presses("Approve"),
        toasts("Approved."),
        says("Did post a."),
        presses("Undo", times=2),
        toasts("Undoing", "It is being undone already"),
        says("Undone. Took back a."),
        presses("Undo"),
        toasts("Already undone"),
    )
    assert outside.done == ["a", "not a"]


async def test_a_failed_effect_is_told_with_remedies_and_can_be_tried_again(
    errand_play: Book, outside: Outside
) -> None:
    outside.next = [ToolTrouble("The shop is closed.")]
    await errand_play(
        user("errands: post a"),
        asks("Post"),
        presses("Approve"),
        toasts("Approved."),
        says("Not done", "The shop is closed."),
        user("/failures"),
        says("errands.post failed", "It was not done."),
        presses("Try again"),
        toasts("Trying again."),
        calls("errands.post", what="a"),
        says("Did post a."),
        user("/failures"),
        says("Nothing is wrong."),
    )
    assert outside.done == ["a"]


async def test_what_can_be_tried_later_is_tried_later_by_itself(errand_play: Book, outside: Outside) -> None:
    outside.next = [ToolLater("Busy."), ToolLater("Busy.")]
    await errand_play(
        user("errands: post a"),
        asks("Post"),
        presses("Approve"),
        toasts("Approved."),
        later(minutes=5),
        later(minutes=5),
        says("Did post a."),
    )
    assert outside.done == ["a"]


async def test_an_unknown_outcome_without_look_up_parks_and_asks(errand_play: Book, outside: Outside) -> None:
    outside.after = [OutcomeUnknown("the line went dead")]
    await errand_play(
        user("errands: park a"),
        asks("Park"),
        presses("Approve"),
        toasts("Approved."),
        says("I can't tell whether this happened", "the line went dead", "I did not try again"),
        later(days=1),
        does(lambda _: outside.done == ["a"]),
        presses("Leave it"),
        toasts("left as it is"),
    )
    assert outside.done == ["a"]


async def test_an_unknown_outcome_with_look_up_is_looked_up_and_done_once(errand_play: Book, outside: Outside) -> None:
    outside.after = [OutcomeUnknown("the line went dead")]
    await errand_play(
        user("errands: find a"),
        asks("Find"),
        presses("Approve"),
        toasts("Approved."),
        calls("errands.find"),
        says("Did find a."),
    )
    assert outside.done == ["a"]


async def test_a_paused_agent_has_every_effect_refused(errand_play: Book, outside: Outside) -> None:
    await errand_play(
        user("/pause errands"),
        says("paused"),
        user("errands: post a"),
        says("Not allowed", "agent-paused"),
        user("/agents"),
        says("**errands** (paused)"),
        user("/resume errands"),
        says("works again"),
        user("errands: post a"),
        asks("Post"),
        calls_nothing(),
    )
    assert not outside.done


async def test_an_agent_cannot_use_what_its_manifest_does_not_name(errand_play: Book, outside: Outside) -> None:
    await errand_play(user("errands: unpost a"), says("Not allowed", "not-in-manifest"), calls_nothing())
    assert not outside.done
