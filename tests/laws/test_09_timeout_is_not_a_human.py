"""Law 9. Timeout is not a human: who decided is recorded as what it was."""

from __future__ import annotations

import pytest

from tests.playbooks.kit import Book, asks, calls_nothing, later, presses, says, toasts, user

pytestmark = pytest.mark.slow


async def test_expiry_principal_and_policy_are_told_apart(play: Book) -> None:
    await play(
        user("note: hello"),
        says("Noted"),
        user("lunch with Ada on 27 November at 12:30"),
        asks("Lunch"),
        presses("Reject"),
        toasts("Rejected."),
        says("left it"),
        user("coffee with Bob on 28 November at 10:00"),
        asks("Coffee"),
        later(days=8),
        says("Nobody answered in time"),
    )
    rows = await play.rows("SELECT turn, decided_by, state FROM proposal ORDER BY made_at")
    assert [(r["decided_by"], r["state"]) for r in rows] == [
        ("policy", "approved"),
        ("principal", "rejected"),
        ("expiry", "expired"),
    ]
    who = {r["who"] for r in await play.rows("SELECT who FROM ledger WHERE what='proposal.expired'")}
    assert who == {"expiry"}
    play.effects_read |= {"t1.p1"}
    await calls_nothing()(play)
