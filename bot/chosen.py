"""The principal's words that were chosen instead of typed, as a delivery like any other."""

from __future__ import annotations

import json
from datetime import datetime

from channels.base import Inbound
from knowledge.store.inbox import Stored

CHOICE = b"\x00steward-choice "  # no platform's delivery can begin like this: theirs are JSON or forms


def choice_delivery(words: str, at: datetime) -> bytes:
    """The raw bytes of a quick answer that was pressed."""
    return CHOICE + json.dumps({"text": words, "at": at.isoformat()}).encode()


def chosen_text(stored: Stored) -> Inbound:
    """What such a delivery says."""
    body = json.loads(stored.raw.removeprefix(CHOICE))
    at = datetime.fromisoformat(body["at"])
    return Inbound(
        "text", stored.channel, stored.account, stored.conversation, stored.sender, "", at, text=str(body["text"])
    )
