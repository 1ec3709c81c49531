"""WhatsApp against the real process and a fake Twilio: cards by button and by number, delivery reports, the window."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.fakes.sound import tone
from tests.fakes.steward_process import NEXT_YEAR, ROOT
from tests.fakes.telegram_api import TOKEN, FakeTelegram
from tests.fakes.twilio_api import ACCOUNT, AUTH_TOKEN, NUMBER, PERSON, PUBLIC, FakeTwilio
from tests.fakes.waiting import ANEW, PATIENCE_S, free_port, until

pytestmark = pytest.mark.integration

DAY = 24 * 3600
_WAITING = """
SELECT (SELECT count(*) FROM delivery WHERE state IN ('new','running'))
     + (SELECT count(*) FROM message WHERE state IN ('pending','running'))
     + (SELECT count(*) FROM effect WHERE state IN ('pending','running'))
     + (SELECT count(*) FROM turn WHERE state='running')
"""


@dataclass
class Run:
    """A running Steward, its fake Twilio and (where asked for) its fake Telegram."""

    home: Path
    twilio: FakeTwilio
    http: httpx.AsyncClient
    telegram: FakeTelegram | None
    heard: set[str] = field(default_factory=set)

    async def post(self, body: bytes, path: str = "/whatsapp/webhook", token: str = AUTH_TOKEN) -> int:
        signed = self.twilio.signed(body, path, token=token)
        return (await self.http.post(path, content=signed.body, headers=dict(signed.headers))).status_code

    async def writes(self, words: str, **more: str) -> None:
        assert await self.post(self.twilio.text(words, **more)) == 200

    async def presses(self, label: str) -> None:
        assert await self.post(self.twilio.press(label)) == 200

    async def reports(self, sid: str, status: str, error: int = 0, token: str = AUTH_TOKEN) -> int:
        return await self.post(self.twilio.report(sid, status, error), "/whatsapp/status", token)

    async def hears(self, *words: str) -> dict[str, object]:
        """A message not heard before that holds `words`: a card's new look and an answer may come in either order."""

        def fresh() -> list[dict[str, object]]:
            unheard = [m for m in self.twilio.sent() if m["sid"] not in self.heard]
            return [m for m in unheard if all(word in m["body"] for word in words)]

        await until(fresh, lambda: f"{words} in {[m['body'] for m in self.twilio.sent()]}")
        found = fresh()[0]
        self.heard.add(str(found["sid"]))
        return found

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(f"file:{self.home / 'steward.db'}?mode=ro", uri=True, timeout=10) as db:
            return db.execute(query).fetchall()

    async def settled(self) -> None:
        """Until everything that came is handled and everything is said."""
        await until(lambda: self.rows(_WAITING) == [(0,)], lambda: self.rows(_WAITING))

    def events(self) -> int:
        path = self.home / "calendar.ics"
        return path.read_text().count("BEGIN:VEVENT") if path.exists() else 0

    async def silent_since(self, seconds: float) -> None:
        """The last thing the person wrote lies `seconds` back."""
        db = sqlite3.connect(self.home / "steward.db", timeout=PATIENCE_S)
        with db:
            db.execute("UPDATE delivery SET received_at=received_at-? WHERE channel='whatsapp'", (int(seconds * 1000),))
        db.close()


