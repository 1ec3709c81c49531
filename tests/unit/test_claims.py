"""Which agent claims which words, and with what arguments: the table is `tests/golden/claims.txt`."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.agents import AGENTS

ZONE = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=ZONE)
TABLE = Path(__file__).parents[1] / "golden" / "claims.txt"


def rows() -> list[tuple[str, str, dict[str, str] | None]]:
    """(phrase, agent or "-", arguments; None where the table does not say them)."""
    found = []
    for line in TABLE.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        phrase, said = line.split(" | ")
        agent, _, rest = said.partition(" ")
        do, _, pairs = rest.partition(" ")
        if agent != "ask":
            pairs = f"do={do}; {pairs}" if do else ""
        else:
            pairs = rest
        arguments = dict(pair.strip().split("=", 1) for pair in pairs.split(";") if "=" in pair)
        found.append((phrase, agent, arguments or None))
    return found


def claimed(words: str) -> tuple[str, dict[str, Any]]:
    for name, agent in AGENTS.items():
        if (arguments := agent.claim(words, NOW, ZONE)) is not None:
            return name, dict(arguments)
    return "-", {}


@pytest.mark.parametrize(("phrase", "agent", "arguments"), rows())
def test_words_go_to_the_agent_they_mean(phrase: str, agent: str, arguments: dict[str, str] | None) -> None:
    name, found = claimed(phrase)
    assert name == agent, found
    if arguments is not None:
        assert {key: str(value) for key, value in found.items()} == arguments


def test_the_table_is_large_enough_and_has_no_phrase_twice() -> None:
    phrases = [phrase for phrase, _, _ in rows()]
    assert len(phrases) == len(set(phrases)) >= 200
    assert len([1 for _, agent, _ in rows() if agent == "-"]) >= 40


@pytest.mark.parametrize(("agent", "example"), [(n, e) for n, a in AGENTS.items() for e in a.manifest.examples])
def test_every_example_of_a_manifest_is_claimed_by_its_agent(agent: str, example: str) -> None:
    assert claimed(example)[0] == agent


@given(st.text(max_size=3000))
def test_no_text_makes_a_claim_raise(text: str) -> None:
    claimed(text)


@pytest.mark.parametrize(
    "words", ["remind me " * 2000, "a " * 10_000, "note " * 4000, "x" * 20_000, "what's on " * 2000, " " * 20_000]
)
def test_long_texts_are_decided_at_once(words: str) -> None:
    begun = time.process_time()
    claimed(words)
    assert time.process_time() - begun < 0.5
