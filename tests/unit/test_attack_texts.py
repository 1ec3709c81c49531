"""Hostile texts in every place where somebody else can put them: no verdict changes, no card pretends to be another."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from graphs.agent import Manifest
from graphs.approval import render_card
from graphs.policy.engine import Argument, Question, Session, Step
from graphs.policy.rego import RegoPolicy
from graphs.policy.spoken import Lookup, asked_for, named, spoken
from graphs.tools.base import Tool
from graphs.tools.calendar import calendar_tools
from graphs.tools.forget import forget_tools
from graphs.tools.notes import note_tools
from graphs.tools.timers import timer_tools
from knowledge.ids import canonical
from knowledge.store.cards import Card, Proposal
from tests.fakes import attacks

ZONE = ZoneInfo("Europe/Zurich")


def sample(step: int) -> tuple[str, ...]:
    """Ours, and every `step`-th of the published ones; all are hostile, some are enough for slow ways."""
    return attacks.FORGED + (attacks.instructions() + attacks.naughty())[::step]


@pytest.fixture(scope="module", autouse=True)
def _told() -> None:
    if not attacks.present():
        pytest.skip(attacks.ABSENT)


def test_there_are_hundreds_of_them() -> None:
    assert len(attacks.instructions()) > 300
    assert len(attacks.naughty()) > 500


async def _never(_arguments: object, _key: str) -> dict[str, object]:
    raise NotImplementedError


def question(text: str, integrity: str, *, licensed: bool) -> Question:
    """A mail out of hostile text: it names arguments, sources and readers; the agent's purpose is package prose."""
    tool = Tool("mail.send", "send", text, _never, lambda _a: "", lambda _a, _r: "")
    argument = Argument("content", integrity, (text,), ("principal",))  # type: ignore[arg-type]
    return Question(
        Manifest("mail", text, frozenset({"mail.send"}), examples=(text,)),
        tool, "principal", {}, arguments={text: argument}, session=Session(probation=False),
        step=Step(licence=int(licensed)),
    )  # fmt: skip


def test_no_hostile_text_in_names_sources_or_package_prose_changes_a_verdict() -> None:
    policy = RegoPolicy.shipped()
    for licensed, integrity in ((True, "principal"), (True, "untrusted"), (False, "trusted"), (False, "untrusted")):
        plain = policy.judge(question("weekly report", integrity, licensed=licensed))
        for text in sample(6):
            assert policy.judge(question(text, integrity, licensed=licensed)) == plain, text


def test_no_hostile_text_is_ever_the_principals_word_nor_asks_for_a_tool_nor_names_a_thing() -> None:
    words = "Please summarise the mail from Ada and put the review into my calendar on Friday."
    for text in attacks.instructions() + attacks.FORGED:
        assert not spoken(text, words)
        assert not named(text, [Lookup({"query": "review"}, [{"title": text, "id": "5"}], ("id",))], words)
        assert not asked_for("mail.send", text, words)
        assert not asked_for("calendar.delete", text, words)


def proposal(tool: Tool, arguments: dict[str, object], text: str) -> Proposal:
    body = canonical(arguments)
    evidence = [{"name": text, "place": text, "quote": text, "integrity": "untrusted", "value": ""}]
    return Proposal(
        "t1.p1", "t1", "c1", 1, 1, "notes", tool.name, body, "h", tool.render(arguments), {}, evidence,
        tool.undo_note(arguments), "ask", "first-weeks", "open", None, None, None, 0,
    )  # fmt: skip


def shown(tool: Tool, arguments: dict[str, object], text: str) -> list[str]:
    card = Card("c1", "t1", "nonce", 1, 1, "open", "telegram", "42", 0, 1_800_000_000_000, None)
    out = render_card(card, [proposal(tool, arguments, text)], ZONE)
    assert [b.label for row in out.buttons for b in row] == ["Approve", "Reject", "Edit", "Later", "Why?"]
    return out.text.split("\n")


def tools() -> dict[str, Tool]:
    """Every tool that can stand on a card; only rendered, never run."""
    clock = lambda: None  # noqa: E731
    every = [*note_tools(None), *calendar_tools(None, ZONE), *timer_tools(None, clock), *forget_tools(None)]  # type: ignore[arg-type]
    return {tool.name: tool for tool in every if tool.effect not in ("read", "draft")}


@pytest.mark.parametrize("name", tools())
def test_a_card_keeps_its_own_lines_whatever_the_text_on_it_says(name: str) -> None:
    tool = tools()[name]

    def arguments(text: str) -> dict[str, object]:
        """Whatever any tool may be given, with the text wherever a text may stand."""
        start, end, zone = "2026-11-27T12:30:00+01:00", "2026-11-27T13:30:00+01:00", "Europe/Zurich"
        words = ("title", "text", "name", "block", "trash", "expected", "summary", "location", "description", "words",
                 "uid", "before", "source")  # fmt: skip
        event = {"summary": text, "location": text, "start": start, "end": end, "all_day": False, "zone": zone}
        return {
            **dict.fromkeys(words, text), "created": start, "made": start, "due": start, "start": start, "end": end,
            "zone": zone, "all_day": False, "recurrence": "", "beside": [event], "was": event, "does": "put back",
            "documents": [1], "names": [text], "tags": [text], "also": [text], "events": [text],
            "timer": "x", "channel": "telegram", "conversation": "42",
        }  # fmt: skip

    calm = [line for line in shown(tool, arguments("x"), "x") if not line.startswith(">")]
    for text in attacks.everything():
        own = [line for line in shown(tool, arguments(text), text) if not line.startswith(">")]
        assert len(own) == len(calm), f"{text!r} adds lines of its own: {own}"
        assert own[0] == calm[0] == "**Approval 1**"
        assert own[-1] == calm[-1], "the last line is Steward's"
        joined = "\n".join(own)
        assert not any(0x202A <= ord(c) <= 0x2069 and not 0x202F <= ord(c) <= 0x2065 for c in joined), text
        assert "\x1b" not in joined


def test_the_texts_are_read_in_place_and_not_in_the_repository() -> None:
    root = Path(__file__).resolve().parents[2]
    assert root not in attacks.FOLDER.resolve().parents
