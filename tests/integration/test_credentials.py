"""Tokens and secrets of all three chats, at the most talkative log level: in nothing that is written, at no other host."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes import slack_api, telegram_api, twilio_api
from tests.fakes.loopback import Loopback, Request, Response
from tests.fakes.three_chats import HOOK_SECRET, House, in_thread, three_chats, until

pytestmark = pytest.mark.integration

SECRETS = {
    "Slack's bot token": slack_api.BOT_TOKEN, "Slack's signing secret": slack_api.SIGNING_SECRET,
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


def test_no_credential_is_written_or_sent_elsewhere(tmp_path: Path) -> None:
    with elsewhere() as there, three_chats(tmp_path, {"STEWARD_LOG": "debug"}) as house:
        _a_day_with_trouble(house, there.server.url)
        said = json.dumps(
            [house.platforms.slack.sent(), house.platforms.telegram.sent(), house.platforms.twilio.sent()]
        )
        assert until(house.steward.quiet, 90), house.steward.state() + house.steward.tail()
        assert house.steward.stop() == 0
        written = {str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert len(written) > 5
    assert b" DEBUG " in b"".join(written.values()), "the log was not at its most talkative"
    for name, secret in SECRETS.items():
        assert not [where for where, body in written.items() if secret.encode() in body], f"{name} was written"
        assert secret not in said, f"{name} was said"
    assert [request.path for request in there.saw] == []


def _a_day_with_trouble(house: House, foreign: str) -> None:
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
    slack.fail("chat.postMessage", "invalid_auth")
    twilio.fail(500)
    telegram.fail("sendMessage", times=2, status=500)
    for channel, body in bodies:
        good = house.signed(channel, body)
        assert house.post(good).status_code == 200, channel
        headers = {name: "wrong" for name in good.headers if name != "content-type"}
        forged = type(good)(good.method, good.path, good.query, good.headers | headers, b"x" + good.body)
        assert house.post(forged).status_code in (401, 403), channel
    pressed = slack.people.interaction(
        {"action_id": "a", "text": {}, "value": "y:c1:1:0:n"}, "D42", "1.0", {}, "U42", response_url=f"{foreign}/steal"
    )
    assert house.post(house.signed("slack", pressed)).status_code == 200
    waiting = "delivery WHERE state IN ('new','running')"
    assert until(lambda: house.steward.count(waiting) == 0, 90), house.steward.state() + house.steward.tail()


def _update(number: int, content: dict[str, object]) -> bytes:
    who = {"id": 42, "is_bot": False, "first_name": "Ada"}
    message = {"message_id": 500 + number, "date": 1_700_000_000, "chat": {"id": 42, "type": "private"}, "from": who}
    return json.dumps({"update_id": 700 + number, "message": message | content}).encode()
