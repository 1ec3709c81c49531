"""What doctor says of a chat that is half set up: each missing step is named, one after the other."""

from __future__ import annotations

import time
from email.utils import formatdate
from pathlib import Path

import pytest

from bot.cli.doctor_chats import chats
from bot.home import Home
from bot.settings import Settings, TelegramSettings, WhatsAppSettings
from channels.base import Finding
from knowledge.store.intake import Intake
from tests.fakes.loopback import Loopback, Request, Response
from tests.fakes.telegram_api import TOKEN, FakeTelegram


async def looked(home: Path, base: str, public: str = "", token: str = TOKEN) -> list[Finding]:
    settings = Settings(home=home, public_url=public, telegram=TelegramSettings(token=token, api_base=base))  # type: ignore[arg-type]
    return [f for f in await chats(settings, Home(home)) if f.what]


@pytest.fixture
def home(tmp_path: Path, empty_database: Path) -> Path:
    (tmp_path / "steward.db").write_bytes(empty_database.read_bytes())
    return tmp_path


async def test_an_account_that_is_not_linked_yet_is_told_how(home: Path) -> None:
    async with FakeTelegram() as telegram:
        (unlinked,) = [f for f in await looked(home, telegram.url) if not f.ok]
        assert "steward link telegram" in unlinked.next_step
        intake = Intake(home / "steward.db")
        intake.link_configured({"telegram": "42"})
        intake.close()
        assert [f for f in await looked(home, telegram.url) if not f.ok] == []


async def test_a_public_address_that_leads_elsewhere_or_nowhere_is_named(home: Path) -> None:
    async def other(request: Request) -> Response:
        return Response(200, b"welcome to nginx", "text/html")

    async def ours(request: Request) -> Response:
        return Response(200, b"ok", "text/plain")

    async with FakeTelegram() as telegram, Loopback(other) as nginx, Loopback(ours) as steward:
        for public, expected in ((nginx.url, "Another program"), ("http://127.0.0.1:9", "Start `steward run`")):
            (finding,) = [f for f in await looked(home, telegram.url, public) if "public address" in f.what]
            assert not finding.ok
            assert expected in finding.next_step
        (well,) = [f for f in await looked(home, telegram.url, steward.url) if "public address" in f.what]
        assert well.ok


@pytest.mark.parametrize(("off", "said"), [(400, "behind"), (-400, "ahead of"), (3, "")])
async def test_a_clock_that_is_wrong_is_measured_by_the_platforms(home: Path, off: float, said: str) -> None:
    async def platform(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(200, headers={"date": formatdate(time.time() + off, usegmt=True)})
        return Response.of({"ok": True, "result": {"id": 1, "is_bot": True, "first_name": "S", "username": "s", "url": "",
                                                   "has_custom_certificate": False, "pending_update_count": 0}})  # fmt: skip

    async with Loopback(platform) as server:
        (clock,) = [f for f in await looked(home, server.url) if "clock" in f.what]
    assert clock.ok == (not said)
    assert said in clock.what


@pytest.mark.parametrize(
    ("public", "switches", "missing"),
    [
        ("", {}, "STEWARD_PUBLIC_URL"),
        ("https://steward.example", {}, "STEWARD_WHATSAPP__AUTH_TOKEN"),
        ("https://steward.example", {"auth_token": "t", "from": "+1415"}, "STEWARD_WHATSAPP__FROM"),
    ],
)
async def test_whatsapp_set_up_halfway_names_the_next_switch(
    home: Path, public: str, switches: dict[str, str], missing: str
) -> None:
    whatsapp = WhatsAppSettings.model_validate({"account_sid": "AC1"} | switches)
    (finding,) = await chats(Settings(home=home, public_url=public, whatsapp=whatsapp), Home(home))
    assert missing in finding.what
