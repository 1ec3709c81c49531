"""`kill -9` at uniformly random instants of mixed conversations: 12 in `./check`, 200 with STEWARD_SOAK=1."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.crash.talk import Talk
from tests.fakes.steward_process import steward_process, telegram_process

pytestmark = pytest.mark.integration

KILLS = 200 if os.environ.get("STEWARD_SOAK") else 12


def test_killed_at_random_instants_nothing_is_lost_and_nothing_happens_twice(
    tmp_path: Path, checkpoints: dict[str, str]
) -> None:
    seed = int(os.environ.get("STEWARD_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
    print(f"STEWARD_SEED={seed}")
    chance = random.Random(seed)
    with (
        telegram_process(tmp_path) as telegram,
        steward_process(tmp_path / "home", telegram.url, more=checkpoints) as steward,
    ):
        talk = Talk(telegram, steward)
        began = time.monotonic()
        _say_something(talk, chance)
        steward.settled(telegram)
        cold = time.monotonic() - began
        for kill in range(KILLS):
            if kill % 3 == 2:  # while it comes up, with everything waiting already
                steward.kill()
                _say_something(talk, chance)
                steward.start()
                time.sleep(chance.uniform(0, cold))
            else:
                _say_something(talk, chance)
                time.sleep(chance.uniform(0, 0.6))
            steward.kill()
            steward.start()
            began = time.monotonic()
            steward.settled(telegram)
            cold = time.monotonic() - began
            try:
                talk.check()
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, kill {kill + 1}: {error}") from None
        assert len(talk.approved) > 2


def _say_something(talk: Talk, chance: random.Random) -> None:
    """A mixed handful at once: notes, a request, and decisions on what is there already."""
    for _ in range(chance.randint(1, 2)):
        talk.note()
    if (undoable := talk.undoable()) and chance.random() < 0.5:
        talk.undo(chance.choice(undoable))
    for lunch in talk.undecided()[:2]:
        (talk.approve if chance.random() < 0.8 else talk.reject)(lunch)
    talk.lunch()
