"""One rig a channel: the adapter, a fake of its platform, and what the suite must be able to do with both."""

from __future__ import annotations

import html
import json
import re
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from channels.base import Answer, CommandHelp, Delivery, Menu, RawRequest, ReceivingChannel, Refused, SpeakingChannel
from channels.render_document import clean
from channels.slack import SlackSpeaker
from channels.slack_access import SlackAccess
from channels.slack_receive import SlackReceiver
from channels.slack_receive import receive as slack_receive
from channels.telegram import TelegramSpeaker
from channels.telegram_receive import TelegramAccess, TelegramReceiver, peek, receive
from channels.whatsapp import WhatsAppSpeaker
from channels.whatsapp_access import WhatsAppAccess
from channels.whatsapp_media import doors
from channels.whatsapp_receive import WhatsAppReceiver
from channels.whatsapp_receive import receive as whatsapp_receive
from tests.fakes.slack_api import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, FakeSlack
from tests.fakes.telegram_api import SECRET_HEADER, TOKEN, FakeTelegram
from tests.fakes.twilio_api import ACCOUNT, AUTH_TOKEN, NUMBER, PERSON, PUBLIC, FakeTwilio


class Rig(Protocol):
    """What the suite asks of a channel.

    `fails` takes "slow" (429, 7 s), "lost" (taken, no answer), "cut" (not taken, no answer) or "blocked".
    """

    conversation: str
    secrets: tuple[str, ...]

    @property
    def speaking(self) -> SpeakingChannel: ...
    @property
    def receiving(self) -> ReceivingChannel: ...

    def shown(self) -> list[str]: ...  # visible texts of our messages, in order, as they look now
    def labels(self) -> list[str]: ...  # of all buttons on our messages
    def toasts(self) -> list[str]: ...
    def violations(self) -> list[str]: ...
    def fails(self, how: str) -> None: ...
    def last_ref(self) -> str: ...  # the highest message id there is
    def typed(self, text: str) -> Delivery: ...
    def pressed(self, label: str) -> Delivery: ...
    def filed(self, name: str, content: str, size: int = -1) -> Delivery: ...
    def receive(self, request: RawRequest) -> Delivery | Answer | Refused: ...
    def authentic(self, body: bytes) -> RawRequest: ...
    def message(self, text: str) -> bytes: ...  # a body as the platform posts it


class TelegramRig:
    conversation = "42"
    secrets: tuple[str, ...] = (TOKEN, "hook-secret")

    def __init__(self, fake: FakeTelegram) -> None:
        self.fake = fake
        self.access = TelegramAccess(TOKEN, "hook-secret", fake.url)
        self.speaking = TelegramSpeaker(self.access, username="steward_test_bot")
        self.receiving = TelegramReceiver(self.access, grace=0.0)

    def shown(self) -> list[str]:
        return [m["text"] for m in self.fake.sent() if "text" in m]

    def voiced(self) -> list[bytes]:
        """The voice notes that we sent; the fake keeps the last one's bytes."""
        sent = self.fake.calls("sendVoice")
        return [self.fake.people.files["sent"][1]] if sent else []

    def labels(self) -> list[str]:
        rows = [row for m in self.fake.sent() for row in m.get("reply_markup", {}).get("inline_keyboard", [])]
        return [button["text"] for row in rows for button in row]

    def toasts(self) -> list[str]:
        return [c["params"]["text"] for c in self.fake.calls("answerCallbackQuery") if c["status"] == 200]

    def violations(self) -> list[str]:
        return self.fake.violations()

    def fails(self, how: str) -> None:
        kinds: dict[str, dict[str, Any]] = {
            "slow": {"retry_after": 7}, "lost": {"drop": True, "when": "after"}, "cut": {"drop": True},
            "blocked": {"status": 403, "description": "Forbidden: bot was blocked by the user"},
        }  # fmt: skip
        self.fake.fail("sendMessage", **kinds[how])

    def last_ref(self) -> str:
        return str(self.fake.people.last_message)

    def typed(self, text: str) -> Delivery:
        self.fake.people.text(text)
        return self._last()

    def pressed(self, label: str) -> Delivery:
        self.fake.people.press(label)
        return self._last()

    def filed(self, name: str, content: str, size: int = -1) -> Delivery:
        self.fake.people.document(name, content, size=size)
        return self._last()

    def receive(self, request: RawRequest) -> Delivery | Answer | Refused:
        return receive(request, self.access)

    def authentic(self, body: bytes) -> RawRequest:
        headers = {SECRET_HEADER: "hook-secret", "content-type": "application/json"}
        return RawRequest("POST", "/telegram/webhook", "", headers, body)

    def message(self, text: str) -> bytes:
        self.fake.people.text(clean(text) or "x")
        return json.dumps(self.fake.updates()[-1]).encode()

    def _last(self) -> Delivery:
        return peek(self.fake.updates()[-1], self.access.account)


