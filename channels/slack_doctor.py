"""What `steward doctor` finds out about Slack, in the order of docs/slack.md: each step that fails names the next."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from channels.base import ChannelError, Finding
from channels.slack_access import SlackAccess
from channels.slack_wire import SlackReauthenticate, SlackUnauthorised
from knowledge.egress import Rules, guarded_client

SCOPES = (
    "app_mentions:read", "assistant:write", "chat:write", "commands", "files:read", "files:write", "im:history",
    "im:write", "reactions:read",
)  # fmt: skip
HOOK = "/slack/events"
MOST_SKEW = 60.0  # seconds; Slack's signatures are refused beyond five minutes
_SECRET = re.compile(r"[0-9a-z]{20,64}")

Ask = Callable[[str], Awaitable[Any]]
"""Call a method of the Web API with the bot token. Raises ChannelError."""


async def findings(access: SlackAccess, ask: Ask, public_url: str, now: Callable[[], datetime]) -> list[Finding]:
    """Bot token, scopes, team, this machine's clock against Slack's, and the way in: Socket Mode or signed HTTP."""
    try:
        response = await ask("auth.test")
    except SlackReauthenticate as refused:
        return [Finding("Slack refreshes the bot token", False, str(refused))]
    except SlackUnauthorised:
        step = "Install the app again and put its token into STEWARD_SLACK__BOT_TOKEN"
        return [Finding("Slack takes the bot token", False, step)]
    except ChannelError as trouble:
        return [Finding(f"Slack can be reached at {access.url}", False, str(trouble))]
    found = [Finding(f"Slack takes the bot token ({response.get('user')} in {response.get('team')})", True)]
    if access.rotating is not None:
        found.append(Finding("The bot token is short-lived and is refreshed in time", True))
    granted = {scope.strip() for scope in str(response.headers.get("x-oauth-scopes") or "").split(",")}
    missing = ", ".join(scope for scope in SCOPES if scope not in granted)
    step = f"Add {missing} (channels/slack_manifest.yaml has them all) and install the app again" if missing else ""
    found.append(Finding("The app has the scopes it needs", not missing, step))
    team = str(response.get("team_id") or "")
    right = access.team in ("", team)
    found.append(
        Finding("The token is of the configured team", right, "" if right else f"Set STEWARD_SLACK__TEAM={team}")
    )
    skew = _skew(str(response.headers.get("date") or ""), now())
    off = f"It is {skew:.0f} s off; set it by NTP" if skew >= MOST_SKEW else ""
    found.append(Finding("The clock is right", not off, off))
    return found + (await _socket(access) if access.app_token else await _http(access, public_url))


async def _socket(access: SlackAccess) -> list[Finding]:
    """Whether Slack opens a socket for the app token."""
    headers = {"authorization": f"Bearer {access.app_token}"}
    try:
        async with guarded_client(access.rules, timeout=10.0) as http:
            told = (await http.post(f"{access.url}/apps.connections.open", headers=headers)).json()
    except (httpx.HTTPError, ValueError) as trouble:
        return [Finding("Slack opens a socket", False, f"No clear answer ({type(trouble).__name__}); try again")]
    if told.get("ok") is True:
        return [Finding("Slack opens a socket for the app token", True)]
    step = "Make an app-level token with connections:write and put it into STEWARD_SLACK__APP_TOKEN"
    if told.get("error") in ("socket_mode_not_enabled", "link_disabled"):
        step = "Switch it on under Socket Mode at api.slack.com/apps"
    return [Finding("Slack opens a socket for the app token", False, step)]


async def _http(access: SlackAccess, public_url: str) -> list[Finding]:
    """The form of the signing secret, and whether our own webhook answers at the public address."""
    right = bool(_SECRET.fullmatch(access.signing_secret))
    step = (
        ""
        if right
        else "Copy it from Basic Information into STEWARD_SLACK__SIGNING_SECRET: a word of digits and small letters"
    )
    found = [Finding("The signing secret looks like one", right, step)]
    if not public_url:
        return [*found, Finding("The public address was not tried: STEWARD_PUBLIC_URL is not set", True)]
    address = public_url.rstrip("/") + HOOK
    try:
        async with guarded_client(Rules.of(settings=[public_url]), timeout=10.0) as http:
            status = (await http.post(address, content=b"ssl_check=1")).status_code
    except httpx.HTTPError as trouble:
        step = f"Is `steward run` running, and does your web server pass {HOOK} to it? ({type(trouble).__name__})"
        return [*found, Finding(f"Slack's events reach {address}", False, step)]
    step = "" if status == 200 else f"It answered {status}: let your web server pass {HOOK} to `steward run`"
    return [*found, Finding(f"Slack's events reach {address}", status == 200, step)]


def _skew(date: str, now: datetime) -> float:
    """Seconds between our clock and the server's; 0 when it tells none."""
    try:
        return abs((now - parsedate_to_datetime(date)).total_seconds()) if date else 0.0
    except (ValueError, TypeError):
        return 0.0
