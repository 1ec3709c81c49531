"""House commands said in plain words: "undo that", "what can you do?"."""

from __future__ import annotations

import re

_IN_WORDS = {
    "help": (
        r"help(?:\s+me)?|what\s+(?:else\s+)?can\s+(?:you|i|steward)\s+do(?:\s+(?:for\s+me|here|with\s+you))?",
        r"what\s+do\s+you\s+do|how\s+do(?:es)?\s+(?:you|this|it|steward)\s+work|(?:who|what)\s+are\s+you",
        r"hilfe|was\s+kannst\s+du(?:\s+(?:alles|für\s+mich\s+tun))?|wer\s+bist\s+du",
        r"aide|que\s+sais-tu\s+faire|qui\s+es-tu|ayuda|qué\s+puedes\s+hacer|aiuto|cosa\s+sai\s+fare",
    ),
    "undo": (
        r"undo(?:\s+(?:that|it|this|the\s+last(?:\s+(?:one|thing))?))?|take\s+(?:that|it|this)\s+back",
        r"revert(?:\s+(?:that|it|this))?|(?:mach(?:e)?\s+(?:das|es)\s+)?rückgängig",
        r"annule(?:\s+ça)?|deshaz(?:lo|\s+eso)?|annulla(?:lo)?",
    ),
    "status": (
        r"status|what\s+(?:did|have)\s+(?:you|we|i|steward)\s+(?:do|done)(?:\s+for\s+me)?(?:\s+(?:so\s+far\s+)?today)?",
        r"what\s+(?:was|has\s+been|got)\s+done\s+today|was\s+hast\s+du\s+heute\s+(?:alles\s+)?(?:gemacht|getan|erledigt)",
    ),
    "failures": (r"(?:what|did\s+(?:something|anything))\s+(?:went|go|gone)\s+wrong|what\s+failed",),
    "whoami": (r"who\s+am\s+i",),
    "agents": (r"who\s+works\s+for\s+(?:you|me)",),
}
_MEANT = {
    name: re.compile(rf"(?:please\s+)?(?:{'|'.join(words)})(?:[,\s]+(?:please|steward|bitte))?[\s.!?]*", re.I)
    for name, words in _IN_WORDS.items()
}


def meant(words: str) -> str:
    """The house command that plain words are, and nothing else in them; "" for none."""
    said = words.strip()
    return next((name for name, pattern in _MEANT.items() if pattern.fullmatch(said)), "")
