"""WhatsApp's rules as pure functions: the 24-hour window, and the order of delivery reports."""

from __future__ import annotations

from datetime import datetime, timedelta

from channels.base import Report

WINDOW = timedelta(hours=24)
WINDOW_CLOSED = 63016  # Twilio's code for free words outside the window; it comes by status callback [unconfirmed]
_ORDER = ("accepted", "scheduled", "queued", "sending", "sent", "delivered", "read")
_FAILED = ("failed", "undelivered", "canceled")


def reported(ref: str, status: str, error: int = 0) -> Report:
    """What Twilio's status callback means."""
    failed = status in _FAILED
    over = tuple(known for known in (*_ORDER, *_FAILED) if known != status and newer(known, status) == status)
    return Report("whatsapp", ref, status, error, failed, failed and error == WINDOW_CLOSED, over)


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
