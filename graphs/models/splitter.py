"""A question that memory does not answer at once, split by a model into two or three that it may answer. Or into none."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from graphs.breaker import BreakerOpen, Gate
from graphs.models.budget import Budget, DailyBudget
from graphs.models.client import ChatModel, Model, ModelTrouble, ModelUnusable
from graphs.models.planner import question
from graphs.prompts import split_prompt

log = logging.getLogger(__name__)

LEAST, MOST = 2, 3
LONGEST = 300  # characters of a part
WORDS_MAX = 1_000

_TEXT = {"type": "string"}
FORM: dict[str, Any] = {
    "title": "split", "description": "The smaller questions that answer the question together.", "type": "object",
    "additionalProperties": False, "required": ["questions"],
    "properties": {"questions": {"type": "array", "items": _TEXT}},
}  # fmt: skip


@dataclass(slots=True)
class ModelSplitter:
    """Splits questions over one model. Nothing comes back when it is down, slow, over budget or of no use."""

    model: Model
    timeout_s: float = 20.0
    budget: Budget = field(default_factory=DailyBudget)
    gate: Gate = field(default_factory=Gate)

    @classmethod
    def of(cls, name: str, *, base_url: str = "", api_key: str = "", timeout_s: float = 20.0) -> ModelSplitter:
        """For `provider:model`. Nothing is imported or connected until the first question."""
        return cls(ChatModel(name, FORM, base_url, SecretStr(api_key), timeout_s), timeout_s)

    async def split(self, words: str, now: datetime, zone: ZoneInfo) -> tuple[str, ...]:
        """Two or three questions, or none: then the question stays as it is."""
        local = now.astimezone(zone)
        if len(words) > WORDS_MAX or not self.budget.allows(local.date()):
            return ()
        tokens = 0
        try:
            with self.gate.passage():
                await self.model.ready()
                async with asyncio.timeout(self.timeout_s):
                    reply = await self.model.ask([("system", split_prompt()), ("human", question(words, local, zone))])
            tokens = reply.tokens
        except BreakerOpen:
            return ()
        except (ModelTrouble, ModelUnusable, TimeoutError) as trouble:
            log.warning("model.failed: the question stays whole (%s)", type(trouble).__name__)
            return ()
        finally:
            self.budget.spend(local.date(), tokens)
        return parts(reply.text, words)

    async def close(self) -> None:
        await self.model.close()


def parts(reply: str, words: str) -> tuple[str, ...]:
    """The questions in a reply, each a line and none the question itself; nothing where it is not of the form. Pure."""
    try:
        given = json.loads(reply[reply.find("{") : reply.rfind("}") + 1])["questions"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        return ()
    found = dict.fromkeys(" ".join(one.replace("\0", " ").split()) for one in given)
    found = {one: None for one in found if one and one.casefold() != " ".join(words.split()).casefold()}
    fits = LEAST <= len(found) <= MOST and all(len(one) <= LONGEST for one in found)
    return tuple(found) if fits else ()
