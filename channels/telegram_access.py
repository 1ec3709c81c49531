"""What both parts of the Telegram channel know: the token and where it may not show, and which updates are wanted."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import Literal

from knowledge.egress import Rules

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "message_reaction", "my_chat_member")
_TOKEN = re.compile(r"\b(bot)?\d+:[\w-]{6,}")


@dataclass(frozen=True, slots=True)
class TelegramAccess:
    """What it takes to be the bot. `account` is the bot's public id, the part of the token before the colon."""

    token: str = field(repr=False)
    secret: str = field(default="", repr=False)
    api_base: str = "https://api.telegram.org"
    mode: Literal["polling", "webhook"] = "polling"

    @property
    def account(self) -> str:
        return self.token.partition(":")[0]

    @property
    def rules(self) -> Rules:
        """Where the bot's calls may go: to Telegram, or to the server that the operator wrote into the settings."""
        return Rules.of("api.telegram.org", settings=[self.api_base])

    @property
    def url(self) -> str:
        """The base of every method's URL. Holds the token: never log it."""
        return f"{self.api_base.rstrip('/')}/bot{self.token}"


def hide_token(text: str) -> str:
    """`text` with every bot token in it replaced, also inside URLs."""
    return _TOKEN.sub(lambda found: f"{found[1] or ''}***", text)


class _NoToken(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = hide_token(record.getMessage()), ()  # rendered now: arguments may change later
        return True


_no_token = _NoToken()


def guard_logs() -> None:
    """Keep the token out of what the HTTP libraries log (httpx logs every URL), whatever level they are set to."""
    for name in ("httpx", "httpcore.http11", "httpcore.connection", "telegram.Bot", "telegram.request.HTTPXRequest"):
        logging.getLogger(name).addFilter(_no_token)
    for name in ("httpx", "httpcore"):
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)
