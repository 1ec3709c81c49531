"""Telegram's receiving part against its fake server: polling and its troubles, webhook mode, signs of life."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from channels.base import CommandHelp, Delivery, Menu, RawRequest
from channels.telegram import TelegramSpeaker
from channels.telegram_receive import TelegramAccess, TelegramReceiver, receive
from channels.telegram_wire import TelegramUnauthorised
from knowledge.words import Button, Outbound
from tests.fakes.loopback import Loopback, Request, Response
from tests.fakes.telegram_api import SECRET_HEADER, TOKEN, FakeTelegram
from tests.fakes.waiting import quickest, until


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as fake:
        yield fake
        assert fake.violations() == []


@pytest.fixture
async def channel(telegram: FakeTelegram) -> AsyncIterator[TelegramSpeaker]:
    made = TelegramSpeaker(TelegramAccess(TOKEN, "s", telegram.url))
    yield made
    await made.close()


@asynccontextmanager
async def polling(
    telegram: FakeTelegram, accept: Callable[[list[Delivery]], Awaitable[None]], token: str = TOKEN
) -> AsyncIterator[TelegramReceiver]:
    receiver = TelegramReceiver(TelegramAccess(token, api_base=telegram.url), poll_seconds=1, grace=0.0)
    task = asyncio.create_task(receiver.run(accept))
    try:
        yield receiver
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await receiver.close()


def keeps(store: list[list[Delivery]]) -> Callable[[list[Delivery]], Awaitable[None]]:
    async def accept(deliveries: list[Delivery]) -> None:
        store.append(deliveries)

    return accept


async def test_polling_takes_the_webhook_away_and_stores_an_answers_updates_at_once(telegram: FakeTelegram) -> None:
    for n in range(3):
        telegram.people.text(f"{n}")
    stored: list[list[Delivery]] = []
    async with polling(telegram, keeps(stored)):
        await until(lambda: telegram.pending() == 0)
    assert [[d.hint for d in batch] for batch in stored] == [["0", "1", "2"]]
    methods = [call["method"] for call in telegram.calls()]
    assert methods[:2] == ["deleteWebhook", "getUpdates"]
    assert telegram.calls("getUpdates")[0]["params"]["allowed_updates"][0] == "message"
    assert "offset" not in telegram.calls("getUpdates")[0]["params"]


async def test_what_is_not_stored_is_not_acknowledged_and_comes_again(
    telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[list[Delivery]] = []

    async def fails_once(deliveries: list[Delivery]) -> None:
        tries.append(deliveries)
        if len(tries) == 1:
            raise OSError("disk full")

    telegram.people.text("keep me")
    async with polling(telegram, fails_once):
        await until(lambda: telegram.pending() == 0)
    assert [[d.hint for d in t] for t in tries] == [["keep me"]] * 2
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [
        "Telegram's updates could not be stored (OSError: disk full). Trying again in 1 s."
    ]


async def test_update_ids_that_start_again_lower_are_still_taken(telegram: FakeTelegram) -> None:
    stored: list[list[Delivery]] = []
    async with polling(telegram, keeps(stored)):
        telegram.people.text("high")
        await until(lambda: telegram.pending() == 0 and len(telegram.calls("getUpdates")) > 2)
        await until(lambda: "offset" not in telegram.calls("getUpdates")[-1]["params"])
        telegram.people.last_update = 5
        telegram.people.text("low")
        await until(lambda: len(stored) == 2)
    assert [d.hint for batch in stored for d in batch] == ["high", "low"]


@pytest.mark.parametrize(
    ("status", "description", "sentence"),
    [
        (409, "Conflict: terminated by other getUpdates request", "another program polls with the same token"),
        (409, "Conflict: can't use getUpdates method while webhook is active", "a webhook is set"),
        (502, "Bad Gateway", "Telegram answered 502 Bad Gateway."),
        (429, "Too Many Requests", "Telegram asks us to slow down."),
    ],
)
async def test_polling_trouble_is_one_sentence_and_no_tight_loop(
    telegram: FakeTelegram, caplog: pytest.LogCaptureFixture, status: int, description: str, sentence: str
) -> None:
    telegram.fail("getUpdates", 50, status, description, retry_after=3 if status == 429 else 0)

    def warnings() -> list[str]:
        return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]

    async with polling(telegram, keeps([])):
        await until(warnings)
        await asyncio.sleep(0.5)
    asked = [call["at"] for call in telegram.calls("getUpdates")]
    assert len(warnings()) == 1
    assert sentence in warnings()[0]
    assert all(later - before > 0.9 for before, later in pairwise(asked)), "no tight loop"


async def test_a_wrong_token_is_told_with_the_next_step(
    telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    async with polling(telegram, keeps([]), token="123456:WRONG-token"):
        await until(lambda: "Put a fresh one" in caplog.text)
    assert "Put a fresh one from @BotFather" in caplog.text
    assert "WRONG" not in caplog.text
    channel = TelegramSpeaker(TelegramAccess("123456:WRONG-token", api_base=telegram.url))
    with pytest.raises(TelegramUnauthorised) as refused:
        await channel.send(Outbound("x"), "42")
    assert "WRONG" not in f"{refused.value!r}{refused.value.__cause__!r}"
    (finding,) = await channel.probe()
    assert not finding.ok
    await channel.close()


async def test_a_cut_connection_is_waited_out(telegram: FakeTelegram) -> None:
    stored: list[list[Delivery]] = []
    async with polling(telegram, keeps(stored)):
        await until(lambda: len(telegram.calls("getUpdates")) == 1)
        telegram.kill()
        telegram.people.text("after the cut")
        await until(lambda: bool(stored))
    assert stored[0][0].hint == "after the cut"


async def test_webhook_mode_delivers_to_the_url_with_the_secret_until_answered(telegram: FakeTelegram) -> None:
    access = TelegramAccess(TOKEN, "hook-secret", telegram.url, mode="webhook")
    taken: list[Delivery] = []
    answers = iter([503, 200, 200])

    async def hook(request: Request) -> Response:
        seen = receive(RawRequest(request.method, request.path, request.query, request.headers, request.body), access)
        assert isinstance(seen, Delivery)
        taken.append(seen)
        return Response(next(answers))

    async with Loopback(hook) as server:
        channel = TelegramSpeaker(access, Menu((CommandHelp("help", "What I can do"),)), server.url)
        await channel.start()
        telegram.people.text("a")
        telegram.people.text("b")
        await until(lambda: telegram.pending() == 0)
        findings = await channel.probe()
        await channel.close()
    assert [d.hint for d in taken] == ["a", "a", "b"]
    assert taken[0] == taken[1]
    asked = telegram.calls("setWebhook")[0]["params"]
    assert (asked["secret_token"], asked["max_connections"]) == ("hook-secret", "4")
    assert "callback_query" in asked["allowed_updates"]
    assert telegram.menu() == [{"command": "help", "description": "What I can do"}]
    assert all(finding.ok for finding in findings)
    assert SECRET_HEADER not in str(findings)


async def test_a_press_is_confirmed_once_within_a_second_and_a_notice_comes_first(
    telegram: FakeTelegram, channel: TelegramSpeaker
) -> None:
    await channel.send(Outbound("Card", buttons=((Button("Yes", "y:c:1:0:n"),),)), "42")
    stored: list[list[Delivery]] = []
    async with polling(telegram, keeps(stored)) as receiver:

        async def confirmed() -> float:
            before, query = len(stored), telegram.people.press("Yes")
            await until(lambda: len(stored) > before)
            began = time.perf_counter()
            await receiver.confirm_press(stored[before][0])
            await until(
                lambda: query in [c["params"]["callback_query_id"] for c in telegram.calls("answerCallbackQuery")]
            )
            took = time.perf_counter() - began
            late = await channel.send(Outbound("Done", toast_for=query), "42")
            assert late.ref == ""
            return took

        assert await quickest(confirmed) < 1


async def test_typing_is_shown_within_a_tenth_of_a_second(telegram: FakeTelegram) -> None:
    async def accept(deliveries: list[Delivery]) -> None:
        await receiver.show_typing(deliveries[0])

    async with polling(telegram, accept) as receiver:
        await until(lambda: len(telegram.calls("getUpdates")) > 1)

        async def shows() -> float:
            before, began = len(telegram.calls("sendChatAction")), time.perf_counter()
            telegram.people.text("hi", thread=4)
            await until(lambda: len(telegram.calls("sendChatAction")) > before)
            return time.perf_counter() - began

        assert await quickest(shows) < 0.5
    assert telegram.calls("sendChatAction")[0]["params"] == {"chat_id": 42, "message_thread_id": 4, "action": "typing"}


async def test_the_receivers_own_voice(telegram: FakeTelegram) -> None:
    async with polling(telegram, keeps([])) as receiver:
        await receiver.tell("42", "The worker keeps crashing.")
        with pytest.raises(ConnectionError):
            await receiver.tell("999", "nobody there")
    assert telegram.sent()[0]["text"] == "The worker keeps crashing."
