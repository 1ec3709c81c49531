"""Whom a process can speak to: its channels, and of the console only the terminal that is its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Reach:
    """`channels` this process speaks (timers are everybody's); `console` is the conversation of its terminal."""

    channels: tuple[str, ...]
    console: str = ""

    def speaks(self, channel: str, conversation: str) -> bool:
        return channel in self.channels and (channel != CONSOLE or conversation == self.console)

    def covers(self, channel: Any, conversation: Any) -> ColumnElement[bool]:
        """The same as SQL, for two columns; synthetic deliveries of timers are covered by everybody."""
        own = or_(channel != CONSOLE, conversation == self.console)
        return and_(channel.in_([*self.channels, "timer"]), own)
