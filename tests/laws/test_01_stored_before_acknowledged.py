"""Law 1. Stored before acknowledged: what could not be stored is handed over again. (`kill -9`: tests/crash.)"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from bot import http
from bot.home import Home
from bot.receiver import Receiver
from channels.base import Delivery
from channels.telegram_access import TelegramAccess
from channels.telegram_receive import STORED, TelegramReceiver, receive
from tests.fakes.telegram_api import SECRET_HEADER, TOKEN, FakeTelegram

pytestmark = pytest.mark.slow


async def test_polling_moves_the_offset_only_after_the_commit() -> None:
    stored: list[str] = []
    tries = 0

    async def accept(deliveries: Sequence[Delivery]) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise sqlite3.OperationalError("disk is full")
        assert telegram.pending() == 3, "acknowledged before it was stored"
        stored.extend(d.dedupe_key for d in deliveries)

    async with FakeTelegram() as telegram:
        for n in range(3):
            telegram.people.text(f"note: {n}")
        receiver = TelegramReceiver(TelegramAccess(TOKEN, "", telegram.url), poll_seconds=1)
        listening = asyncio.create_task(receiver.run(accept))
        try:
            async with asyncio.timeout(30):
                while telegram.pending():  # noqa: ASYNC110  # the fake is asked as a test asks it
                    await asyncio.sleep(0.02)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await receiver.close()
    assert len(stored) == 3


async def test_a_webhook_is_answered_200_only_after_the_commit(tmp_path: Path, empty_database: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    shutil.copy(empty_database, home.database)
    access = TelegramAccess(TOKEN, "secret", "http://127.0.0.1:1")
    steward = Receiver(home, {}, None)
    app = http.app({"/telegram/webhook": lambda raw: receive(raw, access)}, {"/telegram/webhook": STORED}, steward)
    async with FakeTelegram() as telegram:
        telegram.people.text("hello")
        update = telegram.updates()[0]
    with closing(sqlite3.connect(home.database)) as beside:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://steward") as client:
            headers = {SECRET_HEADER: "secret"}
            beside.execute("ALTER TABLE delivery RENAME TO elsewhere")
            assert (await client.post("/telegram/webhook", json=update, headers=headers)).status_code == 503
            beside.execute("ALTER TABLE elsewhere RENAME TO delivery")
            assert (await client.post("/telegram/webhook", json=update, headers=headers)).status_code == 200
        assert beside.execute("SELECT count(*) FROM delivery").fetchone() == (1,)
    steward.intake.close()
