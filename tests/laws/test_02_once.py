"""Law 2. Once: a delivery makes one turn, an approval one effect, however often and however concurrently they come."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from channels.base import Delivery
from graphs.state import ms
from knowledge.store.intake import Arrival, Intake
from tests.playbooks.kit import Book, asks, button, open_book, says, user

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("truth")]


def _receive(book: Book, d: Delivery) -> None:
    """Store it as a receiver of its own would."""
    intake = Intake(book.steward.home.database)
    arrival = Arrival(d.channel, d.account, d.dedupe_key, d.conversation, d.sender, d.lane, d.raw)
    intake.accept([arrival], ms(book.clock()))
    intake.close()


async def test_forty_concurrent_mixed_presses_make_one_decision_and_forty_answers(play: Book) -> None:
    await play(user("lunch with Ada on 27 November at 12:30"), asks("Lunch"))
    chance = random.Random(7)
    presses = []
    for n in range(40):
        _, ref, data = button(play, chance.choice(["Approve", "Reject"]))
        presses.append(play.chats["telegram" if n % 2 else "slack"].pressed(data, ref))
    await asyncio.gather(*(asyncio.to_thread(_receive, play, press) for press in presses))
    await play.settle()
    told = play.chats["telegram"].toasts + play.chats["slack"].toasts
    assert len(told) == 40
    assert sum(t in ("Approved.", "Rejected.") for t in told) == 1
    assert sum(t.startswith("Already") for t in told) == 39
    assert await play.count("ledger WHERE what IN ('proposal.approved','proposal.rejected')") == 1
    approved = "Approved." in told
    assert await play.count("effect") == int(approved)
    assert play.calendar.count("BEGIN:VEVENT") == int(approved)
    assert len(play.unread()) == 1


async def test_the_same_delivery_at_once_again_and_after_a_restart_is_one_turn(
    tmp_path: Path, empty_database: Path
) -> None:
    async with open_book(tmp_path / "home", empty_database) as book:
        delivery = book.chats["telegram"].typed("note: only once")
        await asyncio.gather(*(asyncio.to_thread(_receive, book, delivery) for _ in range(10)))
        await book.settle()
        await book.deliver(delivery, delivery)
        await book(says("only once"))
    async with open_book(tmp_path / "home", empty_database) as again:
        await again.deliver(delivery)
        assert await again.count("turn") == 1
        assert len(again.notes) == 1
        assert not again.unread()


async def test_two_resumes_of_one_turn_cannot_run_beside_each_other(play: Book) -> None:
    from knowledge.store import leases

    async with play.steward.crew.db.write() as tx:
        taken = [await leases.take(tx, leases.turn_key("t1"), f"worker-{n}", 1_000, 30_000) for n in range(5)]
    assert [lease is not None for lease in taken] == [True, False, False, False, False]
