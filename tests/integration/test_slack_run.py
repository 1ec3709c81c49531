"""The main conversation over Slack's HTTP mode, against the real process: note, card, press, effect, undo, command."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.fakes import slack_api, slack_people
from tests.fakes.slack_api import FakeSlack

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def _until(what: Callable[[], bool], told: Callable[[], object], patience_s: float = 40.0) -> None:
    ends = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < ends, told()
        await asyncio.sleep(0.05)


async def test_a_card_is_decided_and_undone_over_slack(tmp_path: Path) -> None:
    home, port = tmp_path / "home", _free_port()
    async with FakeSlack() as slack, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STEWARD_")}
        switches = {
            "HOME": str(home), "HTTP__PORT": str(port), "SLACK__BOT_TOKEN": slack_api.BOT_TOKEN,
            "SLACK__SIGNING_SECRET": slack_api.SIGNING_SECRET, "SLACK__API_BASE": slack.api_base,
            "SLACK__PRINCIPAL": slack_people.USER,
        }  # fmt: skip
        env = {**kept, **{f"STEWARD_{name}": value for name, value in switches.items()}}
        process = subprocess.Popen([sys.executable, "-P", "-m", "bot.cli", "run"], cwd=ROOT, env=env)  # noqa: ASYNC220
        try:
            await _serves(http)

            async def post(body: bytes) -> None:
                signed = slack.signed(body)
                answer = await http.post(signed.path, content=signed.body, headers=dict(signed.headers))
                assert answer.status_code == 200

            def says(words: str) -> Callable[[], bool]:
                return lambda: any(words in str(message) for message in slack.sent())

            await post(slack.people.text("note: the accountant prefers mornings"))
            await _until(says("Noted"), slack.sent)
            await post(slack.people.text("lunch with Ada on 27 November at 12:30"))
            await _until(says("Create event"), slack.sent)
            await post(slack.people.press("Approve"))
            await _until(says("Created “Lunch with Ada”"), slack.sent)
            assert (home / "calendar.ics").read_text().count("BEGIN:VEVENT") == 1
            await _until(says("✅ Approved"), slack.sent)
            await post(slack.people.press("Undo"))
            await _until(says("Undone."), slack.sent)
            assert (home / "calendar.ics").read_text().count("BEGIN:VEVENT") == 0
            await post(slack.people.command("help"))
            await _until(says("Just write to me"), slack.sent)
            refused = await http.post("/slack/events", content=b"{}", headers={"x-slack-signature": "v0=no"})
            assert refused.status_code in (401, 403)
            assert slack.violations() == []
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


async def _serves(http: httpx.AsyncClient) -> None:
    ends = time.monotonic() + 20
    while True:
        try:
            if (await http.get("/healthz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < ends, "the receiver did not come up"
        await asyncio.sleep(0.1)
