"""What the principal's words ask for, and whether a value is in them: the check that only ever lowers trust.

The runtime carries labels (`knowledge.store.turns`); nothing here raises one. A plan made from the principal's words has
their label; `spoken` takes it away again from what is not in them letter for letter, so that neither a model's invention
nor a value out of a mail passes as the principal's own. `named` says that a value belongs to the one thing that the
principal named: they asked to look it up by their own words, and exactly one thing came back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:00)?")
_NUMBERING = re.compile(r"(?:(?<=\s)|^)\d{1,2}[.)](?=\s+[A-Z])")
_SHORTEST = 3  # characters; anything shorter is found in any text
_ABBREVIATION = 4

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A reading call of this turn: its arguments, what came back, and which fields the system itself has issued.

    `issued` names fields that no stranger's text can fill: ids, and the addresses in the principal's own books.
    """

    arguments: Mapping[str, Any]
    items: Sequence[Item]
    issued: Collection[str]


def spoken(value: Any, words: str) -> bool:
    """Whether all of `value` stands in the principal's words, letter for letter and not as a part of something longer."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, (list, tuple)):
        return bool(value) and all(spoken(one, words) for one in value)
    if isinstance(value, (int, float)):
        return _stands(f"{value:g}", _NUMBERING.sub(" ", words))
    if not isinstance(value, str):
        return False
    moment = _MOMENT.fullmatch(value)
    if moment:
        return _stands(moment[1], words) and _stands(moment[2], words)
    text = value.strip()
    return len(text) >= _SHORTEST and _stands(text, words)


def spoken_day(value: Any, words: str) -> bool:
    """Whether the day of a date-time is in the words; its hour may follow from others (an end from a length)."""
    moment = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    return moment is not None and _stands(moment[1], words)


def _stands(text: str, words: str) -> bool:
    """`text` as a whole: an address is not found inside a longer address, nor a word inside a word."""
    edge = r"[\w@/\\+-]"
    found = rf"(?<!{edge})(?<!\w\.){re.escape(text)}(?!{edge})(?!\.\w)"
    return re.search(found, words) is not None


def named(value: Any, lookups: Sequence[Lookup], words: str) -> bool:
    """Whether `value` is a whole issued field of the one thing that the principal named in words of their own."""
    return any(_holds(value, look) for look in lookups if _names_one(look, words))


def _names_one(look: Lookup, words: str) -> bool:
    """Asked with the principal's words alone, answered with one thing, and it bears the name that was asked for."""
    if len(look.items) != 1 or not look.arguments or not all(spoken(a, words) for a in look.arguments.values()):
        return False
    asked = {a.casefold() for a in look.arguments.values() if isinstance(a, str)}
    return any(isinstance(field, str) and field.casefold() in asked for field in look.items[0].values())


def _holds(value: Any, look: Lookup) -> bool:
    if isinstance(value, str) and value.casefold() in {str(a).casefold() for a in look.arguments.values()}:
        return True  # the name itself, in whatever case
    fields = [look.items[0].get(name) for name in look.issued]
    wanted = list(value) if isinstance(value, (list, tuple)) else [value]
    return any(wanted == (list(f) if isinstance(f, (list, tuple)) else [f]) for f in fields if f not in (None, "", []))


def asked_for(tool: str, purpose: str, words: str, *, thing_named: bool = False) -> bool:
    """Whether the words ask for this tool: its verb is in them, and what it works on is too or has been named."""
    area, _, rest = tool.lower().rpartition(".")  # `calendar.move` moves a calendar's; `move_event` says so itself
    name = [part for part in re.split(r"[^a-z]+", f"{rest} {area}") if part]
    said = {_stem(word) for word in re.findall(r"[a-z]+", words.lower())}
    if not name:
        return False
    things = {_stem(word) for word in [*name[1:], *re.findall(r"[a-z]{4,}", purpose.lower())]} - {_stem(name[0])}
    return _stem(name[0]) in said and (thing_named or any(_same(thing, word) for thing in things for word in said))


def licence(times_asked: int, times_done: int) -> int:
    """How often the words still allow it; one execution uses up one asking."""
    return max(0, times_asked - times_done)


def _same(thing: str, word: str) -> bool:
    """Also a tool's abbreviation of a word: `info` for information."""
    return thing == word or (len(thing) >= _ABBREVIATION and word.startswith(thing))


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e")
