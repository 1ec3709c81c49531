"""Law 13. Without a model it still works; with one that is down it falls back and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import ModelSettings
from tests.playbooks.kit import Book, asks, open_book, presses, says, toasts, user

pytestmark = pytest.mark.slow


async def test_commands_notes_reminders_search_brief_and_approvals(play: Book) -> None:
    await play(
        user("/help"),
        says("Commands"),
        user("note: the wifi password of the office is tulip"),
        says("Noted"),
        user("remind me to call the bank at 11:00"),
        says("11:00"),
        user("/search wifi password"),
        says("tulip"),
        user("/brief"),
        says("call the bank"),
        user("lunch with Ada on 27 November at 12:30"),
        asks("Lunch"),
        presses("Approve"),
        toasts("Approved."),
        says("Created"),
    )


async def test_a_model_that_is_down_is_told_and_does_not_stop_anything(tmp_path: Path, empty_database: Path) -> None:
    models = ModelSettings(fast="openai:nobody", base_url="http://127.0.0.1:1/v1", timeout_s=2)
    async with open_book(tmp_path / "home", empty_database, models=models) as book:
        await book(user("note: hello"), says("Noted"))
        await book.deliver(book.chats["telegram"].typed("could you perhaps sort out everything for my trip"))
        _, told = book.next_message()
        assert "The model did not answer" in told.text
