"""What is said arrives: any length in any script, any string, and in order through a platform that says “slow down”."""

from __future__ import annotations

import asyncio
import random
import re
import unicodedata
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from channels.base import Receipt
from channels.render import read, utf16, visible
from graphs.state import ms
from knowledge.store import messages
from knowledge.words import Outbound
from tests.contract.channel_rigs import RIGS, SlackRig, TelegramRig
from tests.contract.console_rig import ConsoleRig
from tests.contract.voice_house import AnyRig, House, house
from tests.fakes.waiting import until

FAMILY = "👨‍👩‍👧‍👦"
SCRIPTS = {
    "ascii": "The accountant prefers mornings. ",
    "emoji": "😀🎉👍🏽🇨🇭",
    "cjk": "会計士は朝を好みます。",
    "rtl": "المحاسب يفضل الصباح. רואה חשבון ",
    "combining": "e\u0301a\u0308n\u0303o\u0302\u0323 ",
    "families": FAMILY,
    "mixed": f"a **bold** `code` {FAMILY} 字 שלום e\u0301 & <b> _x_ ",
}
"""What a text of each kind is made of, again and again."""

PIECES = ["*", "_", "~", "`", "```", "\n", "> ", "# ", "- ", "1. ", "[", "](", ")", "<", ">", "&", "&amp;", "|", "\\",
          "\x00", "<!channel>", "<@U1>", "<b>", "</b>", "https://e.org", "😀", FAMILY, "\u202e", "\ud83d", "{{1}}", "a",
          " ", "字"]  # fmt: skip


@pytest.fixture(params=sorted(RIGS))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[AnyRig]:
    async with RIGS[request.param]() as made:
        assert isinstance(made, AnyRig)
        yield made
        assert made.violations() == []


def wire(rig: AnyRig) -> list[tuple[str, int]]:
    """Each message as the platform got it, and its size in the platform's own unit."""
    assert not isinstance(rig, ConsoleRig)
    if isinstance(rig, TelegramRig):
        return [(m["text"], utf16(m["text"])) for m in rig.fake.sent()]
    if isinstance(rig, SlackRig):
        return [(m["blocks"][0]["text"]["text"], len(m["blocks"][0]["text"]["text"])) for m in rig.fake.sent()]
    return [(m["body"], utf16(m["body"])) for m in rig.fake.sent()]


def bare(text: str) -> str:
    """The words without space and without the signs that dialects mark up with."""
    return re.sub(r"[\s`>*_~]", "", text)


@pytest.mark.parametrize("script", sorted(SCRIPTS))
async def test_text_of_1_to_20_000_characters_is_delivered_in_full_and_in_order_in_the_channels_unit(
    rig: AnyRig, script: str
) -> None:
    limit, told = rig.speaking.limits.text, 0
    for length in (1, 2, limit // 2, limit - 1, limit, limit + 1, 20_000):
        text = (SCRIPTS[script] * (length // len(SCRIPTS[script]) + 1))[:length]
        for part in rig.speaking.fit(Outbound(text)):
            await rig.speaking.send(part, rig.conversation)
        assert bare("".join(rig.shown()[told:])) == bare(visible(read(text)))
        for sent, size in wire(rig)[told:]:
            assert 0 < size <= limit
            assert not any(0xD800 <= ord(char) < 0xE000 for char in sent)
            assert not unicodedata.combining(sent[0])
        told = len(rig.shown())


async def test_no_part_opens_inside_a_family_or_a_letter_with_its_marks(rig: AnyRig) -> None:
    for unit in (FAMILY, "e\u0301\u0323", "👍🏽"):
        parts = rig.speaking.fit(Outbound("x" + unit * 1_500))
        assert len(parts) > 1
        for part in parts[1:]:
            shown = visible(read(part.text)).split(") ")[-1]
            assert shown.startswith(unit)


async def test_markup_over_the_edge_of_a_part_stays_balanced(rig: AnyRig) -> None:
    text = "**" + "bold words " * 600 + "end**\n\n```python\n" + "line()\n" * 900 + "```\n\n> " + "quoted " * 900
    for part in rig.speaking.fit(Outbound(text)):
        await rig.speaking.send(part, rig.conversation)
    assert bare("".join(rig.shown())) == bare(visible(read(text)))
    if isinstance(rig, TelegramRig):  # the fake parses as Telegram does, and refuses what is not balanced
        assert all(call["status"] == 200 for call in rig.fake.calls("sendMessage"))
    for sent, _ in wire(rig):
        assert sent.count("```") % 2 == 0


@pytest.mark.parametrize("seed", range(3))
async def test_any_string_as_a_models_output_is_delivered(rig: AnyRig, seed: int) -> None:
    dice = random.Random(seed)
    for told in range(1, 25):
        text = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 60)))
        (part,) = rig.speaking.fit(Outbound(text))
        await rig.speaking.send(part, rig.conversation)
        assert len(rig.shown()) == told
        assert wire(rig)[-1][0].strip()
        if isinstance(rig, SlackRig):
            assert "<!" not in wire(rig)[-1][0]
            assert "<@" not in wire(rig)[-1][0]


