"""The `play` fixture: a conversation with a real Steward on a home of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.playbooks import errands
from tests.playbooks.errands import Outside
from tests.playbooks.kit import Book, open_book


@pytest.fixture
async def play(tmp_path: Path, empty_database: Path) -> AsyncIterator[Book]:
    async with open_book(tmp_path / "home", empty_database) as book:
        yield book


@pytest.fixture
async def play_by_meaning(tmp_path: Path, empty_database: Path) -> AsyncIterator[Book]:
    """With the embedding model: questions are found by meaning."""
    async with open_book(tmp_path / "home", empty_database, model=True) as book:
        yield book


@pytest.fixture
async def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    """The errands agent is registered; what it does goes here."""
    from graphs.agents import AGENTS

    monkeypatch.setitem(AGENTS, "errands", errands.AGENT)
    return Outside()


@pytest.fixture
async def errand_play(tmp_path: Path, empty_database: Path, outside: Outside) -> AsyncIterator[Book]:
    async with open_book(tmp_path / "home", empty_database) as book:
        book.steward.crew.tools.update(errands.tools(outside))  # type: ignore[attr-defined]  # a dict, made by compose
        yield book
