"""Telegram's speaking part against its fake server: markup refusals, pauses, look-ups, files."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.base import FileRef, Refusal, TryLater, Unknown
from channels.registry import CHANNELS, load
from channels.telegram import TelegramSpeaker
from channels.telegram_receive import TelegramAccess
from knowledge.words import Outbound
from tests.fakes import telegram_spec
from tests.fakes.telegram_api import TOKEN, FakeTelegram
from tests.fakes.waiting import until


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


@pytest.mark.skipif(
    telegram_spec.api() is not None, reason="the published Bot API is there: every call is checked against it"
)
def test_calls_are_checked_against_the_published_api() -> None:
    pytest.skip("no ../shared/specs/telegram/api.json: Telegram's calls go unchecked in this run")


def test_an_invented_argument_would_be_noticed() -> None:
    if telegram_spec.api() is None:
        pytest.skip("no published Bot API")
    assert telegram_spec.problems("sendMessage", {"chat_id": "42", "text": "x"}) == []
    assert telegram_spec.problems("sendMessage", {"chat_id": "42", "txt": "x"}) == [
        "sendMessage: unknown argument txt",
        "sendMessage: text is missing",
    ]
    assert telegram_spec.problems("sendMessage", {"chat_id": "42", "text": "x", "reply_markup": '{"keyboard": 3}'})
    assert telegram_spec.problems("sendMesage", {}) == ["sendMesage: no such method"]


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_the_registry_names_what_exists(name: str) -> None:
    parts = CHANNELS[name]
    assert load(parts.receiving).name == load(parts.speaking).name == name
    assert load(parts.access).__dataclass_params__.frozen


async def test_a_webhook_left_behind_is_found_by_doctor(telegram: FakeTelegram, channel: TelegramSpeaker) -> None:
    telegram.webhook = {"url": "https://elsewhere.example/"}
    assert [f.ok for f in await channel.probe()] == [True, False]
    await channel.start()
    assert [f.ok for f in await channel.probe()] == [True, True]


async def test_a_markup_refusal_is_sent_once_more_as_plain_text_without_escapes(
    telegram: FakeTelegram, channel: TelegramSpeaker
) -> None:
    telegram.fail("sendMessage", description="Bad Request: can't parse entities: Unsupported start tag", status=400)
    await channel.send(Outbound("Sure\\! **Step 1** [here](https://e.org) 1 < 2"), "42")
    assert telegram.sent()[0]["text"] == "Sure! Step 1 here (https://e.org) 1 < 2"
    assert [call["params"].get("parse_mode") for call in telegram.calls("sendMessage")] == ["HTML", None]
    telegram.fail("sendMessage", 2, description="Bad Request: can't parse entities", status=400)
    with pytest.raises(Refusal):
        await channel.send(Outbound("x"), "42")


async def test_an_answer_quotes_goes_to_the_topic_and_forces_a_reply(
    telegram: FakeTelegram, channel: TelegramSpeaker
) -> None:
    await channel.send(Outbound("which one?", reply_to="999", prompt=True, silent=True), "42:7")
    asked = telegram.calls("sendMessage")[0]["params"]
    assert asked["message_thread_id"] == "7"
    assert "force_reply" in asked["reply_markup"]
    assert asked["disable_notification"] == "true"
    assert await channel.find(Outbound("which one?", prompt=True), "42", "100") == "unknown"


async def test_a_pause_of_one_chat_does_not_hold_another(telegram: FakeTelegram, channel: TelegramSpeaker) -> None:
    telegram.people.text("hi", chat=43)
    telegram.fail("sendMessage", retry_after=3)
    with pytest.raises(TryLater):
        await channel.send(Outbound("a"), "42")
    await channel.send(Outbound("b"), "43")
    with pytest.raises(TryLater) as pause:
        await channel.send(Outbound("c"), "42")
    await asyncio.sleep(pause.value.retry_after or 0)
    await channel.send(Outbound("d"), "42")
    assert [m["text"] for m in telegram.sent()] == ["b", "d"]


async def test_what_was_surely_not_sent_may_be_repeated_and_what_may_have_been_is_unknown() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"  # held, but nobody listens
        channel = TelegramSpeaker(TelegramAccess(TOKEN, api_base=closed))
        with pytest.raises(TryLater):
            await channel.send(Outbound("x"), "42")
        with pytest.raises(TryLater):
            await channel.find(Outbound("x"), "42", "1")
        await channel.close()


async def test_an_answer_of_an_unknown_shape_is_unknown_for_the_message_was_taken(
    telegram: FakeTelegram, channel: TelegramSpeaker
) -> None:
    keep = telegram.people.keep

    def strange(chat: int, **content: object) -> dict[str, object]:
        return keep(chat, **content) | {"reply_markup": {"new_kind": 1}}

    telegram.people.keep = strange  # type: ignore[method-assign]
    with pytest.raises(Unknown):
        await channel.send(Outbound("x"), "42")


async def test_a_server_error_is_unknown(telegram: FakeTelegram, channel: TelegramSpeaker) -> None:
    telegram.fail("sendMessage", status=500)
    with pytest.raises(Unknown):
        await channel.send(Outbound("x"), "42")


async def test_the_look_up_touches_no_other_message_of_ours(telegram: FakeTelegram, channel: TelegramSpeaker) -> None:
    """After a send without receipt others went out in the same process: they keep their words."""
    first = await channel.send(Outbound("first"), "42")
    lost = Outbound("lost one")
    telegram.fail("sendMessage", drop=True, when="after")
    with pytest.raises(Unknown):
        await channel.send(lost, "42")
    await channel.send(Outbound("urgent"), "42")
    found = await channel.find(lost, "42", first.ref)
    assert not isinstance(found, str)
    assert [m["text"] for m in telegram.sent()] == ["first", "lost one", "urgent"]
    absent = await channel.find(Outbound("never sent"), "42", found.ref)
    assert absent == "absent"
    assert [m["text"] for m in telegram.sent()] == ["first", "lost one", "urgent"]


async def test_the_look_up_takes_no_message_that_is_just_being_sent(
    telegram: FakeTelegram, channel: TelegramSpeaker
) -> None:
    """It has arrived there and its id is not known here yet: a card must not turn into the words that were lost."""
    first = await channel.send(Outbound("first"), "42")
    telegram.delay("sendMessage", 0.3)
    sending = asyncio.create_task(channel.send(Outbound("a card"), "42"))
    await until(lambda: len(telegram.sent()) == 2)
    assert await channel.find(Outbound("lost, and never arrived"), "42", first.ref) == "absent"
    await sending
    assert [m["text"] for m in telegram.sent()] == ["first", "a card"]


async def test_the_look_up_sees_past_a_burst_of_the_principals_messages(
    telegram: FakeTelegram, channel: TelegramSpeaker
) -> None:
    first = await channel.send(Outbound("first"), "42")
    for n in range(12):
        telegram.people.text(f"{n}")
    telegram.fail("sendMessage", drop=True, when="after")
    with pytest.raises(Unknown):
        await channel.send(Outbound("lost"), "42")
    assert not isinstance(await channel.find(Outbound("lost"), "42", first.ref), str)


async def test_blocked_in_the_middle_of_a_long_answer(telegram: FakeTelegram, channel: TelegramSpeaker) -> None:
    first, second, *_ = channel.fit(Outbound("word " * 2000))
    await channel.send(first, "42")
    telegram.block()
    with pytest.raises(Refusal, match="blocked by the user"):
        await channel.send(second, "42")


async def test_a_file_that_grows_past_the_limit_or_lies_elsewhere_is_refused(
    telegram: FakeTelegram, channel: TelegramSpeaker
) -> None:
    telegram.people.document("big.bin", "x" * 20_000_001, size=0)
    (file,) = channel.parse(_last(telegram), "123456").files
    with pytest.raises(Refusal, match="more than 20 MB"):
        _ = [chunk async for chunk in channel.fetch(file)]
    telegram.people.document("huge.bin", "x", size=20_000_001)
    (file,) = channel.parse(_last(telegram), "123456").files
    before = len(telegram.calls("getFile"))
    with pytest.raises(Refusal, match="at most 20 MB"):
        _ = [chunk async for chunk in channel.fetch(file)]
    assert len(telegram.calls("getFile")) == before
    here = str(Path(__file__))  # a Bot API server in local mode names paths of its own disk
    telegram.people.files[here.removesuffix(".py")] = ("plans.py", b"x", 1)
    with pytest.raises(Refusal, match="outside its own host"):
        _ = [chunk async for chunk in channel.fetch(FileRef(here.removesuffix(".py"), "plans.py", "text/plain", 1))]


def _last(telegram: FakeTelegram) -> bytes:
    return json.dumps(telegram.updates()[-1]).encode()
