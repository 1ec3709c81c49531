"""Runs the harness and prints its figures by gate as JSON: `python -m tests.evals.agentdojo.run --gate steward`.

The shipped rules are tried on *workspace* and *banking*, the gates that anybody can see through on *banking* alone.

Wants `agentdojo` importable; the suites need little of what it declares (`suites.lock`). The harness is read in place.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

BENCH = Path(os.environ.get("STEWARD_BENCH") or Path(__file__).resolve().parents[3].parent / "shared" / "bench")
HARNESS = BENCH / "agentdojo_gate.py"
SUITES = ("workspace", "banking")


class _Nothing(type):
    """A class of no content; whatever is looked up in it is one too."""

    def __getattr__(cls, name: str) -> _Nothing:
        return _nothing(name)


def _nothing(name: str) -> _Nothing:
    if name.startswith("__"):
        raise AttributeError(name)
    return _Nothing(name, (), {})


class _Blank(ModuleType):
    def __getattr__(self, name: str) -> _Nothing:
        return _nothing(name)


class Absent(MetaPathFinder, Loader):
    """Stands in for the SDKs of models that AgentDojo imports beside its suites: any name in them is an empty class."""

    SDKS = ("cohere", "google", "vertexai", "transformers", "mistralai")

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in self.SDKS else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Blank(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        return None


def harness() -> ModuleType:
    """The harness as a module, from where it lies."""
    sys.meta_path.append(Absent())  # last: what is really installed is found before it
    spec = importlib.util.spec_from_file_location("agentdojo_harness", HARNESS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def figures(dojo: ModuleType, gate: Any, suites: tuple[str, ...]) -> dict[str, Any]:
    """What came of one gate: tasks, denied, asks and cards a task, injected effects unasked (static and adaptive)."""
    chosen = {name: suite for name, suite in dojo.get_suites("v1.2.2").items() if name in suites}
    environments = dojo.Envs()
    total = dojo.run(gate, chosen, environments)["total"]
    forged, _ = dojo.adaptive(gate, chosen, environments)
    tasks = total["u_tasks"]
    return {
        "tasks": tasks,
        "denied": tasks - total.get("u_not_denied", 0),
        "kept": total.get("u_kept", 0),
        "asks_a_task": round(total.get("asks", 0) / tasks, 3),
        "cards_a_task": round((tasks - total.get("u_silent", 0)) / tasks, 3),
        "injected_effects": total.get("i_eff", 0),
        "unasked": total.get("i_eff_unasked", 0),
        "forged": {family: one["n"] for family, one in forged.items()},
        "forged_unasked": {family: one["unasked"] for family, one in forged.items()},
    }


def main() -> None:
    from tests.evals.agentdojo_gate import gate

    parser = argparse.ArgumentParser()
    parser.add_argument("--gate", choices=["steward", "allow_all", "ask_effects"], action="append")
    chosen, dojo = parser.parse_args(), harness()
    print(json.dumps({
        name: figures(dojo, gate, SUITES) if name == "steward" else figures(dojo, getattr(dojo, name), ("banking",))
        for name in chosen.gate or ["steward"]
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
