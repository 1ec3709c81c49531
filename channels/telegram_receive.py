"""Telegram's receiving part: authenticates, sorts and polls with the standard library and httpx, without an SDK."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import random
import re
from typing import Any

import httpx

from channels.base import Accept, Answer, Delivery, Hook, Lane, RawRequest, Refused
from channels.signs import Signs
from channels.telegram_access import ALLOWED_UPDATES, TelegramAccess, guard_logs, hide_token
from knowledge.egress import guarded_client
from knowledge.words import Field

__all__ = ["STORED", "TelegramAccess", "TelegramReceiver", "hooks", "peek", "receive", "verify"]

STORED = Answer()
POLL_SECONDS = 50
_LONGEST_WAIT = 60.0
_STOP = re.compile(r"\s*/stop(?:@\w+)?(?:\s|$)", re.IGNORECASE)
_log = logging.getLogger("steward.telegram")


def verify(request: RawRequest, secret: str) -> Refused | None:
    """None when the request comes from Telegram: it carries the secret that `setWebhook` gave. Looks at no body.

    Without a configured secret everything is refused. Never raises, whatever the bytes.
    """
    if request.method != "POST":
        return Refused(405, "Telegram posts its updates.")
    given = request.headers.get("x-telegram-bot-api-secret-token", "")
    same = hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode("utf-8", "surrogatepass"))
    return None if secret and same else Refused(403, "The secret token is missing or wrong.")


def receive(request: RawRequest, access: TelegramAccess) -> Delivery | Refused:
    """The delivery of a webhook request, or why it is refused."""
    return verify(request, access.secret) or peek(request.body, access.account)


def hooks(access: TelegramAccess) -> dict[str, Hook]:
    """The webhooks by path; empty in polling mode."""
    return {"/telegram/webhook": lambda request: receive(request, access)} if access.mode == "webhook" else {}


def peek(raw: bytes | dict[str, Any], account: str) -> Delivery:
    """Where an authenticated update belongs, read without an SDK. Never raises.

    What can't be read still becomes a delivery (no conversation, no sender), so that it ends as a dead letter.
    """
    if isinstance(raw, dict):
        update: Any = raw
        body = json.dumps(raw).encode()
    else:
        body = raw
        try:
            update = json.loads(raw)
        except (ValueError, RecursionError):
            update = None
    kind, content = _content(update)
    message = _dict(content.get("message")) if kind == "callback_query" else content
    sender = _dict(
        content.get("from") or content.get("user") or content.get("sender_chat") or content.get("actor_chat")
    )
    chat = _dict(message.get("chat"))
    conversation = _id(chat) or _id(sender)  # what stands in no chat belongs to the person's own
    if conversation and message.get("is_topic_message") is True and isinstance(message.get("message_thread_id"), int):
        conversation += f":{message['message_thread_id']}"
    own_words = kind == "message" and "forward_origin" not in content
    text = _text(content.get("text")) or _text(content.get("caption"))
    at_once = kind in ("callback_query", "message_reaction")
    lane: Lane = "control" if at_once or (own_words and _STOP.match(text)) else "turn"
    return Delivery(
        channel="telegram",
        account=account,
        dedupe_key=_dedupe_key(update, body),
        conversation=conversation,
        sender=_id(sender),
        lane=lane,
        raw=body,
        hint=text if own_words and "text" in content else "",
        wants_typing=kind == "message",
        press_id=_text(content.get("id")) if kind == "callback_query" else "",
    )


def _dedupe_key(update: Any, body: bytes) -> str:
    number = update.get("update_id") if isinstance(update, dict) else None
    known = isinstance(number, int) and not isinstance(number, bool)
    return str(number) if known else "sha256:" + hashlib.sha256(body).hexdigest()


def _content(update: Any) -> tuple[str, dict[str, Any]]:
    """The update's one object and its kind; kinds not asked for count too, for they may come all the same."""
    if isinstance(update, dict):
        for kind in (*ALLOWED_UPDATES, *update):
            if isinstance(update.get(kind), dict):
                return kind, update[kind]
    return "", {}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _id(owner: dict[str, Any]) -> str:
    number = owner.get("id")
    return str(number) if isinstance(number, int) and not isinstance(number, bool) else ""


