"""Between our words and python-telegram-bot's: addresses, keyboards, and what each of its errors means."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, ReplyKeyboardMarkup
from telegram.error import BadRequest, InvalidToken, NetworkError, TelegramError

from channels.base import ChannelError, Refusal, TryLater, Unauthorised, Unknown
from channels.telegram_access import hide_token
from knowledge.egress import Rules, guarded_client
from knowledge.words import Outbound

# how Telegram's refusals begin to mean something: parts of their texts, in lower case
NOT_MODIFIED = ("message is not modified",)
NOT_OURS = ("can't be edited",)
GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "message not found")
TOO_OLD = ("query is too old", "query id is invalid", "query_id_invalid")
UNPARSED = ("can't parse entities",)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)


class TelegramUnauthorised(Unauthorised):
    """Telegram refused the bot token. Put a fresh one from @BotFather into STEWARD_TELEGRAM__TOKEN, then run
    `steward doctor`; what waits is sent afterwards."""


def told(trouble: TelegramError) -> ChannelError:
    """python-telegram-bot's error as what it means for the message: not taken, taken perhaps, or refused."""
    text = hide_token(str(trouble))
    if isinstance(trouble, InvalidToken):
        return TelegramUnauthorised(" ".join((TelegramUnauthorised.__doc__ or "").split()), 60.0)
    if isinstance(trouble, NetworkError) and not isinstance(trouble, BadRequest):
        if isinstance(trouble.__cause__, _NOT_SENT):
            return TryLater(f"Telegram can't be reached ({type(trouble.__cause__).__name__}).")
        return Unknown(f"Telegram gave no clear answer ({text}).")
    return Refusal(f"Telegram refused: {text}")


def says(refusal: Refusal, phrases: tuple[str, ...]) -> bool:
    text = str(refusal).lower()
    return any(phrase in text for phrase in phrases)


def address(conversation: str) -> tuple[int, int | None]:
    chat, _, thread = conversation.partition(":")
    try:
        return int(chat), int(thread) if thread else None
    except ValueError:
        raise Refusal(f"{conversation!r} is no Telegram conversation.") from None


def keyboard(message: Outbound) -> InlineKeyboardMarkup | None:
    if not message.buttons:
        return None
    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(b.label, callback_data=b.data, style=b.style or None) for b in row]
            for row in message.buttons
        ]
    )


def tiles(message: Outbound) -> ReplyKeyboardMarkup | None:
    """Keys that type their words, shown until others take their place."""
    if not message.tiles:
        return None
    return ReplyKeyboardMarkup(message.tiles, resize_keyboard=True, is_persistent=True)


async def download(url: str, most: int, rules: Rules) -> AsyncIterator[bytes]:
    """The bytes at `url` (which holds the token, so no error names it); Refusal when there are more than `most`."""
    got = 0
    try:
        async with guarded_client(rules, timeout=30.0) as http, http.stream("GET", url) as response:
            if response.status_code != 200:
                raise TryLater(f"Telegram answered {response.status_code} for the file.")
            async for chunk in response.aiter_bytes(65_536):
                got += len(chunk)
                if got > most:
                    raise Refusal(f"The file has more than {most / 1e6:.0f} MB.")
                yield chunk
    except httpx.HTTPError as trouble:
        raise TryLater(f"The file could not be read ({type(trouble).__name__}).") from None
