"""What both parts of the Slack channel know: the tokens and where they may not show."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from knowledge.egress import Rules
from knowledge.tokens import RefreshingToken

EXPIRED = "token_expired"
"""What Slack answers to a token that rotated away; nothing was done."""
_TOKEN = re.compile(r"\bx(?:ox[a-z](?:\.xox[a-z])?|app)-[\w-]{4,}")


@dataclass(frozen=True, slots=True)
class SlackAccess:
    """What it takes to be the app. With `app_token` Socket Mode, else signed HTTP. `account` is the team's id.

    Where the app's tokens rotate, `rotating` has the bot token, and `bot_token` is empty.
    """

    bot_token: str = field(repr=False)
    signing_secret: str = field(default="", repr=False)
    app_token: str = field(default="", repr=False)
    team: str = ""
    api_base: str = "https://slack.com/api"
    rotating: RefreshingToken | None = field(default=None, repr=False)

    async def token(self, refused: str = "") -> str:
        """The bot token for one call; with `refused`, another than that one, "" where there is none.

        Raises what `RefreshingToken.get` raises.
        """
        if self.rotating is None:
            return "" if refused else self.bot_token
        return await (self.rotating.renewed(refused) if refused else self.rotating.get())

    @property
    def account(self) -> str:
        return self.team or "slack"

    @property
    def rules(self) -> Rules:
        """Where the app's calls may go: to Slack's hosts, or to the server that the operator wrote into the settings."""
        return Rules.of("slack.com", "*.slack.com", "*.slack-files.com", settings=[self.api_base])

    def socket_rules(self, url: str) -> Rules:
        """For the socket that Slack names; a server that the operator wrote may name another port of its own."""
        own, there = urlsplit(self.api_base), urlsplit(url)
        if self.rules.exempt and there.hostname == own.hostname:
            return Rules.of(settings=[self.api_base, url])
        return self.rules

    @property
    def url(self) -> str:
        """The base of every method's URL, without a slash at the end."""
        return self.api_base.rstrip("/")


def hide_tokens(text: str) -> str:
    """`text` with every Slack token in it replaced."""
    return _TOKEN.sub("xox***", text)


class _NoTokens(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = hide_tokens(record.getMessage()), ()  # rendered now: arguments may change later
        return True


_no_tokens = _NoTokens()


def guard_logs() -> None:
    """Keep tokens out of what the HTTP libraries and the SDK log, whatever level they are set to."""
    for name in ("httpx", "httpcore.http11", "slack_sdk.web.async_client", "slack_sdk"):
        logging.getLogger(name).addFilter(_no_tokens)
    for name in ("httpx", "httpcore", "slack_sdk", "slack_bolt", "aiohttp"):
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)
