"""The truth on PostgreSQL: Steward is killed at random instants, and so is the server. 4 kills in `./check`, 100 by soak."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.crash.talk import Talk
from tests.crash.test_kill_at_random import _say_something
from tests.fakes.postgres_server import PostgresServer
from tests.fakes.steward_process import StewardProcess, steward_process, telegram_process

pytestmark = pytest.mark.integration

KILLS = 100 if os.environ.get("STEWARD_SOAK") else 4
STARTS_S = 2.0


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
            (_steward, _server, _both, _server_while_steward_starts)[kill % 4](steward, postgres_server, chance)
            steward.settled(telegram)
            try:
                talk.check()
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, kill {kill + 1}: {error}") from None
        assert talk.approved or talk.rejected  # one seed in six hundred approves nothing in four kills
        assert not (tmp_path / "home" / "steward.db").exists()


def _steward(steward: StewardProcess, server: PostgresServer, chance: random.Random) -> None:
    steward.kill()
    steward.start()


def _server(steward: StewardProcess, server: PostgresServer, chance: random.Random) -> None:
    """Steward lives on without it, wherever it is."""
    server.kill()
    time.sleep(chance.uniform(0, 0.5))
    server.start()


def _both(steward: StewardProcess, server: PostgresServer, chance: random.Random) -> None:
    """A power cut after which the server comes up last."""
    steward.kill()
    server.kill()
    said = _said(steward)
    steward.start()
    steward.until(lambda: _said(steward) > said, "Steward did not say that the server is away")
    server.start()


def _said(steward: StewardProcess) -> int:
    return steward.output.read_text().count("Trying again")


def _server_while_steward_starts(steward: StewardProcess, server: PostgresServer, chance: random.Random) -> None:
    steward.kill()
    steward.start()
    time.sleep(chance.uniform(0, STARTS_S))
    _server(steward, server, chance)
