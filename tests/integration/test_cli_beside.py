"""Every command works alone and beside a running Steward, whose worker sleeps or is awake."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.bench.bot_api import BotApi
from bot.bench.processes import Running, environment, steward

pytestmark = pytest.mark.integration


def run(home: Path, *words: str, code: int = 0) -> str:
    """A command in a process of its own: what it printed. Its exit code must be `code`."""
    command = [sys.executable, "-P", "-m", "bot.cli", *words]
    ran = subprocess.run(
        command,
        env=environment(STEWARD_HOME=str(home), STEWARD_ZONE="UTC"),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ran.returncode == code, f"{words}: {ran.stdout}{ran.stderr}"
    assert "Traceback" not in ran.stderr
    return ran.stdout + ran.stderr


def read(home: Path, *words: str) -> Any:
    return json.loads(run(home, *words, "--json"))


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    """A Steward whose worker sleeps after two seconds without work."""
    async with BotApi() as api, steward(api, 1, tmp_path / "home", STEWARD_WORKER__IDLE_S="2") as started:
        yield started


def test_alone_a_card_is_approved_and_undone_and_a_file_found(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run(home, "chat", "--once", "lunch with Ada on 27 November at 12:30")
    (card,) = read(home, "approvals", "list")
    number = card["id"][1:]
    assert "Created “Lunch with Ada”" in run(home, "approvals", "approve", number)
    assert "Lunch with Ada" in (home / "calendar.ics").read_text()
    assert "Already approved" in run(home, "approvals", "approve", number)
    assert "Undone. Removed “Lunch with Ada”" in run(home, "undo")
    assert "Lunch with Ada" not in (home / "calendar.ics").read_text()
    (tmp_path / "plumber.txt").write_text("The plumber comes on Tuesdays.")
    assert read(home, "ingest", str(tmp_path / "plumber.txt"))["new"] == 1
    assert read(home, "ingest", str(tmp_path / "plumber.txt"))["unchanged"] == 1
    assert "The plumber comes on Tuesdays." in run(home, "search", "plumber", "--around", "1")
    assert "anew" in run(home, "reindex")
    assert read(home, "audit", "verify")["ok"]


async def test_beside_a_running_steward_the_worker_is_woken_and_does_it(running: Running, tmp_path: Path) -> None:
    home = running.home.path
    answered = await running.chat.turn("lunch with Ada on 27 November at 12:30", 120)
    assert "Lunch with Ada" in answered.text
    (card,) = read(home, "approvals", "list")
    assert "Created “Lunch with Ada”" in run(home, "approvals", "approve", card["id"][1:])
    assert await running.until_worker("asleep", 120)
    status = read(home, "status")
    assert (status["processes"]["worker"], status["processes"]["channels"]) == ("asleep", ["telegram"])
    assert "Undone." in run(home, "undo")  # wakes it
    assert "Lunch with Ada" not in (home / "calendar.ics").read_text()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "plumber.eml").write_text("From: ada@x.org\nMessage-ID: <1@x>\n\nWhen does the plumber come?")
    (tmp_path / "docs" / "reply.eml").write_text("From: bo@x.org\nIn-Reply-To: <1@x>\n\nHe comes on Tuesdays.")
    assert read(home, "ingest", str(tmp_path / "docs"))["new"] == 2
    asked = read(home, "search", "plumber", "--around", "1")[0]
    assert "When does the plumber come?" in asked["text"]
    assert ["He comes on Tuesdays." in one["text"] for one in asked["around"]] == [True]
    assert "paused" in run(home, "agents", "pause", "calendar")
    assert "There is no open failure" in run(home, "failures", "retry", "3", code=1)