@asynccontextmanager
async def telegram_rig() -> AsyncIterator[Rig]:
    async with FakeTelegram() as fake:
        rig = TelegramRig(fake)
        try:
            yield rig
        finally:
            await rig.speaking.close()
            await rig.receiving.close()


class SlackRig:
    conversation = "D42"
    secrets: tuple[str, ...] = (BOT_TOKEN, APP_TOKEN, SIGNING_SECRET)

    def __init__(self, fake: FakeSlack) -> None:
        self.fake = fake
        self.access = SlackAccess(BOT_TOKEN, SIGNING_SECRET, APP_TOKEN, "T1", fake.api_base)
        menu = Menu((CommandHelp("stop", ""), CommandHelp("status", "")))
        self.speaking = SlackSpeaker(self.access, menu, "UBOT")
        self.receiving = SlackReceiver(self.access)

    def shown(self) -> list[str]:
        return [_unmarked(m["blocks"][0]["text"]["text"]) for m in self.fake.sent() if "blocks" in m]

    def voiced(self) -> list[bytes]:
        """The voice notes that we sent, as they were handed over."""
        shared = [file["id"] for m in self.fake.sent() for file in m.get("files", ())]
        return [self.fake.uploads[file]["content"] for file in shared]

    def labels(self) -> list[str]:
        blocks = [block for m in self.fake.sent() for block in m.get("blocks", ())]
        return [element["text"]["text"] for block in blocks for element in block.get("elements", [])]

    def toasts(self) -> list[str]:
        return [r["text"] for r in self.fake.responses][:1]

    def violations(self) -> list[str]:
        return self.fake.violations()

    def fails(self, how: str) -> None:
        kinds: dict[str, dict[str, Any]] = {
            "slow": {"retry_after": 7}, "lost": {"drop": True, "when": "after"}, "cut": {"drop": True},
            "blocked": {"error": "is_archived"},
        }  # fmt: skip
        self.fake.fail("chat.postMessage", **kinds[how])

    def last_ref(self) -> str:
        return max((ts for _, ts in self.fake.people.messages), default="")

    def typed(self, text: str) -> Delivery:
        return self._stored(self.fake.people.text(text))

    def pressed(self, label: str) -> Delivery:
        return self._stored(self.fake.people.press(label))

    def filed(self, name: str, content: str, size: int = -1) -> Delivery:
        self.fake.files[name] = content.encode()
        return self._stored(self.fake.people.file(name))

    def receive(self, request: RawRequest) -> Delivery | Answer | Refused:
        return slack_receive(request, self.access, time.time())

    def authentic(self, body: bytes) -> RawRequest:
        return self.fake.signed(body)

    def message(self, text: str) -> bytes:
        return self.fake.people.text(text)

    def _stored(self, body: bytes) -> Delivery:
        received = self.receive(self.fake.signed(body))
        assert isinstance(received, Delivery)
        return received


