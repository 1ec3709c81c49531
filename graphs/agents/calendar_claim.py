"""Which words mean the calendar: look, ask for free time, create, move, rename, cancel. Only explicit ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agents.base import only_time
from graphs.when import find

_PLEASE = (
    r"^\s*(?:(?:please|bitte|ok|okay|hey|can\s+you|could\s+you|would\s+you|kannst\s+du|i(?:['’]d|\s+would)\s+like\s+to"
    r"|i\s+want\s+to|i\s+need\s+to|let['’]?s)[,\s]+)*"
)
KINDS = (
    r"lunch|dinner|breakfast|brunch|coffee|drinks|tea|meeting|meet|call|phone\s+call|video\s+call|appointment|event|stand-?up|"
    r"catch-?up|check-?in|sync|interview|workshop|review|session|training|class|lesson|dentist|doctor|haircut|gym|yoga|1:1|"
    r"one-on-one|party|birthday|holiday|vacation|focus\s+time|time\s+block|slot|conference|webinar|demo|offsite|"
    r"mittagessen|abendessen|frühstück|kaffee|termin|treffen|besprechung|sitzung|anruf|telefonat|zahnarzt|arzttermin|"
    r"déjeuner|dîner|rendez-vous|réunion|rdv|reunión|cita|comida|cena|pranzo|riunione|appuntamento"
)
_KIND = re.compile(rf"\b(?:{KINDS})s?\b", re.I)
_OTHER_THINGS = re.compile(
    r"\b(?:reminders?|timers?|alarms?|notes?|erinnerung(?:en)?|notiz(?:en)?|subscriptions?|orders?|flights?|tickets?|hotels?|tables?|"
    r"taxis?|cards?|approvals?|files?|documents?|emails?|mails?)\b",
    re.I,
)
_PAST = re.compile(r"\b(?:was|were|went|had|did|got|has|have|is|are|will|would|makes?|takes?|said|says|costs?)\b", re.I)
_CALENDAR = r"(?:my\s+|the\s+|meine[mn]?\s+|mein\s+)?(?:calendar|agenda|schedule|diary|plate|kalender|tagesplan)"

_LIST = (
    rf"what(?:['’]s|\s+is|\s+do\s+i\s+have|\s+have\s+i\s+got|['’]s\s+happening)\s+(?:on\s+|in\s+|planned\s+|scheduled\s+)?(?:(?:on|in)\s+)?(?:{_CALENDAR}\s*)?(?P<when>.*)",
    rf"(?:show|open|read|check|list|zeige?)(?:\s+me|\s+mir)?\s+(?:what['’]s\s+(?:on|in)\s+)?{_CALENDAR}\s*(?P<when>.*)",
    rf"{_CALENDAR}(?:\s+(?:for|on|of))?\s*(?P<when>.*)",
    r"(?:do\s+i\s+have|have\s+i\s+got|are\s+there|is\s+there)\s+(?:any\s+|a\s+)?(?:anything|something|meetings?|appointments?|events?|plans|calls?)(?:\s+(?:on|planned|scheduled))?\s*(?P<when>.*)",
    r"(?:any|which|what)\s+(?:meetings?|appointments?|events?|calls?)(?:\s+do\s+i\s+have)?\s*(?P<when>.*)",
    r"(?:what|how)(?:['’]s|\s+is|\s+does|\s+do)\s+(?P<when>.+?)\s+look(?:ing)?(?:\s+like)?",
    r"(?:show\s+me|how(?:['’]s|\s+is))\s+(?P<when>.+)",
    r"what(?:['’]s|\s+is)\s+(?:happening|planned|scheduled|up)\s+(?P<when>.*)",
    r"(?:was\s+steht|was\s+habe\s+ich|was\s+ist)\s+(?P<when>.*?)(?:\s+(?:an|vor|los|im\s+kalender))?",
    r"(?:qu['’]est-ce\s+que\s+j['’]ai|qué\s+tengo|que\s+tengo|cosa\s+ho|che\s+cosa\s+ho)\s+(?P<when>.*)",
)
_FREE = (
    r"(?:am\s+i|are\s+we)\s+(?:free|available|busy|booked)\s*(?P<when>.*)",
    r"(?:do\s+i\s+have|have\s+i\s+got)\s+(?:any\s+|some\s+)?(?:free\s+)?(?:time|a\s+slot)\s*(?P<when>.*)",
    r"when\s+am\s+i\s+(?:free|available)\s*(?P<when>.*)",
    r"(?:free|available|busy)\s+(?P<when>.+)",
    r"is\s+(?P<when>.+?)\s+(?:free|available)",
    r"(?:bin\s+ich|habe\s+ich)\s+(?P<when>.*?)\s*(?:frei|zeit|verfügbar)",
    r"(?:suis-je|estoy|sono)\s+(?:libre|disponible|libero|libera)\s*(?P<when>.*)",
)
_NEXT = r"(?:(?:what|when)(?:['’]s|\s+is)|show(?:\s+me)?)\s+my\s+next\s+(?P<which>.{3,40})"
_WHERE = (
    r"(?:when|what\s+time)(?:['’]s|\s+is|\s+are)\s+(?:(?:my|the|our)\s+)?"
    rf"(?P<which>(?:.{{0,40}}\b)?(?:{KINDS})\b.{{0,60}})"
)
_MY = r"(?:(?:my|the|our|this|mein(?:e|en)?|die|das|den)\s+)?"
_MOVE = (
    rf"(?:move|reschedule|shift|push|postpone|bring|change)\s+{_MY}(?P<which>.+?)\s+(?P<to>(?:to|until|till)\s+.+)",
    rf"(?P<verb>push|postpone|delay|shift|move|bring)\s+(?:back\s+|forward\s+)?{_MY}(?P<which>.+?)\s+(?P<to>(?:back\s+|forward\s+)?by\s+.+|(?:back|forward)\s+.+|.+\s+(?:later|earlier))",
    rf"(?:verschiebe?|verlege?)\s+{_MY}(?P<which>.+?)\s+(?P<to>(?:auf|um)\s+.+)",
)
_RENAME = (
    rf"rename\s+{_MY}(?P<which>.+?)\s+to\s+(?P<name>.+)",
    rf"change\s+the\s+(?:title|name)\s+of\s+{_MY}(?P<which>.+?)\s+to\s+(?P<name>.+)",
)
_PLACE = rf"(?:change|set)\s+the\s+(?:place|location|venue)\s+of\s+{_MY}(?P<which>.+?)\s+to\s+(?P<place>.+)"
_CANCEL = (
    rf"(?:cancel|delete|remove|drop|call\s+off|scrap)\s+{_MY}(?P<which>.+)",
    rf"(?:sage?)\s+{_MY}(?P<which>.+?)\s+ab",
    rf"(?:lösche|streiche|entferne)\s+{_MY}(?P<which>.+)",
)
_CREATE = (
    rf"(?:put|add|enter)\s+(?P<what>.+?)\s+(?:in(?:to)?|to|on)\s+{_CALENDAR}\s*(?P<more>.*)",
    r"(?:schedule|book|create|add|set\s+up|plan|arrange|organi[sz]e|block|make|put|plane|erstelle|trage|buche|planifie|agenda|fissa)"
    r"(?:\s+me)?\s+(?:(?:a|an|the|some|another|my|new|einen?|eine|un|une|una)\s+)*(?P<what>.+)",
)


def _one(*patterns: str) -> list[re.Pattern[str]]:
    return [re.compile(rf"{_PLEASE}{pattern}\s*[?.!]*\s*$", re.I | re.S) for pattern in patterns]


_LISTS, _FREES, _MOVES = _one(*_LIST), _one(*_FREE), _one(*_MOVE)
_NEXTS, _WHERES, _RENAMES, _PLACES = _one(_NEXT), _one(_WHERE), _one(*_RENAME), _one(_PLACE)
_CANCELS, _CREATES = _one(*_CANCEL), _one(*_CREATE)


LONGEST = 600  # characters: a longer text is no request to the calendar


def claim(words: str, now: datetime, zone: ZoneInfo) -> Mapping[str, Any] | None:
    words = words.strip()
    if len(words) > LONGEST:
        return None
    return _looking(words, now, zone) or _changing(words, now, zone) or _creating(words, now, zone)


def _looking(words: str, now: datetime, zone: ZoneInfo) -> Mapping[str, Any] | None:
    for do, patterns in (("free", _FREES), ("list", _LISTS)):
        for pattern in patterns:
            found = pattern.match(words)
            if found is None:
                continue
            when = re.sub(r"^(?:on|in)$", "", found["when"].strip(" ?.!,"))
            if (not when and _names_calendar(words, do)) or (when and only_time(when, now, zone)):
                return {"do": do, "when": when}
    if found := _NEXTS[0].match(words):
        return {"do": "next", "which": _unnamed(found["which"])} if _KIND.search(found["which"]) else None
    found = _WHERES[0].match(words)
    return {"do": "where", "which": found["which"].strip(" ?.!")} if found else None


def _names_calendar(words: str, do: str) -> bool:
    """A question without a time is the calendar's when it names it, or asks for free time or for meetings."""
    named = re.search(
        r"calendar|agenda|schedule|diary|kalender|tagesplan|meetings|appointments|events|plans|\bon\s*\??$", words, re.I
    )
    return do == "free" or named is not None


