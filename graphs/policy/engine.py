"""Who decides what may happen: a question about one proposal, a verdict, and the rule that gave it. Anything odd is deny."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from graphs.agent import Manifest
from graphs.tools.base import Tool
from knowledge.words import Integrity

log = logging.getLogger(__name__)

VerdictWord = Literal["allow", "ask", "deny"]


@dataclass(frozen=True, slots=True)
class Question:
    """What policy is asked about one proposal. `integrity` maps each argument to the worst of what it was made from."""

    agent: Manifest
    tool: Tool
    words: Integrity  # of what started the turn: principal only for the principal's own typed words
    integrity: Mapping[str, Integrity]
    paused: bool = False  # the principal has paused this agent


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word and the rule that said it, by name, for the card, "why?" and the ledger."""

    word: VerdictWord
    rule: str


class PolicyEngine(Protocol):
    def judge(self, question: Question) -> Verdict: ...


class TablePolicy:
    """The shipped rules as a small table, first match wins; nothing matches: deny."""

    def judge(self, question: Question) -> Verdict:
        tool = question.tool
        if question.paused:
            return Verdict("deny", "agent-paused")
        if tool.name not in question.agent.tools:
            return Verdict("deny", "not-in-manifest")
        if tool.effect in ("read", "draft"):
            return Verdict("allow", "reading-is-free")
        direct = question.words == "principal" and all(i == "principal" for i in question.integrity.values())
        if tool.effect == "write" and tool.own and direct:
            return Verdict("allow", "own-notes-by-direct-words")
        if tool.effect in ("write", "send", "delete", "pay", "fetch"):
            return Verdict("ask", "effects-ask")
        return Verdict("deny", "nothing-allows-it")


def judge_safely(engine: PolicyEngine | None, question: Question) -> Verdict:
    """The engine's verdict when it is exactly one of the three words; no engine, an exception or anything else: deny."""
    if engine is None:
        return Verdict("deny", "no-policy")
    try:
        verdict = engine.judge(question)
    except Exception:
        log.exception("policy failed on %s", question.tool.name)
        return Verdict("deny", "policy-broken")
    if verdict.word not in ("allow", "ask", "deny"):
        return Verdict("deny", "policy-broken")
    return verdict
