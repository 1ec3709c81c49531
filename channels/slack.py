"""Slack's speaking part, on slack-sdk: says with blocks, edits, whispers, looks up by its own block ids, fetches."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
import httpx
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from channels import render
from channels.base import ChannelError, FileRef, Finding, Inbound, Limits, Menu, Receipt, Refusal, TryLater, Unknown
from channels.slack_access import SlackAccess, guard_logs
from channels.slack_connector import GuardedConnector
from channels.slack_doctor import findings
from channels.slack_parse import parse
from channels.slack_wire import (
    GONE,
    NOT_THERE,
    UNPARSED,
    address,
    board,
    content,
    has_run_out,
    mark,
    says,
    spoken_as,
    told,
)  # fmt: skip
from knowledge.egress import guarded_client
from knowledge.sealed import SealTrouble
from knowledge.tokens import Reauthenticate, TokenLater
from knowledge.words import Outbound

_FILE_HOSTS = ("files.slack.com", "slack-files.com")
_ANSWER_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_FORMS = (  # these read no JSON
    "auth.test", "conversations.history", "conversations.replies", "files.info", "files.getUploadURLExternal",
    "files.completeUploadExternal",
)  # fmt: skip
_NO_SCOPE = (
    "The Slack app lacks the scope files:write. Paste channels/slack_manifest.yaml again and install the app again."
)
_TROUBLES = (
    SlackApiError, SlackClientError, aiohttp.ClientError, TimeoutError, ValueError, OSError, Reauthenticate, SealTrouble,
)  # fmt: skip
_WHISPER = "eph"  # how the ref of a message for one pair of eyes begins: it can be found and edited no more


class SlackSpeaker:
    """Speaks as the app of `access`; `menu` names the words that `/steward WORD` takes for commands.

    A conversation is `channel` or `channel:thread`, with `/user` behind it when only that user sees it. Sends of one
    conversation come one after the other; a 429 is remembered, so that nothing overtakes what was refused.
    """

    name = "slack"
    limits = Limits(
        text=3000, unit="chars", buttons_per_row=5, button_rows=10, toast=1000, file_bytes=100_000_000, mute=""
    )  # fmt: skip

    def __init__(
        self,
        access: SlackAccess,
        menu: Menu | None = None,
        bot_user: str = "",
        public_url: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        guard_logs()
        self._access = access
        self._commands = frozenset(command.name for command in (menu or Menu()).commands)
        self._bot_user = bot_user
        self._public_url = public_url
        self._now = now
        self._pauses: dict[str, float] = {}
        self._client: AsyncWebClient | None = None

    def parse(self, raw: bytes, account: str) -> Inbound:
        return parse(raw, account, self._bot_user, self._commands, self._now())

    def fit(self, message: Outbound) -> list[Outbound]:
        if message.page or message.sound:
            return [message]
        return render.fit(message, self.limits, lambda document: len(render.to_mrkdwn(document)))

    async def send(self, message: Outbound, conversation: str) -> Receipt:
        """Say it, edit it (`edit_of`) or answer a press (`toast_for`). Raises TryLater, Unknown or Refusal."""
        if message.toast_for:
            return await self._toast(message)
        channel, thread, user = address(conversation)
        if (left := self._pauses.get(conversation, 0.0) - time.monotonic()) > 0:
            raise TryLater("Slack asked to slow down; the pause is not over.", left)
        if message.edit_of and not message.edit_of.startswith(_WHISPER):
            try:
                await self._styled("chat.update", message, conversation, channel=channel, ts=message.edit_of)
                return Receipt(message.edit_of, self._now())
            except Refusal as refusal:
                if not says(refusal, GONE):
                    raise
        if message.edit_of and message.passing:
            return Receipt(message.edit_of, self._now())
        message = replace(message, edit_of="")
        if message.page:
            await self._asked("views.publish", conversation, user_id=user, view=board(message))
            return Receipt(f"{_WHISPER}home", self._now())
        if message.sound:
            return await self._share(message, conversation, channel, thread, user)
        if user:
            return await self._whisper(message, conversation, channel, thread, user)
        more: dict[str, Any] = {"thread_ts": thread} if thread else {}
        unfurls = {"unfurl_links": False, "unfurl_media": False, "link_names": False, "parse": "none"}
        sent = await self._styled("chat.postMessage", message, conversation, channel=channel, **more, **unfurls)
        return Receipt(str(sent.get("ts") or ""), self._now())

    async def find(
        self, message: Outbound, conversation: str, after_ref: str
    ) -> Receipt | Literal["absent", "unknown"]:
        """Whether `message` arrived: a block id, or a file's name, is made from its content, and history shows it.

        `after_ref` is the last ts known in the conversation before the first attempt (empty: the last 100 messages).
        Needs im:history; elsewhere the answer is "unknown". Raises TryLater when Slack can't be asked now.
        """
        if message.toast_for or message.edit_of:
            return "absent"
        channel, thread, user = address(conversation)
        if message.page:
            return "absent"  # publishing a page again changes nothing
        if user:
            return "unknown"
        asked: dict[str, Any] = {"channel": channel, "limit": 100} | (
            {"oldest": after_ref} if after_ref[:1].isdecimal() else {}
        )
        method = "conversations.replies" if thread else "conversations.history"
        try:
            found = await self._asked(method, **asked, **({"ts": thread} if thread else {}))
        except Refusal:
            return "unknown"
        except TryLater:
            raise
        except ChannelError as trouble:
            raise TryLater(str(trouble)) from None
        wanted = mark(message, conversation)
        for posted in found.get("messages") or ():
            names = {file.get("name") for file in posted.get("files") or ()}
            if spoken_as(wanted) in names or any(b.get("block_id") == wanted for b in posted.get("blocks") or ()):
                return Receipt(str(posted["ts"]), self._now())
        return "unknown" if found.get("has_more") else "absent"

    async def fetch(self, file: FileRef) -> AsyncIterator[bytes]:
        """The file's bytes, from Slack's own hosts alone: the token goes nowhere else, and no redirect is followed."""
        if file.size > self.limits.file_bytes:
            raise Refusal(f"The file has {file.size / 1e6:.0f} MB; Steward takes at most 100 MB from Slack.")
        url = file.id
        if "://" not in url:
            found = await self._asked("files.info", file=file.id)
            url = str((found.get("file") or {}).get("url_private_download") or "")
        self._only_at(url, _FILE_HOSTS)
        got = 0
        try:
            headers = {"authorization": f"Bearer {await self._access.token()}"}
        except (Reauthenticate, SealTrouble, TokenLater) as trouble:
            raise told(trouble) from None
        try:
            async with (
                guarded_client(self._access.rules, timeout=30.0) as http,
                http.stream("GET", url, headers=headers) as response,
            ):
                if response.status_code >= 500 or response.status_code == 429:
                    raise TryLater(f"Slack answered {response.status_code} for the file.")
                if response.status_code != 200 or response.headers.get("content-type", "").startswith("text/html"):
                    raise Refusal("Slack did not give the file; the app may lack the scope files:read.")
                async for chunk in response.aiter_bytes(65_536):
                    got += len(chunk)
                    if got > self.limits.file_bytes:
                        raise Refusal("The file has more than 100 MB.")
                    yield chunk
        except httpx.HTTPError as trouble:
            raise TryLater(f"The file could not be read ({type(trouble).__name__}).") from None

    async def probe(self) -> list[Finding]:
        """Every step of docs/slack.md, in its order."""
        return await findings(self._access, self._call, self._public_url, self._now)

    async def start(self) -> None:
        """Learn the bot's own user id, by which mentions are known."""
        self._bot_user = str((await self._asked("auth.test")).get("user_id") or "")

    async def close(self) -> None:
        if self._client and self._client.session:
            await self._client.session.close()

    async def _whisper(self, message: Outbound, conversation: str, channel: str, thread: str, user: str) -> Receipt:
        """For one pair of eyes; where the bot is not in the channel, in the direct conversation instead."""
        where = {"channel": channel, "user": user} | ({"thread_ts": thread} if thread else {})
        try:
            sent = await self._styled("chat.postEphemeral", message, conversation, **where)
            return Receipt(f"{_WHISPER}{sent.get('message_ts') or ''}", self._now())
        except Refusal as refusal:
            if not says(refusal, NOT_THERE):
                raise
        opened = await self._asked("conversations.open", users=user)
        return await self.send(message, str(opened["channel"]["id"]))

    async def _share(self, message: Outbound, conversation: str, channel: str, thread: str, user: str) -> Receipt:
        """A voice note: nothing is to be seen of it before the upload is completed. For one pair of eyes it goes into
        the direct conversation, since a file in a channel is everybody's."""
        if user:
            opened = await self._asked("conversations.open", conversation, users=user)
            channel, thread = str(opened["channel"]["id"]), ""
        name = spoken_as(mark(message, conversation))
        try:
            begun = await self._asked(
                "files.getUploadURLExternal", conversation, filename=name, length=len(message.sound)
            )
            await self._upload(str(begun.get("upload_url") or ""), message.sound)
        except Unknown as trouble:
            raise TryLater(str(trouble)) from None
        except Refusal as refusal:
            raise Refusal(_NO_SCOPE) if says(refusal, ("missing_scope",)) else refusal from None
        shared = {"files": json.dumps([{"id": begun["file_id"], "title": "Answer by voice"}]), "channel_id": channel}
        more = {"thread_ts": thread} if thread else {}
        await self._asked("files.completeUploadExternal", conversation, **shared, **more)
        return Receipt(f"file-{begun['file_id']}", self._now())

    async def _upload(self, url: str, content: bytes) -> None:
        """To the address that Slack named, on its own hosts; the address is the permission, so no token goes along."""
        if not self._is_at(url, _FILE_HOSTS):
            raise Refusal("Slack named a place for a file outside its own hosts.")
        try:
            async with guarded_client(self._access.rules, timeout=30.0) as http:
                status = (await http.post(url, content=content)).status_code
        except httpx.HTTPError as trouble:
            raise TryLater(f"The file could not be handed over ({type(trouble).__name__}).") from None
        if status != 200:
            raise TryLater(f"Slack answered {status} to a file.")

    async def _toast(self, message: Outbound) -> Receipt:
        """An ephemeral line at the pressed card: by its response_url, else (dead after 30 minutes) by the Web API."""
        channel, thread, user, url = (
            part.replace("-", "", part == "-") for part in (message.toast_for + " - - -").split(" ")[:4]
        )
        document = render.read(
            render.shorten(render.to_plain(render.read(message.text), links=False), self.limits.toast)
        )
        text = render.to_mrkdwn(document)
        if url and self._is_at(url, _ANSWER_HOSTS):
            body = {"response_type": "ephemeral", "replace_original": False, "text": text}
            try:
                async with guarded_client(self._access.rules, timeout=5.0) as http:
                    if (await http.post(url, json=body)).status_code == 200:
                        return Receipt(message.toast_for, self._now())
            except httpx.HTTPError:
                pass
        if not channel or not user:
            return Receipt("", self._now())
        more = {"thread_ts": thread} if thread else {}
        try:
            await self._asked("chat.postEphemeral", channel=channel, user=user, text=text, **more)
        except Refusal:
            return Receipt("", self._now())
        return Receipt(message.toast_for, self._now())

    async def _styled(self, method: str, message: Outbound, conversation: str, **asked: Any) -> dict[str, Any]:
        """Call with mrkdwn blocks, and once more with plain text when Slack can't take them."""
        block_id = mark(message, conversation)
        try:
            return await self._asked(method, conversation, **asked, **content(message, block_id))
        except Refusal as refusal:
            if not says(refusal, UNPARSED):
                raise
        return await self._asked(method, conversation, **asked, **content(message, block_id, simple=True))

    async def _asked(self, method: str, conversation: str = "", /, **asked: Any) -> dict[str, Any]:
        response = await self._call(method, conversation, **asked)
        return response.data if isinstance(response.data, dict) else {}

    async def _call(self, method: str, conversation: str = "", /, **asked: Any) -> Any:
        try:
            token = await self._access.token()
            try:
                return await self._once(token, method, asked)
            except SlackApiError as trouble:
                if not has_run_out(trouble) or not (fresh := await self._access.token(refused=token)):
                    raise
            return await self._once(fresh, method, asked)
        except _TROUBLES as trouble:
            error = told(trouble)
            if conversation and isinstance(error, TryLater) and error.retry_after:
                self._pauses[conversation] = time.monotonic() + error.retry_after
            raise error from None

    async def _once(self, token: str, method: str, asked: dict[str, Any]) -> Any:
        client = self._ready()
        client.token = token  # read before the call first waits, so that calls side by side keep apart
        return await (client.api_call(method, data=asked) if method in _FORMS else client.api_call(method, json=asked))

    def _ready(self) -> AsyncWebClient:
        """The one client, made inside the loop; the SDK's own retries are off, since they repeat blindly."""
        if self._client is None:
            session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=20, connect=5), connector=GuardedConnector(self._access.rules)
            )
            self._client = AsyncWebClient(
                None, base_url=self._access.url + "/", timeout=20, session=session, retry_handlers=[]
            )
        return self._client

    def _is_at(self, url: str, hosts: tuple[str, ...]) -> bool:
        own, there = urlsplit(self._access.url), urlsplit(url)
        if there.hostname in hosts and there.scheme == "https":
            return True
        return own.hostname != "slack.com" and (there.scheme, there.netloc) == (own.scheme, own.netloc)

    def _only_at(self, url: str, hosts: tuple[str, ...]) -> None:
        if not self._is_at(url, hosts):
            raise Refusal("The file lies outside Slack; Steward does not fetch it.")
