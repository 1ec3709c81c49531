"""What a form that was filled in does to the arguments of a proposal: only what the tool offers can change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from graphs.tools.base import Arguments
from knowledge.words import Field

BACKWARDS = "It would end before it begins."


def filled(arguments: Arguments, form: tuple[Field, ...], changed: Mapping[str, str]) -> Arguments | str:
    """The arguments with what was changed (times as ISO with offset), or one sentence why not. A name that the form does
    not offer changes nothing."""
    new = dict(arguments)
    for field in form:
        value = changed.get(field.name, "").strip()
        if field.name not in changed:
            continue
        if not value and not field.optional:
            return f"“{field.label}” can't be empty."
        if field.kind == "time":
            at = _time(value)
            if at is None:
                return f"“{field.label}” is no time that I can read."
            value = at.astimezone(ZoneInfo(str(arguments["zone"]))).isoformat()
            new.pop("free", None)  # it was said of the old time
        new[field.name] = value
    if {"start", "end"} <= new.keys() and datetime.fromisoformat(new["end"]) <= datetime.fromisoformat(new["start"]):
        return BACKWARDS
    return new


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None