def _unnamed(which: str) -> str:
    which = which.strip(" ?.!")
    return "" if re.fullmatch(r"(?:meeting|appointment|event)s?", which, re.I) else which


def _changing(words: str, now: datetime, zone: ZoneInfo) -> Mapping[str, Any] | None:
    for do, patterns in (("rename", _RENAMES), ("place", _PLACES), ("move", _MOVES), ("cancel", _CANCELS)):
        for pattern in patterns:
            found = pattern.match(words)
            if found is None or _OTHER_THINGS.search(found["which"]):
                continue
            parts = {name: value.strip(" ?.!") for name, value in found.groupdict().items() if value}
            if do == "move" and not _names_time(parts, now, zone):
                continue
            if do == "cancel" and not _may_be_event(parts["which"], now, zone):
                continue
            return {"do": do, **parts}
    return None


def _names_time(parts: Mapping[str, str], now: datetime, zone: ZoneInfo) -> bool:
    words = re.sub(r"^(?:to|by|auf|back|forward|until|till)\s+(?:by\s+)?", "", parts["to"], flags=re.I)
    hour = re.fullmatch(r"\d{1,2}", words) and (_KIND.search(parts["which"]) or find(parts["which"], now, zone))
    return bool(hour) or find(words, now, zone) is not None


