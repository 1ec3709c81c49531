"""The screen of a console chat: prints messages above the prompt and keeps what their keys mean."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

from prompt_toolkit.application import run_in_terminal
from rich.console import Console, RenderableType
from rich.text import Text

from bot import console_view as view
from bot.console_keys import Keys, offer_of
from bot.reply import DONE_WORDS
from knowledge.words import Outbound

_LEAD_INS = DONE_WORDS | {"Here is why.", "Tell me the change.", "Undoing it."}
"""Notices that say nothing once the message they announce is there."""

_ECHO_S = 5.0  # the same card twice within this time (an edit and its new posting) is shown once


@dataclass(slots=True)
class _Shown:
    text: str
    at: float


class Screen:
    """Prints in order, also while something is being typed. `console` is rich's; tests give one that records."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, file=sys.stdout)
        self.keys = Keys()
        self.expects = ""
        """What the next line answers, as a hint on the empty line: set when Steward asked for a change."""
        self.quiet = True
        """Whether nobody waits for an answer, so that what comes rings the bell."""
        self._cards: dict[str, _Shown] = {}
        self._toast = ""

    async def print(self, *what: RenderableType) -> None:
        """On the screen when this returns."""
        await run_in_terminal(lambda: self._print(what))

    def _print(self, what: tuple[RenderableType, ...]) -> None:
        for one in what:
            self.console.print(one, width=view.width_of(self.console), highlight=False)
        self.console.file.flush()

    async def show(self, message: Outbound, ref: str) -> None:
        """A message of Steward: a card as a panel, an answer as text, a notice in grey."""
        if message.toast_for:
            await self._show_toast(message.text)
            return
        offer = offer_of(message, ref)
        if message.card and self._is_echo(message):
            return
        if offer is not None:
            self.keys.put(offer)
        elif message.card:
            self.keys.drop(message.card)
        self._toast = ""
        self.expects = "the change, for example: make it 3pm" if message.prompt else ""
        picture = view.card if message.card else view.answer
        if self.quiet and not message.silent:
            self.console.bell()
        await self.print(picture(message, offer.hints if offer else {}), Text(""))

    def _is_echo(self, message: Outbound) -> bool:
        before, now = self._cards.get(message.card), time.monotonic()
        self._cards[message.card] = _Shown(message.text, now)
        return before is not None and before.text == message.text and now - before.at < _ECHO_S

    async def _show_toast(self, text: str) -> None:
        """`Approved.` is told by the updated card; only where none hangs here is it said, when all has settled."""
        if text in _LEAD_INS:
            self._toast = text
        elif text:
            await self.print(view.notice(text), Text(""))

    async def settle(self) -> None:
        """Everything about a press is shown: say what no card has told."""
        text, self._toast = self._toast, ""
        if text:
            await self.print(view.notice(text), Text(""))

    def status(self, text: str) -> Any:
        """A spinner before the prompt is there."""
        return self.console.status(f"[dim]{text}[/dim]", spinner="dots", spinner_style=view.ACCENT)
