"""What a console chat says when it opens, and what it is doing meanwhile: read from the rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from knowledge.database.schema import turn
from knowledge.store import cards, effects, failures, messages, timers
from knowledge.words import Outbound

if TYPE_CHECKING:
    from bot.compose import Steward

MOST_CARDS = 3
"""Open cards shown again at the start; more are told by number."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """`line` stands beside the name, `remarks` below it; `waiting` messages come by themselves, `cards` are shown."""

    line: str
    remarks: tuple[str, ...]
    new_here: bool
    waiting: int
    cards: tuple[Outbound, ...]


async def look_around(steward: Steward, conversation: str) -> Greeting:
    """What the principal should know on coming back to this conversation."""
    async with steward.crew.db.read() as tx:
        turns = int((await tx.execute(select(func.count()).select_from(turn))).scalar_one())
        waiting = await messages.undelivered(tx, "console", conversation)
        open_cards = await cards.open_cards(tx)
        reminders = len(await timers.armed(tx, "reminder"))
        wrong = len(await failures.open_ones(tx))
        shown = [await steward.house.repost(tx, card) for card in open_cards[-MOST_CARDS:]]
    counts = (
        _count(len(open_cards), "open approval"),
        _count(reminders, "reminder") + (" ahead" if reminders else ""),
        _count(wrong, "failure") + (" (/failures)" if wrong else ""),
    )
    line = " · ".join(filter(None, counts)) or "your private assistant"
    remarks = []
    if len(open_cards) > MOST_CARDS:
        remarks.append(f"{len(open_cards) - MOST_CARDS} older approvals are open too: /approve lists them.")
    if steward.librarian.embedder is None:
        remarks.append("Search goes by words alone: the memory model is not prepared. `steward init` prepares it.")
    if turns:
        remarks.append("/help shows everything · Ctrl-D leaves")
    return Greeting(line, tuple(remarks), not turns and not waiting, waiting, tuple(shown))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}" if number else ""


async def doing(steward: Steward) -> str:
    """What runs at this moment, in a few words: an effect by its tool's purpose, else thinking."""
    async with steward.crew.db.read() as tx:
        running = await effects.open_now(tx, int(time.time() * 1000))
    if not running:
        return "Thinking"
    return "Carrying out what you approved"
