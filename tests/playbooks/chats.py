"""A Steward behind one real adapter and its platform's fake: what people do there, and what stands in the chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.compose import compose
from bot.settings import EmbeddingSettings, Settings
from channels.base import Delivery
from graphs.state import ms
from knowledge.store import people
from knowledge.store.intake import Intake
from tests.contract.channel_rigs import RIGS, Rig
from tests.contract.console_rig import console_rig
from tests.playbooks.kit import NOW, UNHURRIED, ZURICH, Book, Clock, lay_out

CHATS = {**RIGS, "console": console_rig}


@dataclass
class Chat:
    """One chat with a Steward behind it. `said` is everything that stands there now, as one text without line ends."""

    rig: Rig
    book: Book
    name: str

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.rig.shown()).split())

    async def types(self, *words: str) -> None:
        await self.book.deliver(*(self.rig.typed(one) for one in words))

    async def presses(self, label: str, times: int = 1) -> None:
        await self.book.deliver(*(self.rig.pressed(label) for _ in range(times)))

    async def sends(self, name: str, content: str) -> None:
        await self.book.deliver(self.rig.filed(name, content))

    def events(self) -> int:
        return self.book.calendar.count("BEGIN:VEVENT")

    def expect(self, *words: str) -> None:
        for one in words:
            assert one in self.said, f"{one!r} is not in: {self.said[-1500:]}"


@asynccontextmanager
async def opened(name: str, home: Path, template: Path, now: datetime = NOW, **switches: Any) -> AsyncIterator[Chat]:
    """A Steward over the channel `name`, the person at its other end linked as the principal."""
    lay_out(home, template)
    clock = Clock(now)
    settings = Settings(home=home, zone=ZURICH, embeddings=EmbeddingSettings(path=str(home / "no-model")), **switches)
    async with (
        CHATS[name]() as rig,
        compose(settings, {name: rig.speaking}, clock=clock, console=rig.conversation) as steward,
    ):
        me: Delivery = rig.typed("hello")
        async with steward.crew.db.write() as tx:
            await people.set_standing(tx, name, me.sender, "principal", ms(now), conversation=me.conversation)
        intake = Intake(steward.home.database)
        steward.worker.progress.pace = UNHURRIED
        work = asyncio.create_task(steward.worker.run())
        try:
            yield Chat(rig, Book(steward, clock, {}, intake, {}, {}, set(), cards={}), name)
        finally:
            steward.worker.stop()
            with suppress(asyncio.CancelledError):
                await work
            intake.close()
        assert rig.violations() == []
