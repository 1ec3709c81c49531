"""Playbooks: whole conversations with the real Steward in this process, written as they would be told.

    await play(user("lunch with Ada on 27 November at 12:30"), asks("Lunch with Ada"), presses("approve"),
               calls("calendar.create", summary="Lunch with Ada"), says("Created"))

Everything is composed as in production (`bot.compose`): database, tools, files, checkpoints, policy. Only the platform
is a recorder and the clock stands still until a step moves it. Every message Steward says must be expected: a step that
speaks, and the end, fail when something was said that no step has read.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from bot.commands import lane_of
from bot.compose import Steward, compose
from bot.progress import Pace
from bot.settings import EmbeddingSettings, PolicySettings, Settings
from channels.base import Delivery
from graphs.state import ms
from knowledge.database import DatabaseTrouble, bare
from knowledge.store import people
from knowledge.store.effects import Effect, of_turn
from knowledge.store.intake import Arrival, Intake
from knowledge.words import Outbound
from tests.fakes.waiting import PATIENCE_S
from tests.playbooks.recorder import PRINCIPAL, Recorder

ZURICH = "Europe/Zurich"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=ZoneInfo(ZURICH))  # a Friday
UNHURRIED = Pace(after_s=600)
"""Of progress in a playbook: a busy machine says nothing of taking long that no step expects."""
NEVER_S = 3600.0
"""Until memory does by itself what can wait: a step asks for it (`librarian.idle`), a machine that stood still does not."""

_QUIET = """
SELECT EXISTS(SELECT 1 FROM delivery WHERE state IN ('new','running') AND not_before<=:now)
    OR EXISTS(SELECT 1 FROM delivery WHERE state='running' AND lane='control')
    OR EXISTS(SELECT 1 FROM effect WHERE state IN ('pending','running') AND not_before<=:now)
    OR EXISTS(SELECT 1 FROM message WHERE state IN ('pending','running') AND not_before<=:now)
    OR EXISTS(SELECT 1 FROM timer WHERE state='armed' AND due_at<=:now)
    OR EXISTS(SELECT 1 FROM turn WHERE state='waiting'
              AND NOT EXISTS(SELECT 1 FROM card WHERE card.turn=turn.id AND card.state='open')
              AND NOT EXISTS(SELECT 1 FROM effect WHERE effect.turn=turn.id AND effect.state IN ('pending','running')))
"""


class Clock:
    """The time of a playbook: it stands still until told."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Book:
    """One Steward under test: its recorders, its clock, and what of its words has been read."""

    steward: Steward
    clock: Clock
    chats: dict[str, Recorder]
    intake: Intake
    read: dict[str, int]
    toasts_read: dict[str, int]
    effects_read: set[str]
    card: str = ""  # the message id of the card asked for last
    cards: dict[str, str] = None  # type: ignore[assignment]  # message id → channel

    async def __call__(self, *steps: Step) -> Book:
        for number, step in enumerate(steps, 1):
            try:
                await step(self)
            except AssertionError as error:
                raise AssertionError(f"step {number}: {error}") from None
        self.expect_silence()
        return self

    # --- in ------------------------------------------------------------------------------------------------------

    async def deliver(self, *deliveries: Delivery) -> None:
        """Store and wake, as the receiver does, and wait until all is settled."""
        await asyncio.to_thread(self.store, *deliveries)  # never in the loop that may hold the database's write lock
        await self.settle()

    def store(self, *deliveries: Delivery) -> None:
        now = ms(self.clock())
        for d in deliveries:
            lane = lane_of(d, self.intake, now)
            arrival = Arrival(d.channel, d.account, d.dedupe_key, d.conversation, d.sender, lane, d.raw)
            self.intake.accept([arrival], now)

    async def move(self, moment: datetime) -> None:
        """It is `moment` now. A look at the queues that began before must end first: it would claim by the old time."""
        self.clock.now = moment
        self.steward.worker.poke()
        await self.steward.worker.moved(0.1)
        await self.settle()

    async def settle(self) -> None:
        """Until nothing runs and nothing waits that the clock lets happen now."""
        ends = time.monotonic() + PATIENCE_S
        worker = self.steward.worker
        while time.monotonic() < ends:
            try:
                async with self.steward.crew.db.read() as tx:
                    waits = (await tx.execute(text(_QUIET), {"now": ms(self.clock())})).scalar_one()
            except DatabaseTrouble:  # a server that the test has taken away for a moment
                waits = True
            if not waits and not worker.busy:
                return
            worker.poke()
            await worker.moved(0.02)
        rows = {
            name: (await self.rows(f"SELECT * FROM {name} WHERE state NOT IN ('done','sent','cancelled')"))
            for name in ("delivery", "turn", "effect", "message")
        }
        raise AssertionError(f"did not settle within {PATIENCE_S} s: {rows}")

    # --- out -----------------------------------------------------------------------------------------------------

    def next_message(self, channel: str = "telegram") -> tuple[str, Outbound]:
        chat = self.chats[channel]
        if self.read[channel] >= len(chat.said):
            raise AssertionError(f"Steward said nothing more on {channel}; the last rows: {self.last_rows()}")
        _, ref = chat.said[self.read[channel]]
        self.read[channel] += 1
        return ref, chat.posted[ref]

    def last_rows(self) -> dict[str, list[tuple[object, ...]]]:
        """The newest rows of the queues, to see where a missing answer got stuck."""
        queries = {
            "delivery": "SELECT id, lane, state, attempts, not_before, error FROM delivery ORDER BY id DESC LIMIT 3",
            "turn": "SELECT id, state, wait, ended_at FROM turn ORDER BY began_at DESC LIMIT 3",
            "card": "SELECT id, state, version, revision FROM card",
            "message": "SELECT id, key, state, attempts, not_before, error FROM message ORDER BY id DESC LIMIT 5",
            "ledger": "SELECT who, what, why, ref FROM ledger ORDER BY seq DESC LIMIT 8",
        }
        with closing(bare.connect(self.steward.home.database, read_only=True)) as db:
            return {name: db.execute(query).fetchall() for name, query in queries.items()}

    def unread(self) -> list[str]:
        return [
            f"{name}: {chat.posted[ref].text}"
            for name, chat in self.chats.items()
            for _, ref in chat.said[self.read[name] :]
        ]

    def expect_silence(self) -> None:
        assert not self.unread(), f"Steward said, and no step expected it: {self.unread()}"

    async def rows(self, query: str, **values: Any) -> list[Mapping[str, Any]]:
        async with self.steward.crew.db.read() as tx:
            return [dict(row._mapping) for row in await tx.execute(text(query), values)]

    async def count(self, query: str, **values: Any) -> int:
        async with self.steward.crew.db.read() as tx:
            return int((await tx.execute(text(f"SELECT count(*) FROM {query}"), values)).scalar_one())

    # --- what it left --------------------------------------------------------------------------------------------

    @property
    def notes(self) -> dict[str, str]:
        folder = self.steward.settings.notes_path
        return {p.name: p.read_text() for p in sorted(folder.glob("*.md"))} if folder.is_dir() else {}

    @property
    def calendar(self) -> str:
        path = self.steward.settings.calendar_path
        return path.read_text() if path.exists() else ""

    @property
    def shown(self) -> Outbound:
        """The card asked for last, as it looks now."""
        return self.chats[self.cards[self.card]].posted[self.card]


