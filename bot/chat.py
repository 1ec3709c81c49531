"""A conversation at the console: lines become stored deliveries like everywhere else, answers come through the outbox."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from bot.commands import lane_of
from bot.compose import Steward, compose
from bot.desk import handlers
from bot.home import Home, Lock
from bot.local import LocalServer
from bot.settings import Settings
from channels.base import Delivery
from channels.console import CONVERSATION, SENDER, ConsoleSpeaker, Show, console_delivery
from knowledge.database import Tx
from knowledge.ids import random_id
from knowledge.store import cards, effects, inbox, messages, turns
from knowledge.store.intake import Arrival, Intake

ENDED = ("done", "waiting", "dead")


class Conversation:
    """What the console says and waits for. One process: receiver, worker and speaker together."""

    def __init__(self, steward: Steward, name: str = CONVERSATION) -> None:
        self.steward, self.name = steward, name
        self._intake = Intake(steward.home.database)
        self._one_at_a_time = asyncio.Lock()

    async def say(self, text: str = "", press: str = "") -> int:
        """Store a line or a pressed button (synced), wake the worker; the delivery's id. Raises sqlite3.Error.

        In a thread: a task of this very process may hold the database's write lock and need the loop to let it go.
        """
        async with self._one_at_a_time:
            delivery = await asyncio.to_thread(self._store, text, press)
        self.steward.worker.poke()
        return delivery

    def _store(self, text: str, press: str) -> int:
        now = int(time.time() * 1000)
        lane = "control" if press else "turn"
        delivery = Delivery("console", "", random_id(16), self.name, SENDER, lane, b"", hint=text)  # type: ignore[arg-type]
        chosen = lane_of(delivery, self._intake, now)
        raw = console_delivery(text, press)
        arrival = Arrival("console", "", delivery.dedupe_key, self.name, SENDER, chosen, raw)
        return self._intake.accept([arrival], now)[0]

    async def settled(self, delivery_id: int, timeout_s: float = 120.0) -> str:
        """Wait until the delivery is handled (or waits for a decision) and everything said about it is shown."""
        deadline = time.monotonic() + timeout_s
        state = "new"
        while time.monotonic() < deadline:
            now = int(time.time() * 1000)
            async with self.steward.crew.db.read() as tx:
                state = await inbox.state_of(tx, delivery_id)
                turn = await turns.get(tx, f"t{delivery_id}")
                silent = await messages.undelivered(tx, "console", self.name) == 0 and not await effects.open_now(
                    tx, now
                )
                goes_on = await self._goes_on(tx)
            parked = turn is not None and turn.state == "waiting" and turn.wait == "effects"
            if state in ENDED and silent and not parked and not goes_on and not self.steward.worker.busy:
                return state
            await self.steward.worker.moved(0.1)
        return state

    async def _goes_on(self, tx: Tx) -> bool:
        """Whether a turn of this conversation is about to be resumed: decided, its effects at their end, no answer yet."""
        waiting = [t for t in await turns.in_state(tx, "waiting") if t.conversation == self.name]
        states = await cards.cards_of_turns(tx, [t.id for t in waiting]) if waiting else {}
        for one in waiting:
            decided = one.wait != "card" or states.get(one.id) != "open"
            if decided and all(e.state in effects.FINISHED for e in await effects.of_turn(tx, one.id)):
                return True
        return False

    def close(self) -> None:
        self._intake.close()


@asynccontextmanager
async def conversation(settings: Settings, show: Show) -> AsyncIterator[Conversation]:
    """Open a console conversation on this home, beside a running Steward or alone."""
    lock = Lock(Home(settings.home).path / "run" / "console.lock")
    Home(settings.home).prepare()
    name = CONVERSATION if lock.take() else f"beside-{random_id(6)}"
    async with at_work(settings, show, name) as steward:
        talk = Conversation(steward, name)
        try:
            yield talk
        finally:
            talk.close()
            lock.free()


@asynccontextmanager
async def at_work(settings: Settings, show: Show, name: str) -> AsyncIterator[Steward]:
    """A composed Steward at work in this process: the terminal `name` shows what is said to it, others reach its socket."""
    async with compose(settings, {"console": ConsoleSpeaker(show, name)}, console=name) as steward:

        async def poke(request: Mapping[str, Any]) -> Mapping[str, Any]:
            steward.worker.poke()
            return {}

        server = LocalServer(steward.home.own_socket(), {**handlers(steward), "poke": poke})
        await server.start()
        await steward.worker.recover()
        work = asyncio.create_task(steward.worker.run())
        try:
            yield steward
        finally:
            steward.worker.stop()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            await server.close()
