"""The main conversation over Slack's HTTP mode, against the real process: note, card, press, effect, undo, command."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import slack_api, slack_people
from tests.fakes.slack_api import FakeSlack
from tests.fakes.waiting import ANEW, PATIENCE_S, free_port, until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


class Run:
    """Steward over Slack's HTTP mode: what a person does there, and what can be seen of it."""

    def __init__(self, slack: FakeSlack, http: httpx.AsyncClient, home: Path) -> None:
        self.slack, self.http, self.home = slack, http, home

    async def post(self, body: bytes) -> None:
        signed = self.slack.signed(body)
        answer = await self.http.post(signed.path, content=signed.body, headers=dict(signed.headers))
        assert (answer.status_code, answer.text) == (200, "")

    async def hears(self, *words: str) -> dict[str, Any]:
        """The newest message that holds `words`, once there is one."""
        await until(lambda: self._holding(words), self.slack.sent)
        return self._holding(words)[-1]

    def _holding(self, words: tuple[str, ...]) -> list[dict[str, Any]]:
        return [message for message in self.slack.sent() if all(word in str(message) for word in words)]

    def whispered(self, *words: str) -> list[dict[str, Any]]:
        """What one pair of eyes alone was shown, and holds `words`."""
        return [message for message in self.slack.ephemeral if all(word in str(message) for word in words)]

    async def settles(self) -> None:
        """Everything said so far is known to have been said: nobody reacts within a millisecond."""

        def silent() -> bool:
            with closing(sqlite3.connect(f"file:{self.home / 'steward.db'}?mode=ro", uri=True, timeout=10)) as db:
                return not db.execute("SELECT 1 FROM message WHERE state IN ('pending','running')").fetchall()

        await until(silent, self.slack.sent)

    def events(self) -> int:
        path = self.home / "calendar.ics"
        return path.read_text().count("BEGIN:VEVENT") if path.exists() else 0


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Run]:
    home, port = folder / "home", free_port()
    async with (
        FakeSlack() as slack,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, limits=ANEW) as http,
    ):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STEWARD_")}
        switches = {
            "HOME": str(home), "HTTP__PORT": str(port), "SLACK__BOT_TOKEN": slack_api.BOT_TOKEN,
            "SLACK__SIGNING_SECRET": slack_api.SIGNING_SECRET, "SLACK__API_BASE": slack.api_base,
            "SLACK__PRINCIPAL": slack_people.USER, "EMBEDDINGS__PATH": str(home / "no-model"),
        }  # fmt: skip
        env = {**kept, **{f"STEWARD_{name}": value for name, value in switches.items()}}
        process = subprocess.Popen([sys.executable, "-P", "-m", "bot.cli", "run"], cwd=ROOT, env=env)  # noqa: ASYNC220
        try:
            await _serves(http)
            yield Run(slack, http, home)
            assert slack.violations() == []
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)


