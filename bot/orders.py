"""Orders: a house command given from a shell, stored and decided like one from a chat, and what came of it in words."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bot.commands import COMMANDS
from bot.control import Control
from bot.hearing import Hearing
from channels.console import SENDER, ConsoleSpeaker, console_delivery
from graphs.state import ms
from knowledge.database import Tx
from knowledge.database.schema import ledger, message
from knowledge.ids import random_id
from knowledge.store import effects, failures, inbox, messages
from knowledge.store.effects import FINISHED, Effect
from knowledge.words import Outbound, Press

if TYPE_CHECKING:
    from bot.compose import Steward

PATIENCE_S = 60.0
"""How long the shell is kept waiting for effects and their receipts."""


class OrderTrouble(Exception):
    """The order cannot be taken: one sentence."""


@dataclass(slots=True)
class Outcome:
    """What came of an order: sentences in Steward's Markdown, and whether all that it set going came to a good end."""

    said: list[str] = field(default_factory=list)
    ok: bool = True


async def _nobody(message: Outbound, ref: str) -> None: ...


class Orders:
    """Takes orders for a composed Steward. Its console only reads: what is said goes back to the shell."""

    def __init__(self, steward: Steward) -> None:
        self.steward, self.crew = steward, steward.crew
        self.console = ConsoleSpeaker(_nobody)
        self.hearing = Hearing(steward.crew, {**steward.speakers, "console": self.console}, steward.hearing.attach)
        self.control = Control(steward.crew, self.hearing, steward.house)

    async def take(self, line: str = "", press: str = "", key: str = "") -> Outcome:
        """Do it once (`key` is the order's own, so that giving it again changes nothing) and follow it to its end."""
        raw = console_delivery(line, press)
        inbound = self.console.parse(raw, "")
        if inbound.kind != "press" and inbound.command not in COMMANDS:
            raise OrderTrouble(
                f"Steward has no command {line.split(maxsplit=1)[0] if line.split() else 'without a name'}."
            )
        conversation = f"order-{key or random_id()}"
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            before = (await tx.execute(select(func.max(ledger.c.seq)))).scalar_one() or 0
            number = await inbox.add(
                tx, channel="console", account="", key=conversation, conversation=conversation, sender=SENDER,
                lane="control", raw=raw, now=now,
            )  # fmt: skip
            if number is None:
                raise OrderTrouble("This order was taken already.")
            await inbox.set_state(tx, number, "running", not_before=now + int(PATIENCE_S * 1000))
            stored = await inbox.by_id(tx, number)
        assert stored is not None
        await self.control.handle(stored)
        async with self.crew.db.write() as tx:
            outcome = Outcome(await _shown(tx, conversation))
        await self._follow(before, outcome)
        return outcome

    async def remedy(self, number: int, verb: str, key: str = "") -> Outcome:
        """Retry or dismiss a failure."""
        async with self.crew.db.read() as tx:
            failure = await failures.get(tx, number)
        if failure is None:
            raise OrderTrouble(f"There is no failure {number}. `steward failures list` shows those that are open.")
        return await self.take(press=Press("retry" if verb == "retry" else "dismiss", f"f{number}").encode(), key=key)

    async def _follow(self, before: int, outcome: Outcome) -> None:
        """Wait for what the order set going and tell how it ended."""
        async with self.crew.db.read() as tx:
            keys, letters = await _begun(tx, before)
        if not keys and not letters:
            return
        self.steward.worker.poke()
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and not await self._settled(keys, letters):
            await self.steward.worker.moved(0.05)
        async with self.crew.db.read() as tx:
            found = await _effects(tx, keys)
            sent = [(await _state(tx, number)) == "sent" for number in letters]
        outcome.said += [self._sentence(effect) for effect in found]
        outcome.said += ["It was sent." if one else "It could not be sent yet." for one in sent]
        outcome.ok = all(e.state == "done" for e in found) and all(sent)

    async def _settled(self, keys: list[str], letters: list[int]) -> bool:
        async with self.crew.db.read() as tx:
            found = await _effects(tx, keys)
            if any(e.state not in FINISHED and not e.error for e in found):
                return False
            states = [await _state(tx, number) for number in letters]
        return not any(state in ("pending", "running") for state in states)

    def _sentence(self, effect: Effect) -> str:
        """How an effect ended, in words."""
        tool = self.crew.tools.get(effect.tool)
        if effect.state == "done" and tool is not None and effect.receipt is not None:
            return ("Undone. " if effect.undoes else "") + tool.report(effect.arguments, effect.receipt)
        if effect.state == "failed":
            return f"⚠️ {effect.error or effect.tool} It was not done."
        if effect.state == "uncertain":
            return f"⚠️ I can't tell whether this happened: {effect.error or effect.tool}. See `steward failures list`."
        if effect.state == "cancelled":
            return "Stopped before it began."
        return f"It is not done yet ({effect.error or 'still at it'}); a running Steward goes on trying."


async def _effects(tx: Tx, keys: list[str]) -> list[Effect]:
    return [e for e in [await effects.get(tx, key) for key in keys] if e is not None]


async def _begun(tx: Tx, before: int) -> tuple[list[str], list[int]]:
    """Keys of effects and ids of messages that the ledger says were set going since record `before`."""
    query = select(ledger.c.what, ledger.c.ref).where(ledger.c.seq > before, ledger.c.who == "principal")
    keys: list[str] = []
    letters: list[int] = []
    for what, ref in (await tx.execute(query)).all():
        if what == "proposal.approved":
            keys.append(ref)
        elif what == "effect.undo":
            keys.append(f"undo.{ref}")
        elif what == "failure.retried" and (failure := await failures.get(tx, int(ref[1:]))) is not None:
            target = next((r.ref for r in failure.remedies if r.verb == "retry"), "")
            if target.startswith("m") and target[1:].isdecimal():
                letters.append(int(target[1:]))
            elif target and not target.startswith("d"):
                keys.append(target)
    return keys, letters


async def _shown(tx: Tx, conversation: str) -> list[str]:
    """What was said in the order's conversation; it counts as delivered, since the shell prints it."""
    where = (message.c.conversation == conversation, message.c.channel == "console", message.c.state != "sent")
    rows = (await tx.execute(select(message.c.id, message.c.body).where(*where).order_by(message.c.id))).all()
    for row in rows:
        await messages.finish(tx, row.id, "sent", 0)
    return [str(json.loads(row.body)["text"]) for row in rows]


async def _state(tx: Tx, letter: int) -> str:
    return str((await tx.execute(select(message.c.state).where(message.c.id == letter))).scalar_one_or_none() or "gone")