Step = Callable[[Book], Awaitable[None]]


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────


def user(
    words: str, *, on: str = "telegram", sender: str = PRINCIPAL, forwarded: bool = False, reply_to: str = ""
) -> Step:
    """The principal (or `sender`) types `words`; Steward works until it has nothing more to do."""

    async def step(book: Book) -> None:
        book.expect_silence()
        await book.deliver(book.chats[on].typed(words, sender=sender, forwarded=forwarded, reply_to=reply_to))

    return step


def says(*fragments: str, on: str = "telegram") -> Step:
    """The next message holds all of `fragments` and is no card."""

    async def step(book: Book) -> None:
        _, message = book.next_message(on)
        assert not message.card, f"expected words, got a card: {message.text}"
        for fragment in fragments:
            assert fragment in message.text, f"{fragment!r} is not in: {message.text}"

    return step


def asks(*fragments: str, on: str = "telegram") -> Step:
    """The next message is an approval card that holds all of `fragments` and can be decided."""

    async def step(book: Book) -> None:
        ref, message = book.next_message(on)
        assert message.card, f"expected a card, got: {message.text}"
        assert message.buttons, f"a card without buttons: {message.text}"
        for fragment in fragments:
            assert fragment in message.text, f"{fragment!r} is not in: {message.text}"
        book.card = ref
        book.cards[ref] = on

    return step


def presses(label: str, *, on: str = "", sender: str = PRINCIPAL, times: int = 1, ref: str = "") -> Step:
    """Presses the button called `label` on the newest message that has it (or on `ref`)."""

    async def step(book: Book) -> None:
        book.expect_silence()
        channel, where, data = button(book, label, on, ref)
        chat = book.chats[channel]
        await book.deliver(*(chat.pressed(data, where, sender=sender) for _ in range(times)))

    return step


def button(book: Book, label: str, on: str = "", ref: str = "") -> tuple[str, str, str]:
    """(channel, message id, data) of the newest button whose label is or begins with `label`, whatever its case."""
    for name, chat in book.chats.items():
        for _, where in reversed(chat.said):
            if (on and name != on) or (ref and where != ref):
                continue
            for row in chat.posted[where].buttons:
                for one in row:
                    if one.label.lower() == label.lower():
                        return name, where, one.data
    raise AssertionError(f"no button called {label!r}")


def presses_data(data: str, *, on: str = "telegram", sender: str = PRINCIPAL, ref: str = "1") -> Step:
    """Presses a button that carries `data`, whatever is shown."""

    async def step(book: Book) -> None:
        await book.deliver(book.chats[on].pressed(data, ref, sender=sender))

    return step


