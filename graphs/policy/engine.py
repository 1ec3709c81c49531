"""Who decides what may happen: a question about one proposal, a verdict, and the rule that gave it. Anything odd is deny."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from graphs.agent import Manifest
from graphs.tools.base import Role, Tool
from knowledge.words import Integrity

log = logging.getLogger(__name__)

VerdictWord = Literal["allow", "ask", "deny"]


@dataclass(frozen=True, slots=True)
class Argument:
    """What policy may know of one argument: never its value, always where it comes from.

    `endorsed` says that the principal stood in for exactly this value: pressed it, or named the one thing it belongs to.
    """

    role: Role = "content"
    integrity: Integrity = "untrusted"
    sources: tuple[str, ...] = ()
    readers: tuple[str, ...] = ("principal",)
    endorsed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """The place in the plan that the call fills. `licence` counts how often the words still allow it: one use, one less."""

    planned: bool = True
    licence: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """What the talk has seen and how the house stands. `unusual` holds sentences of the anomaly watch."""

    untrusted: bool = False  # somebody else's text is in play
    private: bool = False  # so is something that not everybody may read
    probation: bool = True  # the first days, in which every effect on the outside asks
    panic: bool = False  # the principal has stopped all effects
    unusual: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """Earlier decisions on this tool and target: how many approvals in a row unchanged, and whether a grant stands."""

    approved_in_row: int = 0
    granted: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What policy is asked about one proposal. `integrity` maps each argument to the worst of what it was made from.

    `arguments` says more about each, where the caller knows more; `recipients` are those who will be able to read what
    goes out; `at` is the principal's local time.
    """

    agent: Manifest
    tool: Tool
    words: Integrity  # of what started the turn: principal only for the principal's own typed words
    integrity: Mapping[str, Integrity]
    paused: bool = False  # the principal has paused this agent
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    recipients: tuple[str, ...] = ()
    step: Step = Step()
    session: Session = Session()
    history: History = History()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word and the rule that said it, by name, for the card, "why?" and the ledger; `reasons` are all that spoke."""

    word: VerdictWord
    rule: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as ordinary. The principal's settings may say otherwise."""

    first_days: int = 60
    a_minute: int = 8
    an_hour: int = 60
    leaving_an_hour: int = 200_000  # bytes of arguments
    quiet_from: int = 0  # local hours in which effects on the outside are unusual
    quiet_to: int = 5


ORDINARY = Limits()


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
