"""Law 7. Default deny: no policy, a broken policy: no effect. Only the principal's direct words write notes unasked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from graphs.policy.engine import Question, Verdict, judge_safely
from tests.playbooks.errands import Outside
from tests.playbooks.kit import Book, asks, calls, calls_nothing, says, user

pytestmark = pytest.mark.slow


class _Broken:
    def judge(self, question: Question) -> Verdict:
        raise RuntimeError("rules.rego:1: no such rule")


class _Odd:
    def judge(self, question: Question) -> Any:
        return Verdict("maybe", "odd")  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", [None, _Broken(), _Odd()])
async def test_without_a_sound_verdict_there_is_no_effect(play: Book, policy: Any) -> None:
    crew = play.steward.crew
    agent, tool = crew.agents["notes"].manifest, crew.tools["notes.write"]
    assert judge_safely(policy, Question(agent, tool, "principal", {})).word == "deny"
    broken = replace(crew, policy=policy)
    for part in (play.steward.worker, play.steward.hearing, play.steward.control, play.steward.outbox):
        part.crew = broken
    await play(user("note: hello"), says("Not allowed"), calls_nothing())
    assert not play.notes


async def test_writing_asks_and_only_own_notes_by_direct_words_do_not(errand_play: Book, outside: Outside) -> None:
    await errand_play(
        user("note: hello"), says("Noted"), calls("notes.write"), user("errands: post a"), asks("Post"), calls_nothing()
    )
    assert not outside.done
