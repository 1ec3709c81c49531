"""Supervises one worker: starts it when there is work, again with backoff when it crashes, tells when it keeps crashing."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sqlite3
import sys
import time
from typing import Protocol

from knowledge.store.intake import Intake

log = logging.getLogger(__name__)

SUPERVISED = "STEWARD_SUPERVISED_BY"
"""Tells the worker whose child it is: when that process is killed, the worker ends too."""

FRUGAL = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""glibc gives every thread an arena of its own and keeps what was freed; two are enough for a worker (malloc(3))."""

CRASHES_TO_TELL = 4
CALM_S = 300.0
"""A worker that lived so long has recovered: its crashes are counted anew."""


class Employer(Protocol):
    """Whose worker it is: the receiver, as far as the supervisor needs it."""

    intake: Intake

    def look_at_timers(self) -> None: ...
    async def tell_principal(self, text: str) -> None: ...


def _work_waits(receiver: Employer) -> bool:
    """Also while nobody can tell: a worker that starts for nothing goes to sleep again."""
    try:
        return receiver.intake.work_waits(int(time.time() * 1000))
    except sqlite3.Error:
        return True


class Supervisor:
    """`wake` asks for a living worker; `run` keeps one while there is work."""

    def __init__(self, command: list[str] | None = None) -> None:
        self._command = command or [sys.executable, "-P", "-m", "bot.worker_main"]
        self._wanted = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self.crashes = 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def wake(self) -> None:
        self._wanted.set()

    async def run(self, receiver: Employer) -> None:
        """Until cancelled; the worker is ended with us (it gets time to finish what it does)."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                began = time.monotonic()
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, env={**FRUGAL, **os.environ, SUPERVISED: str(os.getpid())}
                )
                code = await self._process.wait()
                receiver.look_at_timers()
                if code == 0:
                    self.crashes = 0
                    if _work_waits(receiver):
                        self.wake()
                    continue
                await self._crashed(receiver, code, time.monotonic() - began)
        finally:
            await self._end()

    async def _crashed(self, receiver: Employer, code: int, lived_s: float) -> None:
        self.crashes = 1 if lived_s > CALM_S else self.crashes + 1
        wait = min(60.0, 0.25 * 2.0 ** min(self.crashes, 8)) * random.uniform(0.7, 1.3)
        log.error("the worker ended with code %s after %.1f s; starting it again in %.1f s", code, lived_s, wait)
        if self.crashes >= CRASHES_TO_TELL:
            what = f"My worker keeps crashing (code {code}, {self.crashes} times in a row)."
            done = "Everything you sent is stored."
            not_done = "Nothing is answered until it runs again; I go on trying. `steward doctor` may say why."
            try:
                if receiver.intake.record_failure("worker:crash", what, done, not_done, int(time.time() * 1000)):
                    await receiver.tell_principal(f"⚠️ {what} {done} {not_done}")
            except sqlite3.Error as trouble:  # then that is why it crashes
                log.error("%s", trouble)
        await asyncio.sleep(wait)
        self.wake()

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 12)
        except TimeoutError:
            process.kill()
