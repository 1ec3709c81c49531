"""Processes under measurement: started in a home of their own, asked over their sockets, weighed through /proc."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.bench.bot_api import BotApi, Chat, NoAnswer
from bot.home import Home
from bot.local import LocalTrouble, NobodyThere, ask

END_S = 15.0
TICKS = os.sysconf("SC_CLK_TCK")

ECHO = """
import os
from telegram import Update
from telegram.ext import Application, MessageHandler, filters
async def echo(update, context):
    await update.message.reply_text(update.message.text)
base = os.environ["BENCH_API"]
bot = Application.builder().token(os.environ["BENCH_TOKEN"]).base_url(base + "/bot").base_file_url(base + "/file/bot").build()
bot.add_handler(MessageHandler(filters.TEXT, echo))
bot.run_polling(allowed_updates=Update.ALL_TYPES, bootstrap_retries=3)
"""
"""The smallest bot that python-telegram-bot's own documentation shows; it stores nothing and thinks nothing."""


def environment(**switches: str) -> dict[str, str]:
    """This process's environment without any switch of Steward, and with these."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("STEWARD_")}
    model = {"STEWARD_EMBEDDINGS__PATH": path} if (path := os.environ.get("STEWARD_EMBEDDINGS__PATH")) else {}
    return kept | model | switches


class Running:
    """A process and its children. `home` is set for Steward."""

    def __init__(self, process: subprocess.Popen[bytes], chat: Chat, ready_s: float, home: Home) -> None:
        self.process, self.chat, self.ready_s, self.home = process, chat, ready_s, home

    async def status(self, role: str) -> dict[str, Any]:
        """What `role` says of itself; empty when it does not listen."""
        try:
            return await ask(self.home.socket(role), "status", timeout_s=5.0)
        except (NobodyThere, LocalTrouble, TimeoutError, OSError):
            return {}

    async def until_worker(self, wanted: str, timeout_s: float) -> bool:
        """Wait until the worker is awake (listens) or asleep; False when that did not happen in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = await self.status("worker") if wanted == "awake" else await self.status("receiver")
            if (wanted == "awake" and found) or found.get("worker") == wanted:
                return True
            await asyncio.sleep(0.05)
        return False

    def pss_mb(self) -> float:
        """Proportional set size of the whole tree."""
        return round(sum(_kb(pid, "Pss:") for pid in tree(self.process.pid)) / 1024, 1)

    def own_mb(self) -> float:
        """Anonymous memory of the whole tree: what grows by leaking. PSS moves also when others map the same files."""
        return round(sum(_kb(pid, "Anonymous:") for pid in tree(self.process.pid)) / 1024, 1)

    def cpu_s(self) -> float:
        """Processor time of the whole tree so far, ended children included."""
        return sum(_cpu_ticks(pid) for pid in tree(self.process.pid)) / TICKS


@asynccontextmanager
async def steward(api: BotApi, number: int, home: Path, **switches: str) -> AsyncIterator[Running]:
    """`steward run` on `home`, listening. Raises NoAnswer when it does not come up."""
    async with _serving(("bot.cli", "run"), api, number, home, switches) as running:
        yield running


@asynccontextmanager
async def bare_steward(api: BotApi, number: int, home: Path, **switches: str) -> AsyncIterator[Running]:
    """The same without policy, labels and ledger, on a home that is marked for it."""
    async with _serving(("bot.bench.bare", "run"), api, number, home, switches) as running:
        yield running


@asynccontextmanager
async def _serving(
    program: tuple[str, ...], api: BotApi, number: int, home: Path, switches: Mapping[str, str]
) -> AsyncIterator[Running]:
    env = environment(
        STEWARD_HOME=str(home), STEWARD_TELEGRAM__TOKEN=api.token(number), STEWARD_TELEGRAM__API_BASE=api.url,
        STEWARD_TELEGRAM__PRINCIPAL="42", STEWARD_ZONE="UTC", **switches,
    )  # fmt: skip
    command = [sys.executable, "-P", "-m", *program]
    async with _started(command, env, api.chat(number), Home(home)) as running:
        yield running


@asynccontextmanager
async def echo_bot(api: BotApi, number: int, home: Path) -> AsyncIterator[Running]:
    """A bare python-telegram-bot echo bot, listening."""
    env = environment(BENCH_API=api.url, BENCH_TOKEN=api.token(number))
    async with _started([sys.executable, "-P", "-c", ECHO], env, api.chat(number), Home(home)) as running:
        yield running


@asynccontextmanager
async def _started(command: list[str], env: Mapping[str, str], chat: Chat, home: Home) -> AsyncIterator[Running]:
    log = home.path.parent / f"{home.path.name}-{chat.number}.log"
    began = time.perf_counter()
    process = await asyncio.to_thread(begin, command, env, log)
    try:
        ready = await chat.listening()
        yield Running(process, chat, ready - began, home)
    except NoAnswer as trouble:
        tail = (await asyncio.to_thread(log.read_text, errors="replace"))[-400:].strip()
        raise NoAnswer(f"{trouble}; its last words: {tail or 'none'}") from trouble
    finally:
        await asyncio.to_thread(end, process)


def begin(command: list[str], env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A started process that writes to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(command, env=dict(env), stdout=out, stderr=out, stdin=subprocess.DEVNULL)


def end(process: subprocess.Popen[bytes]) -> None:
    """End it, with everything below it when it does not go by itself."""
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        for pid in tree(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        process.wait(END_S)


def tree(root: int) -> list[int]:
    """A process and everything below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (stat := _stat(int(entry.name))):
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name; none when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu_ticks(pid: int) -> int:
    stat = _stat(pid)
    return sum(int(field) for field in stat[11:15]) if stat else 0


def _kb(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except PermissionError:  # a process that leaves no core dump shows its maps to root alone
        lines, name = Path(f"/proc/{pid}/status").read_text().splitlines(), "VmRSS:"
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
