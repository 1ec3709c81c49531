"""Panic, earned autonomy and the anomaly watch, from the rows up to the verdict of the shipped rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from graphs.agent import Manifest
from graphs.policy import standing
from graphs.policy.engine import Argument, History, Question, Session
from graphs.policy.rego import RegoPolicy
from graphs.tools.base import EffectClass, Tool
from knowledge import ledger
from knowledge.database import Database
from knowledge.database.migrate import ensure
from knowledge.database.schema import effect
from knowledge.ids import canonical
from knowledge.store import cards, effects, panic
from knowledge.store.binding import approval_hash
from knowledge.store.cards import Decider, Proposal

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
LATER = START + timedelta(days=100)
TELEGRAM, SLACK, CONSOLE = (Decider("principal", on) for on in ("telegram:42", "slack:U1", "console:local"))
ADA = {"to": "ada@example.org", "text": "the weekly report"}
BEN = {"to": "ben@example.org", "text": "the weekly report"}


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


async def _never(_arguments: Any, _key: str) -> dict[str, Any]:
    raise NotImplementedError


def tool(effect_class: EffectClass = "send", *, own: bool = False) -> Tool:
    return Tool(
        "mail.send", effect_class, "send a mail", _never, lambda _a: "", lambda _a, _r: "",
        roles={"to": "target", "text": "content"}, own=own,
    )  # fmt: skip


SEND = tool()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    ensure(tmp_path / "steward.db")
    database = Database(tmp_path / "steward.db")
    async with database.write() as tx:
        await ledger.append(tx, ms(START), ledger.Entry("system", "house.opened", "", ""))
    yield database
    await database.close()


async def decided(
    db: Database, n: int, arguments: dict[str, str], state: str = "approved", *, version: int = 1
) -> None:
    """A proposal that the principal has decided, and its effect when it was approved."""
    at, body = ms(START) + n * 60_000, canonical(arguments)
    hash_ = approval_hash(f"t{n}.p1", "mail.send", body, "")
    one = Proposal(
        f"t{n}.p1", f"t{n}", None, 1, version, "mail", "mail.send", body, hash_, "", {}, [],
        None, "ask", "first-weeks", state, "principal", "telegram:42", at, at,
    )  # fmt: skip
    async with db.write() as tx:
        await cards.keep_proposals(tx, [one])
        if state == "approved":
            await effects.add(tx, one.id, one.tool, body, at, turn=one.turn, proposal=one.id)
            await tx.execute(update(effect).where(effect.c.id == one.id).values(state="done", done_at=at))


async def verdict(db: Database, arguments: dict[str, str], now: datetime, which: Tool = SEND) -> str:
    async with db.read() as tx:
        known = await standing.history(tx, which, arguments)
        house = await standing.session(tx, which, arguments, now)
    parts = {"to": Argument("target", "trusted"), "text": Argument("content", "trusted")}
    mail = Manifest("mail", "", frozenset({"mail.send"}))
    return (
        RegoPolicy.shipped()
        .judge(Question(mail, which, "principal", {}, arguments=parts, session=house, history=known, at=now))
        .rule
    )


async def test_twenty_unchanged_approvals_and_one_yes_end_the_asking_for_this_target_only(db: Database) -> None:
    for n in range(20):
        await decided(db, n, ADA)
    assert await verdict(db, ADA, LATER) == "effects-ask"
    async with db.write() as tx:
        known = await standing.history(tx, SEND, ADA)
        assert (known.approved_in_row, known.granted) == (20, False)
        assert standing.may_offer(SEND, known, Session(probation=False))
        assert not standing.may_offer(SEND, known, Session(probation=True))
        assert await standing.grant(tx, SEND, ADA, TELEGRAM, ms(LATER))
        assert not standing.may_offer(SEND, await standing.history(tx, SEND, ADA), Session(probation=False))
    assert await verdict(db, ADA, LATER) == "earned"
    assert await verdict(db, BEN, LATER) == "unusual"
    assert await verdict(db, ADA, START + timedelta(days=59)) == "first-weeks"
    async with db.write() as tx:
        assert await standing.take_back(tx, SEND, ADA, SLACK, ms(LATER))
        assert not await standing.take_back(tx, SEND, ADA, SLACK, ms(LATER))
        told = [line.entry.what for line in await ledger.lines(tx)][-2:]
    assert told == ["autonomy.granted", "autonomy.taken-back"]
    assert await verdict(db, ADA, LATER) == "effects-ask"


@pytest.mark.parametrize(("state", "version"), [("rejected", 1), ("expired", 1), ("approved", 2)])
async def test_a_rejection_an_expiry_or_an_edit_begins_the_count_anew_also_after_the_yes(
    db: Database, state: str, version: int
) -> None:
    for n in range(20):
        await decided(db, n, ADA)
    async with db.write() as tx:
        await standing.grant(tx, SEND, ADA, TELEGRAM, ms(LATER))
    await decided(db, 20, ADA, state, version=version)
    await decided(db, 21, ADA)
    async with db.read() as tx:
        assert (await standing.history(tx, SEND, ADA)).approved_in_row == 1
    assert await verdict(db, ADA, LATER) == "effects-ask"


@pytest.mark.parametrize("effect_class", ["pay", "delete", "fetch"])
async def test_money_deletion_and_fetching_are_never_offered_nor_granted(
    db: Database, effect_class: EffectClass
) -> None:
    known = History(99, False)
    assert not standing.may_offer(tool(effect_class), known, Session(probation=False))
    async with db.write() as tx:
        assert not await standing.grant(tx, tool(effect_class), ADA, TELEGRAM, 1)
        assert not await standing.grant(tx, SEND, {"text": "to nobody"}, TELEGRAM, 1)


async def test_panic_stops_every_effect_until_another_channel_lifts_it(db: Database) -> None:
    async with db.write() as tx:
        await panic.begin(tx, "principal", TELEGRAM.on, 1)
    assert await verdict(db, ADA, LATER) == "panic"
    assert await verdict(db, ADA, LATER, tool("write", own=True)) == "panic"
    async with db.write() as tx:
        assert not await panic.lift(tx, "principal", TELEGRAM.on, 2), "who took over this chat could lift it"
        assert await panic.standing(tx) is not None
        assert await panic.lift(tx, "principal", SLACK.on, 3)
        assert not await panic.lift(tx, "principal", SLACK.on, 4)
        told = [line.entry.what for line in await ledger.lines(tx)][-3:]
    assert told == ["panic.begun", "panic.kept", "panic.lifted"]
    assert await verdict(db, ADA, LATER) == "unusual"


async def test_the_console_lifts_a_panic_begun_on_the_console(db: Database) -> None:
    async with db.write() as tx:
        await panic.begin(tx, "principal", CONSOLE.on, 1)
        assert await panic.lift(tx, "principal", CONSOLE.on, 2)


async def test_no_chat_that_called_a_panic_lifts_it_also_when_another_called_it_after(db: Database) -> None:
    async with db.write() as tx:
        await panic.begin(tx, "principal", TELEGRAM.on, 1)
        await panic.begin(tx, "principal", SLACK.on, 2)
        assert not await panic.lift(tx, "principal", TELEGRAM.on, 3)
        assert not await panic.lift(tx, "principal", SLACK.on, 4)
        assert not await standing.grant(tx, SEND, ADA, CONSOLE, 5), "nothing is granted while everything is stopped"
        assert await panic.lift(tx, "principal", CONSOLE.on, 6)


async def unusual(db: Database, arguments: dict[str, str], now: datetime, which: Tool = SEND) -> tuple[str, ...]:
    async with db.read() as tx:
        return (await standing.session(tx, which, arguments, now)).unusual


async def test_what_is_unusual_is_named_and_ordinary_things_are_not(db: Database) -> None:
    await decided(db, 0, ADA)
    calm = START + timedelta(hours=5)
    assert await unusual(db, ADA, calm) == ()
    assert await unusual(db, BEN, calm) == ("new-target",)
    assert await unusual(db, ADA, calm.replace(hour=3) + timedelta(days=1)) == ("small-hours",)
    assert await unusual(db, {**ADA, "text": "x" * 200_001}, calm) == ("much-leaving",)
    assert await unusual(db, BEN, calm, tool("read")) == ()
    assert await unusual(db, BEN, calm, tool("write", own=True)) == ()
    for n in range(1, 9):
        await decided(db, n, ADA)
    async with db.write() as tx:
        await tx.execute(update(effect).values(made_at=ms(calm)))
    assert await unusual(db, ADA, calm + timedelta(seconds=30)) == ("many-at-once",)
    assert await unusual(db, ADA, calm + timedelta(seconds=90)) == ()


async def test_a_home_without_a_past_is_in_its_first_weeks(tmp_path: Path) -> None:
    ensure(tmp_path / "new.db")
    fresh = Database(tmp_path / "new.db")
    async with fresh.read() as tx:
        assert (await standing.session(tx, SEND, ADA, LATER)).probation
    await fresh.close()
