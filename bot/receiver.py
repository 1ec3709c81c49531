"""The receiver: slim and always awake. It listens, stores, acknowledges, keeps time and wakes the worker."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from bot.commands import lane_of
from bot.forms import fields_of
from bot.home import Home
from bot.local import Line, LocalServer
from bot.refusals import Refusals, through
from bot.supervisor import Supervisor
from channels.base import Delivery, ReceivingChannel, Report
from knowledge.egress import bear_witness
from knowledge.store.intake import ON_ITS_WAY, Arrival, Intake

log = logging.getLogger(__name__)

LOOK_S = 30.0
"""Between two looks at the timers when nothing says that they have changed."""

COMES_UP_S = 30.0
"""A command beside us waits so long for a worker to start: some two seconds, and many where the machine is busy."""

TYPING_AT_MOST_S = 900.0
"""Nobody is told for longer that an answer is on its way."""


def now_ms() -> int:
    return int(time.time() * 1000)


class Receiver:
    """Takes deliveries from every channel. `supervisor` is None where workers are deployed on their own."""

    def __init__(self, home: Home, channels: Mapping[str, ReceivingChannel], supervisor: Supervisor | None) -> None:
        self.home, self.channels, self.supervisor = home, channels, supervisor
        self.intake = Intake(home.database)
        self._lines: dict[Path, Line] = {}
        self._look = asyncio.Event()
        self._signs: set[asyncio.Task[None]] = set()
        self._typing: dict[tuple[str, str], asyncio.Task[None]] = {}  # (channel, conversation) → what keeps it up
        self._waiting: list[tuple[list[Arrival], asyncio.Future[None]]] = []
        self._storing: asyncio.Task[None] | None = None
        self.stored = 0

    async def accept(self, deliveries: list[Delivery]) -> None:
        """Store them all in one synced commit; returns only after it. Raises sqlite3.Error when that failed."""
        now = now_ms()
        await self._gather([self._arrival(d, now) for d in deliveries])
        awake = await self.poke()
        for delivery in deliveries:
            self._sign_of_life(delivery, awake=awake)

    async def report(self, told: Report) -> None:
        """Store what a platform tells of a message of ours. Raises sqlite3.Error when that failed."""
        outcome = "closed" if told.closed else "failed" if told.failed else ON_ITS_WAY
        what = (told.channel, told.ref, told.status, told.error, outcome, told.over)
        if await asyncio.to_thread(self.intake.report, *what, now_ms()):
            await self.poke()

    async def _gather(self, arrivals: list[Arrival]) -> None:
        """Store them together with all that comes while an earlier commit still runs."""
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((arrivals, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store())
        await stored

    async def _store(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                fresh = await asyncio.to_thread(self.intake.accept, [a for one, _ in batch for a in one], now_ms())
            except Exception as error:  # noqa: BLE001  # handed to everybody who waits for this commit
                told: Exception | None = error
            else:
                told = None
                self.stored += len(fresh)
            for _, stored in batch:
                if stored.done():  # who waited for it has gone
                    continue
                if told is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(told)

    def _arrival(self, d: Delivery, now: int) -> Arrival:
        lane = lane_of(d, self.intake, now)
        return Arrival(d.channel, d.account, d.dedupe_key, d.conversation, d.sender, lane, d.raw)

    def _sign_of_life(self, delivery: Delivery, *, awake: bool) -> None:
        """Typing for a text; where the worker sleeps, a press is confirmed here, since the platform waits seconds only."""
        channel = self.channels.get(delivery.channel)
        if channel is None:
            return
        if delivery.wants_typing and self.intake.is_principal(delivery.channel, delivery.sender):
            self._keep_typing(channel, delivery)
        elif delivery.form:
            if self.intake.is_principal(delivery.channel, delivery.sender):
                self._spawn(channel.confirm_press(delivery, fields_of(self.intake, delivery.form)))
        elif delivery.press_id and not awake:
            self.intake.mark_confirmed(delivery.channel, delivery.account, delivery.dedupe_key)
            self._spawn(channel.confirm_press(delivery))

    def _keep_typing(self, channel: ReceivingChannel, delivery: Delivery) -> None:
        """The newest message of a conversation carries its sign of typing, until it is answered, asks, or broke."""
        place = (delivery.channel, delivery.conversation)
        if (older := self._typing.get(place)) is not None:
            older.cancel()
        self._typing[place] = task = self._spawn(self._type(channel, delivery))
        task.add_done_callback(lambda done: self._typing.pop(place) if self._typing.get(place) is done else None)

    async def _type(self, channel: ReceivingChannel, delivery: Delivery) -> None:
        ends = time.monotonic() + TYPING_AT_MOST_S
        known = (delivery.channel, delivery.account, delivery.dedupe_key)
        await channel.show_typing(delivery)
        while time.monotonic() < ends:
            await asyncio.sleep(channel.typing_s)
            if not await asyncio.to_thread(self.intake.is_at_work, *known):
                return
            await channel.show_typing(delivery)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._signs.add(task)
        task.add_done_callback(self._signs.discard)
        return task

    async def poke(self) -> bool:
        """Wake whoever works on this home; whether somebody was awake already."""
        awake = False
        for path in self.home.worker_sockets():
            line = self._lines.setdefault(path, Line(path))
            awake |= await line.poke()
        if not awake and self.supervisor is not None:
            self.supervisor.wake()
        return awake

    async def run(self) -> None:
        """Serve until cancelled."""
        server = LocalServer(self.home.socket("receiver"), {"wake": self._on_wake, "status": self._on_status})
        refusals = Refusals(through(self.intake, now_ms))
        end_witness = bear_witness(refusals)
        if self.supervisor is not None:
            await server.start()
            self.supervisor.wake()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_time())
                if self.supervisor is not None:
                    group.create_task(self.supervisor.run(self))
                for channel in self.channels.values():
                    group.create_task(channel.run(self.accept))
        finally:
            await server.close()
            for sign in tuple(self._signs):
                sign.cancel()
            for channel in self.channels.values():
                await channel.close()
            end_witness()
            await refusals.close()
            self.intake.close()

    async def _keep_time(self) -> None:
        """Turn due timers into deliveries; sleep until the next one."""
        while True:
            try:
                if await asyncio.to_thread(self.intake.fire_due, now_ms()):
                    await self.poke()
                due = self.intake.next_due()
                wait = LOOK_S if due is None else min(LOOK_S, max(0.01, (due - now_ms()) / 1000))
            except sqlite3.Error as trouble:
                log.error("the timers could not be looked at: %s", trouble)
                wait = 1.0
            self._look.clear()
            try:
                await asyncio.wait_for(self._look.wait(), wait)
            except TimeoutError:
                continue

    def look_at_timers(self) -> None:
        """The timers may have changed (a worker went to sleep)."""
        self._look.set()

    async def tell_principal(self, text: str) -> None:
        """Say something without a worker, over the first linked channel this process receives."""
        for name, conversation in self.intake.principal_conversations():
            if (channel := self.channels.get(name)) is not None:
                await channel.tell(conversation, text)
                return
        log.error("%s", text)

    async def _on_wake(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """A command beside us needs the worker: start it and say when it listens."""
        assert self.supervisor is not None
        self.supervisor.wake()
        ends = time.monotonic() + COMES_UP_S
        while time.monotonic() < ends:
            if await self.poke():
                return {}
            await asyncio.sleep(0.05)
        raise TimeoutError(f"the worker did not come up within {COMES_UP_S:.0f} seconds")

    async def _on_status(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        alive = self.supervisor is not None and self.supervisor.alive
        return {"channels": sorted(self.channels), "stored": self.stored, "worker": "awake" if alive else "asleep"}
