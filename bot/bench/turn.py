"""`steward bench turn`: free-text notes through a Bot API on loopback into the real processes, beside a bare echo bot."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.bench.bare import MARK
from bot.bench.bot_api import PATIENCE_S, BotApi, Chat, NoAnswer
from bot.bench.figures import Figure, median, p95
from bot.bench.model_api import ModelApi
from bot.bench.processes import Running, bare_steward, echo_bot, environment, steward
from bot.bench.seed import sentence

BLOCK = 10  # turns of the one, then of the other: what disturbs the machine disturbs both
PAUSE_S = 0.03  # people do not write in the same instant in which they are answered
LOST_MOST = 3
SDKS = {
    "slack": ("slack_bolt", "slack_sdk"), "whatsapp": ("twilio",), "telegram": ("telegram",),
    "models": ("langchain_openai", "langchain_anthropic", "langchain_ollama", "openai"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done. `weigh_at` turns after warm-up the awake process is weighed, and once more at `grow_to`."""

    turns: int = 200
    warmup: int = 20
    chunks: int = 10_000
    weigh_at: int = 100
    grow_to: int = 300
    idle_s: float = 10.0
    wakes: int = 3
    most_s: float = 600.0


@dataclass
class Found:
    """What has been measured so far."""

    plain: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)  # without policy, labels and ledger
    model: list[float] = field(default_factory=list)
    echo: list[float] = field(default_factory=list)
    typing: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    wake: list[float] = field(default_factory=list)
    help: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)  # anonymous memory at each weighing
    commits: list[float] = field(default_factory=list)
    single: dict[str, Any] = field(default_factory=dict)
    lost: int = 0
    odd: int = 0  # answers that do not say that the note was taken


class BenchTrouble(Exception):
    """The bench cannot go on: one sentence."""


Say = Callable[[str], None]


async def bench_turn(plan: Plan, say: Say = lambda line: None) -> list[Figure]:
    """Run it all, within `plan.most_s` seconds. `say` hears what is being done. Raises BenchTrouble."""
    found = Found()
    try:
        async with asyncio.timeout(plan.most_s):
            with tempfile.TemporaryDirectory(prefix="steward-bench-") as folder:
                await _all(plan, Path(folder), found, say)
    except TimeoutError:
        found.single["cut"] = True
        say(f"stopped after {plan.most_s:.0f} s: what was measured until then is told")
    except NoAnswer as trouble:
        raise BenchTrouble(f"The bench cannot go on: {trouble}.") from trouble
    return _figures(plan, found)


async def _all(plan: Plan, folder: Path, found: Found, say: Say) -> None:
    home = folder / "home"
    found.help = [await _help_s() for _ in range(5)]
    if plan.chunks:
        say(f"remembering {plan.chunks:,} passages")
        found.single["ingest_chunks_per_s"] = await _fill(home, plan.chunks)
    async with BotApi() as api:
        say("asleep and waking")
        await _asleep(plan, api, home, found)
        say(
            f"{plan.turns} turns without a model, as many without policy, labels and ledger, and as many of an echo bot"
        )
        await _plain(plan, api, home, found)
        say(f"{plan.turns} turns with a scripted model")
        await _with_model(plan, api, home, found)


async def _help_s() -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "bot.cli", "--help", stdout=asyncio.subprocess.DEVNULL, env=environment()
    )
    await process.wait()
    return time.perf_counter() - began


async def _fill(home: Path, chunks: int) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "bot.bench.seed", str(chunks), stdout=asyncio.subprocess.PIPE,
        env=environment(STEWARD_HOME=str(home)),
    )  # fmt: skip
    told, _ = await process.communicate()
    if process.returncode != 0:
        raise BenchTrouble("The passages could not be remembered; the lines above say why.")
    return round(float(told), 1)


