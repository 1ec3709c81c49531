"""What every test may use. Sockets beyond loopback are closed; times and ids are arguments, so nothing is patched here."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.fakes.postgres_server import PostgresServer

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no finding
settings.register_profile("here", PATIENT)
settings.register_profile("ci", PATIENT, derandomize=True)  # CI judges the change, not the day's luck
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this version's schema and nothing in it: copy it instead of migrating one for each test."""
    from knowledge.database.migrate import ensure

    path = tmp_path_factory.mktemp("template") / "steward.db"
    ensure(path)
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this session's own; `current` is a database of this version's schema with nothing in it."""
    from tests.fakes.postgres_server import NoPostgres, PostgresServer

    try:
        server = PostgresServer().start()
    except NoPostgres as why:
        pytest.skip(f"no PostgreSQL: {why}")
    try:
        server.migrate()
        yield server
    finally:
        server.stop()


@pytest.fixture
def on_postgres(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The truth of every home in this test is a PostgreSQL; its URL."""
    url = postgres_server.fresh("current")
    monkeypatch.setenv("STEWARD_DATABASE__URL", url)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def truth(request: pytest.FixtureRequest) -> str:
    """The test runs on both."""
    if request.param == "postgres":
        request.getfixturevalue("on_postgres")
    return str(request.param)


@pytest.fixture(autouse=True)
def _chosen_truth(request: pytest.FixtureRequest) -> None:
    """`STEWARD_TEST_TRUTH=postgres pytest …` plays everything on one."""
    if os.environ.get("STEWARD_TEST_TRUTH") == "postgres":
        request.getfixturevalue("on_postgres")


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    """Levels of logs, the environment and the folder are for the next test as they were for this one, in any order."""
    loggers = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = [(one, one.level, one.disabled, one.propagate) for one in (logging.root, *loggers)]
    environment, folder, disabled = dict(os.environ), os.getcwd(), logging.root.manager.disable
    yield
    for one, level, off, propagate in before:
        if one.level != level:
            one.setLevel(level)
        one.disabled, one.propagate = off, propagate
    if os.environ != environment:
        os.environ.clear()
        os.environ.update(environment)
    logging.disable(disabled)
    os.chdir(folder)


@pytest.fixture(autouse=True)
def _loopback_only(request: pytest.FixtureRequest) -> None:
    """A test that reaches for the network fails, whoever asks."""
    from pytest_socket import socket_allow_hosts

    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
