"""What is left out of memory stays unused: with the stand-ins in place, everything a worker needs still imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_a_worker_composes_with_the_stand_ins_in_place() -> None:
    code = (
        "from bot.slim import leave_out; leave_out(); import sys, httpx, bot.compose, bot.desk, channels.telegram;"
        "assert 'sqlalchemy.orm.session' not in sys.modules; assert 'rich.console' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, '.'); {code}"], cwd=ROOT, check=False
    )
    assert done.returncode == 0


def test_graphs_run_with_the_stand_ins_in_place() -> None:
    code = """
import sys; sys.path.insert(0, '.')
from bot.slim import leave_out; leave_out()
import asyncio
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph
graph = StateGraph(dict)
graph.add_node("one", RunnableLambda(lambda state: {"n": state["n"] + 1}))
graph.add_edge(START, "one"); graph.add_edge("one", END)
assert asyncio.run(graph.compile().ainvoke({"n": 1})) == {"n": 2}
assert not [name for name in sys.modules if name.startswith(("langsmith.client", "langgraph_sdk.client"))]
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_every_model_is_asked_with_the_stand_ins_in_place() -> None:
    test = "tests/unit/test_models.py::test_every_provider_plans_by_the_same_switch"
    code = f"""
import sys; sys.path.insert(0, '.')
from bot.slim import leave_out; leave_out()
import pytest
quiet = ['-p', 'no:cacheprovider', '-p', 'no:langsmith_plugin', '-W', 'ignore::pytest.PytestAssertRewriteWarning']
sys.exit(pytest.main(['-q', *quiet, '{test}']))
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout[-2_000:]