@pytest.mark.parametrize("rig", ["telegram", "slack"], indirect=True)  # WhatsApp reads no markup that could be refused
async def test_a_markup_refusal_is_retried_once_as_plain_text_without_escapes(rig: AnyRig) -> None:
    if isinstance(rig, TelegramRig):
        rig.fake.fail("sendMessage", description="Bad Request: can't parse entities: unexpected end tag", status=400)
    elif isinstance(rig, SlackRig):
        rig.fake.fail("chat.postMessage", "invalid_blocks")
    await rig.speaking.send(Outbound("Sure\\! **Step 1** \\- done. 1 < 2 & _more_"), rig.conversation)
    assert [sent for sent, _ in wire(rig)] == ["Sure! Step 1 - done. 1 < 2 & more"]


@pytest.fixture(params=sorted(RIGS))
async def home(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> AsyncIterator[House]:
    async with house(request.param, tmp_path / "home", empty_database) as opened:
        yield opened


def slow(rig: AnyRig, times: int) -> None:
    """The next sends are refused with 429 and a delay of one second."""
    assert not isinstance(rig, ConsoleRig)
    if isinstance(rig, TelegramRig):
        rig.fake.fail("sendMessage", times=times, retry_after=1)
    elif isinstance(rig, SlackRig):
        rig.fake.fail("chat.postMessage", times=times, retry_after=1)
    else:
        rig.fake.fail(429, 20429, times)


def sends(rig: AnyRig) -> int:
    """How often the platform was asked to send something."""
    assert not isinstance(rig, ConsoleRig)
    calls = {"telegram": "sendMessage", "slack": "chat.postMessage", "whatsapp": "Messages.json"}
    return len(rig.fake.calls(calls[rig.speaking.name]))


@pytest.mark.integration  # it waits out two pauses of a second
async def test_429_in_the_middle_of_a_long_answer_is_obeyed_the_order_kept_and_nothing_sent_twice(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, book = home.rig, home.book
    monkeypatch.setattr("channels.whatsapp_wire._PAUSE", 1.0)  # Twilio's library hides the delay that was asked for
    send, sent = rig.speaking.send, 0

    async def counted(message: Outbound, conversation: str) -> Receipt:
        nonlocal sent
        sent += 1
        if sent == 3:  # the second part of the long answer, twice
            slow(rig, 2)
        return await send(message, conversation)

    monkeypatch.setattr(rig.speaking, "send", counted)
    words = [f"word{n:04}" for n in range(1_200)]
    async with book.steward.crew.db.write() as tx:
        where = rig.typed("?").conversation
        for key, text in (("a", "first"), ("b", " ".join(words)), ("c", "after"), ("d", "last")):
            await messages.enqueue(tx, key, rig.speaking.name, where, Outbound(text), ms(book.clock()))
    await _until(home, lambda: sends(rig) >= 3)
    assert (home.said[0], len(home.said)) == ("first", 2)

    book.clock.now += timedelta(seconds=0.5)
    await _worked(home, 0.5)
    assert (len(home.said), sends(rig)) == (2, 3)  # not before the second has passed, and nothing overtakes

    await asyncio.sleep(1.05)
    book.clock.now += timedelta(seconds=30)
    await _until(home, lambda: sends(rig) >= 4)
    await _worked(home, 0.2)
    assert len(home.said) == 2  # the second refusal

    await asyncio.sleep(1.05)
    book.clock.now += timedelta(seconds=30)
    await _until(home, lambda: home.said[-1] == "last")
    await book.settle()
    assert " ".join(" ".join(home.said).split()) == " ".join(["first", *words, "after", "last"])
    assert await book.count("message WHERE state='sent'") == 4


async def _worked(home: House, seconds: float) -> None:
    home.book.steward.worker.poke()
    await asyncio.sleep(seconds)


async def _until(home: House, what: Callable[[], bool]) -> None:
    async def holds() -> bool:
        await _worked(home, 0.05)
        return what()

    await until(holds, lambda: (home.said, home.book.last_rows()))
