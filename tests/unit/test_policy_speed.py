"""What a decision costs, none of them remembered."""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median
from typing import Any

import pytest

from graphs.agent import Manifest
from graphs.policy.engine import Argument, History, Question, Session
from graphs.policy.rego import RegoPolicy
from graphs.policy.schema import document
from graphs.tools.base import Tool
from knowledge.ids import canonical

pytestmark = pytest.mark.slow


async def _never(_arguments: Any, _key: str) -> dict[str, Any]:
    raise NotImplementedError


SEND = Tool(
    "mail.send", "send", "send a mail", _never, lambda _a: "", lambda _a, _r: "", {"to": "target", "text": "content"}
)
ASKED = Question(
    Manifest("mail", "writes mail", frozenset({"mail.send", "mail.read", "mail.draft"})), SEND, "principal", {},
    arguments={
        "to": Argument("target", "principal", ("telegram:1",), ("principal", "ada@example.org")),
        "text": Argument("content", "untrusted", ("notes/report.md", "mail:7"), ("principal",), endorsed=True),
        "subject": Argument("content", "trusted", ("agent:mail",)),
    },
    recipients=("ada@example.org", "ben@example.org"), session=Session(untrusted=True, private=True, probation=False),
)  # fmt: skip


def test_ten_thousand_different_decisions_take_less_than_ten_seconds() -> None:
    """In the measure of the machine: a decision costs less than writing its document as JSON 75 times.

    That is ten seconds for ten thousand where the writing takes 13 µs.
    A slow or busy machine is as slow at both; `steward bench turn` prints what policy costs in milliseconds.
    """
    policy, asked = RegoPolicy.shipped(), document(ASKED)
    policy.judge(ASKED)
    ratios = []
    for batch in range(10):
        began = time.thread_time()
        for _ in range(200):
            canonical(asked)
        between = time.thread_time()
        for n in range(200):
            verdict = policy.judge(replace(ASKED, history=History(approved_in_row=batch * 200 + n)))
            assert verdict.rule == "not-theirs-to-read"
        ratios.append((time.thread_time() - between) / (between - began))
    assert median(ratios) < 75, f"a decision costs as much as writing its document {median(ratios):.0f} times"
