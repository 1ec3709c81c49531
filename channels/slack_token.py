"""Slack's token rotation: a bot token lives for twelve hours and is fetched anew for a refresh token, which counts once."""

from __future__ import annotations

import httpx

from channels.slack_access import hide_tokens
from knowledge.egress import Rules, guarded_client
from knowledge.tokens import Ask, Grant, Reauthenticate, TokenLater

_UNCLEAR = ("internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "rate_limited",
            "team_added_to_org", "accesslimited")  # fmt: skip


def exchange(api_base: str, rules: Rules, client_id: str, client_secret: str) -> Ask:
    """How a refresh token is turned into a grant (oauth.v2.access, the app's id and secret by HTTP Basic)."""

    async def ask(refresh: str) -> Grant:
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        try:
            async with guarded_client(rules, timeout=20.0) as http:
                response = await http.post(
                    f"{api_base.rstrip('/')}/oauth.v2.access", data=form, auth=(client_id, client_secret)
                )
            told = response.json()
        except (httpx.HTTPError, ValueError) as trouble:
            raise TokenLater(f"Slack gave no clear answer about the token ({type(trouble).__name__})") from None
        if not isinstance(told, dict) or told.get("ok") is not True:
            error = hide_tokens(str(told.get("error") or response.status_code) if isinstance(told, dict) else "")[:80]
            if error in _UNCLEAR or response.status_code >= 500 or response.status_code == 429:
                raise TokenLater(f"Slack gave no clear answer about the token ({error})")
            raise Reauthenticate(f"Slack refused the refresh token ({error}).")
        try:
            return Grant(str(told["access_token"]), str(told["refresh_token"]), float(told["expires_in"]))
        except (KeyError, TypeError, ValueError):
            raise Reauthenticate("Slack answered without a fresh token: is token rotation switched on?") from None

    return ask
