"""Channels as this process needs them: their parts built from the settings, imported only when they are set up."""

from __future__ import annotations

from collections.abc import Mapping

from bot.commands import COMMANDS
from bot.settings import Settings
from channels.base import CommandHelp, Menu, SpeakingChannel
from graphs.agent import Agent


def menu_of(agents: Mapping[str, Agent]) -> Menu:
    """Every command with its line; never more than 25."""
    own = {name: text for agent in agents.values() for name, text in agent.commands.items()}
    lines = {**own, **COMMANDS}
    return Menu(tuple(CommandHelp(name, text) for name, text in lines.items())[:25])


def telegram_speaker(settings: Settings, menu: Menu) -> SpeakingChannel:
    from channels.telegram import TelegramSpeaker
    from channels.telegram_access import TelegramAccess

    telegram = settings.telegram
    access = TelegramAccess(
        telegram.token.get_secret_value(), telegram.secret.get_secret_value(), telegram.api_base, telegram.mode
    )
    return TelegramSpeaker(access, menu, public_url=settings.public_url)