def _may_be_event(which: str, now: datetime, zone: ZoneInfo) -> bool:
    if re.fullmatch(r"(?:it|that|this|them|everything|all|das|es|alles)", which, re.I):
        return False
    return bool(_KIND.search(which)) or find(which, now, zone) is not None


def _creating(words: str, now: datetime, zone: ZoneInfo) -> Mapping[str, Any] | None:
    for number, pattern in enumerate(_CREATES):
        found = pattern.match(words)
        if found is None:
            continue
        what = f"{found['what']} {found.groupdict().get('more') or ''}".strip(" ?.!")
        if number == 0 or (_KIND.search(what) and not _OTHER_THINGS.search(what)):
            return {"do": "create", "what": what}
    return _bare_event(words, now, zone)


def _bare_event(words: str, now: datetime, zone: ZoneInfo) -> Mapping[str, Any] | None:
    """ "lunch with Ada on friday at 12:30": begins with the kind, names a time, and tells of nothing that was."""
    text = re.sub(_PLEASE, "", words.strip(), flags=re.I)
    if "?" in text or "\n" in text or not re.match(rf"(?:(?:a|an|have|einen?)\s+)*(?:{KINDS})\b", text, re.I):
        return None
    found = find(text, now, zone)
    if found is None or _PAST.search(re.sub(r"^have\s", "", found.rest, flags=re.I)):
        return None
    return {"do": "create", "what": text.strip(" .!")}
