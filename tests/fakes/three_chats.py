"""The real Steward behind its listening socket with all three chats set up over HTTP, and the fakes of their platforms.

The fakes live in a thread with a loop of its own, so that a test may be an ordinary function (hypothesis wants that).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from channels.base import RawRequest
from tests.fakes import slack_people, telegram_api, twilio_api
from tests.fakes.loopback import Loopback
from tests.fakes.slack_api import BOT_TOKEN, SIGNING_SECRET, FakeSlack
from tests.fakes.steward_process import StewardProcess, steward_process
from tests.fakes.telegram_api import FakeTelegram
from tests.fakes.twilio_api import FakeTwilio
from tests.fakes.waiting import ANEW, PATIENCE_S, free_port

HOOK_SECRET = "a-long-random-word-for-telegram"
PATHS = {"slack": "/slack/events", "telegram": "/telegram/webhook", "whatsapp": "/whatsapp/webhook"}
Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Platforms:
    """The three fakes. `do` runs one of their coroutines in the thread in which they live."""

    def __init__(self) -> None:
        self.slack, self.telegram, self.twilio = FakeSlack(), FakeTelegram(), FakeTwilio()
        self.do: Run

    def detour(self, url: str) -> None:
        """From now on all three send every request on to `url`; with "" they answer again."""
        for server in self.servers():
            server.detour = url

    def servers(self) -> tuple[Loopback, ...]:
        return self.slack._server, self.telegram._server, self.twilio._server


@contextmanager
def in_thread(*servers: Any) -> Iterator[Run]:
    """The asynchronous context managers `servers`, entered in a thread with a loop of its own, and a way to run in it."""
    loop, up, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def live() -> None:
        async with AsyncExitStack() as stack:
            for server in servers:
                await stack.enter_async_context(server)
            up.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(live()), daemon=True)
    thread.start()
    assert up.wait(PATIENCE_S), "the servers did not come up"
    try:
        yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@dataclass
class House:
    """A running Steward with its chats. `signed` makes the request as the platform sends it."""

    steward: StewardProcess
    platforms: Platforms
    url: str

    def signed(self, channel: str, body: bytes) -> RawRequest:
        match channel:
            case "slack":
                return FakeSlack.signed(body)
            case "whatsapp":
                return FakeTwilio.signed(body)
        headers = {telegram_api.SECRET_HEADER: HOOK_SECRET, "content-type": "application/json"}
        return RawRequest("POST", PATHS["telegram"], "", headers, body)

    def post(self, request: RawRequest) -> httpx.Response:
        headers = {name: value.encode("utf-8", "surrogateescape") for name, value in request.headers.items()}
        return self.http.post(self.url + request.path, content=request.body, headers=headers)

    def __post_init__(self) -> None:
        self.http = httpx.Client(timeout=PATIENCE_S, limits=ANEW)


@contextmanager
def three_chats(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[House]:
    """`steward run` with Slack, Telegram and WhatsApp over HTTP, listening."""
    platforms = Platforms()
    with in_thread(platforms.slack, platforms.telegram, platforms.twilio) as platforms.do:
        port = free_port()
        switches = {
            "STEWARD_HTTP__PORT": str(port), "STEWARD_PUBLIC_URL": twilio_api.PUBLIC,
            "STEWARD_TELEGRAM__MODE": "webhook", "STEWARD_TELEGRAM__SECRET": HOOK_SECRET,
            "STEWARD_SLACK__BOT_TOKEN": BOT_TOKEN, "STEWARD_SLACK__SIGNING_SECRET": SIGNING_SECRET,
            "STEWARD_SLACK__API_BASE": platforms.slack.api_base, "STEWARD_SLACK__PRINCIPAL": slack_people.USER,
            "STEWARD_SLACK__TEAM": slack_people.TEAM,
            "STEWARD_WHATSAPP__ACCOUNT_SID": twilio_api.ACCOUNT, "STEWARD_WHATSAPP__AUTH_TOKEN": twilio_api.AUTH_TOKEN,
            "STEWARD_WHATSAPP__FROM": twilio_api.NUMBER, "STEWARD_WHATSAPP__API_BASE": platforms.twilio.url,
            "STEWARD_WHATSAPP__PRINCIPAL": twilio_api.PERSON,
        } | dict(more or {})  # fmt: skip
        with steward_process(folder / "home", platforms.telegram.url, more=switches) as steward:
            house = House(steward, platforms, f"http://127.0.0.1:{port}")
            steward.until(lambda: _listens(house), "the socket listens")
            yield house
            house.http.close()


def _listens(house: House) -> bool:
    try:
        return house.http.get(house.url + "/readyz").status_code == 200
    except httpx.TransportError:
        return False


def until(holds: Callable[[], object], patience_s: float) -> bool:
    ends = time.monotonic() + patience_s
    while time.monotonic() < ends:
        if holds():
            return True
        time.sleep(0.1)
    return bool(holds())
