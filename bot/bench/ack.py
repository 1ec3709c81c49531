"""`steward bench ack`: signed Slack events into the real processes while the worker is busy, beside a bare handler."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bot.bench.figures import Figure, median, percentile
from bot.bench.loopback import Loopback
from bot.bench.processes import begin, end, environment

SECRET, TOKEN, USER, TEAM = "bench-signing-secret-that-is-none", "xoxb-bench", "U42", "T1"
TALKS = 16  # threads in which the principal writes: more than a worker drives at once
AGAIN_EVERY = 10  # every tenth event comes a second time, as Slack does when it thinks the first was lost
UP_S = 40.0

BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
async def take(request: Request) -> Response:
    await request.body()
    return Response(b"", 200)
app = Starlette(routes=[Route("/slack/events", take, methods=["POST"])])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
"""
"""The least that can acknowledge: no signature, no store."""


@dataclass(frozen=True, slots=True)
class AckPlan:
    """`rate` events a second for `seconds`; `most_s` bounds the whole."""

    rate: int = 50
    seconds: float = 60.0
    most_s: float = 300.0


class AckTrouble(Exception):
    """The bench cannot go on: one sentence."""


@dataclass
class Heard:
    """What came of the posts to one server: milliseconds to each acknowledgement, and what was no acknowledgement."""

    ms: list[float] = field(default_factory=list)
    refused: int = 0


async def bench_ack(plan: AckPlan) -> list[Figure]:
    """Run it all. Raises AckTrouble."""
    try:
        async with asyncio.timeout(plan.most_s):
            with tempfile.TemporaryDirectory(prefix="steward-bench-") as folder:
                return await _measure(plan, Path(folder))
    except TimeoutError:
        raise AckTrouble(f"It took longer than {plan.most_s:.0f} s; give --seconds a smaller number.") from None


async def _measure(plan: AckPlan, folder: Path) -> list[Figure]:
    home, ours, bare = folder / "home", Heard(), Heard()
    async with (
        Loopback(_slack) as slack,
        _served(folder, home, slack.url) as steward,
        _bare(folder) as other,
        httpx.AsyncClient(timeout=30.0, limits=httpx.Limits(max_connections=200, keepalive_expiry=60.0)) as http,
    ):
        for n in range(TALKS):  # the worker wakes, the connections open
            await asyncio.gather(
                _post(http, steward, event(f"Warm{n}", n), Heard()), _post(http, other, b"{}", Heard())
            )
        await asyncio.to_thread(_until_answered, home / "steward.db")
        began, sent, looks, posts = time.perf_counter(), 0, [], list[asyncio.Task[None]]()
        while time.perf_counter() - began < plan.seconds:
            body = event(f"Ev{sent}", sent)
            posts.append(asyncio.create_task(_post(http, steward, body, ours)))
            if sent % AGAIN_EVERY == 0:
                posts.append(asyncio.create_task(_post(http, steward, body, ours, again=True)))
            posts.append(asyncio.create_task(_post(http, other, body, bare)))
            sent += 1
            if sent % plan.rate == 0:
                looks.append(await asyncio.to_thread(_running, home / "steward.db"))
            await asyncio.sleep(max(0.0, sent / plan.rate - (time.perf_counter() - began)))
        took = time.perf_counter() - began
        await asyncio.gather(*posts)
        stored, waiting = await asyncio.to_thread(_stored, home / "steward.db")
    busy = sum(1 for running in looks if running) / len(looks) * 100 if looks else 0.0
    p99 = percentile(ours.ms, 99)
    return [
        Figure("sent", f"events sent in {took:.0f} s, and every tenth once more", sent),
        Figure("rate", "events a second", round(sent / took, 1)),
        Figure("ack_ms", "event → acknowledgement, median", median(ours.ms), "ms"),
        Figure("ack_p99_ms", "event → acknowledgement, p99", p99, "ms", 100),
        Figure("ack_max_ms", "event → acknowledgement, slowest", round(max(ours.ms, default=0.0), 1), "ms", 3000),
        Figure("over_3s", "acknowledged after more than 3 s", sum(one > 3000 for one in ours.ms), "", 0),
        Figure("bare_ms", "bare Starlette handler, median", median(bare.ms), "ms"),
        Figure("bare_p99_ms", "bare Starlette handler, p99", percentile(bare.ms, 99), "ms"),
        Figure("bare_max_ms", "bare Starlette handler, slowest", round(max(bare.ms, default=0.0), 1), "ms"),
        Figure("unacknowledged", "not acknowledged", ours.refused, "", 0),
        Figure(
            "lost", "acknowledged and not stored", sent - len({key for key in stored if key.startswith("Ev")}), "", 0
        ),
        Figure("twice", "stored twice", len(stored) - len(set(stored)), "", 0),
        Figure("busy_percent", "looks at which the worker was in the middle of turns", round(busy, 1), "%"),
        Figure("waiting", "turns that still waited at the end", waiting),
        Figure("load", "load of the machine (1 min)", round(os.getloadavg()[0], 2)),
    ]


