"""How messages look in a terminal: they fit it, keep their words, and say without colour what they say with it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from bot import console_view as view
from channels.render import read, to_plain
from knowledge.words import Outbound

CARD = (
    "**Approval 12**\n\n**Create event** “Lunch with Ada” — Sat 21 Nov 2026, 12:30–13:30\n"
    "> calendar: “Call with Basel”\nUndo: possible until the event is changed\n\n_Nothing happens until you decide._"
)
DECIDED = "**Approval 12**\n\n**Create event** “Lunch with Ada”\n> calendar: “Call”\n✅ Approved Fri 20 Nov 11:48"
KEYS = {"a": "approve", "r": "reject", "e": "edit", "l": "later", "w": "why"}


def shown(what: object, width: int = 80, *, colour: bool = False) -> str:
    out = io.StringIO()
    environ = {"TERM": "xterm-256color"} if colour else {"TERM": "xterm-256color", "NO_COLOR": "1"}
    console = Console(file=out, width=width, force_terminal=True, highlight=False, _environ=environ)
    console.print(what, width=view.width_of(console))
    return out.getvalue()


def plain(what: object, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(what, width=width)
    return out.getvalue()


@pytest.mark.parametrize("width", [24, 40, 80, 120, 200])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    long = "A very long line of words that has to be broken somewhere, " * 4
    for what in (
        view.answer(Outbound(f"- {long}\n> {long}\n`{'x' * 150}`\n{long}"), KEYS),
        view.card(Outbound(CARD, card="c12"), KEYS),
    ):
        assert max(cell_len(line) for line in plain(what, width).splitlines()) <= width


@given(st.text(max_size=300), st.integers(20, 100))
def test_no_word_is_lost(text: str, width: int) -> None:
    visible = "".join(to_plain(read(text), links=False).split())
    assert "".join(plain(view.words(text), width).split()).replace("▏", "") == visible.replace("▏", "")


def test_a_list_hangs_below_its_own_words() -> None:
    lines = plain(view.words("- " + "word " * 12), 30).splitlines()
    assert lines[0].startswith("• word")
    assert all(line.startswith("  word") for line in lines[1:])


def test_every_line_of_a_quote_has_its_bar() -> None:
    lines = plain(view.words("> " + "quoted " * 12), 30).splitlines()
    assert len(lines) > 2
    assert all(line.startswith("▏ ") for line in lines)


def test_an_open_card_shows_its_keys_and_what_it_rests_on() -> None:
    text = plain(view.card(Outbound(CARD, card="c12"), KEYS))
    assert "Approval 12" in text.splitlines()[0]
    assert "a\u00a0approve" in text
    assert "Call with Basel" in text
    assert "possible until" in text


def test_a_decided_card_shows_the_outcome_and_no_keys() -> None:
    text = plain(view.card(Outbound(DECIDED, card="c12"), {}))
    assert "✓ Approved Fri 20 Nov 11:48" in text
    assert "approve\u00a0" not in text
    assert "Call" not in text


def test_without_colour_there_is_none() -> None:
    text = shown(view.card(Outbound(CARD, card="c12"), KEYS))
    assert "\x1b[3" not in text
    assert "\x1b[9" not in text
    assert "\x1b[36m" in shown(view.card(Outbound(CARD, card="c12"), KEYS), colour=True)


def test_markup_in_words_is_words() -> None:
    assert "[red]not red[/red]" in plain(view.words("[red]not red[/red]"))
    assert "\x1b" not in plain(view.words("a \x1b[31mred\x1b[0m word"))