@asynccontextmanager
async def running(
    folder: Path, *, telegram: bool = False, principal: str = PERSON, programs: str = ""
) -> AsyncIterator[Run]:
    home, port = folder / "home", free_port()
    async with (
        FakeTwilio() as twilio,
        FakeTelegram() as phone,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, limits=ANEW) as http,
    ):
        switches = {
            "HOME": str(home), "ZONE": "Europe/Zurich", "HTTP__PORT": str(port), "PUBLIC_URL": PUBLIC,
            "WORKER__IDLE_S": "0", "EMBEDDINGS__PATH": str(home / "no-model"), "WHATSAPP__ACCOUNT_SID": ACCOUNT,
            "WHATSAPP__AUTH_TOKEN": AUTH_TOKEN, "WHATSAPP__FROM": NUMBER, "WHATSAPP__PRINCIPAL": principal,
            "WHATSAPP__API_BASE": twilio.url,
        }  # fmt: skip
        if telegram:
            switches |= {"TELEGRAM__TOKEN": TOKEN, "TELEGRAM__API_BASE": phone.url, "TELEGRAM__PRINCIPAL": "42"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STEWARD_")}
        env = {**kept, **{f"STEWARD_{name}": value for name, value in switches.items()}}
        env["PATH"] = f"{programs}:{env['PATH']}"
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, "-P", "-m", "bot.cli", "run"], cwd=ROOT, env=env, stdout=log, stderr=log
            )
        try:
            await _serves(http)
            yield Run(home, twilio, http, phone if telegram else None)
            assert twilio.violations() == []
            assert phone.violations() == []
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)
            written = (folder / "log").read_text()
            assert AUTH_TOKEN not in written
            assert "Traceback" not in written, written[-3000:]