class _NotNow(Exception):
    """Telegram can't serve us now; the text says why, `wait` how long it asks for (0: as long as we like)."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


class TelegramReceiver:
    """Long polling, and the small signs of life. In webhook mode only the signs are used.

    The offset is the acknowledgement: it moves after `accept` has stored a whole answer's updates. None is kept over a
    restart, since Telegram repeats what was not confirmed and the inbox knows what it has seen.
    `grace` seconds pass before a press is confirmed without words, so that the worker's own notice can come first
    (Telegram shows only the first answer to a press).
    """

    name = "telegram"
    typing_s = 4.0

    def __init__(self, access: TelegramAccess, poll_seconds: int = POLL_SECONDS, grace: float = 0.8) -> None:
        guard_logs()
        self._access = access
        self._poll_seconds = poll_seconds
        self._grace = grace
        self._http = guarded_client(
            access.rules, timeout=httpx.Timeout(10.0), limits=httpx.Limits(keepalive_expiry=60.0)
        )
        self._sign = Signs(_NotNow)

    async def run(self, accept: Accept) -> None:
        """Poll until cancelled. Trouble of any kind is logged once, with one sentence, and waited out."""
        if self._access.mode != "polling":
            return
        offset: int | None = None
        silent = False  # a webhook would take the updates away from us, so it goes first
        failures = 0
        while True:
            try:
                if not silent:
                    await self._call("deleteWebhook", {"drop_pending_updates": False})
                    silent = True
                offset = await self._poll(offset, accept)
                if failures:
                    _log.info("Telegram answers again.")
                failures = 0
            except asyncio.CancelledError:
                raise
            except Exception as trouble:  # noqa: BLE001  # the loop outlives everything; what is not accepted comes again
                failures += 1
                wait = getattr(trouble, "wait", 0.0) or min(_LONGEST_WAIT, 2.0 ** min(failures, 6) / 2)
                if failures == 1 or failures % 20 == 0:
                    _log.warning("%s Trying again in %.0f s.", _reason(trouble), wait)
                silent = silent and "webhook" not in str(trouble)
                await asyncio.sleep(wait * random.uniform(1.0, 1.2))

    async def _poll(self, offset: int | None, accept: Accept) -> int | None:
        asked: dict[str, Any] = {"timeout": self._poll_seconds, "allowed_updates": list(ALLOWED_UPDATES)}
        if offset is not None:
            asked["offset"] = offset
        updates = await self._call("getUpdates", asked, patience=self._poll_seconds + 15.0)
        if not isinstance(updates, list):
            raise _NotNow("Telegram answered getUpdates with something that is no list.")
        if not updates:
            return None  # all is confirmed; asking without an offset also survives ids that start again lower
        numbers = [n for u in updates if isinstance(u, dict) and isinstance(n := u.get("update_id"), int)]
        await accept(
            [peek(u if isinstance(u, dict) else json.dumps(u).encode(), self._access.account) for u in updates]
        )
        if not numbers:
            raise _NotNow("Telegram sent updates without an id.")
        return max(numbers) + 1

    async def show_typing(self, delivery: Delivery) -> None:
        """Show “typing…” for some five seconds. Returns at once; failure changes nothing."""
        if delivery.conversation:
            self._sign(self._call("sendChatAction", {**_address(delivery.conversation), "action": "typing"}, 5.0))

    async def confirm_press(self, delivery: Delivery, fields: tuple[Field, ...] = ()) -> None:
        """End the spinner on a pressed button, after the grace for a notice with words. Returns at once."""
        if delivery.press_id:
            self._sign(self._call("answerCallbackQuery", {"callback_query_id": delivery.press_id}, 5.0), self._grace)

    async def tell(self, conversation: str, text: str) -> None:
        """Say plain text in the receiver's own voice, when no worker lives. Raises ConnectionError when not taken."""
        try:
            await self._call("sendMessage", {**_address(conversation), "text": text[:2000]})
        except (_NotNow, httpx.HTTPError) as trouble:
            raise ConnectionError(_reason(trouble)) from None

    async def close(self) -> None:
        await self._sign.close()
        await self._http.aclose()

    async def _call(self, method: str, asked: dict[str, Any], patience: float = 10.0) -> Any:
        response = await self._http.post(f"{self._access.url}/{method}", json=asked, timeout=patience)
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = {}
        if response.status_code == 200 and isinstance(answer, dict) and answer.get("ok") is True:
            return answer.get("result")
        raise _refused(response.status_code, answer if isinstance(answer, dict) else {})


def _refused(status: int, answer: dict[str, Any]) -> _NotNow:
    told = hide_token(_text(answer.get("description")))
    if status in (401, 404):
        return _NotNow(
            "Telegram refused the bot token. Put a fresh one from @BotFather into STEWARD_TELEGRAM__TOKEN.", 60
        )
    if status == 409:
        which = "a webhook is set" if "webhook" in told else "another program polls with the same token"
        return _NotNow(f"Telegram gives the updates to someone else: {which}.", 0 if "webhook" in told else 10)
    if status == 429:
        wait = _dict(answer.get("parameters")).get("retry_after")
        return _NotNow("Telegram asks us to slow down.", float(wait) if isinstance(wait, int) and wait > 0 else 5.0)
    return _NotNow(f"Telegram answered {status} {told[:200]}".rstrip(" .") + ".")


def _reason(trouble: Exception) -> str:
    if isinstance(trouble, _NotNow):
        return str(trouble)
    if isinstance(trouble, httpx.HTTPError):
        return f"Telegram can't be reached ({type(trouble).__name__})."
    return f"Telegram's updates could not be stored ({type(trouble).__name__}: {hide_token(str(trouble))[:200]})."


def _address(conversation: str) -> dict[str, int]:
    chat, _, thread = conversation.partition(":")
    return {"chat_id": int(chat)} | ({"message_thread_id": int(thread)} if thread else {})