def _unmarked(text: str) -> str:
    """What a reader of mrkdwn sees."""
    text = re.sub(r"<([^|>]*)\|([^>]*)>", r"\2", text.replace("\u200b", ""))
    return html.unescape(re.sub(r"(?<!\w)[*_~](\S.*?)[*_~](?!\w)", r"\1", text.replace("```", "")))


@asynccontextmanager
async def slack_rig() -> AsyncIterator[Rig]:
    async with FakeSlack() as fake:
        rig = SlackRig(fake)
        try:
            yield rig
        finally:
            await rig.speaking.close()
            await rig.receiving.close()


class WhatsAppRig:
    conversation = PERSON
    secrets: tuple[str, ...] = (AUTH_TOKEN,)

    def __init__(self, fake: FakeTwilio) -> None:
        self.fake = fake
        self._shelf = tempfile.TemporaryDirectory()
        shelf = Path(self._shelf.name) / "media"
        self.access = WhatsAppAccess(ACCOUNT, AUTH_TOKEN, NUMBER, PUBLIC, fake.url, shelf=shelf)
        self.speaking = WhatsAppSpeaker(self.access)
        self.receiving = WhatsAppReceiver(self.access)

    def shown(self) -> list[str]:
        return [_unmarked(re.sub(r"^\(\d+/\d+\)\s", "", m["body"])) for m in self.fake.sent() if not m["media"]]

    def voiced(self) -> list[bytes]:
        """The voice notes that we sent, as Twilio fetches them."""
        return [self.fetched(m["media"]).body for m in self.fake.sent() if m["media"]]

    def fetched(self, address: str, method: str = "GET", **headers: str) -> Answer:
        """What the receiver answers at an address that Twilio was given."""
        assert address.startswith(PUBLIC)
        (door,) = doors(self.access).values()
        found = door(RawRequest(method, address.removeprefix(PUBLIC), "", headers, b""))
        assert isinstance(found, Answer)
        return found

    def close(self) -> None:
        self._shelf.cleanup()

    def labels(self) -> list[str]:
        return [action["title"] for m in self.fake.sent() for action in m["actions"]]

    def toasts(self) -> list[str]:
        return self.shown()[1:]

    def violations(self) -> list[str]:
        return self.fake.violations()

    def fails(self, how: str) -> None:
        kinds: dict[str, dict[str, Any]] = {
            "slow": {"status": 429, "code": 20429}, "lost": {"drop": True, "when": "after"}, "cut": {"drop": True},
            "blocked": {"status": 400, "code": 21610},
        }  # fmt: skip
        self.fake.fail(**kinds[how])

    def last_ref(self) -> str:
        return str(self.fake.messages[-1]["sid"]) if self.fake.messages else ""

    def typed(self, text: str) -> Delivery:
        return self._stored(self.fake.text(text))

    def pressed(self, label: str) -> Delivery:
        return self._stored(self.fake.press(label))

    def filed(self, name: str, content: str, size: int = -1) -> Delivery:
        return self._stored(self.fake.media(name, content.encode(), "text/plain"))

    def receive(self, request: RawRequest) -> Delivery | Answer | Refused:
        return whatsapp_receive(request, self.access)

    def authentic(self, body: bytes) -> RawRequest:
        return self.fake.signed(body)

    def message(self, text: str) -> bytes:
        return self.fake.text(text)

    def _stored(self, body: bytes) -> Delivery:
        received = self.receive(self.fake.signed(body))
        assert isinstance(received, Delivery)
        return received


@asynccontextmanager
async def whatsapp_rig() -> AsyncIterator[Rig]:
    async with FakeTwilio() as fake:
        rig = WhatsAppRig(fake)
        try:
            yield rig
        finally:
            rig.close()
            await rig.speaking.close()
            await rig.receiving.close()


RIGS = {"telegram": telegram_rig, "slack": slack_rig, "whatsapp": whatsapp_rig}
