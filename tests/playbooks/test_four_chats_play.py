"""The same conversations on Telegram, Slack, WhatsApp and the console, through the real adapters and their fakes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.voice_house import house, spoken
from tests.playbooks.chats import CHATS, Chat, opened

pytestmark = pytest.mark.slow

LUNCH = "lunch with Ada on 27 November at 12:30"


@pytest.fixture(params=sorted(CHATS))
async def chat(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> AsyncIterator[Chat]:
    async with opened(request.param, tmp_path / "home", empty_database) as made:
        yield made


async def test_approval_and_undo(chat: Chat) -> None:
    await chat.types(LUNCH)
    chat.expect("Create event", "Lunch with Ada", "Fri 27 Nov 2026, 12:30", "Nothing happens until you decide")
    assert chat.events() == 0
    await chat.presses("Approve")
    chat.expect("✅ Approved", "Created “Lunch with Ada”")
    assert chat.events() == 1
    await chat.presses("Undo")
    chat.expect("Undone.")
    assert chat.events() == 0


async def test_edit_in_words_and_the_new_version_is_what_is_done(chat: Chat) -> None:
    await chat.types(LUNCH)
    await chat.types("no, make it 3pm")
    chat.expect("15:00", "version 2")
    assert chat.events() == 0
    await chat.presses("Approve")
    chat.expect("Created “Lunch with Ada”")
    assert "T150000" in chat.book.calendar


async def test_a_double_press_is_one_effect_and_each_press_has_its_answer(chat: Chat) -> None:
    await chat.types(LUNCH)
    await chat.presses("Approve", times=2)
    assert chat.events() == 1
    assert await chat.book.count("effect") == 1
    assert await chat.book.count("ledger WHERE what='proposal.approved'") == 1
    assert await chat.book.count("message WHERE key LIKE 'd%' AND state='sent' AND body LIKE '%Already approved%'") == 1


async def test_reject_does_nothing_and_says_so(chat: Chat) -> None:
    await chat.types(LUNCH)
    await chat.presses("Reject")
    chat.expect("❌ Rejected", "Nothing was done")
    assert await chat.book.count("effect") == 0


async def test_a_file_is_read_and_found(chat: Chat) -> None:
    await chat.sends("minutes.txt", "The gutter was repaired by Kowalski in March.")
    chat.expect("I have read “" + ("" if chat.name == "whatsapp" else "minutes.txt”"))  # WhatsApp names no files
    await chat.types("/search gutter")
    chat.expect("Kowalski")


async def test_a_long_answer_arrives_in_full_and_in_order(chat: Chat) -> None:
    words = "\n".join(f"- Mark {n:03} 👨‍👩‍👧‍👦 字字字 & <b> {'of a line of some length ' * 3}" for n in range(120))
    vault = chat.book.steward.settings.notes_path
    vault.mkdir(exist_ok=True)
    (vault / "2026-11-20-milestones.md").write_text(f"# Milestones\n\n{words}\n")
    before = len(chat.rig.shown())
    await chat.types("/notes show milestones")
    parts = chat.rig.shown()[before:]
    numbers = [int(n) for n in re.findall(r"Mark (\d{3}) 👨‍👩‍👧‍👦 字字字 & <b>", " ".join(parts))]
    assert numbers == list(range(120))
    assert len(parts) > 1 or chat.name == "console"


async def test_a_failure_is_told_with_its_remedy_and_the_remedy_works(chat: Chat) -> None:
    await chat.types(LUNCH)
    calendar = chat.book.steward.settings.calendar_path
    calendar.write_text("this is no calendar")
    await chat.presses("Approve")
    chat.expect("Not done: calendar.ics is not an iCalendar file")
    assert chat.events() == 0
    calendar.unlink()
    await chat.types("/failures")
    await chat.presses("Try again")
    chat.expect("Created “Lunch with Ada”")
    assert chat.events() == 1


@pytest.mark.integration  # a voice note is decoded in a process of its own
@pytest.mark.parametrize("name", sorted(CHATS))
async def test_a_voice_note_is_shown_as_heard_and_its_card_is_decided_by_the_button_alone(
    name: str, tmp_path: Path, empty_database: Path
) -> None:
    pytest.importorskip("av", reason="the extra `voice` is not installed")
    async with house(name, tmp_path / "home", empty_database) as home:
        home.transcriber.say("Lunch with Ada tomorrow at 12:30", "Yes, approve")
        for _ in range(2):
            await home.hears(spoken(home.rig))
        said = " ".join(home.said)
        assert "Lunch with Ada tomorrow at 12:30" in said
        assert "A spoken word decides nothing" in said
        assert home.book.calendar.count("BEGIN:VEVENT") == 0
        await home.hears(home.rig.pressed("Approve"))
        assert home.book.calendar.count("BEGIN:VEVENT") == 1
