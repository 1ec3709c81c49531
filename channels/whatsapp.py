"""WhatsApp's speaking part, on twilio's synchronous client in a thread: says, asks by quick replies, looks up, fetches."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from twilio.rest import Client

from channels import render, whatsapp_media
from channels.base import ChannelError, FileRef, Finding, Inbound, Limits, Menu, Receipt, Refusal, TryLater
from channels.whatsapp_access import WhatsAppAccess, guard_logs
from channels.whatsapp_doctor import findings
from channels.whatsapp_parse import parse
from channels.whatsapp_state import is_open
from channels.whatsapp_wire import (
    BODY,
    KNOCK,
    KNOCK_BODY,
    TROUBLES,
    GuardedTwilio,
    WindowClosed,
    filled,
    flat,
    knock,
    refused,
    template,
    told,
    variables,
)
from knowledge.egress import guarded_client
from knowledge.words import Outbound

LastInbound = Callable[[str], Awaitable[datetime | None]]
_QUESTION = 200  # characters of a question whose details stand in the message before it
_NOTICE = 1000  # characters of a notice, which is a message here
_MUTE = "I can't send voice notes on WhatsApp before STEWARD_PUBLIC_URL says where Twilio can fetch them."
_NUMBERING = 12  # room for "(12/34) " before a part
_NEW_MEDIA_TRIES, _NEW_MEDIA_WAIT = 4, 0.5  # media may be ready a moment after the webhook


class WhatsAppSpeaker:
    """Speaks as the number of `access`. `last_inbound(conversation)` tells when that person last wrote; without it the
    24-hour window counts as open. WhatsApp has no edits and no notices: an edit of progress is left out, any other
    edit and a toast are messages. Sends of one conversation come one after the other.
    """

    name = "whatsapp"
    limits = Limits(
        text=1600, unit="utf16", buttons_per_row=3, button_rows=4, can_edit=False, toast=0, file_bytes=16_000_000,
        numbered=True, mute="",
    )  # fmt: skip

    def __init__(
        self,
        access: WhatsAppAccess,
        menu: Menu | None = None,
        last_inbound: LastInbound | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        guard_logs()
        self._access = access
        self._last_inbound = last_inbound
        self._now = now
        self._pauses: dict[str, float] = {}
        self._contents: dict[str, str] = {}
        self._said: deque[str] = deque(maxlen=256)
        self._answered: dict[str, Receipt] = {}
        self._client: Client | None = None
        if not (access.public_url and access.shelf):
            self.limits = replace(self.limits, mute=_MUTE)

    def parse(self, raw: bytes, account: str) -> Inbound:
        return parse(raw, account, self._now())

    def fit(self, message: Outbound) -> list[Outbound]:
        """Parts are numbered, since WhatsApp keeps no order. A card that a quick reply can't hold asks in a part of its
        own; choices beyond three are offered by number."""
        if message.sound:
            return [message]
        if message.toast_for:
            short = render.shorten(render.to_plain(render.read(message.text)), _NOTICE)
            message = replace(message, text=render.write((render.Span(short),)), buttons=())
        buttons = flat(message)
        shown = render.to_whatsapp(render.read(message.text))
        if buttons and (len(shown) > BODY or "\n" in shown):
            question = replace(message, text=_named(message.text), reply_to="")
            return [*self.fit(replace(message, buttons=(), prompt=False)), question]
        parts = render.fit(message, self.limits, _size)
        if len(parts) == 1:
            return parts
        parts = render.fit(message, replace(self.limits, text=self.limits.text - _NUMBERING), _size)
        return [replace(part, text=_numbered(n, len(parts), part.text)) for n, part in enumerate(parts, 1)]

    async def send(self, message: Outbound, conversation: str) -> Receipt:
        """Say it, as free words, as a quick reply, or (`knock`) as the approved template, the one thing that may be
        said outside the window. Raises TryLater, Unknown, Refusal, and WindowClosed, a Refusal."""
        if message.toast_for in self._answered:
            return self._answered[message.toast_for]
        if message.edit_of and message.progress:
            return Receipt(message.edit_of, self._now())
        if not conversation.startswith("whatsapp:"):
            raise Refusal(f"{conversation!r} is no WhatsApp conversation.")
        if (left := self._pauses.get(conversation, 0.0) - time.monotonic()) > 0:
            raise TryLater("Twilio asked to slow down; the pause is not over.", left)
        if not message.knock and not await self._is_open(conversation):
            raise WindowClosed(" ".join((WindowClosed.__doc__ or "").split()))
        asked = await (self._lent(message) if message.sound else self._content(message))
        sent = await self._create(conversation, asked)
        if message.toast_for:
            self._answered[message.toast_for] = sent
        return sent

    async def find(
        self, message: Outbound, conversation: str, after_ref: str
    ) -> Receipt | Literal["absent", "unknown"]:
        """Whether `message` arrived: Twilio lists what was sent to a number, newest first, with its body, or with its file.

        Only what was sent since `after_ref` (a message id of this conversation, either way) counts, and what this process
        has no receipt for. Raises TryLater when Twilio can't be asked now.
        """
        if message.edit_of and message.progress:
            return "absent"
        client = self._ready()
        since: datetime | None = None
        try:
            if after_ref:
                since = (await self._asked(client.messages(after_ref).fetch)).date_created
            listed = await self._asked(client.messages.list, to=conversation, from_=self._access.number, limit=50)
        except Refusal:
            return "unknown"
        except TryLater:
            raise
        except ChannelError as trouble:
            raise TryLater(str(trouble)) from None
        wanted = "" if message.sound else self._body(message)
        for found in listed:
            if since and found.date_created and found.date_created < since:
                return "absent"
            is_it = found.num_media not in (None, "0") if message.sound else found.body == wanted
            if is_it and found.sid not in self._said:
                return Receipt(str(found.sid), self._now())
        return "absent" if len(listed) < 50 else "unknown"

    async def fetch(self, file: FileRef) -> AsyncIterator[bytes]:
        """The media's bytes. Only Twilio's own address is asked with the account's token; the redirect goes without."""
        most = self.limits.file_bytes
        if file.size > most:
            raise Refusal(f"The file has {file.size / 1e6:.0f} MB; WhatsApp files may have {most / 1e6:.0f} MB.")
        own, there = urlsplit(self._access.host("api")), urlsplit(file.id)
        if (there.scheme, there.netloc) != (own.scheme, own.netloc):
            raise Refusal("The file lies outside Twilio; Steward does not fetch it.")
        got = 0
        try:
            async with (
                guarded_client(self._access.media_rules, timeout=30.0) as http,
                self._placed(http, file.id, own.scheme) as response,
            ):
                async for chunk in response.aiter_bytes(65_536):
                    got += len(chunk)
                    if got > most:
                        raise Refusal(f"The file has more than {most / 1e6:.0f} MB.")
                    yield chunk
        except httpx.HTTPError as trouble:
            raise TryLater(f"The file could not be read ({type(trouble).__name__}).") from None

    async def probe(self) -> list[Finding]:
        """Every step of docs/whatsapp.md that Twilio can tell of, in its order."""
        return await findings(self._access, lambda domain, path: self._json("GET", path, domain=domain))

    async def start(self) -> None:
        """Make the knock template where it is missing and ask WhatsApp to approve it. Harmless to repeat."""
        if self._access.shelf:
            whatsapp_media.tidy(self._access.shelf, self._now().timestamp())
        known = await self._known_contents()
        if KNOCK not in known:
            sid = await self._make(knock())
            form = {"name": KNOCK, "category": "UTILITY"}
            await self._json("POST", f"/v1/Content/{sid}/ApprovalRequests/whatsapp", form)

    async def close(self) -> None:
        return None

    async def _content(self, message: Outbound) -> dict[str, str]:
        buttons = flat(message)
        if message.knock:
            return {"content_sid": self._contents.get(KNOCK) or (await self._known_contents()).get(KNOCK, "")}
        if not buttons:
            return {"body": self._body(message)}
        made = template(buttons)
        name = made["friendly_name"]
        sid = self._contents.get(name) or (await self._known_contents()).get(name) or await self._make(made)
        self._contents[name] = sid
        text = render.to_whatsapp(render.read(message.text))
        return {"content_sid": sid, "content_variables": json.dumps(variables(text, buttons))}

    def _body(self, message: Outbound) -> str:
        if message.knock:
            return KNOCK_BODY
        text = render.to_whatsapp(render.read(message.text)).strip() or "…"
        return filled(text, flat(message)) if message.buttons else text

    async def _lent(self, message: Outbound) -> dict[str, Any]:
        """Twilio takes a file by its address alone, and comes for it."""
        if self.limits.mute:
            raise Refusal(self.limits.mute)
        at = self._now().timestamp()
        address = await asyncio.to_thread(whatsapp_media.put, self._access, "answer.opus", message.sound, at)
        return {"media_url": [address]}

    async def _create(self, conversation: str, asked: dict[str, Any]) -> Receipt:
        more = {"status_callback": self._access.status_url} if self._access.status_url else {}
        create = self._ready().messages.create
        try:
            sent = await self._asked(create, to=conversation, from_=self._access.number, **asked, **more)
        except TryLater as pause:
            if pause.retry_after:
                self._pauses[conversation] = time.monotonic() + pause.retry_after
            raise
        self._said.append(str(sent.sid))
        return Receipt(str(sent.sid), self._now())

    async def _is_open(self, conversation: str) -> bool:
        return self._last_inbound is None or is_open(await self._last_inbound(conversation), self._now())

    async def _known_contents(self) -> dict[str, str]:
        answer = await self._json("GET", "/v1/Content?PageSize=100")
        self._contents |= {str(c.get("friendly_name")): str(c.get("sid")) for c in answer.get("contents") or ()}
        return self._contents

    async def _make(self, content: dict[str, Any]) -> str:
        return str((await self._json("POST", "/v1/Content", content)).get("sid"))

    async def _json(
        self, method: str, path: str, body: dict[str, Any] | None = None, domain: str = "content"
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if body else {}
        url = self._access.host(domain) + path
        response = await self._asked(self._ready().request, method, url, data=body, headers=headers)
        if response.status_code >= 400:
            raise refused(response.status_code, path)
        found = json.loads(response.text)
        return found if isinstance(found, dict) else {}

    @asynccontextmanager
    async def _placed(self, http: httpx.AsyncClient, url: str, scheme: str) -> AsyncIterator[httpx.Response]:
        """The open answer that holds the bytes: Twilio redirects to a store, which must not see the token."""
        account = (self._access.account, self._access.auth_token)
        for attempt in range(_NEW_MEDIA_TRIES):
            async with http.stream("GET", url, auth=account, follow_redirects=False) as first:
                if first.status_code == 200:
                    yield first
                    return
                target = str(first.headers.get("location", ""))
                if first.is_redirect and urlsplit(target).scheme != scheme:
                    raise Refusal("Twilio named a file at no safe address.")
                status = first.status_code
            if target:
                async with http.stream("GET", target) as second:
                    if second.status_code != 200:
                        raise TryLater(f"Twilio's store answered {second.status_code} for the file.")
                    yield second
                    return
            if status != 404:
                break
            if attempt + 1 < _NEW_MEDIA_TRIES:
                await asyncio.sleep(_NEW_MEDIA_WAIT)
        raise TryLater(f"Twilio answered {status} for the file.")

    async def _asked(self, call: Callable[..., Any], *args: Any, **asked: Any) -> Any:
        try:
            return await asyncio.to_thread(call, *args, **asked)
        except TROUBLES as trouble:
            raise told(trouble) from None

    def _ready(self) -> Client:
        if self._client is None:
            client = Client(
                self._access.account, self._access.auth_token, http_client=GuardedTwilio(self._access.rules)
            )
            if self._access.api_base:
                client.api.base_url = client.content.base_url = client.messaging.base_url = self._access.host("api")
            self._client = client
        return self._client


def _named(text: str) -> str:
    """What a message is about, on one line, to ask about it in a message of its own."""
    lines = [line.strip() for line in render.to_plain(render.read(text), links=False).splitlines() if line.strip()]
    return render.write((render.Span(render.shorten(": ".join(lines[:2]), _QUESTION)),))


def _size(document: render.Document) -> int:
    return render.utf16(render.to_whatsapp(document))


def _numbered(n: int, count: int, text: str) -> str:
    """A part with its number in front, on a line of its own where the part opens a block."""
    return f"({n}/{count}){chr(10) if text.startswith(('`', '>')) else ' '}{text}"
