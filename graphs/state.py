"""What a turn's checkpoint holds (ids, nothing read or written) and what its nodes are given beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Draft, Memory, Task
from graphs.policy.engine import ORDINARY, Limits, PolicyEngine
from graphs.policy.spoken import Lookup
from graphs.tools.base import Tool
from graphs.understanding import Understanding
from knowledge.database import Database
from knowledge.store.leases import Lease
from knowledge.store.reach import Reach
from knowledge.store.turns import Labels
from knowledge.words import Integrity

LEASE_MS = 30_000
"""How long a worker's word counts without renewal."""

EFFECT_LEASE_MS = 60_000
"""How long one attempt at an effect or a message may take before another worker looks what became of it."""


NOBODY = Reach(())


class State(TypedDict, total=False):
    """The checkpoint: under 32 KB whatever the turn reads. `said` is a value id, `tasks` the ids of the task graph."""

    turn: str
    said: str
    tasks: list[str]
    how: str
    card: str
    waiting: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What started the turn: the words (with their label) and what kind of inbound they came as."""

    words: str
    kind: Literal["text", "command", "timer", "file"]
    integrity: Integrity
    source: str
    command: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)  # of a timer: kind, due_at, occurrence, what to say
    reply_to: str = ""
    aloud: bool = False  # the answer is wanted as a voice note too


@dataclass(frozen=True, slots=True)
class Crew:
    """Everything that turns of this process share; composed once by the composition root."""

    db: Database
    agents: Mapping[str, Agent]
    tools: Mapping[str, Tool]
    policy: PolicyEngine | None
    understanding: Understanding
    memory: Memory
    zone: ZoneInfo
    clock: Callable[[], datetime]
    owner: str
    reach: Reach = NOBODY
    split: Callable[[str, datetime, ZoneInfo], Awaitable[tuple[str, ...]]] | None = None  # a model's, for questions
    walls: Callable[[str], frozenset[str]] = lambda _agent: frozenset()  # classes that an agent may not read
    card_life_ms: int = 7 * 24 * 3600 * 1000
    record_life_ms: int = 90 * 24 * 3600 * 1000
    hold_ms: int = 0  # how long what is sent waits after it was decided
    limits: Limits = ORDINARY
    lease_ms: int = LEASE_MS
    effect_lease_ms: int = EFFECT_LEASE_MS


@dataclass(slots=True)
class TurnContext:
    """One run of one turn: its lease, its words, and what it has found so far (lost in a crash, made again from SQL)."""

    crew: Crew
    lease: Lease
    turn: str
    delivery: int
    channel: str
    conversation: str
    said: Said
    again: bool = False  # an earlier worker may have left rows of this turn
    tasks: list[Task] = field(default_factory=list)
    drafts: dict[str, Draft] = field(default_factory=dict)
    judged: list[Any] = field(default_factory=list)
    trace: dict[str, Any] = field(default_factory=dict)
    read: dict[str, list[Labels]] = field(default_factory=dict)  # task → labels of what it has read
    looked_up: dict[str, list[Lookup]] = field(
        default_factory=dict
    )  # task → what its reading tools were asked and said
    born: list[Any] = field(default_factory=list)  # effects and messages born claimed by this worker

    @property
    def now(self) -> datetime:
        return self.crew.clock()

    @property
    def speaker(self) -> str:
        """This worker as the claimant of what it says, or nobody when another process speaks this conversation."""
        return self.crew.owner if self.crew.reach.speaks(self.channel, self.conversation) else ""


def ms(moment: datetime) -> int:
    """Milliseconds since 1970, the database's time."""
    return int(moment.timestamp() * 1000)
