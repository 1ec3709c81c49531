"""Ten thousand decisions in under ten seconds, none of them remembered."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from graphs.agent import Manifest
from graphs.policy.engine import Argument, History, Question, Session
from graphs.policy.rego import RegoPolicy
from graphs.tools.base import Tool

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
    policy, some = RegoPolicy.shipped(), 2_000
    policy.judge(ASKED)
    began = time.thread_time()
    for n in range(some):
        verdict = policy.judge(replace(ASKED, history=History(approved_in_row=n)))
        assert verdict.rule == "not-theirs-to-read"
    took = (time.thread_time() - began) * 10_000 / some
    assert took < 10, f"{took:.1f} s of processor time for 10,000 decisions"
