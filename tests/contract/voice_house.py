"""A whole Steward over one real channel adapter and the fake of its platform, with a transcription server beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.compose import compose
from bot.settings import EmbeddingSettings, Settings, VoiceSettings
from channels.base import Delivery
from graphs.state import ms
from knowledge.store import people
from knowledge.store.intake import Intake
from tests.contract.channel_rigs import RIGS, SlackRig, TelegramRig, WhatsAppRig
from tests.contract.console_rig import ConsoleRig, console_rig
from tests.fakes.sound import note
from tests.fakes.transcriber_api import FakeTranscriber
from tests.playbooks.kit import Book, Clock, lay_out

AnyRig = TelegramRig | SlackRig | WhatsAppRig | ConsoleRig
CHATS = ("console", *sorted(RIGS))


@dataclass
class House:
    """`hears` delivers and waits until all is settled; `rig.shown()` is what stands in the chat then."""

    rig: AnyRig
    book: Book
    transcriber: FakeTranscriber

    @property
    def said(self) -> list[str]:
        return self.rig.shown()

    async def hears(self, delivery: Delivery) -> None:
        await self.book.deliver(delivery)

    async def values(self) -> list[Any]:
        """(id, content, source, integrity, derived from) of every value of voice notes."""
        found = await self.book.rows("SELECT * FROM value WHERE id LIKE '%/voice/%' ORDER BY id")
        return [(r["id"], r["content"], r["source"], r["integrity"], r["derived_from"]) for r in found]


def spoken(rig: AnyRig, sound: bytes | None = None, **more: Any) -> Delivery:
    """The principal's voice note as the platform brings it. `more` are fields of the platform's own payload."""
    if isinstance(rig, TelegramRig):
        content = (note(form="ogg") if sound is None else sound).decode("utf-8", "surrogateescape")
        rig.fake.people.document("voice.oga", content, **{"mime": "audio/ogg", "kind": "voice"} | more)
        return rig._last()
    if isinstance(rig, SlackRig):
        rig.fake.files["audio_message.mp4"] = note(form="mp4") if sound is None else sound
        clip = {"mime": "video/mp4", "subtype": "slack_audio", "media_display_type": "audio"} | more
        return rig._stored(rig.fake.people.file("audio_message.mp4", **clip))
    if isinstance(rig, ConsoleRig):
        (rig.folder / "note.ogg").write_bytes(note(form="ogg") if sound is None else sound)
        return rig.typed(f"voice: {rig.folder / 'note.ogg'}")
    return rig._stored(rig.fake.media("note.ogg", note(form="ogg") if sound is None else sound, **more))


@asynccontextmanager
async def house(channel: str, home: Path, template: Path, **voice: Any) -> AsyncIterator[House]:
    """Opened with the principal linked. `voice` are switches of that section; by default the fake server transcribes."""
    lay_out(home, template)
    async with (RIGS | {"console": console_rig})[channel]() as rig, FakeTranscriber() as transcriber:
        assert isinstance(rig, AnyRig)
        settings = Settings(
            home=home,
            zone="Europe/Zurich",
            embeddings=EmbeddingSettings(path=str(home / "no-model")),
            voice=VoiceSettings(**{"transcriber": transcriber.url} | voice),
        )
        clock = Clock(datetime.now(UTC))
        local = rig.conversation if channel == "console" else ""
        async with compose(settings, {channel: rig.speaking}, clock=clock, console=local) as steward:
            who = rig.typed("hello")
            async with steward.crew.db.write() as tx:
                await people.set_standing(
                    tx, channel, who.sender, "principal", ms(clock()), conversation=who.conversation
                )
            intake = Intake(steward.home.database)
            work = asyncio.create_task(steward.worker.run())
            try:
                yield House(rig, Book(steward, clock, {}, intake, {}, {}, set(), cards={}), transcriber)
            finally:
                steward.worker.stop()
                with suppress(asyncio.CancelledError):
                    await work
                intake.close()
        assert rig.violations() == []
