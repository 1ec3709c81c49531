"""The clipper: saves a page of the web, with its source, into the notes and so into memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Manifest, Task, Wish

_URL = r"(?P<url>(?:https?://)?(?:[\w-]+\.)+[a-z]{2,}(?::\d+)?(?:[/?#]\S*)?|https?://\S+)"
_SAVES = re.compile(
    rf"(?:please\s+|bitte\s+)?(?:save|clip|keep|bookmark|speichere?|sichere?|enregistre|guarda|salva)\s+"
    rf"(?:(?:this|the|diese|die|cette|la|esta|questa)\s+)?(?:page|link|article|seite|lien|página|pagina)?\s*:?\s*<?{_URL}>?",
    re.IGNORECASE,
)


def claim(words: str, _now: datetime, _zone: ZoneInfo) -> Mapping[str, Any] | None:
    found = _SAVES.fullmatch(words.strip().rstrip(" .!"))
    return {"url": found["url"]} if found else None


async def work(task: Task, desk: Desk) -> Draft:
    said = str(task.arguments.get("url") or task.goal).strip().strip("<>")
    if not re.fullmatch(_URL, said, re.IGNORECASE):
        return Draft("Which page shall I save? Say its address: save https://example.org/page.", asks=True)
    url = said if re.match(r"https?://", said, re.IGNORECASE) else f"https://{said}"
    return Draft(wishes=(Wish("web.clip", {"url": url}, origins={"url": (desk.words_value,)}),))


AGENT = Agent(
    Manifest(
        name="clip",
        purpose="save a page of the web as a note, with its source",
        tools=frozenset({"web.clip"}),
        examples=("save https://example.org/article", "clip this page: https://example.org"),
        arguments={"url": "the address of the page, as the principal gave it"},
    ),
    claim,
    work,
    commands={"save": "save a page of the web: /save https://…"},
)
