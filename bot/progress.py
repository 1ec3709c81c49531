"""Work that takes long is seen in the chat: one message that changes as the work goes on, and says when it is over.

Its first words are a row of the outbox and its last words are another: so it is posted once, its place is known after a
crash, and whoever finds it left behind ends it (`sweep`), by what the work's own rows say became of it. The edits in
between go to the platform directly: each is worth nothing once the next one comes, so that none is stored, none is
tried again, and none can hold up an answer. Where a message can't be edited the first words stay as they are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from channels.base import ChannelError, SpeakingChannel
from graphs.state import Crew, ms
from knowledge import doing, forgetting
from knowledge.database import DatabaseTrouble, Tx
from knowledge.doing import Doing
from knowledge.store import effects, messages, settings, turns
from knowledge.store.messages import Letter
from knowledge.store.reach import CONSOLE
from knowledge.words import Outbound

log = logging.getLogger(__name__)

_OPEN = "progress:"
_KEY = "/progress"
FORGETS = "forgets:"
"""How the work of carrying an erasure to its end is called: this, and the erasure's id."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds until work counts as long, and between two edits of its message."""

    after_s: float = 10.0
    every_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Work:
    """What may take long: a turn (`t12`), an effect by its id, or an erasure; `turn` says where it is waited for.

    `what` it is at first; while that is empty and the work has not said it, nothing is shown: of a delivery nobody
    knows yet whether it is the principal's. `again`: it was begun before, and may have left a message.
    """

    id: str
    turn: str | None
    what: str
    again: bool = False


class Progress:
    """Shows what takes long to who waits for it."""

    def __init__(self, crew: Crew, speakers: Mapping[str, SpeakingChannel]) -> None:
        self.crew, self.speakers = crew, speakers
        self.pace = Pace()

    @asynccontextmanager
    async def of(self, work: Work) -> AsyncIterator[None]:
        """Show the work inside the block when it takes long. What is a part of shown work is not shown by itself."""
        if work.turn is None or doing.heard():
            yield
            return
        over = asyncio.Event()
        with doing.listening(work.what) as now:
            showing = asyncio.create_task(self._show(work, now, over))
            try:
                yield
            except asyncio.CancelledError:  # another worker has it: the message is the other's to end
                showing.cancel()
                raise
            finally:
                over.set()
                await asyncio.wait([showing])  # an edit on its way would come after the last words
        if (error := showing.exception()) is not None:
            log.error("progress of %s is not shown: %s", work.id, error)
        if error is not None or showing.result():
            try:
                async with self.crew.db.write() as tx:
                    await end(tx, work.id, ms(self.crew.clock()))
            except DatabaseTrouble as trouble:
                log.error("%s", trouble)

    async def _show(self, work: Work, now: Doing, over: asyncio.Event) -> bool:
        """Post, then edit until it is over; whether there may be a message to end."""
        crew, since = self.crew, ms(self.crew.clock())
        if await _within(over, self.pace.after_s):
            return work.again
        while not now.what:
            if await _within(over, self.pace.every_s):
                return work.again
        async with crew.db.read() as tx:
            asked = await turns.get(tx, work.turn or "")
        if asked is None or asked.channel == CONSOLE or not crew.reach.speaks(asked.channel, asked.conversation):
            return work.again  # a terminal shows by itself that Steward works
        edits = self.speakers[asked.channel].limits.can_edit
        words = _line(now, ms(crew.clock()) - since) if edits else f"⏳ {now.what}. This takes a while."
        place: dict[str, Any] = {
            "channel": asked.channel,
            "conversation": asked.conversation,
            "turn": work.turn,
            "since": since,
        }
        async with crew.db.write() as tx:
            kept: dict[str, Any] = await settings.get(tx, _OPEN + work.id) or place
            await messages.enqueue(
                tx, work.id + _KEY, kept["channel"], kept["conversation"],
                Outbound(words, progress=True, silent=True), ms(crew.clock()),
                turn=work.turn,
            )  # fmt: skip
            await settings.put(tx, _OPEN + work.id, kept)
        if edits and kept["channel"] in self.speakers:
            await self._keep_up(work, kept, now, over)
        return True

    async def _keep_up(self, work: Work, kept: Mapping[str, Any], now: Doing, over: asyncio.Event) -> None:
        """Edit the message until it is over; a platform that asks for a longer pause gets it."""
        speaker, pause, words = self.speakers[kept["channel"]], self.pace.every_s, ""
        while not await _within(over, pause):
            pause = self.pace.every_s
            async with self.crew.db.read() as tx:
                state, refs = await messages.by_key(tx, work.id + _KEY) or ("", ())
            line = _line(now, ms(self.crew.clock()) - kept["since"])
            if state != "sent" or not refs or line == words:
                continue
            words = line
            try:
                await speaker.send(Outbound(line, edit_of=refs[0], progress=True), kept["conversation"])
            except ChannelError as trouble:
                log.info("progress of %s: %s", work.id, trouble)
                pause = max(pause, trouble.retry_after or 0.0)


async def end(tx: Tx, work: str, now: int) -> None:
    """The last words of `work`'s message, if it has one and the work is over; harmless to repeat."""
    kept = await settings.get(tx, _OPEN + work)
    good = await _outcome(tx, work) if kept is not None else None
    if good is None:
        return
    await messages.cancel(tx, work + _KEY)
    state, refs = await messages.by_key(tx, work + _KEY) or ("", ())
    if state == "running":
        return  # on its way: `ended` comes back here
    await settings.drop(tx, _OPEN + work)
    if state == "sent" and refs:
        span = _span(now - kept["since"])
        text = f"⌛ This took {span}." if good else f"⌛ Stopped after {span}."
        body = Outbound(text, edit_of=refs[0], progress=True)
        place = (kept["channel"], kept["conversation"])
        await messages.enqueue(tx, f"{work}{_KEY}/end", *place, body, now, turn=kept["turn"], urgent=True)


async def ended(tx: Tx, letter: Letter, now: int) -> None:
    """A message has been sent, or could not be: was it of progress, its work may be over by now."""
    if letter.body.passing and letter.key.endswith(_KEY):
        await end(tx, letter.key.removesuffix(_KEY), now)


async def sweep(tx: Tx, now: int) -> None:
    """End the messages whose work has ended without them: the worker that showed it was killed."""
    for key in await settings.under(tx, _OPEN, now):
        await end(tx, key.removeprefix(_OPEN), now)


async def _outcome(tx: Tx, work: str) -> bool | None:
    """Whether it came to its end as wished; None as long as it goes on, or will be taken up again."""
    if work.startswith(FORGETS):
        receipt = await forgetting.receipt(tx, work.removeprefix(FORGETS))
        return None if receipt is not None and not receipt.complete else True
    if (effect := await effects.get(tx, work)) is not None:
        return effect.state == "done" if effect.state in effects.FINISHED else None
    turn = await turns.get(tx, work)
    state = turn.state if turn is not None else "gone"
    return None if state == "running" else state in ("done", "waiting")


async def _within(over: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(over.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _line(now: Doing, took_ms: int) -> str:
    return f"⏳ {now} ({_span(took_ms)})"


def _span(took_ms: int) -> str:
    seconds = max(0, took_ms) // 1000
    return f"{seconds} s" if seconds < 100 else f"{seconds // 60} min {seconds % 60} s"
