"""The agent of the calendar: tells what is on and what is free, proposes events, moves and cancellations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from graphs.agent import Agent, Desk, Draft, Manifest, Task
from graphs.agents.calendar_change import change
from graphs.agents.calendar_claim import claim
from graphs.agents.calendar_create import create
from graphs.agents.calendar_look import free, listed, where


async def work(task: Task, desk: Desk) -> Draft:
    arguments: Mapping[str, Any] = task.arguments or claim(task.goal, desk.now, desk.zone) or {}
    do = str(arguments.get("do") or _deed(arguments, task.goal))
    which, when = str(arguments.get("which", "")), str(arguments.get("when", ""))
    if do == "create":
        return await create(str(arguments.get("what") or task.goal), desk)
    if do in ("list", "free"):
        return await (listed if do == "list" else free)(when if arguments else task.goal, desk)
    if do in ("next", "where"):
        return await where(which, desk, task.goal)
    return await change(do, which, arguments, desk)


def _deed(arguments: Mapping[str, Any], goal: str) -> str:
    """What is to be done where neither a pattern nor a model said it."""
    if arguments.get("what"):
        return "create"
    if arguments.get("which"):
        return "move" if arguments.get("to") else "where"
    return "list" if _looks(goal) else "create"


def _looks(goal: str) -> bool:
    return (
        goal.rstrip().endswith("?") or re.match(r"\s*(?:what|when|show|list|was|wann|zeig)\b", goal, re.I) is not None
    )


AGENT = Agent(
    Manifest(
        name="calendar",
        purpose="look into the calendar, find free time, propose events, moves and cancellations",
        tools=frozenset(
            {"calendar.create", "calendar.move", "calendar.delete", "calendar.list", "calendar.find", "calendar.event"}
            | {"calendar.conflicts", "facts.about"}
        ),
        reads_memory=True,
        examples=(
            "what's on tomorrow?",
            "am I free on friday at 3?",
            "lunch with Ada on friday at 12:30",
            "schedule a meeting with the auditors on monday at 10 for an hour",
            "move my lunch with Ada to 1pm",
            "cancel tomorrow's lunch",
        ),
        arguments={
            "do": "one of list, free, create, move, rename, place, cancel, next, where",
            "when": "the time to look at, in the principal's own words (list, free)",
            "what": "title, place, time and length of the event, in the principal's own words (create)",
            "which": "words that name the event, with its day if said (move, rename, place, cancel, next, where)",
            "to": "the new time, in the principal's own words (move)",
            "name": "the new title (rename)",
            "place": "the new place (place)",
        },
    ),
    claim,
    work,
)
