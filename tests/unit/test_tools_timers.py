"""Reminders as rows: once per key, told with their resolved time, cancelled once, and set again by undo."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from graphs.tools.base import Tool, ToolTrouble
from knowledge.database import Database
from knowledge.database.schema import metadata
from knowledge.store import timers as store
from tests.contract.connector_rigs import ZONE, tools_of

NOW = datetime(2026, 11, 18, 10, 0, tzinfo=ZONE)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "steward.db")
    async with database.write() as tx:
        await tx.run_sync(metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
def tools(db: Database, tmp_path: Path) -> dict[str, Tool]:
    return tools_of(tmp_path, db, now=NOW)


def reminder(
    text: str = "call Bob", due: datetime = NOW + timedelta(days=1), rule: str | None = None
) -> dict[str, Any]:
    return {
        "text": text, "due": due.isoformat(), "rule": rule, "zone": ZONE.key, "channel": "console",
        "conversation": "me", "made": NOW.isoformat(),
    }  # fmt: skip


async def armed(tools: dict[str, Tool]) -> list[str]:
    return [each["text"] for each in (await tools["timers.list"].run({}, ""))["timers"]]


async def test_the_same_key_sets_one_reminder(tools: dict[str, Tool], db: Database) -> None:
    first = await tools["timers.set"].run(reminder(), "k1")
    assert await tools["timers.set"].run(reminder(), "k1") == first
    assert await armed(tools) == ["call Bob"]
    async with db.read() as tx:
        row = await store.get(tx, first["timer"])
    assert row is not None
    assert (row.kind, row.channel, row.conversation, row.payload) == ("reminder", "console", "me", {"text": "call Bob"})
    assert row.due_at == int((NOW + timedelta(days=1)).timestamp() * 1000)


async def test_a_reminder_is_set_undone_and_undone_again(tools: dict[str, Tool]) -> None:
    done = await tools["timers.set"].run(reminder(), "k1")
    undo = tools["timers.set"].undo
    assert undo is not None
    back = undo(reminder(), done)
    assert back is not None
    first = await tools[back.tool].run(back.arguments, "u")
    assert await tools[back.tool].run(back.arguments, "u") == first
    assert await armed(tools) == []


async def test_a_cancelled_reminder_comes_back_with_its_rule(tools: dict[str, Tool]) -> None:
    wanted = reminder("stretch", rule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR")
    done = await tools["timers.set"].run(wanted, "k1")
    cancel = {**wanted, "timer": done["timer"]}
    receipt = await tools["timers.cancel"].run(cancel, "k2")
    undo = tools["timers.cancel"].undo
    assert undo is not None
    back = undo(cancel, receipt)
    assert back is not None
    await tools[back.tool].run(back.arguments, "u")
    await tools[back.tool].run(back.arguments, "u")
    again = (await tools["timers.list"].run({}, ""))["timers"]
    assert [(each["text"], each["rule"]) for each in again] == [("stretch", wanted["rule"])]


async def test_what_has_gone_off_cannot_be_cancelled(tools: dict[str, Tool], db: Database) -> None:
    done = await tools["timers.set"].run(reminder(), "k1")
    async with db.write() as tx:
        await store.end(tx, done["timer"], "done")
    with pytest.raises(ToolTrouble, match="gone off already"):
        await tools["timers.cancel"].run({**reminder(), "timer": done["timer"]}, "k2")
    with pytest.raises(ToolTrouble, match="no such reminder"):
        await tools["timers.cancel"].run({**reminder(), "timer": "r0"}, "k2")


async def test_a_time_that_passed_meanwhile_sets_nothing_and_says_so(tools: dict[str, Tool]) -> None:
    with pytest.raises(ToolTrouble, match="past by now"):
        await tools["timers.set"].run(reminder(due=NOW - timedelta(hours=1)), "k1")
    assert await armed(tools) == []


async def test_the_last_reminder_that_went_off_comes_first(
    tools: dict[str, Tool], db: Database, tmp_path: Path
) -> None:
    soon, later = reminder("soon", NOW + timedelta(minutes=10)), reminder("later", NOW + timedelta(minutes=20))
    daily = reminder("daily", NOW + timedelta(minutes=15), "FREQ=DAILY")
    for number, each in enumerate((soon, later, daily)):
        done = await tools["timers.set"].run(each, f"k{number}")
        if each is not daily:
            async with db.write() as tx:
                await store.end(tx, done["timer"], "done")
    afterwards = tools_of(tmp_path, db, now=NOW + timedelta(hours=1))
    fired = (await afterwards["timers.list"].run({"state": "fired"}, ""))["timers"]
    assert [each["text"] for each in fired] == ["later", "soon"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("make it 3pm", "Wed 18 Nov 2026, 15:00"),
        ("tomorrow at 9", "Thu 19 Nov 2026, 09:00"),
        ("an hour later", "Wed 18 Nov 2026, 14:00"),
        ("say call Bob back", "13:00 (Europe/Zurich): “call Bob back”"),
        ("every day at 8", "every day at 08:00, next on Thu 19 Nov 2026, 08:00"),
    ],
)
def test_another_time_in_words(tools: dict[str, Tool], words: str, part: str) -> None:
    revise = tools["timers.set"].revise
    assert revise is not None
    changed = revise(reminder(due=NOW + timedelta(hours=3)), words, NOW, ZONE)
    assert isinstance(changed, dict)
    assert part in tools["timers.set"].render(changed)


def test_words_without_a_time_are_no_change(tools: dict[str, Tool]) -> None:
    revise = tools["timers.set"].revise
    assert revise is not None
    assert revise(reminder(), "thanks a lot", NOW, ZONE) is None
    assert isinstance(revise(reminder(), "on 31 november", NOW, ZONE), str)
