"""What each node of a turn does. Every write is keyed by turn, node and item: running a node again changes nothing.

understand and work hold their results in memory; the first node that must write (judge when something is asked, else
act) writes all of them in one commit. After a crash the rows of an earlier run are read back instead of made anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from graphs import answer as answers
from graphs.agent import Desk, Draft, Task
from graphs.approval import render_card
from graphs.holding import held_ms, hold
from graphs.judging import Witnessed, card_id, judge_wish, lookup, plan_id, proposal_of, said_id
from graphs.rehearsal import staged
from graphs.schedule import next_due
from graphs.state import State, TurnContext, ms
from graphs.tools.base import ToolTrouble
from graphs.understanding import Plan, is_worth_noting
from graphs.walled import Walled
from knowledge import ledger
from knowledge.database import Tx
from knowledge.ids import canonical, random_id
from knowledge.store import (
    alerts,
    cards,
    effects,
    escalation,
    failures,
    inbox,
    leases,
    messages,
    settings,
    timers,
    turns,
)
from knowledge.store.cards import Card, Proposal
from knowledge.store.people import Address
from knowledge.store.turns import Labels, Value, made_from
from knowledge.walls import readers_of
from knowledge.words import Evidence, Outbound

OF_MEMORY = ("facts.", "graph.")
"""Reading tools that are told as whom the agent reads."""

ASIDE = "aside"
"""The draft that no agent made: what came of a file that was taken in."""


# ── understand and plan ──────────────────────────────────────────────────────────────────────────────────────────


async def understand(state: State, runtime: Runtime[TurnContext]) -> State:
    """Read the words. Text that is not the principal's own never becomes a plan: it is content."""
    ctx = runtime.context
    crew, said = ctx.crew, ctx.said
    if said.kind == "timer":
        plan = Plan((Task("1", "timer", said.words, {"fire": dict(said.payload)}),), "timer")
    elif said.kind == "file":
        plan = Plan((), "nothing")
        ctx.drafts[ASIDE] = Draft(said.payload.get("sentence") or f"I can't handle this yet: {said.words}.")
    elif said.integrity != "principal":
        plan = Plan((Task("1", "notes", said.words, {"foreign": True}),), "pattern")
    else:
        plan = await crew.understanding.read(said.words, said.command, ctx.now.astimezone(crew.zone), crew.zone)
        if plan.how == "guess" and is_worth_noting(said.words):
            plan = replace(plan, tasks=(Task("1", "notes", said.words, {"unread": True}),))
    ctx.tasks = list(plan.tasks)
    ctx.trace["understood"] = {"how": plan.how, "tasks": [asdict(t) for t in plan.tasks], "note": plan.note}
    ctx.trace["suggestions"] = list(plan.suggestions)
    return {
        "tasks": [task.id for task in plan.tasks],
        "how": plan.how,
        "turn": ctx.turn,
        "said": said_id(ctx.turn),
    }


async def plan(state: State, runtime: Runtime[TurnContext]) -> State:
    """Check the task graph: known agents, no missing or circular dependency. What is not sound is left out and told."""
    ctx = runtime.context
    known = [t for t in ctx.tasks if t.agent in ctx.crew.agents]
    sound = _sound(known)
    ctx.trace["dropped"] = len(ctx.tasks) - len(sound)
    ctx.tasks = sound
    return {"tasks": [task.id for task in sound]}


def _sound(tasks: list[Task]) -> list[Task]:
    """The tasks that can run, in an order in which each comes after those it waits for."""
    ordered: list[Task] = []
    left = list(tasks)
    while left:
        done = {t.id for t in ordered}
        ready = [t for t in left if set(t.after) <= done]
        if not ready:
            break
        ordered += ready
        left = [t for t in left if t not in ready]
    return ordered


# ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def work(state: State, runtime: Runtime[TurnContext]) -> State:
    """Run the agents, those that wait for nothing side by side. Nothing is written here."""
    ctx = runtime.context
    tasks = ctx.tasks
    if ctx.again and await _read_back(ctx, tasks):
        return {}
    done: set[str] = set()
    while len(done) < len(tasks):
        ready = [t for t in tasks if t.id not in done and set(t.after) <= done]
        for task, draft in zip(ready, await asyncio.gather(*(_run(ctx, t) for t in ready)), strict=True):
            ctx.drafts[task.id] = draft
            done.add(task.id)
    return {}


