"""Between our words and Slack's: blocks, addresses, and what each of Slack's errors means."""

from __future__ import annotations

from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from channels import render
from channels.base import ChannelError, Refusal, TryLater, Unauthorised, Unknown
from channels.slack_access import EXPIRED, hide_tokens
from knowledge.ids import digest
from knowledge.sealed import SealTrouble
from knowledge.tokens import Reauthenticate, TokenLater
from knowledge.words import Outbound

GONE = ("message_not_found", "cant_update_message", "edit_window_closed", "is_inactive", "block_mismatch")
UNPARSED = ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "markdown_text_conflict", "msg_too_long")
NOT_THERE = ("not_in_channel", "channel_not_found", "user_not_in_channel", "messages_tab_disabled")
_UNAUTHORISED = ("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive")
_UNCLEAR = ("internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org")
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.InvalidURL, aiohttp.ConnectionTimeoutError)


class SlackUnauthorised(Unauthorised):
    """Slack refused the bot token. Install the app again and put its token into STEWARD_SLACK__BOT_TOKEN, then run
    `steward doctor`; what waits is sent afterwards."""


class SlackReauthenticate(SlackUnauthorised):
    """Re-authenticate: install the app again, put its new refresh token into STEWARD_SLACK__REFRESH_TOKEN, then run
    `steward doctor`; what waits is sent afterwards."""


def has_run_out(trouble: BaseException) -> bool:
    """Whether a call was refused, and not done, because its token has come to its end."""
    data = getattr(getattr(trouble, "response", None), "data", None)
    return isinstance(data, dict) and data.get("error") == EXPIRED


def told(trouble: BaseException) -> ChannelError:
    """An exception of the SDK, of aiohttp or of the token as what it means for the message."""
    if isinstance(trouble, (Reauthenticate, SealTrouble)):
        return SlackReauthenticate(f"{trouble} {' '.join((SlackReauthenticate.__doc__ or '').split())}", 60.0)
    if isinstance(trouble, TokenLater):
        return TryLater(f"Slack's token can't be refreshed now: {trouble}.")
    if isinstance(trouble, SlackApiError):
        return _answered(trouble)
    if isinstance(trouble, _NOT_SENT):
        return TryLater(f"Slack can't be reached ({type(trouble).__name__}).")
    return Unknown(f"Slack gave no clear answer ({type(trouble).__name__}).")


def _answered(trouble: SlackApiError) -> ChannelError:
    response = trouble.response
    status = getattr(response, "status_code", 0)
    headers = getattr(response, "headers", None) or {}
    data = getattr(response, "data", None)
    error = str(data.get("error") or "") if isinstance(data, dict) else ""
    if status == 429 or error in ("ratelimited", "rate_limited"):
        wait = str(headers.get("Retry-After") or headers.get("retry-after") or "30")
        return TryLater("Slack asked to slow down.", float(wait) if wait.isdecimal() else 30.0)
    if error in _UNAUTHORISED:
        return SlackUnauthorised(" ".join((SlackUnauthorised.__doc__ or "").split()), 60.0)
    if error in _UNCLEAR or not error:
        return Unknown(f"Slack gave no clear answer ({error or status}).")
    return Refusal(f"Slack refused: {hide_tokens(error)}")


def says(refusal: Refusal, errors: tuple[str, ...]) -> bool:
    return str(refusal).removeprefix("Slack refused: ") in errors


def address(conversation: str) -> tuple[str, str, str]:
    """Channel, thread and the user for whose eyes only (each may be empty but the first). Raises Refusal."""
    place, _, user = conversation.partition("/")
    channel, _, thread = place.partition(":")
    if not channel[:1].isalpha() or not channel.isalnum():
        raise Refusal(f"{conversation!r} is no Slack conversation.")
    return channel, thread, user


def mark(message: Outbound, conversation: str) -> str:
    """The block id under which this very message can be found again."""
    return "m-" + digest([message.to_json(), conversation])[:32]


def spoken_as(mark: str) -> str:
    """The name of a voice note's file, by which it can be found again."""
    return f"answer-{mark.removeprefix('m-')}.ogg"


def content(message: Outbound, block_id: str, simple: bool = False) -> dict[str, Any]:
    """`text` (what notifications show) and `blocks`. With `simple` no mark at all is left in the text."""
    document = render.read(message.text)
    plain = render.to_plain(document)
    shown = {"type": "mrkdwn", "text": render.to_mrkdwn(document), "verbatim": True}
    if simple:
        shown = {"type": "plain_text", "text": plain[:3000], "emoji": False}
    blocks: list[dict[str, Any]] = [{"type": "section", "block_id": block_id, "text": shown}]
    blocks += [_row(row, f"{block_id}-{n}") for n, row in enumerate(message.buttons)]
    return {"text": render.to_mrkdwn(document) if not simple else _escaped(plain), "blocks": blocks}


def board(message: Outbound) -> dict[str, Any]:
    """The App Home view: paragraph n of the text with row n of the buttons below it; a hundred blocks at most."""
    blocks: list[dict[str, Any]] = []
    rows = message.buttons + ((),) * message.text.count("\n\n")
    for n, (paragraph, row) in enumerate(zip(message.text.split("\n\n"), rows, strict=False)):
        shown = render.shorten(render.to_mrkdwn(render.read(paragraph)), 3000)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": shown, "verbatim": True}})
        blocks += [_row(row, f"row-{n}")] if row else []
    return {"type": "home", "blocks": blocks[:100]}


def _row(row: tuple[Any, ...], block_id: str) -> dict[str, Any]:
    return {
        "type": "actions",
        "block_id": block_id,
        "elements": [
            {
                "type": "button",
                "action_id": f"press-{n}",
                "text": {"type": "plain_text", "text": render.shorten(button.label, 75), "emoji": True},
                "value": button.data,
            }
            | ({"style": "danger" if button.style == "danger" else "primary"} if button.style else {})
            for n, button in enumerate(row)
        ],
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