async def _serves(http: httpx.AsyncClient) -> None:
    async def listens() -> bool:
        try:
            return (await http.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    await until(listens, lambda: "the receiver did not come up")


async def test_a_card_is_decided_by_button_and_by_number_and_undone_over_whatsapp(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.writes("note: the accountant prefers mornings")
        await run.hears("Noted")
        await until(lambda: bool(run.twilio.typing), lambda: "no typing indicator")

        await run.writes(f"lunch with Ada on {NEXT_YEAR}-11-27 at 12:30")
        await run.hears("Create event")
        await run.hears("Lunch with Ada", "1 Approve · 2 Reject · 3 Edit")
        await run.presses("Approve")
        await run.hears("✅ Approved")
        await run.hears("Created “Lunch with Ada”")
        assert run.events() == 1
        await run.presses("Approve")
        await run.hears("Already approved")
        await run.presses("Undo")
        await run.hears("Undone.")
        assert run.events() == 0

        await run.writes(f"coffee with Bob on {NEXT_YEAR}-11-28 at 10:00")
        await run.hears("Coffee with Bob", "1 Approve")
        await run.settled()
        for vague in ("4711", "aprove?", "👍", "yes please but tomorrow"):
            await run.writes(vague)
            await run.settled()
        assert run.rows("SELECT count(*) FROM effect WHERE undoes IS NULL") == [(2,)]
        await run.hears("version 2")
        await run.writes("2")
        await run.hears("❌ Rejected")
        assert run.events() == 0

        await run.writes(f"tea with Cleo on {NEXT_YEAR}-11-29 at 16:00")
        await run.hears("Tea with Cleo", "1 Approve")
        await run.settled()
        await run.writes("3")
        await run.hears("What should change")
        await run.writes("make it 5pm")
        await run.hears("17:00", "1 Approve")
        await run.settled()
        assert len([m for m in run.twilio.sent() if "17:00" in str(m["body"])]) == 2
        await run.writes(" 1. ")
        await run.hears("Created “Tea with Cleo”")
        assert run.events() == 1


async def test_a_spoken_answer_is_fetched_by_twilio_from_the_running_receiver(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the extra `voice` is not installed: no answer is spoken")
    (tmp_path / "tone.wav").write_bytes(tone(1.0))
    (tmp_path / "espeak-ng").write_text(f"#!/bin/sh\ncat >/dev/null\ncat {tmp_path}/tone.wav\n")
    (tmp_path / "espeak-ng").chmod(0o755)
    async with running(tmp_path, programs=str(tmp_path)) as run:
        await run.writes("note: the accountant prefers mornings, answer by voice")
        await run.hears("Noted")
        await until(lambda: any(m["media"] for m in run.twilio.sent()), run.twilio.sent)
        (address,) = (m["media"].removeprefix(PUBLIC) for m in run.twilio.sent() if m["media"])
        head, whole = await run.http.head(address), await run.http.get(address)
        assert (head.status_code, whole.status_code, whole.headers["content-type"]) == (200, 200, "audio/ogg")
        assert whole.content.startswith(b"OggS")
        assert head.headers["content-length"] == str(len(whole.content))
        part = await run.http.get(address, headers={"range": "bytes=4-11"})
        assert (part.status_code, part.content) == (206, whole.content[4:12])
        await run.settled()
        for other in ("steward.db", "../../../steward.db", "..%2f..%2f..%2fsteward.db"):
            assert (await run.http.get(f"/whatsapp/media/{other}")).status_code == 404
        assert address.split("/")[4] not in (tmp_path / "log").read_text()


async def test_delivery_reports_are_signed_stored_once_and_never_wake_the_dead(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.writes("note: one")
        sid = str((await run.hears("Noted"))["sid"])
        assert await run.reports(sid, "delivered", token="wrong") == 403
        assert run.rows("SELECT * FROM report") == []
        for status in ("delivered", "sent", "delivered", "queued", "sent"):
            assert await run.reports(sid, status) == 200
        assert run.rows("SELECT ref, status, outcome FROM report") == [(sid, "delivered", "on its way")]
        assert run.rows("SELECT count(*) FROM delivery WHERE lane='control'") == [(0,)]
        assert await run.post(b"AccountSid=" + ACCOUNT.encode(), "/whatsapp/status") == 200
        assert run.rows("SELECT count(*) FROM report") == [(1,)]


async def test_what_was_taken_and_not_delivered_goes_once_as_the_template_and_follows_the_reply(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.writes("note: one")
        sid = str((await run.hears("Noted"))["sid"])
        for status in ("undelivered", "undelivered", "sent", "failed"):
            await run.reports(sid, status, 63016)
        await run.hears("Steward has something for you")
        assert run.rows("SELECT state FROM message WHERE id=1") == [("held",)]
        await run.writes("hello?")
        await run.hears("Noted")
        assert len([m for m in run.twilio.sent() if "something for you" in m["body"]]) == 1


async def test_a_day_and_a_second_later_the_template_knocks_and_the_card_stands_on_another_chat(tmp_path: Path) -> None:
    async with running(tmp_path, telegram=True) as run:
        phone = run.telegram
        assert phone is not None
        await run.writes(f"lunch with Ada on {NEXT_YEAR}-11-27 at 12:30")
        card = await run.hears("Create event")
        await run.settled()
        await run.silent_since(DAY + 1)
        await run.reports(str(card["sid"]), "undelivered", 63016)
        await run.hears("Steward has something for you")
        await until(lambda: any(m["text"].startswith("Approval 1") for m in phone.sent()), phone.sent)
        number = run.rows("SELECT id FROM card")
        phone.people.press("Approve")
        await until(lambda: run.events() == 1, phone.sent)
        await until(lambda: any("✅ Approved" in m["text"] for m in phone.sent()), phone.sent)
        assert run.rows("SELECT id FROM card") == number
        await run.writes("hello, I am back")
        await run.hears("✅ Approved")
        await run.hears("Created “Lunch with Ada”")
        assert run.rows("SELECT count(*) FROM effect") == [(1,)]


async def test_a_person_without_a_phone_number_is_a_stranger_unless_linked(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        hidden = {"From": "", "ExternalUserId": "whatsapp:ID.7"}
        await run.writes("note: who am I?", **hidden)
        await until(
            lambda: run.rows("SELECT count(*) FROM ledger WHERE what='stranger.held'") == [(1,)],
            lambda: run.rows("SELECT what FROM ledger"),
        )
        assert [m for m in run.twilio.sent() if m["to"] == "whatsapp:ID.7"] == []
        await run.writes("note: both of me", ExternalUserId="whatsapp:ID.7")
        await run.hears("Noted")
        await run.writes("note: only my id", **hidden)
        assert (await run.hears("only my id"))["to"] == "whatsapp:ID.7"
