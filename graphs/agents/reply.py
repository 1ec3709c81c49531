"""The agent of answers: what the principal wants said to somebody who may write to them, as a proposal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Manifest, Task, Wish

_ANSWERS = re.compile(
    r"(?:please\s+)?(?:answer|reply\s+to|respond\s+to)\s+(?:(?:item|message)\s+)?(?P<item>s\d{1,12})\s*[:,–-]\s*(?P<text>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_TARGETS = ("person", "channel", "conversation", "to")


def claim(words: str, _now: datetime, _zone: ZoneInfo) -> Mapping[str, Any] | None:
    found = _ANSWERS.fullmatch(words.strip())
    return {"item": found["item"].lower(), "text": found["text"].strip()} if found else None


async def work(task: Task, desk: Desk) -> Draft:
    item, text = str(task.arguments.get("item") or ""), str(task.arguments.get("text") or "").strip()
    if not item or not text:
        return Draft(
            "Which message, and what shall I say? For example: answer s12: thank you, until Friday.", asks=True
        )
    found = await desk.read("people.item", {"item": item})
    if not found["found"]:
        return Draft(f"I know no message {item} that can be answered: the number stands on it, and holds for 30 days.")
    if not found["allowed"]:
        return Draft("They are not allowed to write to you any more, so nothing goes to them.")
    wanted = {name: found[name] for name in _TARGETS} | {"text": text}
    return Draft(wishes=(Wish("people.answer", wanted, origins=dict.fromkeys(wanted, (desk.words_value,))),))


AGENT = Agent(
    Manifest(
        name="reply",
        purpose="answer a message of somebody whom the principal allowed to write, by the number on it",
        tools=frozenset({"people.item", "people.answer"}),
        examples=("answer s12: thank you, until Friday",),
        arguments={"item": "the number of the message, like s12", "text": "what to say to them"},
    ),
    claim,
    work,
)
