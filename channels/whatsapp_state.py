"""WhatsApp's rules as pure functions: the 24-hour window, the order of delivery reports, answers by number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from knowledge.words import Button

WINDOW = timedelta(hours=24)
WINDOW_CLOSED = 63016  # Twilio's code for free words outside the window; it comes by status callback [unconfirmed]
_ORDER = ("accepted", "scheduled", "queued", "sending", "sent", "delivered", "read")
_FAILED = ("failed", "undelivered", "canceled")


@dataclass(frozen=True, slots=True)
class Report:
    """What Twilio reports of a message: `delivered` is not `sent`, and neither is `accepted`. `error` 0: none."""

    ref: str
    status: str
    error: int = 0

    @property
    def failed(self) -> bool:
        return self.status in _FAILED

    @property
    def window_closed(self) -> bool:
        """Whether it must go once more as a template."""
        return self.failed and self.error == WINDOW_CLOSED


def is_open(last_inbound: datetime | None, now: datetime) -> bool:
    """Whether free words may be sent: within 24 hours of the last thing the person wrote."""
    return last_inbound is not None and now - last_inbound <= WINDOW


def newer(known: str, reported: str) -> str:
    """The status after a report, which may come twice and out of order. A failure is final; nothing goes back."""
    if known in _FAILED or reported not in (*_ORDER, *_FAILED):
        return known
    if reported in _FAILED:
        return known if known in ("delivered", "read") else reported
    rank = _ORDER.index(known) if known in _ORDER else -1
    return reported if _ORDER.index(reported) > rank else known


def chosen(text: str, buttons: Sequence[Button]) -> Button | None:
    """The button that a typed answer means: its number or exactly its label, nothing vaguer. For one open card only."""
    said = " ".join(text.casefold().split()).rstrip(".!")
    if re.fullmatch(r"[1-9]\d?", said) and said.isascii():
        return buttons[int(said) - 1] if int(said) <= len(buttons) else None
    same = [button for button in buttons if button.label.casefold() == said]
    return same[0] if len(same) == 1 else None
