"""What only Telegram has: albums, edited messages, groups, reactions, the pinned list, tiles, messages out of reach."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from channels.base import Delivery
from channels.telegram_receive import peek
from tests.contract.channel_rigs import TelegramRig
from tests.fakes.telegram_api import FakeTelegram
from tests.playbooks.chats import Chat, opened

pytestmark = pytest.mark.slow

LUNCH = "lunch with Ada on 27 November at 12:30"


@pytest.fixture
async def chat(tmp_path: Path, empty_database: Path) -> AsyncIterator[Chat]:
    async with opened("telegram", tmp_path / "home", empty_database) as made:
        yield made


def phone(chat: Chat) -> FakeTelegram:
    assert isinstance(chat.rig, TelegramRig)
    return chat.rig.fake


async def arrives(chat: Chat, *updates: int) -> None:
    """The updates with these numbers come in, as the receiver would store them."""
    await chat.book.deliver(*(update(chat, one) for one in updates))


def update(chat: Chat, number: int) -> Delivery:
    return next(peek(u, "123456") for u in phone(chat).updates() if u["update_id"] == number)


async def passes(chat: Chat, seconds: float) -> None:
    chat.book.clock.now += timedelta(seconds=seconds)
    await chat.book.settle()


def texts(chat: Chat) -> list[str]:
    return [m["text"] for m in phone(chat).sent()]


async def test_an_album_is_one_message_with_all_its_files(chat: Chat) -> None:
    people = phone(chat).people
    first = people.document("one.txt", "the boiler is green", media_group_id="9", caption="for the house")
    second = people.document("two.txt", "the fuse is blue", media_group_id="9")
    for one in (first, second):
        await asyncio.to_thread(chat.book.store, update(chat, one))
        chat.book.steward.worker.poke()
        await asyncio.sleep(0.1)
    assert texts(chat) == []
    await passes(chat, 2)
    (answer,) = texts(chat)
    assert "one.txt" in answer
    assert "two.txt" in answer
    late = people.document("three.txt", "late", media_group_id="9")
    await asyncio.to_thread(chat.book.store, update(chat, late))
    await passes(chat, 2)
    assert "three.txt" in texts(chat)[1]
    assert len(texts(chat)) == 2


async def test_a_corrected_message_offers_to_redo_the_waiting_turn(chat: Chat) -> None:
    people = phone(chat).people
    await chat.types(LUNCH)
    mine = max(ref for (_, ref), m in people.messages.items() if m.get("text") == LUNCH)
    said = len(texts(chat))
    await arrives(chat, people.edit(mine, LUNCH))  # Telegram reports edits that change nothing
    await arrives(chat, people.edit(mine, "lunch with Bob on 27 November at 13:30"))
    assert "Shall I take that card back" in texts(chat)[-1]
    assert len(texts(chat)) == said + 1
    assert chat.events() == 0
    await chat.presses("Do it anew")
    chat.expect("⏹ Stopped", "Lunch with Bob")
    await chat.presses("Do it anew", times=1)
    assert await chat.book.count("card") == 2
    await chat.presses("Approve")
    chat.expect("Created “Lunch with Bob”")
    assert chat.events() == 1
    await arrives(chat, people.edit(mine, "lunch with Cleo on 27 November"))
    assert "Shall I take" not in texts(chat)[-1]


async def test_a_group_hears_nothing_unless_the_principal_names_the_bot(chat: Chat) -> None:
    people = phone(chat).people
    group = -7
    forward = {"type": "user", "date": 1, "sender_user": {"id": 66, "is_bot": False, "first_name": "Eve"}}
    quiet = [
        people.text("hello all", chat=group, user=42), people.text("@steward_test_bot help me", chat=group, user=66),
        people.text("approve", chat=group, user=66), people.update(channel_post={
            "message_id": 5, "date": 1, "chat": {"id": -100, "type": "channel", "title": "News"}, "text": "note: x"}),
    ]  # fmt: skip
    await arrives(chat, *quiet)
    assert texts(chat) == []
    assert await chat.book.count("value") == 0
    await arrives(chat, people.text("@steward_test_bot note: from the group", chat=group, user=42))
    assert [m["chat"]["id"] for m in phone(chat).sent()] == [group]
    await chat.types(LUNCH)
    await arrives(chat, people.text("approve", forward_origin=forward))
    assert await chat.book.count("proposal WHERE state='open'") == 1


@pytest.mark.parametrize(("emoji", "outcome", "events"), [("👍", "✅ Approved", 1), ("👎", "❌ Rejected", 0)])
async def test_a_thumb_on_a_card_decides_it(chat: Chat, emoji: str, outcome: str, events: int) -> None:
    people = phone(chat).people
    await chat.types(LUNCH)
    card = next(m["message_id"] for m in phone(chat).sent() if m["text"].startswith("Approval"))
    await arrives(chat, people.react(card, "🎉"), people.react(card, emoji, user=66))
    assert await chat.book.count("proposal WHERE state='open'") == 1
    await arrives(chat, people.react(card, emoji), people.react(card, emoji))
    chat.expect(outcome)
    assert chat.events() == events
    assert await chat.book.count("effect") == events


async def test_the_list_of_what_waits_is_pinned_and_kept_up_to_date(chat: Chat) -> None:
    await chat.types(LUNCH)
    board = phone(chat).methods.pinned[42]

    def shown() -> str:
        return str(phone(chat).message(board)["text"])

    assert "Waiting for you" in shown()
    assert "Lunch with Ada" in shown()
    await chat.types("coffee with Bob on 28 November at 10:00")
    assert "Coffee with Bob" in shown()
    await chat.presses("Approve")
    assert "Coffee with Bob" not in shown()
    assert "Lunch with Ada" in shown()
    phone(chat).delete(board)
    await chat.types("no")
    again = phone(chat).methods.pinned[42]
    assert again != board
    assert "Nothing waits for you" in phone(chat).message(again)["text"]


async def test_a_list_that_was_refused_is_said_again_when_something_changes(chat: Chat) -> None:
    phone(chat).fail("sendMessage", times=9, status=403, description="Forbidden: bot was blocked by the user")
    await chat.types(LUNCH)
    assert phone(chat).methods.pinned == {}
    phone(chat)._failures.clear()
    await chat.types("coffee with Bob on 28 November at 10:00")
    assert "Coffee with Bob" in phone(chat).message(phone(chat).methods.pinned[42])["text"]


async def test_the_most_used_agents_are_keys_in_the_chat(chat: Chat) -> None:
    await chat.types("note: one", "note: two", "/notes")
    await chat.types("/tiles")
    markup = json.loads(phone(chat).calls("sendMessage")[-1]["params"]["reply_markup"])
    words = [key if isinstance(key, str) else key["text"] for row in markup["keyboard"] for key in row]
    assert words[0] == "/notes"
    assert "/status" in words
    await chat.types(words[0])
    chat.expect("one", "two")


async def test_a_press_on_a_message_out_of_reach_is_decided_and_shown_anew(chat: Chat) -> None:
    people = phone(chat).people
    await chat.types(LUNCH)
    card = next(m["message_id"] for m in phone(chat).sent() if m["text"].startswith("Approval"))
    people.press("Approve", message=card, date=0)
    phone(chat).delete(card)
    await arrives(chat, people.last_update)
    chat.expect("✅ Approved", "Created “Lunch with Ada”")
    assert chat.events() == 1
