"""Workers that die, stall and wake up again: another takes over, and nothing happens twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.crash.talk import Talk, name
from tests.fakes.steward_process import ROOT, StewardProcess, steward_process, telegram_process
from tests.fakes.waiting import PATIENCE_S

pytestmark = pytest.mark.integration

TWO_WORKERS = {"STEWARD_WORKER__LEASE_S": "2"}


def test_a_killed_worker_is_started_again_and_goes_on(tmp_path: Path) -> None:
    with telegram_process(tmp_path) as telegram, steward_process(tmp_path / "home", telegram.url) as steward:
        talk = Talk(telegram, steward)
        talk.note()
        talk.lunch()
        steward.settled(telegram)
        for _ in range(2):
            before = steward.workers()
            talk.note()
            talk.approve(talk.undecided()[0]) if talk.undecided() else talk.lunch()
            time.sleep(0.03)
            os.kill(before[0], signal.SIGKILL)
            steward.until(lambda before=before: steward.workers() not in ([], before), "another worker")
            steward.settled(telegram)
            talk.check()


def test_a_panic_outlives_a_kill_and_only_the_machine_or_another_chat_lifts_it(tmp_path: Path) -> None:
    with telegram_process(tmp_path) as telegram, steward_process(tmp_path / "home", telegram.url) as steward:
        talk = Talk(telegram, steward)
        lunch = talk.lunch()
        steward.settled(telegram)
        telegram.do("text", text="/panic")
        steward.until(lambda: telegram.sent("Everything is stopped"), "the panic")
        steward.kill()
        steward.start()
        press = {"label": "Approve", "message": telegram.ref("Approval", name(lunch))}
        telegram.do("press", **press)
        telegram.do("text", text="/approve 1")
        telegram.do("text", text="/panic lift")
        steward.until(lambda: telegram.sent("Nothing was lifted"), "the answer to the last of them")
        steward.settled(telegram)
        assert steward.count("effect") == 0
        assert steward.events() == []
        ordered = subprocess.run(
            [sys.executable, "-P", "-m", "bot.cli", "chat", "--once", "/panic lift"], cwd=ROOT, env=steward.environment,
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert "Lifted" in ordered.stdout, ordered
        talk.approve(lunch)
        steward.until(steward.events, "the event")


def test_a_stopped_worker_s_work_is_taken_over_and_it_writes_nothing_when_it_wakes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        telegram_process(tmp_path) as telegram,
        steward_process(home, telegram.url, "receiver", TWO_WORKERS) as receiver,
        steward_process(home, telegram.url, "worker", TWO_WORKERS) as first,
    ):
        talk = Talk(telegram, receiver)
        talk.note()
        talk.lunch()
        receiver.settled(telegram)
        assert first.process is not None
        for _ in range(12):
            talk.note()
        talk.approve(talk.undecided()[0])
        _stop_in_the_middle(receiver, first.process.pid, talk)
        done = len(telegram.sent())
        with steward_process(home, telegram.url, "worker", TWO_WORKERS):
            receiver.settled(telegram)
            assert len(telegram.sent()) > done, "the second worker did nothing"
            os.kill(first.process.pid, signal.SIGCONT)
            talk.note()
            receiver.settled(telegram)
            time.sleep(2.5)  # the stalled worker's last chance to do harm
            talk.check()
            assert not first.process.poll(), f"the stalled worker crashed instead of stepping back: {first.tail()}"


def _stop_in_the_middle(watched: StewardProcess, pid: int, talk: Talk) -> None:
    """SIGSTOP while a turn runs, but not inside a transaction: a stopped writer would hold SQLite's one write lock."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if watched.quiet():  # all was over before a look fell into a turn
            talk.note()
        if watched.count("turn WHERE state='running'"):
            os.kill(pid, signal.SIGSTOP)
            if watched.count("turn WHERE state='running'") and _can_write(watched.home / "steward.db"):
                return
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.003)
    raise AssertionError("no turn was running at any look")


def _can_write(path: Path) -> bool:
    db = sqlite3.connect(path, timeout=0.1, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        db.close()
    return True