async def _run(ctx: TurnContext, task: Task) -> Draft:
    agent = ctx.crew.agents[task.agent]
    desk = Desk(
        words=ctx.said.words,
        words_value=said_id(ctx.turn),
        integrity=ctx.said.integrity,
        channel=ctx.channel,
        conversation=ctx.conversation,
        now=ctx.now.astimezone(ctx.crew.zone),
        zone=ctx.crew.zone,
        memory=Witnessed(Walled(ctx.crew.memory, _reads_as(ctx, task)), ctx.read.setdefault(task.id, [])),
        read=_reader(ctx, task),
        split=_splitter(ctx),
        drafts={i: ctx.drafts[i] for i in task.after},
        turn=ctx.turn,
    )
    try:
        return await agent.work(task, desk)
    except ToolTrouble as trouble:
        return Draft(f"⚠️ {trouble}")


def _reads_as(ctx: TurnContext, task: Task) -> tuple[str, ...]:
    return readers_of(ctx.crew.walls(task.agent))


def _reader(ctx: TurnContext, task: Task) -> Any:
    manifest = ctx.crew.agents[task.agent].manifest

    async def read(name: str, arguments: Mapping[str, Any]) -> Any:
        tool = ctx.crew.tools.get(name)
        if tool is None or tool.effect != "read" or name not in manifest.tools:
            raise ToolTrouble(f"{task.agent} may not read with {name}.")
        ctx.trace.setdefault("reads", []).append([task.agent, name, dict(arguments)])
        seen = {**arguments, "readers": _reads_as(ctx, task)} if name.startswith(OF_MEMORY) else arguments
        answer = await tool.run(seen, ctx.turn)
        if tool.foreign:
            ctx.read.setdefault(task.id, []).append(Labels((name,), "untrusted"))
        if tool.issued:
            ctx.looked_up.setdefault(task.id, []).append(lookup(tool, arguments, answer))
        return answer

    return read


def _splitter(ctx: TurnContext) -> Any:
    async def split(question: str) -> tuple[str, ...]:
        if ctx.crew.split is None:
            return ()
        into = await ctx.crew.split(question, ctx.now, ctx.crew.zone)
        ctx.trace.setdefault("split", []).append({"question": question, "into": list(into)})
        return into

    return split


async def _planned(ctx: TurnContext) -> list[Task]:
    """The task graph as an earlier run wrote it: the checkpoint holds its ids alone."""
    async with ctx.crew.db.read() as tx:
        found = (await turns.read_values(tx, [plan_id(ctx.turn)])).get(plan_id(ctx.turn))
    return [Task(**{**one, "after": tuple(one["after"])}) for one in json.loads(found.content)] if found else []


async def _read_back(ctx: TurnContext, tasks: list[Task]) -> bool:
    """Drafts that an earlier run of this turn has written already; whether there were any."""
    ids = {f"{ctx.turn}/work/{t.id}": t.id for t in tasks}
    async with ctx.crew.db.read() as tx:
        found = await turns.read_values(tx, list(ids))
    for value_id, value in found.items():
        ctx.drafts[ids[value_id]] = answers.unpack(value.content)
    return bool(found) and len(found) == len(tasks)


# ── judge ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def judge(state: State, runtime: Runtime[TurnContext]) -> State:
    """Ask policy about every wish. When something must be asked: write it all and open one card."""
    ctx = runtime.context
    async with ctx.crew.db.read() as tx:
        paused = set((await settings.under(tx, "paused:", ms(ctx.now))).keys())
        for task in ctx.tasks:
            for wish in ctx.drafts[task.id].wishes:
                ctx.judged.append(await judge_wish(tx, ctx, task, wish, paused=f"paused:{task.agent}" in paused))
    if ctx.said.payload.get("dry"):
        ctx.drafts[ASIDE] = Draft(staged(ctx.judged, ctx.crew.tools))
        ctx.trace["rehearsed"], ctx.judged = [[j.wish.tool, j.verdict.word, j.verdict.rule] for j in ctx.judged], []
        return {"card": ""}
    if any(j.verdict.word == "ask" for j in ctx.judged):
        await _write_books(ctx)
    card = await _open_card_of(ctx) if (ctx.again or ctx.judged) else ""
    return {"card": card}


async def _open_card_of(ctx: TurnContext) -> str:
    async with ctx.crew.db.read() as tx:
        card = await cards.get(tx, card_id(ctx.turn))
    return card.id if card is not None and card.state == "open" else ""