def toasts(*fragments: str, on: str = "telegram") -> Step:
    """The next notices, in order, hold `fragments`, and there is none besides."""

    async def step(book: Book) -> None:
        new = book.chats[on].toasts[book.toasts_read[on] :]
        book.toasts_read[on] += len(new)
        assert len(new) == len(fragments), f"notices: {new}"
        for fragment, told in zip(fragments, new, strict=True):
            assert fragment in told, f"{fragment!r} is not in the notice {told!r}"

    return step


def shows(*fragments: str) -> Step:
    """The card asked for last, as it looks now, holds all of `fragments`."""

    async def step(book: Book) -> None:
        for fragment in fragments:
            assert fragment in book.shown.text, f"{fragment!r} is not on the card: {book.shown.text}"

    return step


def calls(tool: str, **arguments: Any) -> Step:
    """Exactly one effect of `tool` was done since the last such step, with (at least) these arguments."""

    async def step(book: Book) -> None:
        done = [e for e in await effects(book) if e.id not in book.effects_read and e.state == "done"]
        mine = [e for e in done if e.tool == tool]
        assert len(mine) == 1, f"effects done: {[(e.id, e.tool) for e in done]}"
        book.effects_read.add(mine[0].id)
        for name, value in arguments.items():
            assert mine[0].arguments.get(name) == value, f"{name} was {mine[0].arguments.get(name)!r}"

    return step


def calls_nothing() -> Step:
    """No effect was carried out since the last `calls`."""

    async def step(book: Book) -> None:
        left = [(e.tool, e.state) for e in await effects(book) if e.id not in book.effects_read]
        assert not left, f"effects: {left}"

    return step


async def effects(book: Book) -> list[Effect]:
    rows = await book.rows("SELECT turn, id, undoes FROM effect ORDER BY made_at, id")
    async with book.steward.crew.db.read() as tx:
        from knowledge.store import effects as store

        found = [await store.get(tx, row["id"]) for row in rows]
    return [e for e in found if e is not None]


def later(**span: float) -> Step:
    """Time passes (`hours=2`), and what became due happens."""

    async def step(book: Book) -> None:
        book.expect_silence()
        await book.move(book.clock.now + timedelta(**span))

    return step


def at(moment: datetime) -> Step:
    """It is `moment` now, and what became due happens."""

    async def step(book: Book) -> None:
        book.expect_silence()
        await book.move(moment)

    return step


def does(what: Callable[[Book], Any]) -> Step:
    """Anything else: an assertion on files or rows, a change by hand."""

    async def step(book: Book) -> None:
        found = what(book)
        if asyncio.iscoroutine(found):
            found = await found
        assert found is not False, "did not hold"

    return step


# ── opening one ──────────────────────────────────────────────────────────────────────────────────────────────────


def lay_out(home: Path, template: Path | None) -> None:
    home.mkdir(parents=True, exist_ok=True)
    if template is not None and not (home / "steward.db").exists():
        shutil.copy(template, home / "steward.db")


@asynccontextmanager
async def open_book(
    home: Path,
    template: Path | None,
    *,
    now: datetime = NOW,
    zone: str = ZURICH,
    link: bool = True,
    model: bool = False,
    names: tuple[str, ...] = ("telegram", "slack"),
    **switches: Any,
) -> AsyncIterator[Book]:
    """A Steward with two chats, telegram and slack, both the principal's unless `link` is off.

    `template` is an empty database for a fresh home (None where a server has it); a home that has one is opened again,
    as after a restart. Without `model` memory goes by words alone, which is quicker. `switches` are further settings.
    """
    lay_out(home, template)
    clock = Clock(now)
    chats = {name: Recorder(name, clock) for name in names}
    switches.setdefault("policy", PolicySettings(hold_s=0))
    settings = Settings(
        home=home, zone=zone, embeddings=EmbeddingSettings(path="" if model else str(home / "no-model")), **switches
    )
    async with compose(settings, chats, clock=clock) as steward:
        if link:
            async with steward.crew.db.write() as tx:
                for name in chats:
                    conversation = None if name == "slack" else PRINCIPAL
                    await people.set_standing(tx, name, PRINCIPAL, "principal", ms(now), conversation=conversation)
        intake = Intake(steward.home.database)
        steward.worker.progress.pace = UNHURRIED
        steward.worker.quiet_s = NEVER_S
        await steward.worker.recover()
        work = asyncio.create_task(steward.worker.run())
        zero = dict.fromkeys(chats, 0)
        try:
            yield Book(steward, clock, chats, intake, dict(zero), dict(zero), set(), cards={})
        finally:
            steward.worker.stop()
            with suppress(asyncio.CancelledError):
                await work
            intake.close()


__all__ = [
    "NOW", "Book", "Clock", "Step", "asks", "at", "button", "calls", "calls_nothing", "does", "effects", "later",
    "lay_out", "of_turn", "open_book", "presses", "presses_data", "says", "shows", "toasts", "user",
]  # fmt: skip
