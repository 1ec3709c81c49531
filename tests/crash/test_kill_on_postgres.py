"""The truth on PostgreSQL: Steward is killed at random instants, and so is the server. 3 kills in `./check`, 100 by soak."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.crash.talk import Talk
from tests.crash.test_kill_at_random import _say_something
from tests.fakes.postgres_server import PostgresServer
from tests.fakes.steward_process import steward_process, telegram_process

pytestmark = pytest.mark.integration

KILLS = 100 if os.environ.get("STEWARD_SOAK") else 3


def test_killed_at_random_instants_steward_and_its_server_lose_nothing_and_do_nothing_twice(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    seed = int(os.environ.get("STEWARD_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
    print(f"STEWARD_SEED={seed}")
    chance = random.Random(seed)
    more = {"STEWARD_DATABASE__URL": postgres_server.fresh("current")}
    with (
        telegram_process(tmp_path) as telegram,
        steward_process(tmp_path / "home", telegram.url, more=more) as steward,
    ):
        talk = Talk(telegram, steward)
        _say_something(talk, chance)
        steward.settled(telegram)
        for kill in range(KILLS):
            _say_something(talk, chance)
            time.sleep(chance.uniform(0, 0.6))
            if kill % 2:
                postgres_server.kill()  # Steward lives on without it
                time.sleep(chance.uniform(0, 0.5))
                postgres_server.start()
            else:
                steward.kill()
                steward.start()
            steward.settled(telegram)
            try:
                talk.check()
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, kill {kill + 1}: {error}") from None
        assert talk.approved
        assert not (tmp_path / "home" / "steward.db").exists()
