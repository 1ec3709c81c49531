"""A throw-away home with a real Steward in it: what the demo, the picture and the README's transcript are played on."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from bot.settings import Settings
from channels.console import Show

if TYPE_CHECKING:
    from bot.chat import Conversation

NAME = "steward-demo-"


class BareSettings(Settings):
    """The defaults and what is given: no environment, no steward.toml, so that no chat of yours is ever spoken to."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


@asynccontextmanager
async def stage(show: Show, *, zone: str = "", calendar: str = "") -> AsyncIterator[Conversation]:
    """A conversation on a fresh home that is gone afterwards; `calendar` is the text of its calendar.ics at the start."""
    from bot.chat import conversation

    with tempfile.TemporaryDirectory(prefix=NAME) as folder:
        settings = BareSettings(home=Path(folder) / "home", zone=zone)
        if calendar:
            settings.home.mkdir(mode=0o700)
            settings.calendar_path.write_text(calendar, encoding="utf-8", newline="")
        async with conversation(settings, show) as talk:
            yield talk


def calendar_of(*events: tuple[str, str, str]) -> str:
    """The text of a calendar file with `events` (summary, start, end in UTC as `20261121T090000Z`)."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Steward//demo//EN"]
    for n, (summary, start, end) in enumerate(events, 1):
        lines += ["BEGIN:VEVENT", f"UID:demo-{n}@steward", "DTSTAMP:20260101T000000Z"]
        lines += [f"DTSTART:{start}", f"DTEND:{end}", f"SUMMARY:{summary}", "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])
