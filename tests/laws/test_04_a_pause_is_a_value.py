"""Law 4. A pause is a value and nothing happens before it; resumes go by id, strictly, and LangGraph still honours that."""

from __future__ import annotations

import ast
import inspect
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from graphs import nodes, turn
from graphs.turn import STRICT_RESUME
from tests.playbooks.kit import Book, asks, user

pytestmark = pytest.mark.slow


def test_one_interrupt_a_node_and_nothing_above_it() -> None:
    tree = ast.parse(inspect.getsource(nodes))
    pausing = 0
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)):
        calls = [n for n in ast.walk(function) if isinstance(n, ast.Call) and ast.unparse(n.func) == "interrupt"]
        if not calls:
            continue
        pausing += 1
        body = function.body[1:] if ast.get_docstring(function) else function.body
        assert len(calls) == 1, f"{function.name} pauses more than once"
        assert isinstance(body[0], ast.Expr), f"{function.name} does something before it pauses"
        assert body[0].value is calls[0], f"{function.name} does something before it pauses"
    assert pausing == 2


def test_resumes_are_strict_and_synced() -> None:
    source = inspect.getsource(turn.resume)
    assert source.count('durability="sync"') == source.count("ainvoke(")
    assert turn._config("t1")["configurable"][STRICT_RESUME] is True


class _State(TypedDict, total=False):
    said: str


def _ask(_state: _State) -> _State:
    return {"said": str(interrupt({"card": "c1"}))}


async def test_the_pinned_langgraph_refuses_an_unknown_interrupt_only_in_strict_mode() -> None:
    """The key is internal to LangGraph: when an upgrade drops it, this fails."""
    graph = StateGraph(_State)
    graph.add_node("ask", _ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    compiled = graph.compile(checkpointer=InMemorySaver())

    def config(thread: str, *, strict: bool) -> Any:
        return {"configurable": {"thread_id": thread, STRICT_RESUME: strict}}

    paused = await compiled.ainvoke({}, config("a", strict=True))
    right = paused["__interrupt__"][0].id
    wrong = Command(resume={"0" * len(right): "yes"})
    with pytest.raises(Exception, match=r"(?i)interrupt") as refused:
        await compiled.ainvoke(wrong, config("a", strict=True))
    assert type(refused.value).__name__ == "UnknownInterruptError"
    done = await compiled.ainvoke(Command(resume={right: "yes"}), config("a", strict=True))
    assert done["said"] == "yes"
    with pytest.raises(Exception, match=r"(?i)interrupt"):
        await compiled.ainvoke(Command(resume={right: "again"}), config("a", strict=True))

    await compiled.ainvoke({}, config("b", strict=False))
    await compiled.ainvoke(wrong, config("b", strict=False))  # silently accepted: why strict is needed


@pytest.mark.parametrize(
    "length",
    [
        4_096,  # the longest text of a chat
        100_000,
    ],
)
async def test_a_checkpoint_stays_small_whatever_the_turn_reads(errand_play: Book, length: int) -> None:
    words = ("everything under the sun, " * 4_000)[: length - 20]
    await errand_play(user(f"errands: post {words}"), asks("Post"))
    state = await errand_play.steward.graph.aget_state({"configurable": {"thread_id": "t1"}})
    size = len(repr(state.values))
    assert size < 32_000, f"{size} characters in the checkpoint"
