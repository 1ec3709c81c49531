"""The form of a model's plan: the schema it is asked for, and what is checked before a word of it is used. Pure.

The contract between a model and the agents: a model only ever chooses agents and words goals. A task's typed arguments
come from the agent's own `claim` of that goal, exactly as if the principal had typed it. Where the agent does not claim
the goal, the arguments that the model gave count only if each is one of the manifest's, and its value is one of the
choices that the manifest lists or stands word for word in what the principal said; else the agent is given the goal
alone. Ids are given anew. So no text of a model becomes an id, a tool or an unchecked argument.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from graphs.agent import Agent, Manifest, Task

TASKS_MAX = 6
GOAL_MAX = 4_000

Json = dict[str, Any]


class PlanInvalid(Exception):
    """What is wrong with the plan, in a sentence for the model that made it."""


class WantedTask(BaseModel):
    """A task as the model worded it."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    id: str
    agent: str
    goal: str
    arguments: dict[str, str] = {}
    after: list[str] = []

    @field_validator("arguments", mode="before")
    @classmethod
    def _pairs(cls, given: Any) -> Any:
        """Strict schemas know no free keys, so arguments are asked for as pairs; a plain object is as good."""
        if given is None:
            return {}
        if isinstance(given, list) and all(isinstance(pair, dict) and set(pair) == {"name", "value"} for pair in given):
            return {str(pair["name"]): pair["value"] for pair in given}
        return given


class Wanted(BaseModel):
    """A plan as the model worded it."""

    model_config = ConfigDict(extra="forbid")

    tasks: list[WantedTask]


def schema(manifests: Sequence[Manifest]) -> Json:
    """JSON schema of a plan over these agents. Every field is required, as the strict modes of providers want it."""
    names = sorted({name for manifest in manifests for name in manifest.arguments})
    text = {"type": "string"}
    argument = _object({"name": {**text, **({"enum": names} if names else {})}, "value": text})
    task = _object(
        {
            "id": {**text, "description": "1, 2, 3, …"},
            "agent": {**text, "enum": [manifest.name for manifest in manifests]},
            "goal": {**text, "description": "the wish as one sentence in the wording of the agent's examples"},
            "arguments": {"type": "array", "items": argument},
            "after": {"type": "array", "items": text, "description": "ids of tasks whose result this one needs"},
        }
    )
    whole = _object({"tasks": {"type": "array", "items": task}})
    return {"title": "plan", "description": "The tasks that the message asks for.", **whole}


def _object(properties: Json) -> Json:
    return {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}


def read(reply: str, agents: Mapping[str, Agent]) -> list[WantedTask]:
    """The tasks of a reply, each after those it waits for. Raises PlanInvalid."""
    try:
        tasks = Wanted.model_validate(_json(reply)).tasks
    except ValidationError as error:
        told = [f"{'.'.join(map(str, e['loc'])) or 'plan'}: {e['msg']}" for e in error.errors(include_url=False)[:5]]
        raise PlanInvalid("; ".join(told)) from None
    if len(tasks) > TASKS_MAX:
        raise PlanInvalid(f"there are {len(tasks)} tasks, {TASKS_MAX} are allowed")
    if troubles := [trouble for task in tasks for trouble in _troubles(task, agents)]:
        raise PlanInvalid("; ".join(troubles[:5]))
    return _ordered(tasks)


def _json(reply: str) -> Any:
    """The JSON object in a reply, also when it stands in a code fence or between sentences."""
    begin, end = reply.find("{"), reply.rfind("}")
    try:
        return json.loads(reply[begin : end + 1])
    except (ValueError, RecursionError):
        raise PlanInvalid("the reply is not a JSON object with `tasks`") from None


def _troubles(task: WantedTask, agents: Mapping[str, Agent]) -> list[str]:
    name = _cut(task.id)
    if (agent := agents.get(task.agent)) is None:
        return [f"task {name}: there is no agent {_cut(task.agent)}; there are {', '.join(agents)}"]
    troubles = []
    if not task.goal.strip():
        troubles.append(f"task {name}: the goal is empty")
    if len(task.goal) > GOAL_MAX or "\0" in task.goal:
        troubles.append(f"task {name}: the goal is not one plain sentence")
    known = agent.manifest.arguments
    if unknown := [_cut(argument) for argument in task.arguments if argument not in known]:
        allowed = ", ".join(known) or "none"
        troubles.append(f"task {name}: {task.agent} has no argument {', '.join(unknown)}; it has {allowed}")
    return troubles


def _ordered(tasks: Sequence[WantedTask]) -> list[WantedTask]:
    by_id = {task.id: task for task in tasks}
    if len(by_id) < len(tasks):
        raise PlanInvalid("two tasks have the same id")
    for task in tasks:
        if missing := [_cut(other) for other in task.after if other not in by_id]:
            raise PlanInvalid(f"task {_cut(task.id)}: after names {', '.join(missing)}, which is not in the plan")
    try:
        return [by_id[name] for name in TopologicalSorter({t.id: t.after for t in tasks}).static_order()]
    except CycleError:
        raise PlanInvalid("tasks wait for each other in a circle") from None


def _cut(text: str) -> str:
    return repr(text[:40])


def bound(
    wanted: Sequence[WantedTask], agents: Mapping[str, Agent], words: str, now: datetime, zone: ZoneInfo
) -> tuple[Task, ...]:
    """The task graph, under the contract above. `wanted` is what `read` returned."""
    ids = {task.id: str(number) for number, task in enumerate(wanted, 1)}
    made = []
    for task in wanted:
        agent, goal = agents[task.agent], task.goal.strip()
        claimed = agent.claim(goal, now, zone)
        arguments = checked(task.arguments, agent.manifest, words) if claimed is None else claimed
        after = tuple(dict.fromkeys(ids[other] for other in task.after))
        made.append(Task(ids[task.id], task.agent, goal, arguments, after))
    return tuple(made)


def checked(arguments: Mapping[str, str], manifest: Manifest, words: str) -> Mapping[str, str]:
    """The model's arguments, all of them or none: each listed by the manifest ("one of …") or said by the principal."""
    return dict(arguments) if all(_is_known(v, manifest.arguments[n], words) for n, v in arguments.items()) else {}


def _is_known(value: str, meaning: str, words: str) -> bool:
    if choices := _choices(meaning):
        return value in choices
    flat = _flat(value)
    return bool(flat) and f" {flat} " in f" {_flat(words)} "


def _choices(meaning: str) -> list[str]:
    """ "one of write, append (…)" → ["write", "append"]; no choices: []."""
    listed = re.match(r"one of ([\w-]+(?:, [\w-]+)*)", meaning)
    return listed[1].split(", ") if listed else []


def _flat(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
