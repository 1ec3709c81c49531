"""Answering somebody whom the principal has allowed to write: what they wrote is looked up, and the answer is a message."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from graphs.tools.base import Arguments, Receipt, Tool, ToolTrouble
from graphs.tools.reading import reading
from graphs.tools.wording import block, escaped, exact, plain, quoted
from knowledge.database import Database
from knowledge.store import messages, people, settings
from knowledge.words import Field, Outbound

_LEAD = re.compile(r"(?:no|rather|instead)?[\s,:–-]*(?:make\s+it|change\s+it\s+to|say|write)\b[\s:,–-]*", re.IGNORECASE)


def people_tools(db: Database, clock: Callable[[], datetime]) -> list[Tool]:
    """people.item (reading; item: the number on it) and people.answer (person, channel, conversation, to, text)."""

    async def item(arguments: Arguments, _key: str) -> Receipt:
        async with db.read() as tx:
            held = await settings.get(tx, people.item_key(str(arguments["item"])), _ms(clock()))
            if held is None:
                return {"found": False}
            allowed = await people.standing(tx, held["channel"], held["person"]) == "allowed"
        return {"found": True, "allowed": allowed, **held}

    async def answer(arguments: Arguments, key: str) -> Receipt:
        channel, person = str(arguments["channel"]), str(arguments["person"])
        now, name = _ms(clock()), f"people/{key}"
        async with db.write() as tx:
            if await people.standing(tx, channel, person) != "allowed":
                raise ToolTrouble(
                    f"{plain(arguments['to'])} is not allowed to write to you any more; nothing was sent."
                )
            where = (channel, str(arguments["conversation"]))
            await messages.enqueue(tx, name, *where, Outbound(exact(str(arguments["text"]))), now)
        return {"message": name}

    return [
        reading("people.item", "look up a message of somebody who may write to you", item),
        Tool(
            name="people.answer",
            effect="send",
            purpose="answer somebody who may write to you",
            run=answer,
            render=lambda a: f"**Answer** {_whom(a)}\n{block(str(a['text']))}",
            report=lambda a, _r: f"Handed over for {_whom(a)}: {quoted(a['text'], 200)}.",
            roles={
                "person": "target", "channel": "target", "conversation": "target", "to": "benign", "text": "content",
            },
            revise=_revise,
            form=(Field("text", "Answer", "text"),),
            recipients=frozenset({"person"}),
        ),
    ]  # fmt: skip


def _revise(arguments: Arguments, words: str, _now: datetime, _zone: ZoneInfo) -> Arguments | str | None:
    """Whatever is said is the new answer, without the words that ask for it."""
    text = _LEAD.sub("", words.strip())
    return {**arguments, "text": text} if text else None


def _whom(arguments: Arguments) -> str:
    return f"{escaped(plain(arguments['to'], 120))} on {escaped(plain(arguments['channel']))}"


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
