"""Where turns pause: in SQLite, and in a real Redis that is killed with Steward's own files kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.redis_stack import NoRedisStack, RedisStack


@pytest.fixture(params=["sqlite", "redis"])
def checkpoints(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment that chooses the store for paused turns."""
    if request.param == "sqlite":
        yield {}
        return
    try:
        server = RedisStack(tmp_path / "redis").start()
    except NoRedisStack as why:
        pytest.skip(f"no Redis Stack: {why}")
    try:
        yield {"STEWARD_REDIS__URL": server.url}
    finally:
        server.kill()
