"""From the principal's words to a task graph: commands, then explicit patterns, then a model or the nearest intent."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Task

log = logging.getLogger(__name__)

How = Literal["command", "pattern", "model", "fallback", "nearest", "guess", "nothing", "timer"]

SURE = 0.62
"""Cosine above which the nearest example is taken as meant (held-out phrases: median .41, wrong ones rarely above .6)."""

MOST_NOTED = 1_000  # characters of what is offered as a note

MAYBE = 0.45
"""Cosine above which the nearest intents are offered as "did you mean"."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The task graph of a turn, how it was found, and a sentence for the principal where one is due.

    `suggestions` are phrases offered when nothing was understood. `note` tells that a model was not available.
    """

    tasks: tuple[Task, ...]
    how: How
    suggestions: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Near:
    """An example phrase of an agent and its cosine to the words."""

    agent: str
    example: str
    cosine: float


Nearest = Callable[[str, Sequence[tuple[str, str]]], Awaitable[list[Near]]]
"""(words, [(agent, example)]) → the nearest examples, best first; empty when no embedder is there."""


class Planner(Protocol):
    """A model that plans. Returns None when it is down, slow, over budget or its answer stayed invalid."""

    async def plan(self, words: str, now: datetime, zone: ZoneInfo) -> tuple[Task, ...] | None: ...


async def no_nearest(words: str, examples: Sequence[tuple[str, str]]) -> list[Near]:
    """Without an embedder nothing is near."""
    return []


@dataclass(frozen=True, slots=True)
class Understanding:
    """Reads words. The order is the law: slash commands, explicit patterns, model, nearest intent, "did you mean"."""

    agents: Mapping[str, Agent]
    nearest: Nearest = no_nearest
    planner: Planner | None = None
    commands: Mapping[str, str] = field(default_factory=dict)  # command → agent
    house: Collection[str] = ()  # commands that never come here, unless mistyped

    @classmethod
    def of(
        cls,
        agents: Mapping[str, Agent],
        nearest: Nearest = no_nearest,
        planner: Planner | None = None,
        house: Collection[str] = (),
    ) -> Understanding:
        commands = {command: name for name, agent in agents.items() for command in agent.commands}
        return cls(agents, nearest, planner, commands, house)

    async def read(self, words: str, command: str, now: datetime, zone: ZoneInfo) -> Plan:
        """The plan for `words` (of a slash command: the rest of the line). Never raises for what was typed."""
        if command:
            return self._command(command, words)
        if (claimed := self.claimed(words, now, zone)) is not None:
            return Plan((claimed,), "pattern")
        if self.planner is not None:
            tasks = await self.planner.plan(words, now, zone)
            if tasks is not None:
                return Plan(tasks, "model")
            plan = await self._near(words)
            return Plan(plan.tasks, "fallback" if plan.tasks else plan.how, plan.suggestions, note=FALLBACK_NOTE)
        return await self._near(words)

    def claimed(self, words: str, now: datetime, zone: ZoneInfo) -> Task | None:
        """The task of the first agent whose explicit patterns match."""
        for name, agent in self.agents.items():
            if (arguments := agent.claim(words, now, zone)) is not None:
                return Task("1", name, words, arguments)
        return None

    def _command(self, command: str, words: str) -> Plan:
        if (agent := self.commands.get(command)) is not None:
            return Plan((Task("1", agent, words, {"command": command}),), "command")
        return Plan(
            (), "nothing", tuple(f"/{name}" for name in _close_commands(command, [*self.commands, *self.house]))
        )

    async def _near(self, words: str) -> Plan:
        examples = [(name, phrase) for name, agent in self.agents.items() for phrase in agent.manifest.examples]
        found = await self.nearest(words, examples)
        if found and found[0].cosine >= SURE:
            return Plan((Task("1", found[0].agent, words),), "nearest")
        return Plan((), "guess", tuple(dict.fromkeys(n.example for n in found if n.cosine >= MAYBE))[:3])


def is_worth_noting(words: str) -> bool:
    """Whether words that nobody understood read as something told: a few words at least, and no question."""
    return len(words) <= MOST_NOTED and len(words.split()) > 2 and not words.rstrip(" )!").endswith(("?", "？"))


FALLBACK_NOTE = "The model did not answer, so I used my own plain understanding."


def _close_commands(command: str, known: Sequence[str]) -> list[str]:
    import difflib

    return difflib.get_close_matches(command, known, n=3, cutoff=0.5)
