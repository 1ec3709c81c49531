"""Judging a wish: what policy is asked, with which labels, and how the verdict becomes a proposal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from graphs.agent import Hit, Memory, Task, Wish
from graphs.policy import standing
from graphs.policy.engine import Argument, History, Question, Step, Verdict, judge_safely
from graphs.policy.schema import document
from graphs.policy.spoken import Lookup, asked_for, licence, named, spoken, spoken_day
from graphs.state import TurnContext
from graphs.tools.base import Role, Tool
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


class Witnessed:
    """Memory as an agent sees it; the labels of every passage it was given are kept."""

    def __init__(self, memory: Memory, read: list[Labels]) -> None:
        self._memory, self._read = memory, read

    async def search(
        self, query: str, *, k: int = 8, sources: Sequence[str] = (), readers: Sequence[str] = ("principal",)
    ) -> list[Hit]:
        found = await self._memory.search(query, k=k, sources=sources, readers=readers)
        self._read += [Labels((hit.name,), hit.integrity, hit.readers) for one in found for hit in (one, *one.also)]
        return found


def lookup(tool: Tool, arguments: Mapping[str, Any], answer: Mapping[str, Any]) -> Lookup:
    """What a reading tool was asked by name, and the things it said: the one list of things in its answer."""
    things = next((v for v in answer.values() if isinstance(v, list) and all(isinstance(x, Mapping) for x in v)), [])
    return Lookup({name: arguments[name] for name in tool.names if name in arguments}, things, tool.issued)


async def judge_wish(tx: Tx, ctx: TurnContext, task: Task, wish: Wish, *, paused: bool) -> Judged:
    """Ask policy about one wish, with the labels of every argument and the standing of the house."""
    tool = ctx.crew.tools.get(wish.tool)
    labels = {name: _label(ctx, task, wish, name) for name in wish.arguments}
    if tool is None:
        return Judged(task.id, task.agent, wish, Verdict("deny", "unknown-tool"), _kept(ctx, labels, {}), {})
    known = {name: _argument(ctx, task, tool, wish, name, label) for name, label in labels.items()}
    shown = _kept(ctx, labels, known)
    at = ctx.now.astimezone(ctx.crew.zone)
    read = [label for labels_ in ctx.read.values() for label in labels_]
    untrusted = (
        any(one.integrity == "untrusted" for one in [*labels.values(), *read]) or ctx.said.integrity == "untrusted"
    )
    private = bool(ctx.trace.get("reads")) or bool(wish.evidence) or bool(read)
    question = Question(
        ctx.crew.agents[task.agent].manifest, tool, ctx.said.integrity, {n: x.integrity for n, x in known.items()}, paused,
        arguments=_readable(tool, wish, known), recipients=_people(wish, tool.recipients),
        step=Step(licence=_licence(ctx, tool, known)), at=at,
        history=await standing.history(tx, tool, wish.arguments) if not tool.own else History(),
        session=await standing.session(
            tx, tool, wish.arguments, at, untrusted=untrusted, private=private, limits=ctx.crew.limits,
            ahead=[one.wish.arguments for one in ctx.judged if one.verdict.word == "allow"],
        ),
    )  # fmt: skip
    verdict = judge_safely(ctx.crew.policy, question)
    shown[""] = {"reasons": list(verdict.reasons), "unusual": list(question.session.unusual)}
    if verdict.word == "ask" and tool.form:
        shown[""]["form"] = [{k: v for k, v in asdict(field).items() if k != "value"} for field in tool.form]
    return Judged(task.id, task.agent, wish, verdict, shown, document(question))


def _kept(ctx: TurnContext, labels: Mapping[str, Labels], known: Mapping[str, Argument]) -> dict[str, Any]:
    """The labels as the proposal keeps them, for its card and for "why?"; under the empty name: why the verdict is so."""
    return {
        name: {
            "integrity": known[name].integrity if name in known else label.integrity,
            "sources": [s for s in label.sources if s != ctx.said.source],
            "role": known[name].role if name in known else "content",
            "endorsed": name in known and known[name].endorsed,
        }
        for name, label in labels.items()
    }  # fmt: skip


def _argument(ctx: TurnContext, task: Task, tool: Tool, wish: Wish, name: str, label: Labels) -> Argument:
    """What policy is told of one argument. Where a model made the plan, only what stands in the principal's words is
    theirs (their own notes and reminders aside: those they see at once and can take back)."""
    value, words = wish.arguments[name], ctx.said.words
    role: Role = (
        tool.roles.get(name, "content") if value not in (None, "", [], {}) else "benign"
    )  # nothing says nothing
    integrity = label.integrity
    if integrity == "principal" and not tool.own and ctx.trace.get("understood", {}).get("how") == "model":
        said = spoken(value, words) or (role == "benign" and spoken_day(value, words))
        integrity = "principal" if said else "trusted"
    mine = ctx.said.integrity == "principal"
    endorsed = mine and named(value, ctx.looked_up.get(task.id, []), words)
    return Argument(role, integrity, label.sources, label.readers, endorsed)


def _readable(tool: Tool, wish: Wish, known: Mapping[str, Argument]) -> dict[str, Argument]:
    """The principal's own words may be read by those whom they named for it, and by nobody else."""
    mine = {name for name, one in known.items() if one.integrity == "principal" or one.endorsed}
    chosen = _people(wish, tool.recipients & mine)
    return {n: replace(one, readers=(*one.readers, *chosen)) if n in mine else one for n, one in known.items()}