async def _asleep(plan: Plan, api: BotApi, home: Path, found: Found) -> None:
    """What it costs to do nothing, and how long the first answer takes when the worker sleeps."""
    async with steward(api, 1, home, STEWARD_WORKER__IDLE_S="1.5") as running:
        await running.until_worker("awake", 20.0)
        for n in range(plan.wakes):
            if not await running.until_worker("asleep", PATIENCE_S):
                raise BenchTrouble("The worker does not go to sleep.")
            if n == 0:
                before = running.cpu_s()
                await asyncio.sleep(plan.idle_s)
                found.single["idle_cpu_percent"] = round((running.cpu_s() - before) / plan.idle_s * 100, 2)
                found.single["idle_pss_mb"] = running.pss_mb()
            answered = await running.chat.turn(f"note: woken for the {n}. time", PATIENCE_S)
            found.wake.append(answered.ms / 1000)
            await running.until_worker("awake", 10.0)


async def _plain(plan: Plan, api: BotApi, home: Path, found: Found) -> None:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(steward(api, 2, home, STEWARD_WORKER__IDLE_S="0"))
        found.ready.append(running.ready_s)
        bare = await stack.enter_async_context(
            bare_steward(api, 5, await asyncio.to_thread(_twin, home), STEWARD_WORKER__IDLE_S="0")
        )
        echo = await stack.enter_async_context(echo_bot(api, 3, home))
        notes = _notes("note: ")
        await running.until_worker("awake", PATIENCE_S)
        await bare.until_worker("awake", PATIENCE_S)
        for _ in range(plan.warmup):
            await _turn(running.chat, next(notes), found, [])
            await _turn(bare.chat, next(notes), found, [])
            await _turn(echo.chat, "warm-up", found, [], expected="warm-up")
        weighed = False
        for start in range(0, plan.turns, BLOCK):
            before = await running.status("worker")
            for _ in range(min(BLOCK, plan.turns - start)):
                await _turn(running.chat, next(notes), found, found.plain, typing=True)
            _count(found, before, await running.status("worker"))
            for _ in range(min(BLOCK, plan.turns - start)):
                await _turn(bare.chat, next(notes), found, found.bare)
            for _ in range(min(BLOCK, plan.turns - start)):
                await _turn(echo.chat, "hello", found, found.echo, expected="hello")
            if not weighed and start + BLOCK >= min(plan.weigh_at, plan.turns):
                await _weigh(running, found, "awake_pss_mb")
                weighed = True
        after = await running.status("worker")
        found.single["imported"] = _imported(after, await running.status("receiver"))
        for n in range(plan.turns, plan.grow_to):
            await _turn(running.chat, next(notes), found, [])
            if n % 100 == 99:
                await _ask(running.chat, n)
        if plan.grow_to > plan.turns:
            await _weigh(running, found, "grown_pss_mb")


