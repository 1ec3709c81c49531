"""A circuit breaker: what keeps failing is left alone a while, then tried by one single call before all may again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

Outcome = Literal["worked", "failed", "left"]
"""How a call ended. `left`: it was cancelled, so it says nothing about the other side."""


class BreakerOpen(Exception):
    """The other side failed repeatedly and is left alone; the next try comes by itself."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state and its two transitions, both pure. Times are seconds of one monotonic clock.

    A ticket is the epoch in which a call was let in. Every opening, probe and closing begins a new epoch, so that the
    late end of an old call changes nothing.
    """

    limit: int = 3
    rest_s: float = 30.0
    failures: int = 0
    opened_at: float | None = None
    probing: bool = False
    epoch: int = 0

    def state(self, now: float) -> Literal["closed", "open", "half-open"]:
        if self.opened_at is None:
            return "closed"
        return "half-open" if self.probing or now >= self.opened_at + self.rest_s else "open"

    def admit(self, now: float) -> tuple[Breaker, int | None]:
        """A ticket when closed, one single ticket when half-open, else None."""
        if self.opened_at is None:
            return self, self.epoch
        if self.probing or now < self.opened_at + self.rest_s:
            return self, None
        return replace(self, probing=True, epoch=self.epoch + 1), self.epoch + 1

    def settle(self, ticket: int, outcome: Outcome, now: float) -> Breaker:
        """What the end of the call with this ticket means."""
        if ticket != self.epoch:
            return self
        if outcome == "left":
            return replace(self, probing=False)
        if outcome == "worked":
            return replace(self, failures=0, opened_at=None, probing=False, epoch=self.epoch + self.probing)
        failures = self.failures + 1
        if not self.probing and failures < self.limit:
            return replace(self, failures=failures)
        return replace(self, failures=failures, opened_at=now, probing=False, epoch=self.epoch + 1)


class Gate:
    """A breaker in use: `with gate.passage(): …` raises BreakerOpen, or runs the block and learns from how it ends."""

    def __init__(self, breaker: Breaker | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._breaker = breaker or Breaker()
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def state(self) -> str:
        return self._breaker.state(self._clock())

    @contextmanager
    def passage(self) -> Iterator[None]:
        with self._lock:
            self._breaker, ticket = self._breaker.admit(self._clock())
        if ticket is None:
            raise BreakerOpen
        outcome: Outcome = "left"
        try:
            yield
            outcome = "worked"
        except Exception:
            outcome = "failed"
            raise
        finally:
            with self._lock:
                self._breaker = self._breaker.settle(ticket, outcome, self._clock())
