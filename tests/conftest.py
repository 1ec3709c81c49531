"""What every test may use. Sockets beyond loopback are closed; times and ids are arguments, so nothing is patched here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True)  # CI judges the change, not the day's luck
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this version's schema and nothing in it: copy it instead of migrating one for each test."""
    from knowledge.database.migrate import ensure

    path = tmp_path_factory.mktemp("template") / "steward.db"
    ensure(path)
    return path


@pytest.fixture(autouse=True)
def _loopback_only(request: pytest.FixtureRequest) -> None:
    """A test that reaches for the network fails, whoever asks."""
    from pytest_socket import socket_allow_hosts

    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
