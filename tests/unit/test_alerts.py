"""The one door of what nobody asked for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.database import Database
from knowledge.database.migrate import ensure
from knowledge.store import alerts, escalation, people
from knowledge.store.escalation import Escalation
from knowledge.store.intake import Intake
from knowledge.store.people import Address
from knowledge.words import Outbound

ROOT = Path(__file__).parents[2]
MAY_ASK = {
    "knowledge/store/escalation.py": "chooses",
    "bot/board.py": "keeps a list in every chat that can pin",
    "bot/house.py": "answers /whoami, and tells every chat of a panic",
}
NIGHT = int(datetime(2026, 11, 20, 23, tzinfo=UTC).timestamp() * 1000)
MORNING = NIGHT + 8 * 3_600_000


def test_nobody_chooses_the_principal_s_chat_but_the_door() -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in ("bot", "graphs", "knowledge", "channels")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"people\.addresses\(", path.read_text())
    }
    assert found == set(MAY_ASK)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    ensure(tmp_path / "steward.db")
    database = Database(tmp_path / "steward.db")
    yield database
    await database.close()


async def row(db: Database, key: str) -> tuple[str, str, int]:
    from sqlalchemy import text

    async with db.read() as tx:
        query = text("SELECT channel, conversation, not_before FROM message WHERE key=:key")
        found = (await tx.execute(query, {"key": key})).one()
    return (found.channel, found.conversation, found.not_before)


async def test_it_goes_where_and_when_the_profile_wants_it(db: Database, tmp_path: Path) -> None:
    body = Outbound("something")
    async with db.write() as tx:
        assert await alerts.tell(tx, "a", body, NIGHT) is None, "no chat is linked"
        here = Address("console", "local")
        assert await alerts.tell(tx, "b", body, NIGHT, instead=here) == here
        for n, channel in enumerate(("telegram", "whatsapp", "slack")):
            await people.set_standing(tx, channel, "42", "principal", n, conversation="42")
        await escalation.keep(tx, Escalation(("whatsapp",), ("telegram",), "22:00-07:00"))
        assert await alerts.tell(tx, "c", body, NIGHT) == Address("whatsapp", "42")
        assert await alerts.tell(tx, "d", body, NIGHT, urgent=True) == Address("telegram", "42")
        assert await alerts.tell(tx, "e", body, NIGHT, avoid="whatsapp") == Address("slack", "42")
        await alerts.tell(tx, "f", body, NIGHT, end=MORNING - 1)
    assert await row(db, "b") == ("console", "local", 0)
    assert await row(db, "c") == ("whatsapp", "42", MORNING)
    assert await row(db, "d") == ("telegram", "42", 0)
    assert await row(db, "f") == ("whatsapp", "42", 0), "it would be void at the end of the quiet hours"
    intake = Intake(tmp_path / "steward.db")
    assert [channel for channel, _ in intake.principal_conversations()] == ["telegram", "whatsapp", "slack"]
    intake.close()


async def test_rules_that_an_older_version_kept_are_read(db: Database) -> None:
    from knowledge.store import settings

    async with db.write() as tx:
        await settings.put(tx, escalation.KEY, {"order": ["slack"], "urgent": [], "quiet": "", "zone": "UTC"})
        assert await escalation.rules_of(tx) == Escalation(("slack",))
