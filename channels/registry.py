"""Which channels there are: one line each. A part is imported only when the composition root asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Parts:
    """Where a channel's parts live, as `module:name`. `receiving` and `fetched` import no SDK.

    `fetched` gives, by path, what the platform may fetch from us: the files that it takes by address alone.
    """

    access: str
    receiving: str
    speaking: str
    fetched: str = ""


CHANNELS: dict[str, Parts] = {
    "slack": Parts("slack_access:SlackAccess", "slack_receive:SlackReceiver", "slack:SlackSpeaker"),
    "telegram": Parts(
        "telegram_access:TelegramAccess", "telegram_receive:TelegramReceiver", "telegram:TelegramSpeaker"
    ),
    "whatsapp": Parts(
        "whatsapp_access:WhatsAppAccess",
        "whatsapp_receive:WhatsAppReceiver",
        "whatsapp:WhatsAppSpeaker",
        "whatsapp_media:doors",
    ),
}


def load(place: str) -> Any:
    """The class at `module:name` of this package. Raises ImportError when its SDK is not installed."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"channels.{module}"), name)
