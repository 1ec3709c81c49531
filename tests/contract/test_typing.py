"""The sign of typing: it starts at once, is given again while a turn runs, ends with the answer or the error."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.home import Home
from bot.receiver import Receiver
from channels.base import Delivery
from tests.contract.channel_rigs import RIGS, SlackRig, TelegramRig, WhatsAppRig
from tests.fakes.waiting import until

AnyRig = TelegramRig | SlackRig | WhatsAppRig


@dataclass
class Listening:
    """A receiver with one real channel; no worker, so that a delivery stays where the test puts it."""

    rig: AnyRig
    receiver: Receiver
    home: Home

    async def arrives(self, delivery: Delivery, *, thread: bool = True) -> Delivery:
        """Slack shows the sign in threads alone."""
        if isinstance(self.rig, SlackRig) and thread:
            delivery = replace(delivery, conversation="D42:1700000001.000100")
        await self.receiver.accept([delivery])
        return delivery

    def signs(self) -> int:
        if isinstance(self.rig, WhatsAppRig):
            return len(self.rig.fake.typing)
        sign = "sendChatAction" if isinstance(self.rig, TelegramRig) else "assistant.threads.setStatus"
        return len(self.rig.fake.calls(sign))

    def becomes(self, state: str) -> None:
        with sqlite3.connect(self.home.database) as db:
            db.execute("UPDATE delivery SET state=?", (state,))

    async def until(self, what: Callable[[], bool]) -> None:
        await until(what, self.signs)

    async def rests(self) -> None:
        """Until the sign has ended, and what was on its way has arrived."""
        await self.until(lambda: not self.receiver._typing and not self.receiver._signs)
        await self.until(lambda: not self.rig.receiving._sign._under_way)


@asynccontextmanager
async def listening(channel: str, folder: Path, template: Path) -> AsyncIterator[Listening]:
    home = Home(folder)
    home.prepare()
    shutil.copy(template, home.database)
    async with RIGS[channel]() as rig:
        assert isinstance(rig, AnyRig)
        rig.receiving.typing_s = 0.05
        receiver = Receiver(home, {channel: rig.receiving}, None)
        found = Listening(rig, receiver, home)
        receiver.intake.link_configured({channel: rig.typed("hello").sender})
        try:
            yield found
        finally:
            for sign in tuple(receiver._signs):
                sign.cancel()
            await asyncio.gather(*receiver._signs, return_exceptions=True)
            receiver.intake.close()


@pytest.fixture(params=sorted(RIGS))
async def chat(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> AsyncIterator[Listening]:
    async with listening(request.param, tmp_path / "home", empty_database) as opened:
        yield opened


async def test_typing_starts_within_a_second_and_is_refreshed_while_the_turn_runs(chat: Listening) -> None:
    async def starts() -> float:
        started = time.monotonic()
        await chat.arrives(chat.rig.typed("what is on today?"))
        await chat.until(lambda: chat.signs() > before)
        return time.monotonic() - started

    took = []
    for _ in range(3):
        before = chat.signs()
        took.append(await starts())
        chat.becomes("done")
        await chat.rests()
    assert min(took) < 1
    await chat.arrives(chat.rig.typed("what is on today?"))
    chat.becomes("running")
    before = chat.signs()
    await chat.until(lambda: chat.signs() > before + 3)


@pytest.mark.parametrize("state", ["done", "waiting", "dead"])
async def test_typing_ends_with_the_reply_the_question_or_the_error(chat: Listening, state: str) -> None:
    await chat.arrives(chat.rig.typed("what is on today?"))
    await chat.until(lambda: chat.signs() > 1)
    chat.becomes(state)
    await chat.rests()
    before = chat.signs()
    await asyncio.sleep(0.3)
    assert chat.signs() == before


async def test_typing_that_fails_changes_nothing(chat: Listening) -> None:
    rig = chat.rig
    if isinstance(rig, TelegramRig):
        rig.fake.fail("sendChatAction", times=99)
    elif isinstance(rig, SlackRig):
        rig.fake.fail("assistant.threads.setStatus", times=99)
    else:
        rig.fake.typing = SimpleNamespace(append=None, __len__=None)  # type: ignore[assignment]  # the server breaks
    delivery = await chat.arrives(rig.typed("what is on today?"))
    await asyncio.sleep(0.3)
    assert chat.receiver.intake.is_at_work(delivery.channel, delivery.account, delivery.dedupe_key)
    assert len(chat.receiver._typing) == 1
    chat.becomes("done")
    await chat.until(lambda: not chat.receiver._typing)


async def test_two_messages_of_a_conversation_share_one_sign(chat: Listening) -> None:
    for words in ("one", "two", "three"):
        await chat.arrives(chat.rig.typed(words))
    assert len(chat.receiver._typing) == 1


async def test_a_strangers_message_shows_no_typing(chat: Listening) -> None:
    await chat.arrives(replace(chat.rig.typed("hello"), sender="666", conversation="666"), thread=False)
    await asyncio.sleep(0.2)
    assert (chat.signs(), chat.receiver._typing) == (0, {})
