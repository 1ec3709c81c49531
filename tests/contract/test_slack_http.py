"""Slack's HTTP mode in front of a store and without any worker: what is acknowledged, when, and what is left in the inbox."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from bot import http
from bot.home import Home
from bot.receiver import Receiver
from channels.base import RawRequest
from channels.slack import SlackSpeaker
from channels.slack_access import SlackAccess
from channels.slack_payload import decode
from channels.slack_receive import STORED, SlackReceiver, hooks
from knowledge.words import Button, Outbound, Press
from tests.fakes.slack_api import BOT_TOKEN, SIGNING_SECRET, FakeSlack
from tests.fakes.waiting import quickest, until

ACK_S = 0.5
CARD = Outbound("Send **this**?", ((Button("Edit", Press("edit", "c1", 1, 0, "n").encode()),),))


class Door:
    """The webhook, and the inbox behind it."""

    def __init__(self, slack: FakeSlack, home: Home) -> None:
        self.slack, self.home = slack, home
        self.access = SlackAccess(BOT_TOKEN, SIGNING_SECRET, "", "T1", slack.api_base)
        self.receiver = Receiver(home, {"slack": SlackReceiver(self.access)}, None)
        self.receiver.intake.link_configured({"slack": "U42"})
        app = http.app(hooks(self.access), {"/slack/events": STORED}, self.receiver)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://steward")

    async def post(self, body: bytes, **headers: str) -> int:
        return await self.send(self.slack.signed(body, **headers))

    async def send(self, request: RawRequest) -> int:
        answer = await self.http.request(
            request.method, request.path, content=request.body, headers=dict(request.headers)
        )
        return answer.status_code

    def rows(self) -> int:
        with closing(sqlite3.connect(self.home.database)) as db:
            return int(db.execute("SELECT count(*) FROM delivery").fetchone()[0])


@pytest.fixture
async def door(tmp_path: Path, empty_database: Path) -> AsyncIterator[Door]:
    home = Home(tmp_path)
    home.prepare()
    shutil.copy(empty_database, home.database)
    async with FakeSlack() as slack:
        made = Door(slack, home)
        yield made
        await made.http.aclose()
        await made.receiver.channels["slack"].close()
        made.receiver.intake.close()


async def test_every_kind_is_acknowledged_in_half_a_second_while_nobody_works_and_slack_does_not_answer(
    door: Door,
) -> None:
    speaker = SlackSpeaker(door.access, bot_user="UBOT")
    await speaker.send(CARD, "D42")
    await speaker.close()
    people = door.slack.people
    for method in ("assistant.threads.setStatus", "views.open", "assistant.threads.setSuggestedPrompts"):
        door.slack.fail(method, drop=True, times=9)  # what follows the acknowledgement breaks
    kinds: list[Callable[[], bytes]] = [
        lambda: people.text("hello", thread_ts="5.0"), lambda: people.command("status"), lambda: people.press("Edit"),
        people.starts_thread, lambda: people.shortcut("their words"), lambda: people.react("+1", "Send"),
        people.opens_home, lambda: people.submit({"private_metadata": "{}"}, "make it 3pm"),
    ]  # fmt: skip
    for kind in kinds:

        async def acknowledged(kind: Callable[[], bytes] = kind) -> float:
            body, began = kind(), time.perf_counter()
            assert await door.post(body) == 200
            return time.perf_counter() - began

        assert await quickest(acknowledged) < ACK_S
    assert door.rows() == 3 * len(kinds)


async def test_a_retry_of_a_stored_event_adds_nothing_and_of_an_unstored_one_is_the_event(door: Door) -> None:
    body = door.slack.people.text("hello")
    retry = {"x-slack-retry-num": "1", "x-slack-retry-reason": "http_error"}
    with closing(sqlite3.connect(door.home.database)) as beside:
        beside.execute("ALTER TABLE delivery RENAME TO elsewhere")
        assert await door.post(body) == 503
        beside.execute("ALTER TABLE elsewhere RENAME TO delivery")
    assert await door.post(body, **retry) == 200
    assert door.rows() == 1
    codes = await asyncio.gather(*(door.post(body, **retry) for _ in range(5)))
    assert (set(codes), door.rows()) == ({200}, 1)


async def test_handshake_and_wrong_method_over_http_leave_no_row(door: Door) -> None:
    assert await door.post(b'{"type":"url_verification","challenge":"c"}') == 200
    assert await door.post(b'{"type":"url_verification","challenge":"c"}', **{"x-slack-signature": "v0=0"}) == 401
    assert await door.send(RawRequest("POST", "/slack/events", "", {}, b"ssl_check=1&token=x")) == 200
    assert await door.send(RawRequest("GET", "/slack/events", "", {}, b"")) == 405
    assert door.rows() == 0


async def test_a_form_opens_while_its_seconds_run_for_the_principal_alone(door: Door) -> None:
    speaker = SlackSpeaker(door.access, bot_user="UBOT")
    await speaker.send(CARD, "D42")
    await speaker.close()
    await door.post(door.slack.people.press("Edit", user="U7"))
    pressed: list[bytes] = []

    async def opens() -> float:
        pressed.append(door.slack.people.press("Edit"))
        began = time.perf_counter()
        await door.post(pressed[-1])
        await until(lambda: len(door.slack.views) == len(pressed))
        return time.perf_counter() - began

    assert await quickest(opens) < 1.0
    await asyncio.sleep(0.1)
    opened = [call["params"]["trigger_id"] for call in door.slack.calls("views.open")]
    assert opened == [decode(press)["trigger_id"] for press in pressed]
