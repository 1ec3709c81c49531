"""Which words mean a reminder: set one, list them, cancel one, or hear the last one again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agents.base import only_time

_PLEASE = r"^\s*(?:(?:please|bitte|ok|okay|hey|and|und|also|can\s+you|could\s+you|kannst\s+du|would\s+you)[,\s]+)*"
_ASK = (
    r"remind\s+me|give\s+me\s+a\s+reminder|erinn(?:er|ere|re)\s+mich|rappelle[-\s]moi|rappelez[-\s]moi|recu[ée]rdame|"
    r"av[ií]same|ricordami"
)
_NOUN = r"(?:(?:reminder|timer|alarm)s?|wecker|erinnerung(?:en)?)"
_LINK = r"(?:(?:to|that|about|of|daran|dass|an|zu|de|que|di|che|para)\b[\s,:]*)*"

_SET = (
    re.compile(
        rf"{_PLEASE}(?:{_ASK})(?!\s+(?:what|who|when|where|why|how|again\s+what)\b)[\s,:]+(?P<what>.+)$", re.I | re.S
    ),
    re.compile(
        rf"{_PLEASE}(?:set|create|add|make|start|stell(?:e)?)(?:\s+me)?\s+(?:an?|einen?|eine|another)?\s*{_NOUN}\b[\s,:]*(?P<what>.*)$",
        re.I | re.S,
    ),
    re.compile(rf"{_PLEASE}(?:reminder|erinnerung)\s*[:–—-]\s*(?P<what>.+)$", re.I | re.S),
    re.compile(
        rf"{_PLEASE}(?:wake\s+me(?:\s+up)?|ping\s+me|nudge\s+me|weck(?:e)?\s+mich)\s+(?P<what>.+)$", re.I | re.S
    ),
    re.compile(rf"{_PLEASE}(?:don['’]?t|do\s+not)\s+let\s+me\s+forget\s+(?P<what>.+)$", re.I | re.S),
)
_TIME_FIRST = re.compile(
    rf"^\s*(?P<when>.{{2,80}}?)[,\s]+(?:please\s+|bitte\s+)?(?:{_ASK})\b[\s,:]*(?P<what>.*)$", re.I | re.S
)
_LIST = re.compile(
    rf"{_PLEASE}(?:(?:what|which|welche)\s+(?:\w+\s+)?{_NOUN}\s+(?:do\s+i\s+have|are\s+(?:there|set|open|due)|have\s+i\s+(?:got|set)|habe\s+ich)"
    rf"|(?:list|show|show\s+me|zeige?(?:\s+mir)?)\s+(?:all\s+)?(?:of\s+)?(?:my\s+|the\s+|meine\s+|alle\s+)*{_NOUN}|(?:my|meine)\s+{_NOUN}"
    rf"|do\s+i\s+have\s+(?:any\s+)?{_NOUN}|what\s+are\s+my\s+{_NOUN})\s*[?.!]*\s*$",
    re.I,
)
_CANCEL = (
    re.compile(
        rf"{_PLEASE}(?:cancel|delete|remove|stop|drop|clear|turn\s+off|lösche|entferne|storniere)\s+(?:(?P<all>all)\s+)?"
        rf"(?:(?:of|my|the|that|this|die|meine|den|alle)\s+)*(?P<front>.*?)\s*\b{_NOUN}\b\s*"
        rf"(?:(?:about|to|for|at|on|that|of|saying|an|für|zu|um)\b\s*)?(?P<which>.*)$",
        re.I | re.S,
    ),
    re.compile(rf"{_PLEASE}stop\s+reminding\s+me\s*(?:(?:about|to|of|that)\b\s*)?(?P<which>.*)$", re.I | re.S),
)
_SNOOZE = re.compile(
    rf"{_PLEASE}(?:snooze|remind\s+me\s+again|again)\b(?:\s+(?:it|that|this|the\s+reminder))?\s*(?P<when>.*)$",
    re.I | re.S,
)


LONGEST = 1_000  # characters: a longer text is no request for a reminder


def claim(words: str, now: datetime, zone: ZoneInfo) -> Mapping[str, Any] | None:
    words = words.strip()
    if len(words) > LONGEST:
        return None
    if _LIST.match(words):
        return {"do": "list"}
    snooze = _SNOOZE.match(words)
    if snooze and (
        not snooze["when"].strip(" .!?") or only_time(f"snooze {snooze['when']}".removeprefix("snooze "), now, zone)
    ):
        return {"do": "snooze", "when": snooze["when"].strip(" .!?")}
    for pattern in _CANCEL:
        if found := pattern.match(words):
            parts = found.groupdict()
            which = f"{parts.get('front') or ''} {parts['which']}".strip(" .!?“”\"'")
            return {
                "do": "cancel",
                "which": "" if parts.get("all") else which,
                **({"all": True} if parts.get("all") else {}),
            }
    for pattern in _SET:
        if found := pattern.match(words):
            return {"do": "set", "what": found["what"].strip()}
    first = _TIME_FIRST.match(words)
    if first and only_time(first["when"], now, zone):
        return {"do": "set", "what": f"{first['when']} {first['what']}".strip()}
    return None


def bare(what: str) -> str:
    """What is to be said, without the little words that tied it to "remind me"."""
    text = re.sub(rf"^[\s,:;.–—-]*{_LINK}", "", what.strip(), flags=re.I)
    return text.strip(" ,:;–—-").removesuffix("?").strip(" .") if len(text) < 200 else text.strip()