async def _write_books(ctx: TurnContext) -> None:
    """Values, proposals, the card and its message, or the outbox rows of what was allowed: one commit."""
    crew, now = ctx.crew, ms(ctx.now)
    proposals = [proposal_of(ctx, n, j, now) for n, j in enumerate(ctx.judged, 1)]
    asked = [p for p in proposals if p.verdict == "ask"]
    async with crew.db.write() as tx:
        await leases.guard(tx, ctx.lease, now, ctx.crew.lease_ms)
        await turns.keep_values(tx, _values(ctx), now)
        await cards.keep_proposals(tx, proposals)
        if asked:
            life = min(crew.card_life_ms, 2**53)
            new = Card(
                card_id(ctx.turn),
                ctx.turn,
                random_id(8),
                1,
                1,
                "open",
                ctx.channel,
                ctx.conversation,
                now,
                now + life,
                None,
            )
            if await cards.open_card(tx, new):
                body = render_card(new, await cards.of_card(tx, new.id), crew.zone)
                key = f"card/{new.id}/first"
                letter = await messages.enqueue(
                    tx,
                    key,
                    ctx.channel,
                    ctx.conversation,
                    body,
                    now,
                    turn=ctx.turn,
                    owner=ctx.speaker,
                    lease_ms=ctx.crew.effect_lease_ms,
                )
                ctx.born += [letter] if letter else []
                await _tell_payment(tx, ctx, asked, body, now)
        else:
            ctx.born += await _let_go(tx, ctx, proposals, now)


async def _tell_payment(tx: Tx, ctx: TurnContext, asked: list[Proposal], body: Outbound, now: int) -> None:
    """A payment that waits is told where urgent things are heard, too, when its card is shown elsewhere."""
    pays = any((tool := ctx.crew.tools.get(p.tool)) is not None and tool.effect == "pay" for p in asked)
    if not pays or not (await escalation.rules_of(tx)).payments:
        return
    found = await escalation.place(tx, now, urgent=True)
    if found is not None and found[0] != Address(ctx.channel, ctx.conversation):
        told = replace(body, text=f"💶 **A payment waits for your decision.**\n\n{body.text}", reply_to="")
        await alerts.tell(tx, f"card/{card_id(ctx.turn)}/payment", told, now, urgent=True, turn=ctx.turn)


async def _let_go(tx: Tx, ctx: TurnContext, proposals: list[Proposal], now: int) -> list[effects.Effect]:
    """Outbox rows for what policy allowed unasked, born claimed by this worker."""
    born = []
    for p in (p for p in proposals if p.state == "approved"):
        waits = held_ms(ctx.crew, p.tool) > 0
        row = await effects.add(
            tx,
            p.id,
            p.tool,
            p.arguments,
            now,
            turn=ctx.turn,
            proposal=p.id,
            owner="" if waits else ctx.crew.owner,
            lease_ms=ctx.crew.effect_lease_ms,
        )
        if row is not None and waits:
            await hold(tx, ctx.crew, row, ctx.channel, ctx.conversation, now)
        born += [row] if row and not waits else []
    return born


def _values(ctx: TurnContext) -> list[Value]:
    """The words, every piece of evidence, every draft: each with the labels of what it was made from."""
    said = Value(said_id(ctx.turn), ctx.turn, ctx.said.words, Labels((ctx.said.source,), ctx.said.integrity))
    kept = [said]
    if ctx.tasks:
        planned = canonical([asdict(task) for task in ctx.tasks])
        kept.append(made_from(plan_id(ctx.turn), ctx.turn, planned, [said], maker="steward"))
    for task, draft in ctx.drafts.items():
        pieces = [_evidence_value(ctx, task, n, e) for n, e in enumerate(draft.evidence, 1)]
        maker = f"agent:{task}"
        kept += pieces
        kept.append(made_from(f"{ctx.turn}/work/{task}", ctx.turn, answers.pack(draft), [said, *pieces], maker=maker))
    return kept


def _evidence_value(ctx: TurnContext, task: str, n: int, e: Evidence) -> Value:
    return Value(f"{ctx.turn}/evidence/{task}.{n}", ctx.turn, e.quote, Labels((e.name,), e.integrity))


# ── approve, act, settle ─────────────────────────────────────────────────────────────────────────────────────────


def approve(state: State) -> State:
    """The pause: a card id, and nothing before it. Resumed once, when every proposal on the card is decided."""
    interrupt({"card": state["card"]})
    return {}


