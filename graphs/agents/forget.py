"""Forget: shows what memory holds about something and proposes to erase it everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Manifest, Task, Wish
from graphs.tools.wording import quoted

_ASKS = re.compile(
    r"(?:please\s+)?(?:forget|erase)\s+(?:everything|all|anything)\s+(?:you\s+know\s+)?(?:about|on|of|with)\s+(?P<words>.+)"
    r"|(?:please\s+)?forget\s+(?:about\s+)?(?!(?:it|this|that|them|about|me|us|what|to|i|the\s+last|my\s+last)\b)(?:(?:the|my|our)\s+)?(?P<it>.+)"
    r"|vergiss\s+alles\s+(?:über|zu)\s+(?P<german>.+)",
    re.IGNORECASE | re.DOTALL,
)
_NAMED = 5  # words after a plain "forget": more are a story
_LONGEST = 200  # characters: longer words name nothing


def claim(words: str, _now: datetime, _zone: ZoneInfo) -> Mapping[str, Any] | None:
    """ "forget everything about …", "forget the wifi password"; "forget it" is no wish to erase."""
    found = _ASKS.fullmatch(words.strip().rstrip(".!"))
    if found is None or (found["it"] and ("," in found["it"] or len(found["it"].split()) > _NAMED)):
        return None
    return {"words": (found["words"] or found["it"] or found["german"]).strip()}


async def work(task: Task, desk: Desk) -> Draft:
    words = str(task.arguments.get("words") or (task.goal if task.arguments.get("command") else "")).strip(" \"'“”")
    if not 2 <= len(words) <= _LONGEST:
        return Draft("What shall I forget? Say the words that it contains: `/forget Project Falcon`.", asks=True)
    found = await desk.read("memory.forgettable", {"words": words})
    documents, events, also = found["documents"], found["events"], [str(one) for one in found["also"]]
    if not documents and not events and not also:
        return Draft(f"I hold nothing that contains {quoted(words)}.")
    arguments = {
        "words": words,
        "documents": [int(one["id"]) for one in documents],
        "names": [str(one["name"]) for one in documents],
        "events": [str(one["uid"]) for one in events],
        "also": [f"the event “{one['name']}”" for one in events] + also,
    }
    origins = dict.fromkeys(arguments, (desk.words_value,))
    return Draft(wishes=(Wish("memory.forget", arguments, origins=origins),))


AGENT = Agent(
    Manifest(
        name="forget",
        purpose="forget for good what you name, in every store",
        tools=frozenset({"memory.forget", "memory.forgettable"}),
        reads_memory=True,
        examples=("forget everything about Project Falcon",),
        arguments={"words": "the words that what is to be forgotten contains"},
    ),
    claim,
    work,
    commands={"forget": "forget for good what contains these words: /forget words"},
)
