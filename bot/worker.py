"""The worker: claims what waits, in order and once, drives the turn graph, and sleeps when there is nothing to do."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot import board, progress
from bot.control import Control
from bot.delivery import tell_failure
from bot.hearing import Hearing, Unreadable
from bot.librarian import Librarian
from bot.outbox import Outbox, backoff_ms
from bot.progress import FORGETS, Progress, Work
from bot.renewal import Renewal
from channels.base import ChannelError
from graphs.checkpoints import is_away
from graphs.schedule import next_due
from graphs.state import Crew, TurnContext, ms
from graphs.turn import Pause, TurnGraph, forget, resume, start
from knowledge import doing, forgetting, ledger
from knowledge.database import DatabaseTrouble, Tx
from knowledge.database.lasting import lasting
from knowledge.index.base import IndexUnreachable
from knowledge.projection import AGAIN_S
from knowledge.store import cards, effects, failures, inbox, leases, messages, timers, turns
from knowledge.store.effects import FINISHED, Effect
from knowledge.store.failures import Remedy
from knowledge.store.inbox import Stored
from knowledge.store.intake import Intake
from knowledge.store.leases import Lease, StaleLease
from knowledge.store.messages import Letter
from knowledge.store.work import work_waits

log = logging.getLogger(__name__)

TURN_TRIES = 4
CONTROL_TRIES = 4
TURNS_AT_ONCE = 8
BUSY_S = 0.5
"""While something runs, its end wakes the worker: no need to ask what comes next."""

STORE_AWAY = "checkpoints:away"
STORE_AWAY_S = 3.0
"""Between two tries of a turn whose store of pauses does not answer."""

QUIET_S = 1.0
"""After so long without work the librarian may use the time."""

LONGEST_SLEEP_S = 30.0
"""Between two looks at the queues when nothing pokes: a safety net, not a clock."""


class Worker:
    """One worker process (or the one inside `steward chat`). `poke` wakes it; `run` returns after `idle_s` without work."""

    def __init__(
        self,
        crew: Crew,
        graph: TurnGraph,
        hearing: Hearing,
        outbox: Outbox,
        control: Control,
        librarian: Librarian,
        neighbours: Callable[[], Awaitable[None]],
    ) -> None:
        self.crew, self.graph, self.hearing, self.outbox, self.control = crew, graph, hearing, outbox, control
        self.librarian = librarian
        self.neighbours = neighbours  # pokes the other processes of this home: they speak what we can't
        self.intake = Intake(crew.db.path)
        self.turns_done = 0
        self.progress = Progress(crew, outbox.speakers)
        self._reach = crew.reach
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: dict[str, asyncio.Task[None]] = {}  # turn or row id → its task, so that nothing runs twice here
        self.quiet_s = QUIET_S
        self._stopping = False
        self._looked = 0  # when the queues were last looked at (ms)
        self._store_away = False  # a turn has met a Redis that did not answer
        self._unsettled = False  # something has ended since forgetting was last tried

    def poke(self) -> None:
        """Something may have arrived: look now."""
        self._wake.set()

    @property
    def busy(self) -> bool:
        """Whether anything is running at this moment, or is about to be forgotten."""
        return bool(self._tasks) or (self.librarian.erasing and self._unsettled)

    async def moved(self, timeout_s: float) -> None:
        """Wait until something that ran has ended, or the time is up."""
        self._moved.clear()
        try:
            await asyncio.wait_for(self._moved.wait(), timeout_s)
        except TimeoutError:
            return

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def recover(self) -> None:
        """At the start: end the claims of workers that are dead, so that their work goes on at once."""
        now = ms(self.crew.clock())
        async with self.crew.db.read() as tx:
            holders = await leases.holders(tx, now) | await effects.owners(tx) | await messages.owners(tx)
        dead = {owner for owner in holders if leases.is_dead(owner)}
        async with self.crew.db.write() as tx:
            await leases.free_dead(tx, dead)
            await effects.free_dead(tx, dead)
            await messages.free_dead(tx, dead)
            await inbox.free_control(tx)
            await turns.drop_expired_records(tx, now)
            await leases.prune(tx, now - 24 * 3600 * 1000)
            await progress.sweep(tx, now)
            await messages.drop_old_reports(tx, now - 30 * 24 * 3600 * 1000)

    async def run(self, idle_s: float = 0.0) -> None:
        """Work until stopped, or until nothing was to do for `idle_s` seconds (0: never sleep)."""
        loop = asyncio.get_running_loop()
        idle_since = loop.time()
        while not self._stopping:
            self._wake.clear()
            try:
                if await self._round():
                    idle_since = loop.time()
            except (DatabaseTrouble, sqlite3.Error) as trouble:  # the bare driver fires the timers
                log.error("%s", trouble)
                await asyncio.sleep(1.0)
            if self.librarian.erasing and self._unsettled and not self._tasks:
                self._unsettled = False
                self._begin("erasing", self._erase())
            if self._tasks or self.librarian.busy:
                idle_since = loop.time()
            idle = loop.time() - idle_since
            try:
                if not self._tasks and idle >= self.quiet_s:
                    await self.librarian.idle()
                if idle_s and not self._tasks and idle >= idle_s:
                    break
                await self._sleep(idle_s, idle)
            except (DatabaseTrouble, IndexUnreachable) as trouble:
                log.error("%s", trouble)
                await asyncio.sleep(1.0)
        await self._drain()

    async def _sleep(self, idle_s: float, idle: float) -> None:
        wait = BUSY_S if self._tasks else await self._until_next()
        if self.librarian.away:
            wait = min(wait, AGAIN_S)
        if idle < self.quiet_s:
            wait = min(wait, self.quiet_s)
        if idle_s and not self._tasks:
            wait = min(wait, max(0.05, idle_s - idle))
        try:
            await asyncio.wait_for(self._wake.wait(), wait)
        except TimeoutError:
            return

    async def _until_next(self) -> float:
        """Seconds until the next postponed row may be tried, or another worker's claim runs out.

        Counted from the last look at the queues: what has become due since then is due now.
        """
        looked = self._looked
        async with self.crew.db.read() as tx:
            times = [
                await inbox.next_retry(tx, looked),
                await effects.next_retry(tx, looked),
                await messages.next_retry(tx, looked, self._reach),
                await timers.next_due(tx),
                await leases.next_end(tx, looked),
            ]
        now = ms(self.crew.clock())
        soonest = min((t for t in times if t is not None), default=None)
        return LONGEST_SLEEP_S if soonest is None else max(0.01, min(LONGEST_SLEEP_S, (soonest - now) / 1000))

    async def _drain(self) -> None:
        """Let what runs come to its end; what does not within ten seconds is taken up by the next worker."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)
        for task in self._tasks:
            task.cancel()

    # ── one look at the queues ───────────────────────────────────────────────────────────────────────────────────

    async def _round(self) -> bool:
        """Claim everything that can begin now; whether there was anything."""
        now = self._looked = ms(self.crew.clock())
        found = False
        async with self.crew.db.read() as tx:
            due = await timers.next_due(tx)
        if due is not None and due <= now:
            await asyncio.to_thread(self.intake.fire_due, now)
        async with self.crew.db.read() as tx:
            waiting_work = await work_waits(tx, now, self._reach)
        if waiting_work.others:
            await self.neighbours()
        if not waiting_work.mine:
            return False

        async with self.crew.db.write() as tx:
            pressed = await inbox.claim_control(tx, now, self.crew.lease_ms, self._reach)
            claimed = await self._claim_turns(tx, now)
            ready = await effects.claim(tx, self.crew.owner, now, self.crew.effect_lease_ms)
            letters = await messages.claim(tx, self.crew.owner, now, self.crew.effect_lease_ms, self._reach)
            waiting = await self._resumable(tx, now)
        for stored in pressed:
            found |= self._begin(f"d{stored.id}", self._control(stored))
        for stored, lease in claimed:
            found |= self._begin(stored.turn, self._turn(stored, lease))
        for effect in ready:
            found |= self._begin(effect.id, self._effect(effect))
        for letter in letters:
            found |= self._begin(f"m{letter.id}", self._letter(letter))
        for turn, lease, wait in waiting:
            found |= self._begin(turn.id, self._resume(turn, lease, wait))
        return found

    async def _claim_turns(self, tx: Tx, now: int) -> list[tuple[Stored, Lease]]:
        claimed: list[tuple[Stored, Lease]] = []
        while sum(k.startswith("t") for k in self._busy) + len(claimed) < TURNS_AT_ONCE:
            one = await inbox.claim_turn(tx, self.crew.owner, now, self.crew.lease_ms, self._reach)
            if one is None:
                break
            stored, _lease = one
            await messages.let_go(tx, stored.channel, stored.conversation)
            channel, conversation = await self.hearing.target(tx, stored)
            if await turns.begin(tx, stored.turn, stored.id, channel, conversation, now):
                await ledger.append(
                    tx, now, ledger.Entry("system", "turn.began", stored.channel, stored.turn, stored.raw)
                )
            claimed.append(one)
        return claimed

    async def _resumable(self, tx: Tx, now: int) -> list[tuple[turns.Turn, Lease, str]]:
        """Waiting turns whose card is decided (or expired) and whose effects have come to an end."""
        waiting = [t for t in await turns.in_state(tx, "waiting") if t.id not in self._busy]
        states = await cards.cards_of_turns(tx, [t.id for t in waiting]) if waiting else {}
        found = []
        for turn in waiting:
            if turn.wait == "card" and states.get(turn.id) == "open":
                continue
            if any(e.state not in FINISHED for e in await effects.of_turn(tx, turn.id)):
                continue
            lease = await leases.take(tx, leases.turn_key(turn.id), self.crew.owner, now, self.crew.lease_ms)
            if lease is not None:
                found.append((turn, lease, turn.wait or "card"))
        return found

    def _begin(self, key: str, work: Coroutine[Any, Any, None]) -> bool:
        if key in self._busy:
            work.close()
            return False
        task = asyncio.create_task(work, name=key)
        self._busy[key] = task
        self._tasks.add(task)
        task.add_done_callback(lambda t: self._ended(key, t))
        return True

    def _ended(self, key: str, task: asyncio.Task[None]) -> None:
        self._busy.pop(key, None)
        self._tasks.discard(task)
        self._unsettled |= key != "erasing"
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s broke", key, exc_info=error)
        self._wake.set()
        self._moved.set()

    # ── what runs ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _turn(self, stored: Stored, lease: Lease) -> None:
        """A delivery from its claim to its end or its first pause."""
        waited_for = stored.turn if stored.channel != "timer" else None
        async with self.progress.of(Work(stored.turn, waited_for, "", again=stored.attempts > 1)):
            await self._begun(stored, lease)

    async def _begun(self, stored: Stored, lease: Lease) -> None:
        try:
            async with self._renewing(lease):
                context = await self.hearing.listen(stored, lease)
                if context is not None:
                    doing.begin("Working on it")
                    await self._drive(context, await start(self.graph, context))
        except StaleLease as stale:
            log.warning("%s", stale)
        except Exception as error:
            log.error("turn %s broke: %s", stored.turn, error, exc_info=not is_away(error))
            await self._turn_broke(stored, lease, error)

    async def _resume(self, turn: turns.Turn, lease: Lease, wait: str) -> None:
        try:
            async with self._renewing(lease):
                async with self.crew.db.read() as tx:
                    stored = await inbox.by_id(tx, turn.delivery)
                assert stored is not None, "a turn's delivery is never deleted before the turn"
                context = await self.hearing.context(stored, lease)
                context.again = True
                await self._drive(context, await resume(self.graph, context, wait))
        except StaleLease as stale:
            log.warning("%s", stale)
        except Exception as error:
            log.error("turn %s broke on resume: %s", turn.id, error, exc_info=not is_away(error))
            await self._resume_broke(turn, lease, error)
            if is_away(error):
                await asyncio.sleep(STORE_AWAY_S)

    async def _drive(self, context: TurnContext, pause: Pause | None) -> None:
        """From pause to pause as long as this worker can go on by itself; then park the turn or say its answer."""
        while pause is not None:
            born, context.born = context.born, []
            await asyncio.gather(*(self._effect(e) for e in born if isinstance(e, Effect)))
            for letter in born:
                if isinstance(letter, Letter):
                    self._begin(f"m{letter.id}", self._letter(letter))
            if pause.wait == "card" or not await self._all_finished(context.turn):
                await self._park(context, pause)
                return
            pause = await resume(self.graph, context, pause.wait)
        for letter in context.born:
            if isinstance(letter, Letter):
                await self.outbox.send(letter)
        await forget(self.graph, context.turn)
        self.turns_done += 1
        if self.turns_done == 1 or self._store_away:
            await self._works_again()
        self.librarian.touch()

    @lasting
    async def _works_again(self) -> None:
        """A turn has come to its end in this process: crashes of those before it are over, and its Redis is there."""
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            await failures.close_key(tx, "worker:crash", now)
            await failures.close_key(tx, STORE_AWAY, now)
        self._store_away = False

    async def _all_finished(self, turn: str) -> bool:
        async with self.crew.db.read() as tx:
            return all(e.state in FINISHED for e in await effects.of_turn(tx, turn))

    async def _park(self, context: TurnContext, pause: Pause) -> None:
        """The turn waits in SQL and in its checkpoint; its conversation is free for the next one."""
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            await leases.guard(tx, context.lease, now, self.crew.lease_ms)
            await turns.set_state(tx, context.turn, "waiting", wait=pause.wait)
            await inbox.set_state(tx, context.delivery, "waiting")
            await ledger.append(tx, now, ledger.Entry("system", "turn.waits", pause.wait, context.turn))
            await board.refresh(tx, self.hearing.speakers, now)
            await leases.release(tx, context.lease)

    async def _control(self, stored: Stored) -> None:
        try:
            async with self._keeping(stored):
                letters = await self.control.handle(stored)
        except Exception as error:
            log.exception("control delivery %s broke", stored.id)
            await self._control_broke(stored, error)
            return
        self._wake.set()
        await asyncio.gather(*(self.outbox.send(letter) for letter in letters))

    async def _effect(self, effect: Effect) -> None:
        async with self.progress.of(
            Work(effect.id, effect.turn, "Carrying out what was decided", again=effect.attempts > 1)
        ):
            await self.outbox.carry_out(effect)
        self.librarian.touch()

    async def _erase(self) -> None:
        """What was asked to be forgotten goes from every store as soon as nothing else runs."""
        async with self.crew.db.read() as tx:
            id, turn = next(reversed(await forgetting.begun(tx)), ("", None))
        async with self.progress.of(Work(FORGETS + id, turn, "Forgetting", again=True)):
            await self.librarian.finish_erasing()

    async def _letter(self, letter: Letter) -> None:
        await self.outbox.send(letter)

    # ── what breaks ──────────────────────────────────────────────────────────────────────────────────────────────

    @lasting
    async def _turn_broke(self, stored: Stored, lease: Lease, error: Exception) -> None:
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            await leases.guard(tx, lease, now, self.crew.lease_ms)
            known = await turns.get(tx, stored.turn)
            if known is not None and known.state in ("done", "stopped"):
                pass  # it broke after its last word was written
            elif is_away(error):
                later = now + int(1000 * STORE_AWAY_S)
                await inbox.set_state(tx, stored.id, "new", error=repr(error)[:500], not_before=later)
                await self._tell_away(tx, now)
            elif stored.attempts < TURN_TRIES and not isinstance(error, Unreadable):
                later = now + backoff_ms(stored.attempts)
                await inbox.set_state(tx, stored.id, "new", error=repr(error)[:500], not_before=later)
            else:
                await self._bury(tx, stored, error, now)
                await turns.set_state(tx, stored.turn, "failed", ended_at=now)
            await leases.release(tx, lease)

    async def _tell_away(self, tx: Tx, now: int) -> None:
        """The store of paused turns does not answer: said once, until a turn comes to its end again."""
        self._store_away = True
        what, done = "The Redis of paused turns does not answer.", "Everything you send and decide is kept."
        not_done = "Nothing is answered until it is back; I go on trying."
        failure, fresh = await failures.note(tx, STORE_AWAY, what, done, not_done, now)
        if fresh:
            await tell_failure(tx, failure, now)

    @lasting
    async def _resume_broke(self, turn: turns.Turn, lease: Lease, error: Exception) -> None:
        """The approval stands and its effects are told in SQL; only the last words are missing."""
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            await leases.guard(tx, lease, now, self.crew.lease_ms)
            await leases.release(tx, lease)
            known = await turns.get(tx, turn.id)
            if (known is not None and known.state == "done") or (isinstance(error, DatabaseTrouble) and error.passes):
                return
            if is_away(error):
                await self._tell_away(tx, now)
                return
            key = f"resume:{turn.id}"
            failure, _ = await failures.note(
                tx, key, f"A turn could not be finished ({type(error).__name__})",
                "Your decisions and their effects are kept.", "Its closing answer was not written.", now, turn=turn.id,
            )  # fmt: skip
            if failure.count >= TURN_TRIES:
                await turns.set_state(tx, turn.id, "failed", ended_at=now)
                await inbox.set_state(tx, turn.delivery, "dead", error=repr(error)[:500])
                await tell_failure(tx, failure, now)

    @lasting
    async def _control_broke(self, stored: Stored, error: Exception) -> None:
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            if stored.attempts < CONTROL_TRIES and not isinstance(error, Unreadable):
                later = now + backoff_ms(stored.attempts)
                await inbox.set_state(tx, stored.id, "new", error=repr(error)[:500], not_before=later)
            else:
                await self._bury(tx, stored, error, now)

    async def _bury(self, tx: Tx, stored: Stored, error: Exception, now: int) -> None:
        """Dead letter: kept whole, told once, and the principal may have it tried again."""
        await inbox.set_state(tx, stored.id, "dead", error=repr(error)[:500])
        await ledger.append(tx, now, ledger.Entry("system", "delivery.dead", type(error).__name__, stored.turn))
        unreadable = isinstance(error, Unreadable)
        trouble = "read" if unreadable else f"handled ({type(error).__name__})"
        what = f"{'A reminder' if stored.channel == 'timer' else f'A message from {stored.channel}'} could not be {trouble}"
        remedies = (Remedy("retry", "Try again", f"d{stored.id}"), Remedy("dismiss", "Leave it", f"d{stored.id}"))
        done = "The message is kept."
        key = (
            f"unreadable:{stored.channel}" if unreadable else f"delivery:{stored.id}"
        )  # a flood of them is one failure
        failure, fresh = await failures.note(
            tx, key, what, done, "It was not answered.", now, remedies=remedies, turn=stored.turn
        )
        if fresh:
            await tell_failure(tx, failure, now)
        if stored.channel == "timer":
            await self._go_on(tx, stored)

    async def _go_on(self, tx: Tx, stored: Stored) -> None:
        """A recurring timer whose turn broke goes off again at its next time, whether or not this one is retried."""
        fired = json.loads(stored.raw)
        timer = await timers.get(tx, str(fired["timer"]))
        if timer is None:
            return
        told = {**fired, "rule": timer.rule, "zone": timer.zone, "first_at": timer.first_at}
        if following := next_due(told, self.crew.clock()):
            await timers.rearm(tx, timer.id, int(fired["occurrence"]) + 1, ms(following))

    def _renewing(self, lease: Lease) -> Renewal:
        span = self.crew.lease_ms
        return Renewal(self.crew, lambda tx, now: leases.guard(tx, lease, now, span), span)

    def _keeping(self, stored: Stored) -> Renewal:
        """What takes long in the control lane (the night's backup) stays this worker's."""
        span = self.crew.lease_ms
        return Renewal(self.crew, lambda tx, now: inbox.keep_control(tx, stored, now + span), span)

    async def announce(self) -> None:
        """Tell every platform what it should know (command menu, webhook) when that has changed."""
        for name, speaker in self.outbox.speakers.items():
            try:
                await speaker.start()
            except ChannelError as error:
                log.warning("%s could not be set up: %s", name, error)