async def act(state: State, runtime: Runtime[TurnContext]) -> State:
    """Outbox rows for what policy allowed unasked, and only for that."""
    ctx = runtime.context
    if ctx.judged and not any(j.verdict.word == "ask" for j in ctx.judged):
        await _write_books(ctx)
    async with ctx.crew.db.read() as tx:
        mine = await effects.of_turn(tx, ctx.turn)
        proposals = await cards.of_turn(tx, ctx.turn)
    missing = [p for p in proposals if p.state == "approved" and p.id not in {e.id for e in mine}]
    if missing:
        now = ms(ctx.now)
        async with ctx.crew.db.write() as tx:
            await leases.guard(tx, ctx.lease, now, ctx.crew.lease_ms)
            born = await _let_go(tx, ctx, missing, now)
        ctx.born += born
    return {"waiting": bool(missing) or any(e.state not in effects.FINISHED for e in mine)}


def settle(state: State) -> State:
    """The other pause: until the turn's effects have their receipts."""
    interrupt({"effects": state["turn"]})
    return {}


# ── answer ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def answer(state: State, runtime: Runtime[TurnContext]) -> State:
    """Say what came of it, end the turn and its delivery, keep the record: one commit."""
    ctx = runtime.context
    crew, now = ctx.crew, ms(ctx.now)
    tasks = ctx.tasks = ctx.tasks or await _planned(ctx)
    order = [t.id for t in tasks] + [ASIDE]
    async with crew.db.read() as tx:
        proposals = await cards.of_turn(tx, ctx.turn)
        done = await effects.of_turn(tx, ctx.turn)
        wrong = await failures.of_effects(tx, [e.id for e in done if e.state in ("failed", "uncertain")])
    if not ctx.drafts and tasks:
        await _read_back(ctx, tasks)
    body = answers.compose(
        [ctx.drafts[i] for i in order if i in ctx.drafts],
        proposals,
        done,
        crew.tools,
        note=ctx.trace.get("understood", {}).get("note", ""),
        suggestions=ctx.trace.get("suggestions", ()),
        turn=ctx.turn,
        wrong=wrong,
    )
    async with crew.db.write() as tx:
        await leases.guard(tx, ctx.lease, now, ctx.crew.lease_ms)
        await turns.keep_values(tx, [*_values(ctx), _answer_value(ctx, body.text)], now)
        letter = await messages.enqueue(
            tx, f"{ctx.turn}/answer", ctx.channel, ctx.conversation, replace(body, reply_to=ctx.said.reply_to), now,
            turn=ctx.turn, owner=ctx.speaker, lease_ms=ctx.crew.effect_lease_ms,
        )  # fmt: skip
        if ctx.said.aloud:
            spoken = Outbound(body.text, aloud=True)
            key = f"{ctx.turn}/aloud"
            await messages.enqueue(tx, key, ctx.channel, ctx.conversation, spoken, now, turn=ctx.turn)
        await turns.set_state(tx, ctx.turn, "done", ended_at=now)
        if ctx.said.kind == "timer":
            await _rearm(tx, ctx.said.payload, next_due(ctx.said.payload, ctx.now))
        await inbox.set_state(tx, ctx.delivery, "done")
        await turns.keep_record(tx, ctx.turn, _record(ctx, state, body.text), now, crew.record_life_ms)
        await ledger.append(tx, now, ledger.Entry("system", "turn.answered", state.get("how", ""), ctx.turn, body.text))
        await leases.release(tx, ctx.lease)
    ctx.born += [letter] if letter else []
    return {}


async def _rearm(tx: Tx, fired: Mapping[str, Any], following: datetime | None) -> None:
    """A timer that went off has done its work, or is set for its next occurrence, in the commit that says it."""
    if following is None:
        await timers.end(tx, str(fired["timer"]), "done")
    else:
        await timers.rearm(tx, str(fired["timer"]), int(fired["occurrence"]) + 1, ms(following))


def _answer_value(ctx: TurnContext, text: str) -> Value:
    parents = [v for v in _values(ctx) if "/work/" in v.id]
    return made_from(f"{ctx.turn}/answer/1", ctx.turn, text, parents, maker="steward")


def _record(ctx: TurnContext, state: State, text: str) -> dict[str, Any]:
    return {
        "said": ctx.said.words,
        "kind": ctx.said.kind,
        "channel": ctx.channel,
        "conversation": ctx.conversation,
        "tasks": [asdict(task) for task in ctx.tasks],
        "how": state.get("how", ""),
        "trace": {k: v for k, v in ctx.trace.items() if k != "suggestions"},
        "drafts": {t: answers.pack(d) for t, d in ctx.drafts.items()},
        "answer": text,
        "judged": [{"document": j.document, "word": j.verdict.word, "rule": j.verdict.rule} for j in ctx.judged],
    }
