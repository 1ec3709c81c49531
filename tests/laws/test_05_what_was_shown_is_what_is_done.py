"""Law 5. What was shown is what is done: an approval binds to the canonical arguments that were on the card."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from knowledge.store.binding import approval_hash
from tests.playbooks.kit import Book, asks, button, calls_nothing, effects, presses, presses_data, says, toasts, user

pytestmark = pytest.mark.slow


async def test_the_effect_has_the_bytes_of_the_card_and_the_card_their_rendering(play: Book) -> None:
    await play(user("lunch with Ada on 27 November at 12:30"), asks("Lunch"))
    (shown,) = await play.rows("SELECT * FROM proposal")
    tool = play.steward.crew.tools[shown["tool"]]
    assert shown["rendering"] == tool.render(json.loads(shown["arguments"]))
    assert shown["rendering"] in play.shown.text
    assert shown["hash"] == approval_hash(*(shown[name] for name in ("id", "tool", "arguments", "rendering")))
    await play(presses("Approve"), toasts("Approved."), says("Created"))
    (done,) = await effects(play)
    assert dict(done.arguments) == json.loads(shown["arguments"])


async def test_arguments_changed_behind_the_card_are_never_done(play: Book) -> None:
    await play(user("lunch with Ada on 27 November at 12:30"), asks("Lunch"))
    async with play.steward.crew.db.write() as tx:
        await tx.execute(text("UPDATE proposal SET arguments=replace(arguments,'Ada','Eve')"))
    await play(presses("Approve"), toasts("Nothing was done"), calls_nothing())
    assert not play.calendar


async def test_the_old_version_s_button_does_nothing_and_every_version_is_kept(play: Book) -> None:
    await play(user("lunch with Ada on 27 November at 12:30"), asks("Lunch"))
    old = button(play, "Approve")[2]
    await play(user("make it 3pm"), asks("15:00"), presses_data(old), toasts("superseded"), calls_nothing())
    assert await play.count("proposal_version") == 2
