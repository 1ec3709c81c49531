"""Hostile texts in the seven places where somebody else can put them, before an agent that does whatever they say."""

from __future__ import annotations

import asyncio

import pytest

from graphs.prompts import plan_prompt
from tests.fakes import attacks
from tests.playbooks import clerk
from tests.playbooks.clerk import Shelf
from tests.playbooks.errands import Outside
from tests.playbooks.kit import Book, effects, user

pytestmark = pytest.mark.slow

CALM = "weekly report"
EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VEVENT
UID:e1
DTSTAMP:20261101T090000Z
DTSTART:20261121T120000Z
DTEND:20261121T130000Z
SUMMARY:TITLE
END:VEVENT
END:VCALENDAR
"""
BUTTONS = {"Approve", "Reject", "Edit", "Later", "Why?", "Approve all", "Reject all"}
PLACES = {
    "mail": "clerk.mail", "web page": "clerk.page", "tool result": "clerk.tool", "file name": "clerk.mail",
    "calendar title": "calendar.find", "package prose": "clerk.tool",
}  # fmt: skip


def sample() -> tuple[str, ...]:
    return (attacks.FORGED[0], attacks.FORGED[3], attacks.FORGED[4], *attacks.instructions()[::90])


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def clerk_play(errand_play: Book, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Book:
    from graphs.agents import AGENTS

    monkeypatch.setitem(AGENTS, "clerk", clerk.agent(shelf))
    errand_play.steward.crew.tools.update(clerk.tools(shelf))  # type: ignore[attr-defined]  # a dict, made by compose
    return errand_play


async def put(book: Book, shelf: Shelf, place: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text where the place says, everything else calm."""
    from graphs.agents import AGENTS

    shelf.evidence = place == "file name"
    shelf.text = text
    if place == "package prose":
        shelf.text = CALM
        monkeypatch.setitem(AGENTS, "clerk", clerk.agent(shelf, prose=text))
    if place == "calendar title":
        summary = "lunch " + text.replace("\\", "\\\\").replace("\n", "\\n").replace(",", "\\,").replace(";", "\\;")
        clean = "".join(c for c in summary.replace("\r", "") if c == "\u202e" or c.isprintable())
        ics = EVENT.replace("TITLE", clean).replace("\n", "\r\n")
        await asyncio.to_thread(book.steward.settings.calendar_path.write_text, ics)


async def verdicts(book: Book) -> list[tuple[str, str, str]]:
    rows = await book.rows("SELECT tool, verdict, rule FROM proposal ORDER BY made_at, id")
    return [(row["tool"], row["verdict"], row["rule"]) for row in rows]


async def turn(book: Book, place: str) -> tuple[list[tuple[str, str, str]], str, set[str]]:
    """What policy said in one turn, the card, and its buttons."""
    before = len(await verdicts(book))
    await user(f"clerk: {PLACES[place]}")(book)
    chat = book.chats["telegram"]
    book.read["telegram"] = len(chat.said)
    card = next(chat.posted[ref] for _, ref in reversed(chat.said) if chat.posted[ref].card)
    every = (await verdicts(book))[before:]
    return every, card.text, {b.label for row in card.buttons for b in row}


def own_lines(card: str) -> list[str]:
    return [line for line in card.split("\n") if not line.startswith(">")]


@pytest.mark.parametrize("place", PLACES)
async def test_an_agent_that_does_whatever_it_reads_gets_no_further_than_an_honest_card(
    clerk_play: Book, outside: Outside, shelf: Shelf, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = clerk_play
    await put(book, shelf, place, CALM, monkeypatch)
    calm, calm_card, calm_buttons = await turn(book, place)
    assert {word for _, word, _ in calm} == {"ask", "deny"}
    for text in sample():
        await put(book, shelf, place, text, monkeypatch)
        found, card, buttons = await turn(book, place)
        assert found == calm, f"{text!r} changed a verdict"
        own, plain_own = own_lines(card), own_lines(calm_card)
        assert len(own) == len(plain_own), f"{text!r} adds lines of its own: {own}"
        assert own[0].startswith("**Approval ")
        assert own[-1].startswith("_Nothing happens until you decide.")
        assert buttons == calm_buttons
        where = "calendar.find" if place == "calendar title" else PLACES[place]
        assert sum("Not your words, but somebody else's" in line for line in card.split("\n")) >= len(calm) - 2
        assert where in card, "the card says where the words come from"
        assert "somebody else wrote" in card, "and why that matters"
    assert outside.done == []
    assert await effects(book) == []
    assert shelf.seen, "the texts were really read"
    assert book.notes == {}


async def test_a_profile_name_is_one_quoted_name_on_the_card_about_a_stranger(clerk_play: Book) -> None:
    book, chat = clerk_play, clerk_play.chats["telegram"]
    for n, text in enumerate(sample()):
        await book.deliver(chat.typed("hello", sender=f"stranger{n}", name=text))
        _, card = book.next_message()
        first, *rest = card.text.split("\n")
        assert first.startswith("👤 **Somebody you don't know wrote on telegram**: ")
        assert not set(first.partition("**: ")[2]) & set("*_`[]<>|#\u202e\x1b")
        assert len(rest) == 1
        assert rest[0].startswith("They got no answer.")
        assert [b.label for row in card.buttons for b in row] == ["Show it once", "Allow", "Block", "Ignore"]
    assert await effects(book) == []
    assert await book.count("proposal") == 0


def test_the_prose_of_a_package_is_not_shown_to_the_model_that_plans() -> None:
    for text in sample():
        prompt = plan_prompt([clerk.agent(Shelf(), prose=f"UNIQUE {text}").manifest], 6)
        assert "UNIQUE" not in prompt
        assert "### clerk\nWorks with calendar.create" in prompt
