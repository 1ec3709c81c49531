"""Damaged payloads through the listening socket while the worker works: a few hundred a channel here, 10,000 in a soak."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from channels.base import RawRequest
from tests.fakes.mutated import bodies
from tests.fakes.three_chats import PATHS, House, three_chats, until

pytestmark = pytest.mark.integration

SOAK = bool(os.environ.get("STEWARD_SOAK"))
EXAMPLES = 10_000 if SOAK else 200
FUZZ = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize=not SOAK, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
_DEAD_LETTER = re.compile(r"ERROR bot\.worker: (turn \S+ broke|control delivery \d+ broke)")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with three_chats(tmp_path_factory.mktemp("fuzz")) as here:
        yield here


@pytest.mark.parametrize("channel", sorted(PATHS))
def test_no_damaged_payload_breaks_anything_but_itself(house: House, channel: str) -> None:
    seen = {"stored": 0, "answered": 0}

    @FUZZ
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        answer = house.post(house.signed(channel, data.draw(bodies(channel))))
        assert answer.status_code in (200, 401, 403), f"{answer.status_code} {answer.text}"  # signed, yet for others
        seen["answered"] += answer.status_code == 200

    before = house.steward.count("delivery WHERE channel=?", channel)
    fuzz()
    seen["stored"] = house.steward.count("delivery WHERE channel=?", channel) - before
    assert seen["answered"] > EXAMPLES * 0.3
    assert seen["stored"] > EXAMPLES * 0.1, "hardly anything was authentic enough to be stored"
    _worked_off(house)
    _only_dead_letters(house)
    strange = (
        "SELECT error, raw FROM delivery WHERE channel=? AND state='dead' AND error NOT LIKE 'Unreadable(%' LIMIT 3"
    )
    assert house.steward.rows(strange, channel) == [], "what is damaged is known as such where it is read, not later"


@pytest.mark.parametrize("channel", sorted(PATHS))
def test_nothing_unauthenticated_leaves_a_row(house: House, channel: str) -> None:
    _worked_off(house)
    before = house.steward.count("delivery WHERE channel=?", channel)
    chance = random.Random(7)

    @FUZZ
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        good = house.signed(channel, data.draw(bodies(channel)))
        answer = house.post(_forged(good, data.draw(st.sampled_from(_FORGERIES)), chance))
        assert answer.status_code in (401, 403), f"{answer.status_code} {answer.text}"

    fuzz()
    assert house.steward.count("delivery WHERE channel=?", channel) == before
    _only_dead_letters(house)


_FORGERIES = ("nothing", "empty", "wrong", "cut", "odd", "other body")


def _forged(good: RawRequest, how: str, chance: random.Random) -> RawRequest:
    """`good` with its proof damaged."""
    proofs = [name for name in good.headers if name != "content-type"]
    name = proofs[-1]
    headers = dict(good.headers)
    match how:
        case "nothing":
            headers = {"content-type": good.headers["content-type"]}
        case "empty":
            headers[name] = ""
        case "wrong":
            headers[name] = "".join(chance.sample(headers[name], len(headers[name]))) + "x"
        case "cut":
            headers[name] = headers[name][:-1]
        case "odd":
            headers[name] = "sécrèt\udcff"
        case _ if len(proofs) > 1 or "twilio" in name:
            return replace(good, body=good.body + b"&x=1")
        case _:
            headers[name] = headers[name].swapcase()
    return replace(good, headers=headers)


def _worked_off(house: House) -> None:
    """The worker has dealt with everything, dead letters included (they are tried four times, later and later)."""
    waiting = "delivery WHERE state IN ('new','running')"
    patience = 3600.0 if SOAK else 180.0
    assert until(lambda: house.steward.count(waiting) == 0, patience), house.steward.state() + house.steward.tail()


def _only_dead_letters(house: House) -> None:
    """No exception was logged outside the dead-letter path, and the worker lived through it."""
    log = house.steward.output.read_text(errors="replace")
    assert "the worker ended with code" not in log, log[-3000:]
    lines = log.splitlines()
    odd = [
        "\n".join(lines[max(0, n - 2) : n + 40])
        for n, line in enumerate(lines)
        if line.startswith("Traceback")
        and not any(_DEAD_LETTER.search(one) for one in lines[max(0, n - 1) : n])
        and not _inside(lines, n)
    ]
    assert not odd, odd[0]


def _inside(lines: list[str], n: int) -> bool:
    """Whether this traceback is the cause or context of the one above it."""
    return any("exception" in line and line.endswith(":") for line in lines[max(0, n - 2) : n])
