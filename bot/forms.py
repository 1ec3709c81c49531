"""The form behind an Edit button, made from the rows of its card alone: the receiver opens it while its seconds run."""

from __future__ import annotations

import json

from knowledge.store.intake import Intake
from knowledge.words import Field, Press

_NO_CLOCK = ("all_day", "rule")  # a whole day and a rhythm have no one time that could be picked


def fields_of(intake: Intake, pressed: str) -> tuple[Field, ...]:
    """What the pressed proposal lets one change, with today's values; nothing when it is not open in this version."""
    press = Press.decode(pressed)
    found = intake.open_proposal(press.ref, press.version, press.nonce, press.item) if press else None
    if found is None:
        return ()
    given, form = json.loads(found[0]), json.loads(found[1]).get("", {}).get("form", [])
    timeless = any(given.get(name) for name in _NO_CLOCK)
    return tuple(
        Field(**one, value=str(given.get(one["name"]) or ""))
        for one in form
        if not (one["kind"] == "time" and timeless)
    )
