"""Judging a wish: what policy is asked, with which labels, and how the verdict becomes a proposal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from graphs.agent import Task, Wish
from graphs.policy import standing
from graphs.policy.engine import Argument, History, Question, Verdict, judge_safely
from graphs.policy.schema import document
from graphs.state import TurnContext
from knowledge.database import Tx
from knowledge.ids import canonical
from knowledge.store.binding import approval_hash
from knowledge.store.cards import Proposal
from knowledge.store.turns import Labels, join

_STATE = {"allow": "approved", "deny": "denied", "ask": "open"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A wish with its verdict, not yet written. `document` is the question as policy saw it: judged again, it gives
    the same verdict."""

    task: str
    agent: str
    wish: Wish
    verdict: Verdict
    labels: dict[str, Any]
    document: dict[str, Any]


def said_id(turn: str) -> str:
    """The value id of the words that started a turn."""
    return f"{turn}/said/1"


def plan_id(turn: str) -> str:
    """The value id of a turn's task graph."""
    return f"{turn}/plan/1"


def card_id(turn: str) -> str:
    """The card of a turn: its number with a c."""
    return "c" + turn.removeprefix("t")


async def judge_wish(tx: Tx, ctx: TurnContext, task: Task, wish: Wish, *, paused: bool) -> Judged:
    """Ask policy about one wish, with the labels of every argument and the standing of the house."""
    tool = ctx.crew.tools.get(wish.tool)
    labels = {name: _label(ctx, wish, name) for name in wish.arguments}
    shown = {name: {"integrity": label.integrity, "sources": list(label.sources)} for name, label in labels.items()}
    if tool is None:
        return Judged(task.id, task.agent, wish, Verdict("deny", "unknown-tool"), shown, {})
    known = {
        name: Argument(tool.roles.get(name, "content"), label.integrity, label.sources, label.readers)
        for name, label in labels.items()
    }
    at = ctx.now.astimezone(ctx.crew.zone)
    untrusted = ctx.said.integrity == "untrusted" or any(label.integrity == "untrusted" for label in labels.values())
    private = bool(ctx.trace.get("reads")) or bool(wish.evidence)
    question = Question(
        ctx.crew.agents[task.agent].manifest, tool, ctx.said.integrity, {n: x.integrity for n, x in labels.items()}, paused,
        arguments=known, at=at, history=await standing.history(tx, tool, wish.arguments) if not tool.own else History(),
        session=await standing.session(tx, tool, wish.arguments, at, untrusted=untrusted, private=private),
    )  # fmt: skip
    return Judged(task.id, task.agent, wish, judge_safely(ctx.crew.policy, question), shown, document(question))


def _label(ctx: TurnContext, wish: Wish, argument: str) -> Labels:
    """The join of what an argument was made from. An agent that names no origin made it from the principal's words and
    from everything it shows as evidence."""
    words = Labels((ctx.said.source,), ctx.said.integrity)
    if argument not in wish.origins:
        return join([words, *(Labels((e.name,), e.integrity) for e in wish.evidence)])
    by_value = {e.value: Labels((e.name,), e.integrity) for e in wish.evidence if e.value}
    by_value[said_id(ctx.turn)] = words
    return join([by_value.get(origin, Labels((origin,), "untrusted")) for origin in wish.origins[argument]])


def proposal_of(ctx: TurnContext, ordinal: int, j: Judged, now: int) -> Proposal:
    """The row of a judged wish: exact arguments and their hash, a rendering made by code, who decided if nobody must."""
    tool = ctx.crew.tools.get(j.wish.tool)
    step, arguments = f"{ctx.turn}.p{ordinal}", canonical(dict(j.wish.arguments))
    rendering = tool.render(j.wish.arguments) if tool else j.wish.tool
    asked = j.verdict.word == "ask"
    return Proposal(
        id=step,
        turn=ctx.turn,
        card=card_id(ctx.turn) if asked else None,
        ordinal=ordinal,
        version=1,
        agent=j.agent,
        tool=j.wish.tool,
        arguments=arguments,
        hash=approval_hash(step, j.wish.tool, arguments, rendering),
        rendering=rendering,
        labels=j.labels,
        evidence=[asdict(e) for e in j.wish.evidence],
        undo=tool.undo_note(j.wish.arguments) if tool else None,
        verdict=j.verdict.word,
        rule=j.verdict.rule,
        state=_STATE[j.verdict.word],
        decided_by=None if asked else "policy",
        decided_on=None if asked else j.verdict.rule,
        decided_at=None if asked else now,
        made_at=now,
    )
