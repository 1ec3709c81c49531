"""Steward's own grammar of time: from "next friday at half past three" to an instant, and back to words.

Pure: text, now and zone go in, frozen values come out. What has two plausible readings is asked, never guessed;
the rules for hours without a marker stand in `hours`, those for days in `days`, those for clock changes in `zones`.
"""

from __future__ import annotations

from .change import parse_change
from .echo import say
from .occur import occurrence_after
from .search import find
from .values import Ambiguous, Found, Impossible, Moment, Outcome, Recurrence, Span, When

__all__ = [
    "Ambiguous",
    "Found",
    "Impossible",
    "Moment",
    "Outcome",
    "Recurrence",
    "Span",
    "When",
    "find",
    "occurrence_after",
    "parse_change",
    "say",
]
