"""Webhook mode: two receivers and a worker on one home, forty decisions at once, what is not authentic or not storable."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.home import Home
from bot.local import ask
from tests.fakes.steward_process import (
    NEXT_YEAR,
    ROOT,
    StewardProcess,
    TelegramProcess,
    steward_process,
    telegram_process,
)
from tests.fakes.telegram_api import SECRET_HEADER
from tests.fakes.waiting import PATIENCE_S, free_port

pytestmark = pytest.mark.integration

SECRET = "a-long-random-word"
PATH = "/telegram/webhook"
SENTENCES = ("Approved.", "Rejected.", "Already approved at", "Already rejected at")


@dataclass
class House:
    """Two receivers and one worker on one home, and the fake Telegram behind them."""

    telegram: TelegramProcess
    receivers: list[StewardProcess]
    urls: list[str]

    @property
    def home(self) -> Path:
        return self.receivers[0].home

    def post(self, update: Any, to: int = 0, secret: str = SECRET) -> int:
        return httpx.post(
            self.urls[to] + PATH, json=update, headers={SECRET_HEADER: secret}, timeout=PATIENCE_S
        ).status_code

    def text(self, words: str) -> dict[str, Any]:
        """What the principal typed, as the update Telegram would post."""
        number = self.telegram.do("text", text=words)
        return next(u for u in self.telegram.do("updates") if u["update_id"] == number)

    def settled(self) -> None:
        self.receivers[0].until(self.receivers[0].quiet, "Steward did not settle")


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """PUBLIC_URL leads nowhere: the tests post the updates themselves, to both receivers."""
    with ExitStack() as stack:
        telegram = stack.enter_context(telegram_process(folder))
        ports = [free_port() for _ in range(2)]
        started = []
        for role, port in (("receiver", ports[0]), ("receiver", ports[1]), ("worker", 0)):
            more = {
                "STEWARD_TELEGRAM__MODE": "webhook", "STEWARD_TELEGRAM__SECRET": SECRET,
                "STEWARD_PUBLIC_URL": "http://127.0.0.1:9", "STEWARD_HTTP__PORT": str(port),
            }  # fmt: skip
            started.append(stack.enter_context(steward_process(folder / "home", telegram.url, role, more)))
            started[0].until((folder / "home" / "steward.db").exists, "a database")
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        for url in urls:
            started[0].until(lambda url=url: _ready(url), f"{url} listens")
        yield House(telegram, started, urls)


def _ready(url: str) -> bool:
    try:
        return httpx.get(url + "/readyz", timeout=PATIENCE_S).status_code == 200
    except httpx.HTTPError:
        return False


def test_forty_decisions_at_once_over_two_processes_and_two_channels(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        assert here.post(here.text(f"lunch with Ada on {NEXT_YEAR}-01-05 at 12:30")) == 200
        here.settled()
        card = here.telegram.ref("Approval")
        number = here.receivers[0].rows("SELECT id FROM card")[0][0][1:]
        for n in range(32):
            here.telegram.do("press", label="Approve" if n % 2 else "Reject", message=card)
        presses = [u for u in here.telegram.do("updates") if "callback_query" in u]
        shell = [
            subprocess.Popen(
                [sys.executable, "-P", "-m", "bot.cli", "approvals", verb, number], cwd=ROOT,
                env=here.receivers[2].environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for verb in ("approve", "reject")
        ]  # fmt: skip
        orders = asyncio.run(_all_at_once(here, presses, number))
        said = [process.communicate(timeout=120) for process in shell]
        here.settled()

        answers = here.telegram.calls("answerCallbackQuery")
        assert {c["params"]["callback_query_id"] for c in answers} == {u["callback_query"]["id"] for u in presses}
        told = [str(c["params"].get("text", "")) for c in answers] + [" ".join(o["said"]) for o in orders]
        told += [out for out, _err in said]
        assert len(told) == 40, f"{len(told)} answers: {told}"
        assert all(any(s in one for s in SENTENCES) for one in told), told
        winners = [one for one in told if one.startswith(("Approved.", "Rejected."))]
        assert len(winners) <= 1 or len(set(winners)) == 1, winners

        steward = here.receivers[0]
        states = steward.rows("SELECT state FROM proposal")
        decisions = steward.count("ledger WHERE what IN ('proposal.approved','proposal.rejected')")
        approved = states == [("approved",)]
        assert states in ([("approved",)], [("rejected",)])
        assert decisions == 1
        assert steward.count("effect") == int(approved)
        assert len(steward.events()) == int(approved)
        assert len(here.telegram.sent("Created")) == int(approved)
        assert len(here.telegram.sent("I left it")) == int(not approved)


async def _all_at_once(here: House, presses: list[Any], number: str) -> list[dict[str, Any]]:
    """Every press to both receivers at the same time (each update arrives twice), and six orders beside them."""
    worker = Home(here.home).socket("worker")
    async with httpx.AsyncClient(timeout=PATIENCE_S, limits=httpx.Limits(max_connections=80)) as http:
        posts = [
            http.post(url + PATH, json=update, headers={SECRET_HEADER: SECRET})
            for update in presses
            for url in here.urls
        ]
        orders = [
            ask(worker, "order", timeout_s=60, key=f"order{n}", line=f"/{'approve' if n % 2 else 'reject'} {number}")
            for n in range(6)
        ]
        answers = await asyncio.gather(asyncio.gather(*posts), asyncio.gather(*orders))
    assert {answer.status_code for answer in answers[0]} == {200}
    return answers[1]


def test_the_same_update_before_during_and_after_is_one_turn_and_one_answer(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        update = here.text("note: only once")
        asyncio.run(_many(here, update, 10))
        here.settled()
        asyncio.run(_many(here, update, 10))
        here.receivers[2].kill()
        assert here.post(update) == 200
        here.receivers[2].start()
        asyncio.run(_many(here, update, 4))
        here.settled()
        steward = here.receivers[0]
        assert steward.count("turn") == 1
        assert len(steward.notes()) == 1
        assert len(here.telegram.sent("only once")) == 1


async def _many(here: House, update: Any, times: int) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        every = [http.post(u + PATH, json=update, headers={SECRET_HEADER: SECRET}) for u in here.urls * (times // 2)]
        assert {r.status_code for r in await asyncio.gather(*every)} == {200}


def test_what_is_not_authentic_leaves_no_row_and_what_cannot_be_stored_is_not_acknowledged(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        update = here.text("note: hello")
        for secret in ("", "wrong", SECRET[:-1], SECRET + "x", "\u00e9"):
            headers = {SECRET_HEADER: secret.encode("utf-8")} if secret else {}
            answer = httpx.post(here.urls[0] + PATH, content=json.dumps(update), headers=headers, timeout=PATIENCE_S)
            assert answer.status_code == 403, secret
        assert httpx.get(here.urls[0] + PATH).status_code == 405
        assert httpx.get(here.urls[0] + "/healthz").text == "ok"
        assert here.receivers[0].count("delivery WHERE dedupe_key=?", str(update["update_id"])) == 0

        with _store_down(here.home / "steward.db"):
            assert here.post(update) == 503
        assert here.post(update) == 200
        here.settled()
        assert len(here.telegram.sent("hello")) == 1


@contextmanager
def _store_down(path: Path) -> Iterator[None]:
    """The inbox's table is not there for a moment."""
    db = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)
    db.execute("ALTER TABLE delivery RENAME TO delivery_elsewhere")
    try:
        yield
    finally:
        for _ in range(50):
            try:
                db.execute("ALTER TABLE delivery_elsewhere RENAME TO delivery")
                break
            except sqlite3.OperationalError:
                time.sleep(0.1)
        db.close()
