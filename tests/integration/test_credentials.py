"""Tokens and secrets of all three chats, at the most talkative log level: in nothing that is written, at no other host."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx
import pytest

from tests.fakes import slack_api, telegram_api, twilio_api
from tests.fakes.loopback import Loopback, Request, Response
from tests.fakes.three_chats import HOOK_SECRET, House, in_thread, three_chats, until

pytestmark = pytest.mark.integration

SECRETS = {
    "Slack's bot token": slack_api.BOT_TOKEN, "Slack's app token": slack_api.APP_TOKEN, "Slack's signing secret": slack_api.SIGNING_SECRET,
    "Telegram's token": telegram_api.TOKEN, "Telegram's secret half": telegram_api.TOKEN.partition(":")[2],
    "Telegram's webhook secret": HOOK_SECRET, "Twilio's token": twilio_api.AUTH_TOKEN,
    "Twilio's login": b64encode(f"{twilio_api.ACCOUNT}:{twilio_api.AUTH_TOKEN}".encode()).decode(),
}  # fmt: skip


class Elsewhere:
    """A host that is no platform's: whatever reaches it is kept."""

    def __init__(self) -> None:
        self.server = Loopback(self._serve)
        self.saw: list[Request] = []

    async def _serve(self, request: Request) -> Response:
        self.saw.append(request)
        return Response(200, b"ok", "text/plain")


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    there = Elsewhere()
    with in_thread(there.server):
        yield there


WAYS = {
    "webhooks": {},
    "polling and a socket": {"STEWARD_TELEGRAM__MODE": "polling", "STEWARD_SLACK__APP_TOKEN": slack_api.APP_TOKEN},
}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_no_credential_is_written_or_sent_elsewhere(tmp_path: Path, way: str) -> None:
    with elsewhere() as there, three_chats(tmp_path, {"STEWARD_LOG": "debug"} | WAYS[way]) as house:
        street = _Webhooks(house) if way == "webhooks" else _Socket(house)
        _a_day_with_trouble(house, street, there.server.url)
        _a_day_with_hijacked_platforms(house, street, there.server.url)
        _a_token_is_revoked(house, street)
        said = json.dumps(
            [house.platforms.slack.sent(), house.platforms.telegram.sent(), house.platforms.twilio.sent()]
        )
        assert house.steward.stop() == 0
        written = {str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        written |= _unpacked(house.steward.home / "steward.db")
        assert [request.path for request in there.saw] == []
        httpx.get(there.server.url + "/is/anyone/there")
        assert len(there.saw) == 1
    log = house.steward.output.read_text()
    for talkative in ("DEBUG httpcore", "INFO httpx", "DEBUG slack_bolt"):
        assert f" {talkative}" in log, f"the log was not at its most talkative: no {talkative}"
    assert any(b"hello from slack" in body for where, body in written.items() if "record" in where), (
        "no record was read"
    )
    for name, secret in SECRETS.items():
        for form in _forms(secret):
            assert not [where for where, body in written.items() if form.encode() in body], f"{name} was written"
            assert form not in said, f"{name} was said"


def _forms(secret: str) -> set[str]:
    """As it is, and as it would stand in an address, in JSON, in a basic login or in a dump."""
    raw = secret.encode()
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], b64encode(raw).decode().rstrip("="), raw.hex()}


def _unpacked(database: Path) -> dict[str, bytes]:
    """The turn records, which are kept compressed: a search of the file's bytes would not see into them."""
    with closing(sqlite3.connect(database)) as db:
        return {f"record {turn}": zlib.decompress(body) for turn, body in db.execute("SELECT turn, body FROM record")}


class _Webhooks:
    """What people do arrives signed over HTTP; the same with a false signature is refused."""

    def __init__(self, house: House) -> None:
        self._house = house

    def bring(self, channel: str, body: bytes) -> None:
        good = self._house.signed(channel, body)
        assert self._house.post(good).status_code == 200, channel
        headers = {name: "wrong" for name in good.headers if name != "content-type"}
        forged = type(good)(good.method, good.path, good.query, good.headers | headers, b"x" + good.body)
        assert self._house.post(forged).status_code in (401, 403), channel


class _Socket(_Webhooks):
    """Telegram is polled and Slack comes down its socket; WhatsApp knows webhooks alone."""

    def bring(self, channel: str, body: bytes) -> None:
        platforms = self._house.platforms
        if channel == "telegram":
            platforms.telegram.people.update(**{k: v for k, v in json.loads(body).items() if k != "update_id"})
        elif channel == "slack":
            assert until(lambda: platforms.slack.sockets, 120), "no socket was opened"
            platforms.do(platforms.slack.push(*_enveloped(body), f"E{time.monotonic_ns()}"))
        else:
            super().bring(channel, body)


