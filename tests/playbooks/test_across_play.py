"""Across channels: a card closes everywhere, a conversation moves, alerts choose their chat and their hour."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from bot.settings import AlertSettings
from knowledge.store.escalation import Escalation, quiet_until
from tests.playbooks.kit import NOW, ZURICH, Book, asks, at, calls, does, open_book, presses, says, toasts, user

CHATS = ("telegram", "slack", "whatsapp")
LUNCH = "lunch with Ada on 27 November at 12:30"


@pytest.fixture
async def three(tmp_path: Path, empty_database: Path) -> AsyncIterator[Book]:
    async with open_book(tmp_path / "home", empty_database, names=CHATS) as book:
        yield book


def shown(book: Book, channel: str) -> list[str]:
    return [message.text for message in book.chats[channel].posted.values()]


async def test_a_conversation_goes_on_in_another_chat_and_its_card_closes_on_all_three(three: Book) -> None:
    await three(
        user(LUNCH),
        asks("Create event"),
        user("remind me to call Bob tomorrow at 10:00"),
        says("call Bob"),
        user("/continue here", on="slack"),
        says("From telegram I brought 1 open approval and 1 reminder", "call Bob", on="slack"),
        asks("Create event", on="slack"),
        user("/continue here", on="whatsapp"),
        says("From slack I brought 1 open approval and 1 reminder", on="whatsapp"),
        asks("Create event", on="whatsapp"),
        presses("Approve", on="slack"),
        toasts("Approved.", on="slack"),
        calls("calendar.create", summary="Lunch with Ada"),
        says("Created", on="whatsapp"),
    )
    for channel in CHATS:
        cards = [m for m in three.chats[channel].posted.values() if m.card]
        assert len(cards) == 1
        assert "✅ Approved" in cards[0].text
        assert cards[0].buttons == ()
    await three(at(NOW + timedelta(days=1, hours=1)), says("call Bob", on="whatsapp"))


async def test_there_is_nothing_to_move_at_first(play: Book) -> None:
    await play(user("/continue here", on="slack"), says("nowhere else", on="slack"))


async def test_a_stranger_waits_for_the_morning_and_a_failure_does_not(tmp_path: Path, empty_database: Path) -> None:
    night = NOW.replace(hour=23, minute=10)
    alerts = AlertSettings(order=["whatsapp"], urgent=["telegram"], quiet="22:00-07:00")
    async with open_book(tmp_path / "home", empty_database, names=CHATS, now=night, alerts=alerts) as book:
        await book.deliver(book.chats["telegram"].typed("buy my course", sender="66"))
        assert shown(book, "whatsapp") == []
        await book(user("note: still answered at night"), says("Noted"), calls("notes.write"))
        book.chats["slack"].fails.append(_refusal())
        await book.deliver(book.chats["slack"].typed("note: the answer to this is lost"))
        assert shown(book, "whatsapp") == []
        await book(
            does(lambda book: book.effects_read.update(["t3.p1"])),
            at(night.replace(hour=7, minute=0) + timedelta(days=1)),
            says("Somebody you don't know", on="whatsapp"),
            says("A message on slack failed", on="whatsapp"),
        )


async def test_an_effect_that_failed_after_its_turn_is_urgent(tmp_path: Path, empty_database: Path) -> None:
    night = NOW.replace(hour=23, minute=10)
    alerts = AlertSettings(order=["whatsapp"], urgent=["slack", "telegram"], quiet="22:00-07:00")
    async with open_book(tmp_path / "home", empty_database, names=CHATS, now=night, alerts=alerts) as book:
        from bot.delivery import tell_failure
        from graphs.state import ms
        from knowledge.store import failures

        now = ms(book.clock())
        async with book.steward.crew.db.write() as tx:
            failure, _ = await failures.note(tx, "effect:x", "calendar.create failed", "", "It was not done.", now)
            await tell_failure(tx, failure, now, urgent=True)
        await book.settle()
        await book(says("calendar.create failed"))  # on Slack nobody is reachable yet: the next of the urgent ones


def _refusal() -> Exception:
    from channels.base import Refusal

    return Refusal("the channel is archived")


@pytest.mark.parametrize(
    ("hour", "ends"), [(21, None), (22, 7), (23, 7), (0, 7), (6, 7), (7, None), (12, None)]
)  # fmt: skip
def test_quiet_hours_go_over_midnight(hour: int, ends: int | None) -> None:
    zone = ZoneInfo(ZURICH)
    now = datetime(2026, 3, 28, hour, 30 if hour != 7 else 0, tzinfo=zone)  # that night clocks go forward
    until = quiet_until(Escalation(quiet="22:00-07:00", zone=ZURICH), int(now.timestamp() * 1000))
    if ends is None:
        assert until == 0
    else:
        assert datetime.fromtimestamp(until / 1000, zone).hour == ends
        assert 0 < until / 1000 - now.timestamp() < 9 * 3600


def test_hours_that_are_none_are_a_sentence() -> None:
    with pytest.raises(ValidationError, match="write them like 22:00-07:00"):
        AlertSettings(quiet="at night")
