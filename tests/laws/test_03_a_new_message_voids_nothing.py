"""Law 3. A new message never voids a pending approval: each turn is its own LangGraph thread."""

from __future__ import annotations

import pytest

from tests.playbooks.kit import Book, asks, says, user

pytestmark = pytest.mark.slow


async def test_every_open_turn_keeps_its_own_pause_in_its_own_thread(play: Book) -> None:
    await play(
        user("lunch with Ada on 27 November at 12:30"),
        asks("Lunch"),
        user("coffee with Bob on 28 November at 10:00"),
        asks("Coffee"),
        user("note: something else"),
        says("Noted"),
        user("dinner with Eve on 29 November at 19:00"),
        asks("Dinner"),
    )
    waiting = [row["id"] for row in await play.rows("SELECT id FROM turn WHERE state='waiting'")]
    assert len(waiting) == 3
    for turn in waiting:
        state = await play.steward.graph.aget_state({"configurable": {"thread_id": turn}})
        assert [pause.value for pause in state.interrupts] == [{"card": f"c{turn[1:]}"}]