async def test_a_card_is_decided_and_undone_over_slack(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        people = run.slack.people
        await run.post(people.text("note: the accountant prefers mornings"))
        await run.hears("Noted")
        await run.post(people.text("lunch with Ada on 27 November at 12:30"))
        await run.hears("Create event")
        await run.post(people.press("Approve"))
        await run.hears("Created “Lunch with Ada”")
        assert run.events() == 1
        await run.hears("✅ Approved")
        await run.post(people.press("Undo"))
        await run.hears("Undone.")
        assert run.events() == 0
        await run.post(people.command("help"))
        await run.hears("Just write to me")
        refused = await run.http.post("/slack/events", content=b"{}", headers={"x-slack-signature": "v0=no"})
        assert refused.status_code in (401, 403)


async def test_what_slack_has_of_its_own_form_thumb_thread_shortcut_and_home(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        people, slack = run.slack.people, run.slack
        await run.post(people.text("lunch with Ada on 27 November at 12:30", thread_ts="5.0"))
        asked = await run.hears("Create event")
        assert asked["thread_ts"] == "5.0", "a turn stays in its thread"

        await run.post(people.press("Edit"))
        await until(lambda: bool(slack.views), slack.calls)
        (view,) = slack.views
        assert "Lunch with Ada" in str(view["blocks"][0]), "the form shows the card as it stands"
        held = {b["element"]["action_id"]: b["element"] for b in view["blocks"] if b["type"] == "input"}
        assert held["summary"]["initial_value"] == "Lunch with Ada", "and holds today's values"
        begins, ends = (held[name]["initial_date_time"] for name in ("start", "end"))
        assert ends - begins == 3600
        backwards = slack.signed(people.submit(view, None, end=begins))
        answer = await run.http.post(backwards.path, content=backwards.body, headers=dict(backwards.headers))
        assert answer.json()["errors"] == {"field-end": "It must end after it begins."}
        said = len(slack.sent())
        await run.post(people.submit(view, None, location="Luigi's", summary="Lunch with Ada L."))
        await run.hears("Luigi's")
        await run.post(people.press("Edit"))
        await until(lambda: len(slack.views) == 2, slack.calls)
        view = slack.views[-1]
        assert "Lunch with Ada L." in str(view["blocks"][1])
        await run.post(people.submit(view, "make it 3pm"))
        revised = await run.hears("15:00")
        await run.post(people.text("an hour later", thread_ts=revised["ts"]))
        await run.hears("17:00")
        assert not any("What should change" in str(message) for message in slack.sent()[said:])

        await run.settles()
        await run.post(people.react("+1::skin-tone-3", "17:00", user="U7"))
        await run.post(people.react("+1::skin-tone-3", "17:00"))
        await run.hears("Created “Lunch with Ada L.”")
        assert run.events() == 1

        await run.post(people.shortcut("approve everything &amp; pay"))
        await until(lambda: bool(slack.ephemeral), slack.calls)
        assert {(one["channel"], one["user"]) for one in slack.ephemeral} == {("C1", slack_people.USER)}

        await run.post(people.text("<@UBOT> coffee with Zoe on 2 December at 10:00", channel="C1", raw=True))
        await until(lambda: run.whispered("Coffee with Zoe", "Reject"), slack.calls)
        card = run.whispered("Coffee with Zoe", "Reject")[-1]
        keys = {e["text"]["text"]: e for block in card["blocks"] for e in block.get("elements", ())}
        for key, told in (("Why?", "Why approval"), ("Reject", "❌ Rejected")):
            place = {"thread_ts": card["thread_ts"]}
            await run.post(people.interaction(keys[key], "C1", "9.0", place, slack_people.USER))
            await until(lambda told=told: told in str(slack.ephemeral), slack.calls)  # type: ignore[misc]
        assert not [where for where, message in people.messages.items() if where[0] == "C1" and message.get("bot_id")]

        await run.post(people.starts_thread())
        await until(lambda: bool(slack.calls("assistant.threads.setSuggestedPrompts")), slack.calls)

        await run.post(people.opens_home(user="U7"))
        await run.post(people.text("dinner with Bo on 28 November at 19:00"))
        await run.hears("Dinner with Bo")
        await run.post(people.opens_home())
        await until(lambda: "Dinner with Bo" in str(people.homes), slack.calls)
        assert list(people.homes) == [slack_people.USER], "nobody else gets a board"
        await run.post(people.press_home("Pause", near="brief"))
        await until(lambda: "(paused)" in str(people.homes), lambda: people.homes)
        await run.post(people.press_home("Approve", near="Dinner with Bo"))
        await until(lambda: "'text': 'Approve'" not in str(people.homes), lambda: people.homes)
        await until(lambda: run.events() == 2, slack.sent)


async def _serves(http: httpx.AsyncClient) -> None:
    async def listens() -> bool:
        try:
            return (await http.get("/healthz")).status_code == 200
        except httpx.TransportError:
            return False

    await until(listens, lambda: "the receiver did not come up")
