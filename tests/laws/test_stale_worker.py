"""Fencing, part of laws 2 and 4: a worker whose lease has passed on can write nothing, wherever in a turn it stands."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.house import House
from graphs.state import Said, TurnContext, ms
from graphs.turn import start
from knowledge.store import effects, inbox, leases, messages, timers, turns
from knowledge.store.leases import StaleLease
from knowledge.words import Outbound
from tests.fakes.waiting import until
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


async def test_long_work_of_the_control_lane_is_not_claimed_twice(play: Book) -> None:
    """A nightly backup that takes longer than a claim lasts."""
    crew, control, nights = play.steward.crew, play.steward.control, []
    begun, over = asyncio.Event(), asyncio.Event()

    class SlowNight(House):
        async def night(self, kind: str) -> str:
            nights.append(kind)
            begun.set()
            await over.wait()
            return ""

    object.__setattr__(crew, "lease_ms", 600)
    control.house = SlowNight(crew)
    async with crew.db.write() as tx:
        await timers.arm(tx, "slow", "house_slow", "house", "", {}, ms(play.clock()), ms(play.clock()))
    play.steward.worker.poke()
    await begun.wait()
    renewed = "delivery WHERE lane='control' AND state='running' AND not_before>=:end"
    for _ in range(4):
        play.clock.now += timedelta(milliseconds=250)
        end = ms(play.clock()) + 600
        await until(lambda end=end: play.count(renewed, end=end), play.last_rows)  # type: ignore[misc]
        async with crew.db.write() as tx:
            assert await inbox.claim_control(tx, ms(play.clock()), 600, crew.reach) == [], "another worker has it, too"
    over.set()
    await play.settle()
    assert nights == ["house_slow"]


async def test_work_that_another_worker_has_claimed_since_is_ended(play: Book) -> None:
    async with play.steward.crew.db.write() as tx:
        number = await inbox.add(
            tx, channel="telegram", account="bot", key="x", conversation="42", sender="42", lane="control", raw=b"{}", now=1
        )  # fmt: skip
        assert number is not None
        await inbox.set_state(tx, number, "running", not_before=10**15)
        claimed = await inbox.by_id(tx, number)
        assert claimed is not None
        await inbox.keep_control(tx, claimed, 10**15 + 1)
        with pytest.raises(StaleLease):
            await inbox.keep_control(tx, replace(claimed, attempts=claimed.attempts - 1), 10**15)
        await inbox.set_state(tx, number, "done")


@pytest.mark.parametrize("claim", ["turn", "effect", "message"])
async def test_a_standby_worker_takes_over_as_soon_as_the_other_s_claim_runs_out(play: Book, claim: str) -> None:
    """Without being poked, and long before it looks by itself."""
    crew = play.steward.crew
    object.__setattr__(crew, "clock", lambda: datetime.now(UTC))
    now = ms(crew.clock())
    chat = play.chats["telegram"]
    async with crew.db.write() as tx:
        if claim == "effect":
            await effects.add(tx, "e1", "gone.tool", "{}", now, turn=None, owner="elsewhere", lease_ms=1500)
        elif claim == "message":
            await messages.enqueue(tx, "m", "telegram", "42", Outbound("hi"), now, owner="elsewhere", lease_ms=1500)
        else:
            typed = chat.typed("note: taken over")
            number = await inbox.add(
                tx, channel="telegram", account="bot", key="x", conversation="42", sender="42", lane="turn", raw=typed.raw,
                now=now,
            )  # fmt: skip
            assert number is not None
            await inbox.set_state(tx, number, "running")
            key = leases.conversation_key("telegram", "42")
            assert await leases.take(tx, key, "elsewhere", now, 1500) is not None
    play.steward.worker.poke()  # it looks now, while the claim holds; then nobody pokes
    await asyncio.sleep(1.0)
    assert not chat.said or ms(crew.clock()) >= now + 1500
    await until(lambda: chat.said, lambda: f"nobody took it over: {play.last_rows()}")
    await play.settle()


async def play_rows(tx: object) -> list[tuple[object, ...]]:
    from sqlalchemy import text

    rows = []
    for table in ("effect", "message"):
        rows += [tuple(r) for r in await tx.execute(text(f"SELECT * FROM {table}"))]  # type: ignore[attr-defined]
    return rows
