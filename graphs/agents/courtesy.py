"""The agent of courtesy: a greeting, thanks and a goodbye get a short answer, and nothing is done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Manifest, Task

_SAID = {
    "greeting": (
        r"hello|hi|hey|hiya|greetings|howdy|good\s+(?:day|afternoon|evening)",
        r"hallo|servus|grüezi|moin|guten\s+(?:tag|abend)|bonjour|bonsoir|salut|coucou",
        r"hola|buen[oa]s\s+(?:días|tardes|noches)|ciao|salve|buongiorno|buonasera",
    ),
    "thanks": (
        r"(?:many\s+)?thanks(?:\s+(?:a\s+lot|so\s+much|very\s+much|again))?|thank\s+you(?:\s+(?:so|very)\s+much)?|thx|ty|cheers",
        r"(?:vielen\s+|besten\s+)?dank(?:e(?:\s+(?:dir|schön|sehr|vielmals))?)?|merci(?:\s+(?:beaucoup|bien|vielmal))?",
        r"(?:muchas\s+)?gracias|(?:mille\s+|tante\s+)?grazie(?:\s+mille)?",
    ),
    "goodbye": (
        r"bye(?:[\s-]+bye)?|goodbye|good\s+night|see\s+you(?:\s+(?:later|soon|tomorrow))?",
        r"tschüss?|auf\s+wiedersehen|gute\s+nacht|bis\s+(?:später|bald|morgen)|au\s+revoir|bonne\s+nuit",
        r"adiós|hasta\s+luego|arrivederci|buonanotte",
    ),
}
_ANSWERS = {
    "greeting": "Hello! Write to me as to a person: “note: …”, “remind me …”, a question. /help shows what I can do.",
    "thanks": "You're welcome.",
    "goodbye": "Goodbye. I keep watch meanwhile.",
}
_WHOLE = {
    what: re.compile(rf"(?:{'|'.join(words)})(?:[,\s]+(?:steward|there|everyone))?[\s.!,…]*", re.I)
    for what, words in _SAID.items()
}


def claim(words: str, _now: datetime, _zone: ZoneInfo) -> Mapping[str, Any] | None:
    """A message that is nothing else."""
    return next(({"said": what} for what, pattern in _WHOLE.items() if pattern.fullmatch(words.strip())), None)


async def work(task: Task, desk: Desk) -> Draft:
    said = (task.arguments or claim(task.goal, desk.now, desk.zone) or {}).get("said")
    return Draft(_ANSWERS.get(str(said), _ANSWERS["greeting"]))


AGENT = Agent(
    Manifest(
        name="courtesy",
        purpose="answer a greeting, thanks or a goodbye, and nothing else",
        tools=frozenset(),
        examples=("hello", "thank you", "good night"),
        arguments={"said": "one of greeting, thanks, goodbye"},
    ),
    claim,
    work,
)
