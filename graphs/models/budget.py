"""How much a model may be used in a day. Counted in memory; a store that outlives the process fits the protocol too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol


class Budget(Protocol):
    """Asked before every call, told after it. `day` is the principal's."""

    def allows(self, day: date) -> bool: ...

    def spend(self, day: date, tokens: int) -> None: ...


@dataclass(slots=True)
class DailyBudget:
    """At most so many calls and tokens a day; 0 means no limit. The call that crosses the token limit is the last."""

    calls: int = 0
    tokens: int = 0
    _day: date = date.min
    _calls: int = 0
    _tokens: int = 0

    def allows(self, day: date) -> bool:
        if day != self._day:
            return True
        return not (self.calls and self._calls >= self.calls) and not (self.tokens and self._tokens >= self.tokens)

    def spend(self, day: date, tokens: int) -> None:
        if day != self._day:
            self._day, self._calls, self._tokens = day, 0, 0
        self._calls += 1
        self._tokens += tokens
