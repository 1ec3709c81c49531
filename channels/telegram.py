"""Telegram's speaking part, on python-telegram-bot: says, edits, looks up, fetches, and answers `doctor`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import httpx
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllPrivateChats,
    ForceReply,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.constants import ParseMode
from telegram.error import RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from channels import render
from channels.base import ChannelError, FileRef, Finding, Inbound, Limits, Menu, Receipt, Refusal, TryLater, Unknown
from channels.telegram_access import ALLOWED_UPDATES, TelegramAccess, guard_logs
from channels.telegram_parse import parse
from channels.telegram_wire import (
    GONE,
    NOT_MODIFIED,
    NOT_OURS,
    TOO_OLD,
    UNPARSED,
    TelegramUnauthorised,
    address,
    download,
    keyboard,
    says,
    tiles,
    told,
)
from knowledge.egress import GuardedTransport
from knowledge.words import Outbound

_LOOK_AHEAD = 5  # ids tried beyond the last one known to exist when looking a message up
_LOOK_AT_MOST = 25
_CONNECTIONS = 4  # webhook deliveries at a time; one principal needs few
_T = TypeVar("_T")


class TelegramSpeaker:
    """Speaks as the bot of `access`. `public_url` is where the house is reached (webhook mode), `menu` the commands.

    Sends of one conversation must come one after the other (the outbox sees to it). Sending opens the one connection
    that is then reused. A 429 is remembered: until it has passed every send of the conversation raises TryLater without
    a call, so that nothing overtakes what was refused.
    """

    name = "telegram"
    limits = Limits(text=4096, unit="utf16", buttons_per_row=8, button_rows=12, pins=True, mute="")

    def __init__(
        self,
        access: TelegramAccess,
        menu: Menu | None = None,
        public_url: str = "",
        username: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        guard_logs()
        self._access = access
        self._menu = menu or Menu()
        self._webhook_url = f"{public_url.rstrip('/')}/telegram/webhook" if public_url else ""
        self._username = username
        self._now = now
        self._pauses: dict[str, float] = {}
        self._said: deque[tuple[int, int]] = deque(maxlen=256)
        self._posting: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)  # by chat
        limits = httpx.Limits(max_connections=8, keepalive_expiry=45.0)
        self._request = HTTPXRequest(
            connection_pool_size=8,
            read_timeout=15.0,
            httpx_kwargs={"transport": GuardedTransport(access.rules, limits=limits)},
        )
        base = access.api_base.rstrip("/")
        # the second request object is for getUpdates, which is the receiver's: never used, so never connected
        self._bot = Bot(
            access.token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=self._request,
            get_updates_request=self._request,
        )

    def parse(self, raw: bytes, account: str) -> Inbound:
        return parse(raw, account, self._username, self._now())

    def fit(self, message: Outbound) -> list[Outbound]:
        if message.sound:
            return [message]
        return render.fit(message, self.limits, render.visible_utf16)

    async def send(self, message: Outbound, conversation: str) -> Receipt:
        """Say it, edit it (`edit_of`) or answer a press (`toast_for`). Raises TryLater, Unknown or Refusal.

        Repeating an edit or a toast is harmless; repeating a message after Unknown is not: ask `find` first.
        """
        if message.toast_for:
            return await self._toast(message)
        chat, _ = address(conversation)
        if (left := self._pauses.get(conversation, 0.0) - time.monotonic()) > 0:
            raise TryLater("Telegram asked to slow down; the pause is not over.", left)
        if message.edit_of.isdecimal():
            outcome = await self._edit(message, chat, int(message.edit_of), conversation)
            if message.passing:
                return Receipt(message.edit_of, self._now())
            if outcome != "gone":
                return Receipt(message.edit_of, self._now())
            message = replace(message, edit_of="")
        async with self._posting[chat]:
            if message.sound:
                sent = await self._speak(message, conversation)
            else:
                sent = await self._styled(
                    message, conversation, lambda text, mode: self._say(message, conversation, text, mode)
                )
            self._said.append((chat, sent.message_id))
        if message.pin:
            with contextlib.suppress(ChannelError):  # a list that is not on top is a list all the same
                await self._asked(self._bot.pin_chat_message(chat, sent.message_id, disable_notification=True))
        return Receipt(str(sent.message_id), self._now())

    async def find(
        self, message: Outbound, conversation: str, after_ref: str
    ) -> Receipt | Literal["absent", "unknown"]:
        """Whether `message`, whose sending ended without a receipt, arrived; TryLater when Telegram can't be asked.

        Telegram has no look-up, but an edit is one: editing a message to what it already says answers "not modified".
        `after_ref` is the highest message id known in this chat *before the first attempt* (ours or the principal's).
        An unrecorded message of ours has an id a little above it, so the ids above are edited to this content: taken or
        "not modified" means it is there (and says the right thing either way), "can't be edited" that the id is someone
        else's, "not found" that there is none in this chat. The search goes on until five ids in a row are not found.
        Safe because only our own messages can be edited at all, all of ours up to `after_ref` are recorded, and the
        caller has at most one unrecorded message in a conversation and says nothing else there before it has looked
        (what this process did send there is left out, and nothing is posted there meanwhile: what is just being sent
        has an id that is not known yet). Edits and toasts are simply repeated.
        """
        if message.toast_for or message.edit_of:
            return "absent"
        if not after_ref.isdecimal() or message.prompt or message.sound:  # neither can be edited into what it says
            return "unknown"
        chat, _ = address(conversation)
        async with self._posting[chat]:
            return await self._look(message, chat, int(after_ref), conversation)

    async def _look(
        self, message: Outbound, chat: int, after: int, conversation: str
    ) -> Receipt | Literal["absent", "unknown"]:
        candidate, last = after + 1, after + _LOOK_AHEAD
        while candidate <= min(last, after + _LOOK_AT_MOST):
            if (chat, candidate) in self._said:
                last, candidate = candidate + _LOOK_AHEAD, candidate + 1
                continue
            try:
                outcome = await self._edit(message, chat, candidate, conversation)
            except Refusal:
                return "unknown"
            except Unknown as trouble:
                raise TryLater(str(trouble)) from None
            if outcome == "done":
                return Receipt(str(candidate), self._now())
            if outcome == "other":
                last = candidate + _LOOK_AHEAD
            candidate += 1
        return "absent"

    async def fetch(self, file: FileRef) -> AsyncIterator[bytes]:
        """The file's bytes. Raises Refusal above 20 MB, before asking where Telegram said so, else while reading."""
        most = self.limits.file_bytes
        if file.size > most:
            raise Refusal(f"The file has {file.size / 1e6:.1f} MB; Telegram gives bots at most {most / 1e6:.0f} MB.")
        found = await self._asked(self._bot.get_file(file.id))
        path = found.file_path or ""
        if not path.startswith(self._access.api_base.rstrip("/") + "/"):
            raise Refusal("Telegram named a file outside its own host.")
        async for chunk in download(path, most, self._access.rules):
            yield chunk

    async def probe(self) -> list[Finding]:
        """Token, reachability, and whether the set mode agrees with what Telegram has."""
        try:
            me = await self._asked(self._bot.get_me())
        except TelegramUnauthorised:
            return [
                Finding(
                    "Telegram takes the bot token",
                    False,
                    "Put a fresh one from @BotFather into STEWARD_TELEGRAM__TOKEN",
                )
            ]
        except ChannelError as trouble:
            return [Finding(f"Telegram can be reached at {self._access.api_base}", False, str(trouble))]
        hook = await self._asked(self._bot.get_webhook_info())
        findings = [Finding(f"Telegram takes the bot token (@{me.username})", True)]
        if self._access.mode == "polling":
            step = "Another program set a webhook; `steward run` takes it away" if hook.url else ""
            return [*findings, Finding("No webhook stands in the way of polling", not hook.url, step)]
        right = hook.url == self._webhook_url and bool(hook.url)
        step = "" if right else "Run `steward run` with STEWARD_PUBLIC_URL set; it sets the webhook"
        findings.append(Finding(f"The webhook is {self._webhook_url or 'set'}", right, step))
        if hook.last_error_message:
            findings.append(Finding("Telegram's deliveries arrive", False, f"Telegram says: {hook.last_error_message}"))
        return findings

    async def start(self) -> None:
        """Learn the bot's name, announce the commands, and set or delete the webhook. Harmless to repeat."""
        self._username = (await self._asked(self._bot.get_me())).username or ""
        if self._menu.commands:
            commands = [BotCommand(c.name, c.description) for c in self._menu.commands]
            await self._asked(self._bot.set_my_commands(commands, scope=BotCommandScopeAllPrivateChats()))
        if self._access.mode == "polling":
            await self._asked(self._bot.delete_webhook())
        else:
            await self._asked(
                self._bot.set_webhook(
                    self._webhook_url,
                    secret_token=self._access.secret,
                    allowed_updates=list(ALLOWED_UPDATES),
                    max_connections=_CONNECTIONS,
                )
            )

    async def close(self) -> None:
        await self._request.shutdown()

    async def _toast(self, message: Outbound) -> Receipt:
        text = render.shorten(render.to_plain(render.read(message.text), links=False), self.limits.toast)
        try:
            await self._asked(self._bot.answer_callback_query(message.toast_for, text=text))
        except Refusal as refusal:
            if not says(refusal, TOO_OLD):
                raise
            return Receipt("", self._now())
        return Receipt(message.toast_for, self._now())

    async def _speak(self, message: Outbound, conversation: str) -> Message:
        chat, thread = address(conversation)
        silent = message.silent or None
        note = self._bot.send_voice(
            chat, message.sound, message_thread_id=thread, disable_notification=silent, filename="answer.ogg"
        )
        return await self._asked(note, conversation)

    async def _say(self, message: Outbound, conversation: str, text: str, mode: str | None) -> Message:
        chat, thread = address(conversation)
        reply = (
            ReplyParameters(int(message.reply_to), allow_sending_without_reply=True)
            if message.reply_to.isdecimal()
            else None
        )
        return await self._bot.send_message(
            chat,
            text,
            parse_mode=mode,
            message_thread_id=thread,
            disable_notification=message.silent or None,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_parameters=reply,
            reply_markup=ForceReply(selective=True) if message.prompt else tiles(message) or keyboard(message),
        )

    async def _edit(
        self, message: Outbound, chat: int, ref: int, conversation: str
    ) -> Literal["done", "other", "gone"]:
        try:
            await self._styled(
                message,
                conversation,
                lambda text, mode: self._bot.edit_message_text(
                    text,
                    chat,
                    ref,
                    parse_mode=mode,
                    link_preview_options=LinkPreviewOptions(is_disabled=True),
                    reply_markup=keyboard(message),
                ),
            )
        except Refusal as refusal:
            if says(refusal, NOT_MODIFIED):
                return "done"
            if says(refusal, NOT_OURS) and not message.edit_of:
                return "other"
            if says(refusal, GONE):
                return "gone"
            raise
        return "done"

    async def _styled(
        self, message: Outbound, conversation: str, call: Callable[[str, str | None], Awaitable[Any]]
    ) -> Any:
        """Call with HTML, and once more with plain text made from the source when Telegram can't read our HTML."""
        document = render.read(message.text)
        try:
            return await self._asked(call(render.to_html(document), ParseMode.HTML), conversation)
        except Refusal as refusal:
            if not says(refusal, UNPARSED):
                raise
        plain = render.to_plain(document)
        plain = plain if render.utf16(plain) <= self.limits.text else render.to_plain(document, links=False)
        return await self._asked(call(plain, None), conversation)

    async def _asked(self, call: Awaitable[_T], conversation: str = "") -> _T:
        try:
            return await call
        except RetryAfter as pause:
            wait = pause._retry_after.total_seconds()  # the public property warns of its own future type
            if conversation:
                self._pauses[conversation] = time.monotonic() + wait
            raise TryLater("Telegram asked to slow down.", wait) from None
        except TelegramError as trouble:
            raise told(trouble) from None
        except (
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
        ) as trouble:  # taken, but the answer is no known shape
            raise Unknown(f"Telegram's answer could not be read ({type(trouble).__name__}).") from None
