"""Channels as this process needs them: their parts built from the settings, imported only when they are set up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.commands import COMMANDS
from bot.secrets import strongbox
from bot.settings import Settings
from channels.base import Answer, CommandHelp, Hook, Menu, ReceivingChannel, SpeakingChannel
from channels.registry import CHANNELS, load
from knowledge.sealed import SealTrouble
from knowledge.tokens import RefreshingToken, keep_of, lock_of

if TYPE_CHECKING:
    from graphs.agent import Agent

LastInbound = Callable[[str], Awaitable[datetime | None]]


class ChannelTrouble(Exception):
    """A channel is set up halfway: a sentence that names the missing switch."""


@dataclass(slots=True)
class Ears:
    """The receiving parts that are set up: those that listen themselves, webhooks by path, and the answer of each.

    `doors`: what platforms may fetch, by the path below which it lies.
    """

    receivers: dict[str, ReceivingChannel] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    doors: dict[str, Hook] = field(default_factory=dict)


def menu_of(agents: Mapping[str, Agent]) -> Menu:
    """Every command with its line; never more than 25."""
    own = {name: text for agent in agents.values() for name, text in agent.commands.items()}
    lines = {**own, **COMMANDS}
    return Menu(tuple(CommandHelp(name, text) for name, text in lines.items())[:25])


def configured(settings: Settings) -> dict[str, dict[str, Any]]:
    """The access of every channel that is set up, as keywords. Raises `ChannelTrouble`."""
    found: dict[str, dict[str, Any]] = {}
    telegram, slack, whatsapp = settings.telegram, settings.slack, settings.whatsapp
    if token := telegram.token.get_secret_value():
        secret = telegram.secret.get_secret_value()
        if telegram.mode == "webhook" and not secret:
            raise ChannelTrouble("Webhook mode needs STEWARD_TELEGRAM__SECRET: any long random word of your own.")
        found["telegram"] = {
            "token": token, "secret": secret, "api_base": telegram.api_base, "mode": telegram.mode,
        }  # fmt: skip
    if (token := slack.bot_token.get_secret_value()) or slack.refresh_token.get_secret_value():
        app_token, signing = slack.app_token.get_secret_value(), slack.signing_secret.get_secret_value()
        if not app_token and not signing:
            raise ChannelTrouble("Slack needs STEWARD_SLACK__APP_TOKEN (Socket Mode) or STEWARD_SLACK__SIGNING_SECRET.")
        found["slack"] = {
            "bot_token": token, "signing_secret": signing, "app_token": app_token, "team": slack.team,
            "api_base": slack.api_base, "rotating": _rotating(settings),
        }  # fmt: skip
    if whatsapp.account_sid:
        if not settings.public_url:
            raise ChannelTrouble("WhatsApp needs STEWARD_PUBLIC_URL: Twilio signs its webhooks with that address.")
        if not whatsapp.auth_token.get_secret_value():
            raise ChannelTrouble(
                "WhatsApp needs STEWARD_WHATSAPP__AUTH_TOKEN, from the first page of Twilio's console."
            )
        if not whatsapp.from_.startswith("whatsapp:+"):
            raise ChannelTrouble("WhatsApp needs STEWARD_WHATSAPP__FROM, your number there: whatsapp:+14155238886.")
        found["whatsapp"] = {
            "account": whatsapp.account_sid, "auth_token": whatsapp.auth_token.get_secret_value(),
            "number": whatsapp.from_, "public_url": settings.public_url, "api_base": whatsapp.api_base,
            "shelf": settings.home / "run" / "media",
        }  # fmt: skip
    return found


def _rotating(settings: Settings) -> RefreshingToken | None:
    """Slack's bot token, where it rotates. Raises `ChannelTrouble`."""
    slack = settings.slack
    first, secret = slack.refresh_token.get_secret_value(), slack.client_secret.get_secret_value()
    if not first:
        return None
    if slack.bot_token.get_secret_value():
        raise ChannelTrouble("Set STEWARD_SLACK__REFRESH_TOKEN or STEWARD_SLACK__BOT_TOKEN, not both.")
    if not slack.client_id or not secret:
        raise ChannelTrouble(
            "Slack's refresh token needs STEWARD_SLACK__CLIENT_ID and __CLIENT_SECRET, from the app's Basic Information."
        )
    from channels.slack_access import SlackAccess
    from channels.slack_token import exchange

    try:
        keep = keep_of(settings.home, "slack")
    except SealTrouble as trouble:
        raise ChannelTrouble(str(trouble)) from None
    rules = SlackAccess("", api_base=slack.api_base).rules
    ask = exchange(slack.api_base, rules, slack.client_id, secret)
    return RefreshingToken("slack", first, keep, lock_of(settings.home, "slack"), ask, strongbox(settings))


def ears(settings: Settings) -> Ears:
    """Build every receiving part that is set up; SDKs and the other channels stay unimported."""
    from importlib import import_module

    found = Ears()
    for name, keywords in configured(settings).items():
        parts = CHANNELS[name]
        access = load(parts.access)(**keywords)
        found.receivers[name] = load(parts.receiving)(access)
        module = import_module(f"channels.{parts.receiving.partition(':')[0]}")
        for path, hook in module.hooks(access).items():
            found.hooks[path] = hook
            found.answers[path] = module.STORED
        if parts.fetched:
            found.doors |= load(parts.fetched)(access)
    return found


def voices(settings: Settings, menu: Menu, last_inbound: LastInbound) -> dict[str, SpeakingChannel]:
    """Build every speaking part that is set up."""
    found: dict[str, SpeakingChannel] = {}
    for name, keywords in configured(settings).items():
        access = load(CHANNELS[name].access)(**keywords)
        more: dict[str, Any] = {}
        if name in ("telegram", "slack"):
            more["public_url"] = settings.public_url
        if name == "whatsapp":
            more["last_inbound"] = last_inbound
        found[name] = load(CHANNELS[name].speaking)(access, menu, **more)
    return found