def event(key: str, number: int) -> bytes:
    """The principal writes a note in one of the threads."""
    said = {
        "type": "message", "channel": "D42", "channel_type": "im", "user": USER, "ts": f"{1_800_000_000 + number}.000100",
        "thread_ts": f"{1_700_000_000 + number % TALKS}.000100", "text": f"note: the parcel {number} is at the porter’s",
    }  # fmt: skip
    wrapper = {"type": "event_callback", "team_id": TEAM, "api_app_id": "A1", "event": said, "event_id": key}
    return json.dumps(wrapper).encode()


async def _post(http: httpx.AsyncClient, url: str, body: bytes, heard: Heard, *, again: bool = False) -> None:
    stamp = str(int(time.time()))
    proof = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json", "x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={proof}",
    } | ({"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"} if again else {})  # fmt: skip
    began = time.perf_counter()
    try:
        answer = await http.post(f"{url}/slack/events", content=body, headers=headers)
    except httpx.HTTPError:
        heard.refused += 1
        return
    heard.ms.append((time.perf_counter() - began) * 1000)
    heard.refused += answer.status_code != 200


async def _slack(path: str, asked: dict[str, Any]) -> tuple[int, Any]:
    """As much of Slack as a worker that answers notes asks for."""
    who = {"user_id": "UBOT", "user": "steward", "team": "Bench", "team_id": TEAM, "bot_id": "B1"}
    return 200, {"ok": True, "ts": f"{time.time():.6f}", "channel": "D42"} | (who if path.endswith("auth.test") else {})


@asynccontextmanager
async def _served(folder: Path, home: Path, slack: str) -> AsyncIterator[str]:
    """`steward run` on a fresh home; its address."""
    port = _free_port()
    env = environment(
        STEWARD_HOME=str(home), STEWARD_HTTP__PORT=str(port), STEWARD_SLACK__BOT_TOKEN=TOKEN,
        STEWARD_SLACK__SIGNING_SECRET=SECRET, STEWARD_SLACK__API_BASE=f"{slack}/api", STEWARD_SLACK__PRINCIPAL=USER,
        STEWARD_SLACK__TEAM=TEAM, STEWARD_WORKER__IDLE_S="0", STEWARD_EMBEDDINGS__PATH=str(home / "no-model"),
    )  # fmt: skip
    async with _listening([sys.executable, "-P", "-m", "bot.cli", "run"], env, folder / "steward.log", port) as url:
        yield url


@asynccontextmanager
async def _bare(folder: Path) -> AsyncIterator[str]:
    port = _free_port()
    command = [sys.executable, "-P", "-c", BARE, str(port)]
    async with _listening(command, environment(), folder / "bare.log", port) as url:
        yield url


@asynccontextmanager
async def _listening(command: list[str], env: Mapping[str, str], log: Path, port: int) -> AsyncIterator[str]:
    process = await asyncio.to_thread(begin, command, env, log)
    try:
        await asyncio.to_thread(_until_listening, process, log, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        await asyncio.to_thread(end, process)


def _until_listening(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    deadline = time.monotonic() + UP_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError:
            time.sleep(0.05)
    last = log.read_text(errors="replace")[-300:].strip()
    raise AckTrouble(f"A server did not come up; its last words: {last or 'none'}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _ask(database: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10) as db:
        found = db.execute(query).fetchall()
    db.close()
    return found


def _until_answered(database: Path) -> None:
    """The worker is up: the first notes are taken."""
    deadline = time.monotonic() + UP_S
    while time.monotonic() < deadline:
        if _ask(database, "SELECT 1 FROM turn WHERE state='done' LIMIT 1"):
            return
        time.sleep(0.1)
    raise AckTrouble("The worker answered nothing.")


def _running(database: Path) -> int:
    return int(_ask(database, "SELECT count(*) FROM delivery WHERE state='running'")[0][0])


def _stored(database: Path) -> tuple[list[str], int]:
    """The keys of all stored events, and how many of them are not yet answered."""
    rows = _ask(database, "SELECT dedupe_key, state FROM delivery WHERE channel='slack'")
    return [str(key) for key, _ in rows], sum(state in ("new", "running") for _, state in rows)