def _enveloped(body: bytes) -> tuple[str, dict[str, Any]]:
    """What Slack would send down the socket for a request of this body: its kind and payload."""
    if body.startswith(b"{"):
        return "events_api", json.loads(body)
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return ("interactive", json.loads(form["payload"])) if "payload" in form else ("slash_commands", form)


def _a_day_with_trouble(house: House, street: _Webhooks, foreign: str) -> None:
    """Messages, files from strange places, refusals and failures on every chat."""
    slack, telegram, twilio = house.platforms.slack, house.platforms.telegram, house.platforms.twilio
    foreign_file = {"url_private_download": f"{foreign}/steal", "url_private": f"{foreign}/steal"}
    bodies = [
        ("slack", slack.people.text("note: hello from slack")),
        ("slack", slack.people.file("minutes.txt", **foreign_file)),
        ("slack", slack.people.file("clip.mp4", "video/mp4", subtype="slack_audio", **foreign_file)),
        ("slack", slack.people.command("status").replace(b"http%3A%2F%2F127", f"{foreign}/x#".encode())),
        ("telegram", _update(1, {"text": "note: hello from telegram"})),
        ("telegram", _update(2, {"document": {"file_id": f"{foreign}/steal", "file_unique_id": "u", "file_name": "a.txt", "mime_type": "text/plain", "file_size": 3}})),
        ("telegram", _update(3, {"text": "/failures"})),
        ("whatsapp", twilio.text("note: hello from whatsapp")),
        ("whatsapp", twilio.text("", NumMedia="1", MediaUrl0=f"{foreign}/steal", MediaContentType0="text/plain")),
    ]  # fmt: skip
    slack.fail("chat.postMessage", "internal_error")
    twilio.fail(500)
    telegram.fail("sendMessage", times=2, status=500)
    for channel, body in bodies:
        street.bring(channel, body)
    pressed = slack.people.interaction(
        {"action_id": "a", "text": {}, "value": "y:c1:1:0:n"}, "D42", "1.0", {}, "U42", response_url=f"{foreign}/steal"
    )
    street.bring("slack", pressed)
    _worked_off(house)


def _a_day_with_hijacked_platforms(house: House, street: _Webhooks, foreign: str) -> None:
    """Every call to a platform, a file's download too, is answered with “go there instead”; then all is well again."""
    slack, telegram, twilio = house.platforms.slack, house.platforms.telegram, house.platforms.twilio
    slack.files["minutes.txt"] = b"The gutter was repaired."
    telegram.people.files["f9"] = ("minutes.txt", b"The gutter was repaired.", 24)
    house.platforms.detour(foreign)
    for channel, body in [
        ("slack", slack.people.text("note: second hello")),
        ("slack", slack.people.file("minutes.txt")),
        ("telegram", _update(11, {"text": "note: second hello"})),
        ("telegram", _update(12, {"document": {"file_id": "f9", "file_unique_id": "u9", "file_name": "minutes.txt", "mime_type": "text/plain", "file_size": 24}})),
        ("whatsapp", twilio.text("note: second hello")),
        ("whatsapp", twilio.media("minutes.txt", b"The gutter was repaired.", "text/plain")),
    ]:  # fmt: skip
        street.bring(channel, body)
    everywhere = until(lambda: all(server.astray > 1 for server in house.platforms.servers()), 120)
    assert everywhere, [server.astray for server in house.platforms.servers()]
    house.platforms.detour("")
    assert until(house.steward.quiet, 180), house.steward.state() + house.steward.tail()


def _a_token_is_revoked(house: House, street: _Webhooks) -> None:
    """Slack takes the token no more: that is told elsewhere, without the token."""
    house.platforms.slack.fail("chat.postMessage", "invalid_auth")
    street.bring("slack", house.platforms.slack.people.text("note: a last hello"))
    told = "failure WHERE what LIKE 'Slack does not take its token%'"
    assert until(lambda: house.steward.count(told), 180), house.steward.state() + house.steward.tail()
    _worked_off(house)


def _worked_off(house: House) -> None:
    waiting = "delivery WHERE state IN ('new','running')"
    assert until(lambda: house.steward.count(waiting) == 0, 180), house.steward.state() + house.steward.tail()


def _update(number: int, content: dict[str, object]) -> bytes:
    who = {"id": 42, "is_bot": False, "first_name": "Ada"}
    message = {"message_id": 500 + number, "date": 1_700_000_000, "chat": {"id": 42, "type": "private"}, "from": who}
    return json.dumps({"update_id": 700 + number, "message": message | content}).encode()
