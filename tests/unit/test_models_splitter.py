"""A question is split by a model on loopback, and stays whole whenever that fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.settings import ModelSettings
from graphs.models import ModelSplitter
from graphs.models.budget import DailyBudget
from graphs.models.splitter import LONGEST, parts
from knowledge.store import turns
from tests.fakes.openai_api import Cut, Fail, Garbage, OpenAIFake, Prose, Slow, Step
from tests.playbooks.kit import Book, does, open_book, says, user

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=ZONE)
WHOLE = "which wine does the person like who repairs our boiler?"
PARTS = ["Who repairs our boiler?", "Which wine does Rita like?"]

pytestmark = pytest.mark.slow


@asynccontextmanager
async def a_splitter(
    fake: OpenAIFake, name: str = "openai:scripted", timeout_s: float = 30.0
) -> AsyncIterator[ModelSplitter]:
    base_url = fake.base_url if name.startswith("openai") else fake.url
    made = ModelSplitter.of(name, base_url=base_url, api_key="k", timeout_s=timeout_s)
    yield made
    await made.close()


@pytest.mark.parametrize("name", ["openai:scripted", "anthropic:scripted", "ollama:scripted"])
async def test_every_provider_splits(name: str) -> None:
    async with OpenAIFake() as fake, a_splitter(fake, name) as splitter:
        fake.say({"questions": PARTS})
        assert await splitter.split(WHOLE, NOW, ZONE) == tuple(PARTS)
        assert WHOLE in json.dumps(fake.calls[0])


@pytest.mark.parametrize(
    "step", [Fail(500), Garbage("<html>"), Cut(), Prose("Who?"), Slow(2, {"questions": PARTS}), {}]
)
async def test_a_model_that_fails_leaves_the_question_whole(step: Step) -> None:
    async with OpenAIFake() as fake, a_splitter(fake, timeout_s=0.5 if isinstance(step, Slow) else 30.0) as splitter:
        fake.say(step)
        assert await splitter.split(WHOLE, NOW, ZONE) == ()


async def test_a_spent_budget_asks_nobody() -> None:
    async with OpenAIFake() as fake, a_splitter(fake) as splitter:
        splitter.budget = DailyBudget(calls=1)
        fake.say({"questions": PARTS})
        assert await splitter.split(WHOLE, NOW, ZONE)
        assert not splitter.budget.allows(date(2026, 11, 23))
        assert await splitter.split(WHOLE, NOW, ZONE) == ()
        assert len(fake.calls) == 1


@given(
    st.text(max_size=80)
    | st.lists(st.text(max_size=2 * LONGEST), max_size=5).map(lambda v: json.dumps({"questions": v}))
)
def test_whatever_it_replies_two_or_three_lines_come_of_it_or_none(reply: str) -> None:
    found = parts(reply, WHOLE)
    assert len(found) in (0, 2, 3)
    assert all(0 < len(one) <= LONGEST and len(one.splitlines()) == 1 for one in found)
    assert parts(json.dumps({"questions": [WHOLE, WHOLE.upper(), "a?", "a?"]}), WHOLE) == ()


async def test_a_question_of_two_hops_is_answered_in_parts_and_recorded(tmp_path: Path, empty_database: Path) -> None:
    async with OpenAIFake() as fake:
        models = ModelSettings(fast="openai:scripted", base_url=fake.base_url, api_key=SecretStr("k"), timeout_s=30)

        async def recorded(book: Book) -> None:
            async with book.steward.crew.db.read() as tx:
                bodies = [await turns.read_record(tx, f"t{n}") or {} for n in range(1, 9)]
            split = [one for body in bodies for one in body.get("trace", {}).get("split", [])]
            assert split == [{"question": WHOLE, "into": PARTS}, {"question": WHOLE, "into": []}]

        async with open_book(tmp_path / "home", empty_database, models=models) as book:
            await book(user("note: Rita from Heat & Co repairs our boiler"), says("Noted"))
            await book(user("note: Rita likes a dry Riesling wine"), says("Noted"))
            fake.calls.clear()
            fake.say({"questions": PARTS})
            await book(user(WHOLE), says("Who repairs our boiler?", "Rita from Heat", "Riesling"))
            fake.say(Fail(500))
            await book(user(WHOLE), says("I don't know", "dry Riesling"))
            assert len(fake.calls) == 2
            await book(does(recorded))
