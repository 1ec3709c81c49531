"""Planning by a model: the principal's words in, a checked task graph out, or None when none comes in time."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from graphs.agent import Agent, Task
from graphs.breaker import BreakerOpen, Gate
from graphs.models.budget import Budget, DailyBudget
from graphs.models.client import ChatModel, Model, ModelTrouble, ModelUnusable, Talk
from graphs.models.form import TASKS_MAX, PlanInvalid, bound, read, schema
from graphs.prompts import plan_prompt

log = logging.getLogger(__name__)

WORDS_MAX = 8_000
"""Longer words are not sent: a plan would have to say them again."""

REPAIR = "That plan can't be used: {}. Make the plan again, whole, in the same form."


@dataclass(slots=True)
class ModelPlanner:
    """A `Planner` over one model. None means down, slow, over budget or invalid twice; the log says which."""

    agents: Mapping[str, Agent]
    model: Model
    timeout_s: float = 20.0
    budget: Budget = field(default_factory=DailyBudget)
    gate: Gate = field(default_factory=Gate)
    _prompt: str = field(default="", repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        *,
        base_url: str = "",
        api_key: str = "",
        timeout_s: float = 20.0,
        agents: Mapping[str, Agent],
        budget: Budget | None = None,
    ) -> ModelPlanner:
        """A planner for `provider:model`. Nothing is imported or connected until the first plan."""
        form = schema([agent.manifest for agent in agents.values()])
        model = ChatModel(name, form, base_url, SecretStr(api_key), timeout_s)
        return cls(agents, model, timeout_s, budget or DailyBudget())

    async def plan(self, words: str, now: datetime, zone: ZoneInfo) -> tuple[Task, ...] | None:
        local = now.astimezone(zone)
        if len(words) > WORDS_MAX or not self.budget.allows(local.date()):
            log.info("model.not_asked: the words are too long or the day's budget is spent")
            return None
        try:
            with self.gate.passage():
                await self.model.ready()  # loading it is not the model's slowness
                async with asyncio.timeout(self.timeout_s):
                    return await self._planned(words, local, zone)
        except BreakerOpen:
            log.info("model.resting: it failed repeatedly, the next try comes by itself")
        except ModelUnusable as trouble:
            log.error("model.unusable (%s): %s", trouble, ModelUnusable.__doc__)
        except ModelTrouble as trouble:
            log.warning("model.failed: %s", trouble)
        except TimeoutError:
            log.warning("model.slow: no plan within %s s", self.timeout_s)
        except PlanInvalid:
            log.warning("model.invalid: the plan was not usable, also after its repair")
        return None

    async def close(self) -> None:
        """Let the model's connections go."""
        await self.model.close()

    async def _planned(self, words: str, now: datetime, zone: ZoneInfo) -> tuple[Task, ...]:
        talk: Talk = [("system", self._system()), ("human", question(words, now, zone))]
        reply = await self._asked(talk, now)
        try:
            wanted = read(reply, self.agents)
        except PlanInvalid as invalid:
            if not self.budget.allows(now.date()):
                raise
            again = REPAIR.format(invalid)
            reply = await self._asked([*talk, ("ai", reply[:WORDS_MAX] or "(nothing)"), ("human", again)], now)
            wanted = read(reply, self.agents)
        return bound(wanted, self.agents, words, now, zone)

    async def _asked(self, talk: Talk, now: datetime) -> str:
        tokens = 0
        try:
            reply = await self.model.ask(talk)
            tokens = reply.tokens
            return reply.text
        finally:
            self.budget.spend(now.date(), tokens)

    def _system(self) -> str:
        if not self._prompt:
            self._prompt = plan_prompt((agent.manifest for agent in self.agents.values()), TASKS_MAX)
        return self._prompt


def question(words: str, now: datetime, zone: ZoneInfo) -> str:
    """The words and the time, as JSON so that no words can leave their place."""
    return json.dumps({"now": f"{now:%A %Y-%m-%d %H:%M}", "zone": zone.key, "words": words}, ensure_ascii=False)