def _people(wish: Wish, names: Collection[str]) -> tuple[str, ...]:
    """Everybody in these arguments of the call."""
    given = [wish.arguments[name] for name in sorted(names) if wish.arguments.get(name)]
    return tuple(str(one) for value in given for one in (value if isinstance(value, (list, tuple)) else [value]))


def _licence(ctx: TurnContext, tool: Tool, known: Mapping[str, Argument]) -> int:
    """How often the principal's words still allow this tool: once when they ask for it, less every wish for it before."""
    if ctx.said.integrity != "principal":
        return 0
    targets = any(one.role == "target" and one.endorsed for one in known.values())
    asked = asked_for(tool.name, tool.purpose, ctx.said.words, thing_named=targets)
    return licence(int(asked), sum(j.wish.tool == tool.name and j.verdict.word != "deny" for j in ctx.judged))


def _label(ctx: TurnContext, task: Task, wish: Wish, argument: str) -> Labels:
    """The join of what an argument was made from. An agent that names no origin made it from the principal's words, from
    everything it shows as evidence, and from everything foreign that it or those it waited for have read; one that was
    installed is not believed when it names less."""
    words = Labels((ctx.said.source,), ctx.said.integrity)
    read = [label for label in _read_for(ctx, task) if label.integrity == "untrusted"]
    installed = ctx.crew.agents[task.agent].manifest.trust == "installed"
    if argument not in wish.origins or installed:
        return join([words, *(Labels((e.name,), e.integrity) for e in wish.evidence), *read])
    by_value = {e.value: Labels((e.name,), e.integrity) for e in wish.evidence if e.value}
    by_value[said_id(ctx.turn)] = words
    return join([by_value.get(origin, Labels((origin,), "untrusted")) for origin in wish.origins[argument]])


def _read_for(ctx: TurnContext, task: Task) -> list[Labels]:
    """Labels of what this task has read, and of what the drafts it was given are made of."""
    before = [t for t in ctx.tasks if t.id in task.after]
    given = [Labels((e.name,), e.integrity) for t in before if t.id in ctx.drafts for e in ctx.drafts[t.id].evidence]
    return [*ctx.read.get(task.id, []), *given, *(label for t in before for label in _read_for(ctx, t))]


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
        question=j.document,
    )
