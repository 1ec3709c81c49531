"""A whole Steward over one real channel adapter and the fake of its platform, with a transcription server beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.settings import VoiceSettings
from channels.base import Delivery
from tests.contract.channel_rigs import RIGS, SlackRig, TelegramRig, WhatsAppRig
from tests.contract.console_rig import ConsoleRig
from tests.fakes.sound import note
from tests.fakes.transcriber_api import FakeTranscriber
from tests.playbooks.chats import opened
from tests.playbooks.kit import Book

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
    async with FakeTranscriber() as transcriber:
        settings = VoiceSettings(**{"transcriber": transcriber.url} | voice)
        async with opened(channel, home, template, datetime.now(UTC), voice=settings) as chat:
            assert isinstance(chat.rig, AnyRig)
            yield House(chat.rig, chat.book, transcriber)
