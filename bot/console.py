"""The console chat at a terminal: a prompt that stays while Steward works, cards decided by keys, nothing lost on leaving."""

from __future__ import annotations

import asyncio
import importlib
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit.patch_stdout import patch_stdout
from rich.text import Text

from bot import console_view as view
from bot.console_keys import Offer
from bot.console_prompt import Prompt
from bot.console_screen import Screen
from bot.settings import Settings
from knowledge.words import Button, Outbound

if TYPE_CHECKING:
    from bot.chat import Conversation

LEAVE_S = 3.0
"""A second Ctrl-C within this time leaves."""

STOP_S = 2.0
"""So long the answer to /stop is waited for; what it stopped may take longer to notice."""

_FOLLOW = "follow"  # the tasks that wait for an answer

_LEAVE = frozenset({"/quit", "/exit", "quit", "exit"})
_TRY = (
    "note: the accountant prefers mornings",
    "when does the accountant like to meet?",
    "lunch with Ada tomorrow at 12:30",
    "remind me to call the bank in 10 minutes",
)


async def interactive(settings: Settings) -> int:
    """Talk until Ctrl-D. Raises HomeTrouble when the home can't be used."""
    screen = Screen()
    with screen.status("Waking up"):
        chat = await asyncio.to_thread(importlib.import_module, "bot.chat")
    ready = asyncio.Event()

    async def show(message: Outbound, ref: str) -> None:
        await ready.wait()
        await screen.show(message, ref)

    async with chat.conversation(settings, show) as talk:
        seat = Seat(talk, screen, settings.home / "console-history")
        try:
            await seat.greet()
            ready.set()
            with patch_stdout(raw=True):
                await seat.sit()
        finally:
            ready.set()
    return 0


class Seat:
    """The principal at the terminal: takes lines and keys, hands them on, and knows what is still being worked on."""

    def __init__(self, talk: Conversation, screen: Screen, history: Path) -> None:
        self.talk, self.screen = talk, screen
        menu = {**talk.steward.house.menu(), "quit": "leave; nothing is lost"}
        self.prompt = Prompt(screen, menu, history, interrupt=self.interrupt, press=self.press_soon)
        self._running: set[asyncio.Task[None]] = set()
        self._interrupted = 0.0

    # ── coming ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def greet(self) -> None:
        """Who is there, what waits, and for a newcomer what to say first."""
        from bot.console_greeting import look_around

        found = await look_around(self.talk.steward, self.talk.name)
        heading = Text.assemble(("Steward", f"bold {view.ACCENT}"), (f"  {found.line}", "dim"))
        await self.screen.print(Text(""), heading)
        if found.new_here:
            tries = "\n".join(f"- `{one}`" for one in _TRY)
            hello = f"Hello. Just write to me, for example:\n{tries}\n\nNothing leaves the house without your approval."
            await self.screen.print(Text(""), view.words(hello))
        for remark in found.remarks:
            await self.screen.print(view.notice(remark))
        await self.screen.print(Text(""))
        if found.waiting:
            await self.screen.print(view.rule("while you were away"), Text(""))
        if found.cards:
            await self.screen.print(view.rule("waiting for your decision"), Text(""))
            for card in found.cards:
                await self.screen.show(card, card.card)

    # ── sitting ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def sit(self) -> None:
        """Line by line until the principal leaves. Between two lines the terminal turns Ctrl-C into a signal."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._signalled)
        try:
            await self._lines()
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    def _signalled(self) -> None:
        if self.interrupt():
            self.prompt.leave()

    async def _lines(self) -> None:
        draft = ""
        while (line := await self.prompt.ask(draft)) is not None:
            draft = ""
            self._interrupted = 0.0
            if line.strip().lower() in _LEAVE:
                break
            if not await self._key(line) and line.strip():
                draft = await self._say(line)
        if self._running:
            await self.screen.print(view.notice("What is not finished goes on when Steward runs next."))
        await self.screen.print(view.notice("Until soon."))

    async def _key(self, line: str) -> bool:
        """Whether the line is a key: then it is pressed, and nothing is sent as text."""
        keys = self.screen.keys
        found, chosen = keys.read(line), keys.choose(line.strip())
        keys.hold(False)
        if found is not None:
            await self.press(*found)
        elif chosen and keys.focus is not None:
            title = keys.focus.title
            await self.screen.print(
                view.notice(f"Number {chosen} of {title}. The letters mean this one now."), Text("")
            )
        return found is not None or bool(chosen)

    async def press(self, offer: Offer, button: Button) -> None:
        """Press a button of a message that was shown."""
        if not offer.choices:  # a chosen answer is said back by Steward, in full
            of = f" ({offer.title})" if offer.ref.startswith("c") else ""
            await self.screen.print(view.notice(f"› {button.label.rstrip('?')}{of}"), Text(""))
        if not offer.ref.startswith("c"):
            self.screen.keys.drop(offer.ref)
        await self._hand_on("", button.data)

    def press_soon(self, offer: Offer, button: Button) -> None:
        """The same from a key binding."""
        self._begin(self.press(offer, button))

    async def _say(self, line: str) -> str:
        """Hand a message on; returns it for the prompt when it could not be stored."""
        self.screen.keys.said()
        await self.screen.print(view.said(line), Text(""))
        return "" if await self._hand_on(line) else line

    async def _hand_on(self, text: str, press: str = "", patience_s: float = 3600.0) -> bool:
        import sqlite3

        from knowledge.database.engine import trouble_of

        self.screen.expects = ""
        try:
            delivery = await self.talk.say(text, press)
        except sqlite3.Error as error:
            await self.screen.print(view.notice(f"{trouble_of(error)} It was not taken: send it again."), Text(""))
            return False
        self._begin(self._follow(delivery, patience_s), _FOLLOW)
        return True

    async def _follow(self, delivery: int, patience_s: float) -> None:
        """Wait until all of it is said, with a sign of life meanwhile."""
        self.prompt.working(self._doing)
        await self.talk.settled(delivery, timeout_s=patience_s)
        await self.screen.settle()

    def _begin(self, work: Coroutine[Any, Any, None], name: str = "") -> None:
        task = asyncio.create_task(work, name=name or None)
        self._running.add(task)
        self.screen.quiet = False
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not self._running:
            self.screen.quiet = True
            self.prompt.rest()
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def _doing(self) -> str:
        """What is being done, in a few words."""
        from bot.console_greeting import doing

        return await doing(self.talk.steward)

    # ── going ────────────────────────────────────────────────────────────────────────────────────────────────────

    def interrupt(self) -> bool:
        """Ctrl-C on an empty line: stop what runs, or say how to leave. True the second time: leave."""
        now = time.monotonic()
        if now - self._interrupted < LEAVE_S:
            return True
        self._interrupted = now
        if self._running:
            self._begin(self._stop())
        else:
            self._begin(self.screen.print(view.notice("Ctrl-C again or Ctrl-D leaves."), Text("")))
        return False

    async def _stop(self) -> None:
        """Nobody waits any more for what ran: its worker may still be at it, but can write nothing."""
        await self.screen.print(view.notice("Stopping."))
        for task in [task for task in self._running if task.get_name() == _FOLLOW]:
            task.cancel()
        await self._hand_on("/stop", patience_s=STOP_S)
