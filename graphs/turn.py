"""The turn graph on one screen: understand → plan → work → judge → approve → act → answer, one thread per turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from graphs import nodes
from graphs.state import State, TurnContext

TurnGraph = CompiledStateGraph[State, TurnContext, State, State]

STRICT_RESUME = "__pregel_strict_resume"
"""LangGraph's internal switch (the version is pinned, a test holds it): a resume of an unknown interrupt is refused."""


def build(checkpointer: BaseCheckpointSaver[Any]) -> TurnGraph:
    """Compile the graph over a saver. Every turn is its own thread, so a new message never voids a pending approval."""
    graph = StateGraph(State, context_schema=TurnContext)
    for name in ("understand", "plan", "work", "judge", "approve", "act", "settle", "answer"):
        graph.add_node(name, getattr(nodes, name))
    graph.add_edge(START, "understand")
    graph.add_edge("understand", "plan")
    graph.add_edge("plan", "work")
    graph.add_edge("work", "judge")
    graph.add_conditional_edges("judge", _must_ask, ["approve", "act"])
    graph.add_edge("approve", "act")
    graph.add_conditional_edges("act", _must_wait, ["settle", "answer"])
    graph.add_edge("settle", "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=checkpointer)


def _must_ask(state: State) -> Literal["approve", "act"]:
    return "approve" if state.get("card") else "act"


def _must_wait(state: State) -> Literal["settle", "answer"]:
    return "settle" if state.get("waiting") else "answer"


@dataclass(frozen=True, slots=True)
class Pause:
    """Where a turn stopped: `wait` is card or effects."""

    wait: Literal["card", "effects"]


async def start(graph: TurnGraph, context: TurnContext) -> Pause | None:
    """Run a turn from its beginning to its end (None) or its first pause.

    Nothing is checkpointed before a pause: until then SQL and the inbox can do it all again.
    """
    result = await graph.ainvoke({"turn": context.turn}, _config(context.turn), context=context, durability="exit")
    return _pause(result)


async def resume(graph: TurnGraph, context: TurnContext, wait: str) -> Pause | None:
    """Go on after a pause, by interrupt id, strictly, synced. A turn whose checkpoint is lost begins again from SQL."""
    config = _config(context.turn)
    snapshot = await graph.aget_state(config)
    pending = [i for i in snapshot.interrupts if isinstance(i.value, dict) and wait in i.value]
    if pending:
        command: Any = Command(resume={pending[0].id: "go on"})
        return _pause(await graph.ainvoke(command, config, context=context, durability="sync"))
    if snapshot.next and not snapshot.interrupts:
        return _pause(await graph.ainvoke(None, config, context=context, durability="sync"))
    context.again = True
    return await start(graph, context)


async def forget(graph: TurnGraph, turn: str) -> None:
    """Prune the checkpoint of an ended turn; the turn record and SQL tell the rest."""
    if isinstance(graph.checkpointer, BaseCheckpointSaver):
        await graph.checkpointer.adelete_thread(turn)


def _config(turn: str) -> RunnableConfig:
    return {"configurable": {"thread_id": turn, STRICT_RESUME: True}}


def _pause(result: dict[str, Any] | Any) -> Pause | None:
    interrupts = result.get("__interrupt__", ()) if isinstance(result, dict) else ()
    if not interrupts:
        return None
    return Pause("card" if "card" in interrupts[0].value else "effects")
