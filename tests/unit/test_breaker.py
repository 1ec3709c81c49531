"""The circuit breaker: opens after repeated failures, and lets one single call try when it has rested."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.breaker import Breaker, BreakerOpen, Gate, Outcome

RESTING = Breaker(limit=1, rest_s=30.0, failures=1, opened_at=100.0, epoch=1)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_after_the_limit_of_failures_in_a_row() -> None:
    breaker = Breaker(limit=3)
    for n in range(3):
        assert breaker.state(n) == "closed"
        breaker, ticket = breaker.admit(n)
        assert ticket is not None
        breaker = breaker.settle(ticket, "failed", n)
    assert breaker.state(3) == "open"
    assert breaker.admit(3)[1] is None


def test_one_success_forgets_the_failures_before_it() -> None:
    breaker = Breaker(limit=2).settle(0, "failed", 0).settle(0, "worked", 1).settle(0, "failed", 2)
    assert breaker.state(2) == "closed"


def test_after_its_rest_one_call_may_try_and_no_second() -> None:
    assert RESTING.admit(129.9)[1] is None
    probing, ticket = RESTING.admit(130.0)
    assert ticket is not None
    assert probing.admit(130.0)[1] is None
    assert probing.admit(9_999.0)[1] is None


def test_a_probe_that_works_closes_it_and_one_that_fails_opens_it_anew() -> None:
    probing, ticket = RESTING.admit(130.0)
    assert ticket is not None
    assert probing.settle(ticket, "worked", 131.0).state(131.0) == "closed"
    again = probing.settle(ticket, "failed", 140.0)
    assert (again.state(169.9), again.state(170.0)) == ("open", "half-open")


def test_a_cancelled_probe_makes_room_for_the_next_at_once() -> None:
    probing, ticket = RESTING.admit(130.0)
    assert ticket is not None
    assert probing.settle(ticket, "left", 131.0).admit(131.0)[1] is not None


@pytest.mark.parametrize("outcome", ["worked", "failed", "left"])
def test_the_late_end_of_a_call_from_before_the_opening_changes_nothing(outcome: Outcome) -> None:
    assert RESTING.settle(0, outcome, 110.0) == RESTING
    probing, _ = RESTING.admit(130.0)
    assert probing.settle(0, outcome, 131.0) == probing


@given(st.lists(st.tuples(st.sampled_from(["admit", "worked", "failed", "left"]), st.integers(0, 20))))
def test_whatever_happens_at_most_one_probe_is_out_and_it_never_locks_up(steps: list[tuple[str, int]]) -> None:
    breaker, now = Breaker(limit=2, rest_s=10), 0.0
    out: list[tuple[int, bool]] = []
    for step, wait in steps:
        now += wait
        if step == "admit":
            breaker, ticket = breaker.admit(now)
            if ticket is not None:
                out.append((ticket, breaker.probing))
        elif out:
            ticket, _ = out.pop(0)
            breaker = breaker.settle(ticket, step, now)  # type: ignore[arg-type]
        assert sum(probe for _, probe in out) <= 1
    for ticket, _ in out:
        breaker = breaker.settle(ticket, "left", now)
    assert breaker.admit(now + 10)[1] is not None


async def test_twenty_callers_at_once_make_one_probe() -> None:
    clock = Clock()
    gate = Gate(Breaker(limit=1, rest_s=5), clock)
    with pytest.raises(ValueError), gate.passage():
        raise ValueError
    clock.now = 5
    inside, go = 0, asyncio.Event()

    async def caller() -> str:
        nonlocal inside
        try:
            with gate.passage():
                inside += 1
                await go.wait()
        except BreakerOpen:
            return "turned away"
        return "through"

    callers = [asyncio.create_task(caller()) for _ in range(20)]
    await asyncio.sleep(0)
    assert inside == 1
    go.set()
    assert sorted(await asyncio.gather(*callers)) == ["through"] + ["turned away"] * 19
    assert gate.state == "closed"


async def test_a_cancelled_caller_gives_the_probe_back() -> None:
    clock = Clock()
    gate = Gate(Breaker(limit=1, rest_s=5, failures=1, opened_at=0.0), clock)
    clock.now = 5

    async def caller() -> None:
        with gate.passage():
            await asyncio.Event().wait()

    probe = asyncio.create_task(caller())
    await asyncio.sleep(0)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    with gate.passage():
        pass
    assert gate.state == "closed"


def test_threads_that_arrive_together_make_one_probe_as_well() -> None:
    clock = Clock()
    gate = Gate(Breaker(limit=1, rest_s=5, failures=1, opened_at=0.0), clock)
    clock.now = 5
    start, done = threading.Barrier(20), threading.Barrier(20)

    def caller(_: int) -> bool:
        start.wait(5)
        try:
            with gate.passage():
                done.wait(5)
        except BreakerOpen:
            done.wait(5)
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(caller, range(20))) == 1
