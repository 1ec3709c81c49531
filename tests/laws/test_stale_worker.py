"""Fencing, part of laws 2 and 4: a worker whose lease has passed on can write nothing, wherever in a turn it stands."""

from __future__ import annotations

import pytest

from graphs.state import Said, TurnContext, ms
from graphs.turn import start
from knowledge.store import effects, inbox, leases, messages, turns
from knowledge.store.leases import StaleLease
from knowledge.words import Outbound
from tests.playbooks.kit import Book

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "words", ["note: stale", "lunch with Ada on 27 November at 12:30", "what do I know about tulips?"]
)
async def test_a_stale_turn_writes_nothing(play: Book, words: str) -> None:
    crew = play.steward.crew
    now = ms(play.clock())
    async with crew.db.write() as tx:
        number = await inbox.add(
            tx, channel="telegram", account="bot", key="x", conversation="42", sender="42", lane="turn", raw=b"{}", now=now
        )  # fmt: skip
        assert number is not None
        await inbox.set_state(tx, number, "waiting")
        await turns.begin(tx, f"t{number}", number, "telegram", "42", now)
        stale = await leases.take(tx, leases.turn_key(f"t{number}"), "old:worker", now - 60_000, 30_000)
        fresh = await leases.take(tx, leases.turn_key(f"t{number}"), "new:worker", now, 30_000)
    assert stale is not None
    assert fresh is not None
    said = Said(words, "text", "principal", "telegram:1")
    context = TurnContext(crew, stale, f"t{number}", number, "telegram", "42", said)
    before = await play.rows("SELECT (SELECT count(*) FROM value), (SELECT count(*) FROM ledger) AS l")
    with pytest.raises(StaleLease):
        await start(play.steward.graph, context)
    for table in ("value", "proposal", "card", "effect", "message", "record"):
        assert await play.count(table) == 0, f"{table} was written by a stale worker"
    assert await play.rows("SELECT (SELECT count(*) FROM value), (SELECT count(*) FROM ledger) AS l") == before
    async with crew.db.write() as tx:
        await turns.set_state(tx, f"t{number}", "stopped")


async def test_a_stale_claim_on_an_effect_or_a_message_changes_nothing(play: Book) -> None:
    crew = play.steward.crew
    async with crew.db.write() as tx:
        await effects.add(tx, "e1", "notes.write", "{}", 1, turn=None, owner="new", lease_ms=10**15)
        letter = await messages.enqueue(
            tx, "m", "telegram", "42", Outbound("hi"), 1, owner="new", lease_ms=10**15, urgent=True
        )  # fmt: skip
        assert letter is not None
        before = await play_rows(tx)
        assert not await effects.finish(tx, "e1", "old", "done", 2, receipt={})
        await effects.postpone(tx, "e1", "old", 5, "late")
        assert not await messages.finish(tx, letter.id, "sent", 2, owner="old")
        assert not await messages.part_sent(tx, letter.id, "old", ("1",))
        await messages.postpone(tx, letter.id, "old", 5, "late")
        await messages.hold(tx, letter.id, "old", 5, "late")
        assert await play_rows(tx) == before
        await effects.finish(tx, "e1", "new", "failed", 2)
        await messages.finish(tx, letter.id, "cancelled", 2)


async def play_rows(tx: object) -> list[tuple[object, ...]]:
    from sqlalchemy import text

    rows = []
    for table in ("effect", "message"):
        rows += [tuple(r) for r in await tx.execute(text(f"SELECT * FROM {table}"))]  # type: ignore[attr-defined]
    return rows
