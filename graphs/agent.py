"""An agent is a manifest and two functions: `claim` says from the words alone whether a task is its own, `work` does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from knowledge.hits import Hit
from knowledge.words import Button, Evidence, Integrity

__all__ = ["Agent", "Claim", "Desk", "Draft", "Hit", "Manifest", "Memory", "Task", "Wish"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an agent is for and what it may touch. A call outside `tools` is denied whatever policy says.

    `examples` are phrases of the principal that mean this agent: the nearest-intent search is made of them, and the
    model's menu shows `purpose` and `arguments` (argument name → what goes in it, in words).
    """

    name: str
    purpose: str
    tools: frozenset[str] = frozenset()
    trust: Literal["core", "installed"] = "core"
    reads_memory: bool = False
    examples: tuple[str, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """One node of a turn's task graph. `arguments` are JSON; `after` names the tasks whose drafts it waits for."""

    id: str
    agent: str
    goal: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """An effect that an agent wants. `origins` maps an argument to the value ids it was made from (none: the agent's own)."""

    tool: str
    arguments: Mapping[str, Any]
    evidence: tuple[Evidence, ...] = ()
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What came of a task: words for the answer (Markdown, may be empty when effects speak), evidence, wishes.

    `asks` marks a question back to the principal: the words are a question and `choices` its quick answers.
    """

    text: str = ""
    evidence: tuple[Evidence, ...] = ()
    wishes: tuple[Wish, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    asks: bool = False
    choices: tuple[str, ...] = ()


class Memory(Protocol):
    """What agents see of memory."""

    async def search(
        self, query: str, *, k: int = 8, sources: Sequence[str] = (), readers: Sequence[str] = ("principal",)
    ) -> list[Hit]: ...


async def unsplit(question: str) -> tuple[str, ...]:
    """Without a model a question stays whole."""
    return ()


@dataclass(frozen=True, slots=True)
class Desk:
    """What an agent is given: the principal's words, the clock, memory and reading tools. No writing happens here."""

    words: str
    words_value: str  # value id of the words
    integrity: Integrity
    channel: str
    conversation: str
    now: datetime  # aware, in `zone`
    zone: ZoneInfo
    memory: Memory
    read: Callable[[str, Mapping[str, Any]], Awaitable[Any]]  # reading tools by name, guarded and recorded
    split: Callable[[str], Awaitable[tuple[str, ...]]] = unsplit  # a question into two or three, where a model can
    drafts: Mapping[str, Draft] = field(default_factory=dict)  # of the tasks it waited for
    turn: str = ""


Claim = Callable[[str, datetime, ZoneInfo], Mapping[str, Any] | None]
"""(the principal's words, now, zone) → the task's arguments when the words are surely this agent's, else None. Pure."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A narrow named worker. `commands` maps a slash command to a note for /help; its words become the task's goal.

    For a slash command `work` gets `arguments == {"command": name}` and `goal` the rest of the line.
    For a nearest-intent match `work` gets empty arguments and the whole words as goal.
    """

    manifest: Manifest
    claim: Claim
    work: Callable[[Task, Desk], Awaitable[Draft]]
    commands: Mapping[str, str] = field(default_factory=dict)