def _twin(home: Path) -> Path:
    """A copy of the home as it is, marked for the program that leaves policy, labels and ledger out."""
    twin = home.with_name("bare")
    shutil.copytree(home, twin, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
    (twin / MARK).touch()
    return twin


def _count(found: Found, before: dict[str, Any], after: dict[str, Any]) -> None:
    """The worker's synced commits over a block of turns, and the one with which the receiver stores each of them."""
    turns = after.get("turns", 0) - before.get("turns", 0)
    if turns > 0:
        found.commits.append((after["commits"] - before["commits"]) / turns + 1)


async def _with_model(plan: Plan, api: BotApi, home: Path, found: Found) -> None:
    async with ModelApi() as model:
        switches = {
            "STEWARD_MODELS__FAST": "openai:bench", "STEWARD_MODELS__BASE_URL": model.base_url,
            "STEWARD_MODELS__API_KEY": "none", "STEWARD_WORKER__IDLE_S": "0",
        }  # fmt: skip
        async with steward(api, 4, home, **switches) as running:
            found.ready.append(running.ready_s)
            notes = _notes("")
            await running.until_worker("awake", PATIENCE_S)
            for _ in range(max(1, plan.warmup)):
                await _turn(running.chat, next(notes), found, [], timeout_s=PATIENCE_S)
            before = model.calls
            for _ in range(plan.turns):
                await _turn(running.chat, next(notes), found, found.model)
            found.single["model_calls_per_turn"] = round((model.calls - before) / max(1, plan.turns), 2)


def _notes(prefix: str) -> Any:
    """Notes of their own, without end."""
    chance = random.Random(11)
    number = 0
    while True:
        number += 1
        yield prefix + sentence(chance, 500_000 + number)


async def _turn(
    chat: Chat, text: str, found: Found, into: list[float], *, typing: bool = False, expected: str = "Noted",
    timeout_s: float = PATIENCE_S,
) -> None:  # fmt: skip
    try:
        answered = await chat.turn(text, timeout_s)
    except NoAnswer:
        found.lost += 1
        if found.lost > LOST_MOST:
            raise
        return
    into.append(answered.ms)
    found.odd += expected not in answered.text
    if typing and answered.typing_ms is not None:
        found.typing.append(answered.typing_ms)
    await asyncio.sleep(PAUSE_S)


async def _ask(chat: Chat, number: int) -> None:
    """A question, so that the embedder is in use."""
    await chat.turn(f"when does the gardener come about file {number}?", PATIENCE_S)
    await asyncio.sleep(PAUSE_S)


async def _weigh(running: Running, found: Found, key: str) -> None:
    await _ask(running.chat, 7)
    found.single[key] = running.pss_mb()
    found.own.append(running.own_mb())


def _imported(*processes: dict[str, Any]) -> list[str]:
    """Channels and model SDKs that were imported although nothing of them is set up."""
    modules = {name for told in processes for name in told.get("modules", ())}
    return [name for name, roots in SDKS.items() if name != "telegram" and modules.intersection(roots)]


def _figures(plan: Plan, found: Found) -> list[Figure]:
    one = found.single.get
    plain, echo = median(found.plain), median(found.echo)
    typed = f"typing signal, median of {len(found.typing)}"
    bare = median(found.bare)
    trust = round(plain - bare, 1) if plain is not None and bare is not None else None
    grown, awake = one("grown_pss_mb"), one("awake_pss_mb")
    growth = round(found.own[-1] - found.own[0], 1) if len(found.own) > 1 else None
    return [
        Figure("turn_ms", f"update → answer, median of {len(found.plain)}", plain, "ms", 60),
        Figure("turn_p95_ms", "update → answer, p95", p95(found.plain), "ms"),
        Figure("bare_turn_ms", "the same without policy, labels and ledger", bare, "ms"),
        Figure("trust_ms", "what policy, labels and ledger add to the median", trust, "ms", 6),
        Figure("model_turn_ms", f"with a scripted model, median of {len(found.model)}", median(found.model), "ms", 60),
        Figure("model_turn_p95_ms", "with a scripted model, p95", p95(found.model), "ms"),
        Figure("model_calls_per_turn", "model calls per turn", one("model_calls_per_turn")),
        Figure("commits_per_turn", "synced commits per turn", median(found.commits), "", 6),
        Figure("echo_ms", f"bare echo bot, median of {len(found.echo)}", echo, "ms"),
        Figure("ratio_to_echo", "ratio to the echo bot", round(plain / echo, 1) if plain and echo else None, "×"),
        Figure("typing_ms", typed, median(found.typing), "ms", 100),
        Figure("ready_s", "receiver ready, median", median(found.ready, 2), "s", 0.5),
        Figure("wake_s", "first answer of a sleeping worker", median(found.wake, 2), "s", 2),
        Figure("idle_pss_mb", "asleep, all processes (PSS)", one("idle_pss_mb"), "MB", 50),
        Figure("idle_cpu_percent", f"asleep, processor over {plan.idle_s:g} s", one("idle_cpu_percent"), "%", 0.2),
        Figure("awake_pss_mb", f"awake after {min(plan.weigh_at, plan.turns)} turns (PSS)", awake, "MB", 220),
        Figure("grown_pss_mb", f"awake after {plan.grow_to} turns (PSS)", grown, "MB", 220),
        Figure("growth_mb", "growth of its own memory between the two", growth, "MB", 5),
        Figure("unused_imported", "unused channels and models imported", one("imported"), "", 0),
        Figure("help_s", "--help, median of 5", median(found.help, 2), "s", 0.3),
        Figure("ingest_chunks_per_s", "passages remembered per second", one("ingest_chunks_per_s"), "/s"),
        Figure("chunks", "passages in memory", plan.chunks),
        Figure("lost", "turns without an answer", found.lost, "", 0),
        Figure("unexpected", "answers that do not confirm the note", found.odd, "", 0),
        Figure("cut", "cut short by the time limit", bool(one("cut", False))),
        Figure("load", "load of the machine (1 min)", round(os.getloadavg()[0], 2)),
    ]
