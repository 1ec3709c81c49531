"""The Redis of paused turns goes for longer than a turn is tried, and comes back with what it had."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.talk import Talk
from tests.fakes.redis_stack import NoRedisStack, RedisStack
from tests.fakes.steward_process import steward_process, telegram_process

pytestmark = pytest.mark.integration


def test_what_comes_while_redis_is_away_waits_for_it_and_that_is_told_once(tmp_path: Path) -> None:
    try:
        server = RedisStack(tmp_path / "redis").start()
    except NoRedisStack as reason:
        pytest.skip(str(reason))
    try:
        more = {"STEWARD_REDIS__URL": server.url}
        with (
            telegram_process(tmp_path) as telegram,
            steward_process(tmp_path / "home", telegram.url, more=more) as steward,
        ):
            talk = Talk(telegram, steward)
            talk.note()
            first = talk.lunch()
            steward.settled(telegram)
            server.kill()
            talk.approve(first)
            talk.note()
            talk.lunch()
            steward.until(lambda: telegram.sent("The Redis of paused turns does not answer"), "it was not told")
            steward.until(lambda: steward.count("delivery WHERE attempts>4"), "it was not tried again")
            server.start()
            steward.settled(telegram)
            talk.check(failures=1)
            assert len(telegram.sent("The Redis of paused turns")) == 1
    finally:
        server.kill()
