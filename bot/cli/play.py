"""`steward demo`: a scripted morning on a throw-away home. The script types; graph, policy, files and ledger are real."""

from __future__ import annotations

import asyncio
import random
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Console, RenderableType
from rich.text import Text

from bot import console_view as view
from bot.console_screen import Screen
from bot.stage import calendar_of, stage
from knowledge.words import Outbound

if TYPE_CHECKING:
    from bot.chat import Conversation

KEY_S = 0.045
"""Seconds between two keys of the script at speed 1."""


def demo(speed: float) -> int:
    """Play it; 0 when everything came as told, 1 with a sentence when not."""
    if not speed > 0:
        print("The speed is a number above 0: 1 plays about a minute, 10 ten times faster.")
        return 2
    return asyncio.run(Play(speed).run())


class Play:
    """The morning. `console` is where it is shown; tests give one that records."""

    def __init__(self, speed: float, console: Console | None = None) -> None:
        self.speed = speed
        self.screen = Screen(console)
        self.console = self.screen.console
        self.shown: list[Outbound] = []
        self.calendars: list[str] = []
        """The calendar file as it was after each look."""

    async def run(self) -> int:
        zone = _zone()
        tomorrow = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        today = tomorrow - timedelta(days=1)
        calendar = calendar_of(
            ("Team breakfast", _utc(today, 8, 30), _utc(today, 9, 30)),
            ("Call with the auditors", _utc(today, 15, 0), _utc(today, 15, 30)),
            ("Call with Basel", _utc(tomorrow, 10, 0), _utc(tomorrow, 10, 30)),
            ("Dentist", _utc(tomorrow, 11, 0), _utc(tomorrow, 12, 0)),
        )
        with self.screen.status("Setting a stage: an empty home in a temporary folder"):
            opening = stage(self._show, zone=zone.key, calendar=calendar)
            talk = await opening.__aenter__()
        try:
            return await self._morning(talk)
        finally:
            await opening.__aexit__(None, None, None)

    async def _morning(self, talk: Conversation) -> int:
        await self._tell("A morning with Steward", "No key, no server: the answers, the files and the ledger are real.")
        await self._say(talk, "good morning")

        await self._remark("A client asks for an hour tomorrow at ten. You pass it on:")
        await self._say(talk, "schedule a meeting with Dr Weber tomorrow at 10 for an hour")
        await self._remark("Ten is taken: Steward read the calendar file, named the conflict and proposes free time.")
        if not await self._press(talk, "a", "Nothing is written until you decide. You press"):
            return await self._off("no card came")
        if not await self._look(talk, "Weber", there=True):
            return await self._off("the event is not in the calendar file")

        await self._remark("Dr Weber cancels. One key takes it back:")
        if not await self._press(talk, "u", "You press"):
            return await self._off("the receipt had no Undo")
        if not await self._look(talk, "Weber", there=False):
            return await self._off("the event is still in the calendar file")

        await self._say(talk, "note: Dr Weber prefers video calls on Thursdays")
        await self._say(talk, "what does Dr Weber prefer?")
        if not await self._verify(talk):
            return await self._off("the ledger does not hold")
        await self._close()
        return 0

    # ── what the script does ─────────────────────────────────────────────────────────────────────────────────────

    async def _show(self, message: Outbound, ref: str) -> None:
        self.shown.append(message)
        await self.screen.show(message, ref)

    async def _say(self, talk: Conversation, text: str) -> None:
        await self._type(text)
        await talk.settled(await talk.say(text))
        await self._pause(1.6)

    async def _type(self, text: str) -> None:
        """Key by key on a terminal, at once elsewhere."""
        if self.console.is_terminal:
            self.console.print(Text("› ", style=f"bold {view.ACCENT}"), end="")
            for key in text:
                self.console.print(Text(key), end="")
                self.console.file.flush()
                await self._pause(KEY_S * random.uniform(0.5, 1.6))
            self._print(Text(""), Text(""))
        else:
            self._print(view.said(text), Text(""))

    async def _press(self, talk: Conversation, key: str, lead: str) -> bool:
        found = self.screen.keys.read(key)
        if found is None:
            return False
        offer, button = found
        await self._pause(1.5)
        self._print(
            Text.assemble((f"  {lead} ", "dim"), (key, f"bold {view.ACCENT}"), (f" {button.label}.", "dim"), "\n")
        )
        await self._pause(0.8)
        self.screen.keys.drop(offer.ref)
        await talk.settled(await talk.say("", button.data))
        await self._pause(1.5)
        return True

    async def _look(self, talk: Conversation, name: str, *, there: bool) -> bool:
        """Show what the calendar file says of `name`, and keep its text; whether that is as it should be."""
        text = await asyncio.to_thread(talk.steward.settings.calendar_path.read_text, "utf-8")
        self.calendars.append(text)
        lines = event_lines(text, name)
        if not there:
            self._print(Text.assemble(("  $ ", "dim"), f"grep -c {name} calendar.ics\n", (f"  {len(lines)}\n", "dim")))
        else:
            shown = "\n".join(f"  {line}" for line in lines)
            self._print(Text.assemble(("  $ ", "dim"), "cat calendar.ics\n", ("  …\n" + shown + "\n  …\n", "dim")))
        await self._pause(2.5)
        return bool(lines) == there

    async def _verify(self, talk: Conversation) -> bool:
        from knowledge import ledger

        async with talk.steward.crew.db.read() as tx:
            lines = await ledger.lines(tx, limit=100_000)
        broken = ledger.check(lines)
        told = (
            f"The ledger holds: {len(lines)} records, each bound to the one before it." if not broken else broken.reason
        )
        await self._remark(f"Every step of this morning is in the ledger. {told}")
        return broken is None

    async def _close(self) -> None:
        self._print(view.rule("the end; the throw-away home is gone"), Text(""))
        following = (
            "Now yours:\n- `steward` opens the chat\n- `steward init` connects Telegram and prepares search by meaning\n"
            "- `steward ingest FOLDER` takes your files into memory\n- `steward audit show` tells what was done and why"
        )
        self._print(view.words(following), Text(""))

    # ── how it is paced and shown ────────────────────────────────────────────────────────────────────────────────

    async def _tell(self, heading: str, line: str) -> None:
        self._print(Text(""), Text.assemble((heading, f"bold {view.ACCENT}"), (f"  {line}", "dim")), Text(""))
        await self._pause(1.5)

    async def _remark(self, text: str) -> None:
        self._print(view.notice(text), Text(""))
        await self._pause(2.2)

    async def _off(self, what: str) -> int:
        self._print(
            Text(f"The demo did not go as it should: {what}. Please report this with the lines above.", style="red")
        )
        return 1

    def _print(self, *what: RenderableType) -> None:
        for one in what:
            self.console.print(one, width=view.width_of(self.console), highlight=False)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


def event_lines(calendar: str, name: str) -> list[str]:
    """The telling lines of the event whose summary holds `name`; none when there is no such event."""
    for event in re.findall(r"BEGIN:VEVENT.*?END:VEVENT", calendar.replace("\r\n", "\n"), re.DOTALL):
        if re.search(rf"^SUMMARY:.*{re.escape(name)}", event, re.MULTILINE):
            wanted = ("BEGIN", "SUMMARY", "DTSTART", "DTEND", "UID", "END:")
            return [line for line in event.split("\n") if line.startswith(wanted)]
    return []


def _zone() -> ZoneInfo:
    from bot.compose import principal_zone

    return principal_zone()


def _utc(day: datetime, hour: int, minute: int) -> str:
    return day.replace(hour=hour, minute=minute).astimezone(ZoneInfo("UTC")).strftime("%Y%m%dT%H%M%SZ")
