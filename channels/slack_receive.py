"""Slack's receiving part: signature on the raw bytes, sorting, Socket Mode, forms opened in time; no SDK."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import random
import re
import time
from collections.abc import Callable
from typing import Any

import httpx

from channels.base import Accept, Answer, Delivery, Hook, Lane, RawRequest, Refused
from channels.signs import Signs
from channels.slack_access import EXPIRED, SlackAccess, guard_logs, hide_tokens
from channels.slack_payload import decode, digest, first_action, form, plain, said, trouble_in, understand
from channels.slack_socket import Closed, connect
from knowledge.egress import guarded_client
from knowledge.sealed import SealTrouble
from knowledge.tokens import Reauthenticate
from knowledge.words import Field, Press

STORED = Answer()
TOO_LATE = "That took too long for a form. Press Edit again, or reply to the card with the change."
SKEW_SECONDS = 300
_NO_TURN = ("actions", "submission", "closed", "reaction", "home", "assistant")
_STOP = re.compile(r"\s*(?:<@\w+>\s*)?/?stop\s*", re.IGNORECASE)
_SLASH_STOP = re.compile(r"\s*(?:<@\w+>\s*)?/stop(?:\s|$)", re.IGNORECASE)
_PROMPTS = tuple(
    {"title": title, "message": message}
    for title, message in (
        ("What does today hold?", "/brief"),
        ("What waits for my decision?", "/approve"),
        ("Remind me", "remind me tomorrow at 9 to "),
        ("Write a note", "note: "),
    )
)
_log = logging.getLogger("steward.slack")


def verify(request: RawRequest, signing_secret: str, now: float) -> Refused | None:
    """None when Slack signed these very bytes within five minutes of `now`. Never raises, whatever the bytes."""
    if request.method != "POST":
        return Refused(405, "Slack posts.")
    stamp = request.headers.get("x-slack-request-timestamp", "")
    given = request.headers.get("x-slack-signature", "")
    if not signing_secret or not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12 and given.isascii()):
        return Refused(401, "The signature is missing or malformed.")
    if abs(now - int(stamp)) > SKEW_SECONDS:
        return Refused(401, "The signature is too old, or this machine's clock is wrong.")
    signed = hmac.new(signing_secret.encode(), f"v0:{stamp}:".encode() + request.body, hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(f"v0={signed}", given) else Refused(401, "The signature is wrong.")


def receive(request: RawRequest, access: SlackAccess, now: float) -> Delivery | Answer | Refused:
    """The delivery of a signed request, the answer to a handshake, to noise and to an empty form, or a refusal.

    `ssl_check` is answered unsigned, as Slack asks; `url_verification` only when signed.
    """
    if request.method == "POST" and request.body[:200].startswith(b"ssl_check=1") and len(request.body) < 200:
        return Answer()
    if refused := verify(request, access.signing_secret, now):
        return refused
    return sort(request.body, access)


def hooks(access: SlackAccess, clock: Callable[[], float] = time.time) -> dict[str, Hook]:
    """The webhook by path, for events, interactions and commands alike; empty in Socket Mode."""
    return {} if access.app_token else {"/slack/events": lambda request: receive(request, access, clock())}


def sort(raw: bytes, access: SlackAccess) -> Delivery | Answer:
    """An authentic payload: to be stored, or answered at once because there is nothing to store."""
    try:
        content = decode(raw)
    except ValueError:
        return _dead_letter(raw, access.account)
    if content.get("type") == "url_verification":
        challenge = content.get("challenge")
        return Answer(body=challenge.encode("utf-8", "replace") if isinstance(challenge, str) else b"")
    if content.get("type") == "view_submission" and content.get("view") and (wrong := trouble_in(content)):
        told = {"response_action": "errors", "errors": wrong}
        return Answer(body=json.dumps(told).encode(), kind="application/json")
    return peek(raw, access.account, access.team) or Answer()


def peek(raw: bytes, account: str, team: str = "") -> Delivery | None:
    """Where an authentic payload belongs; None for what concerns nobody (bots, edits, other teams). Never raises.

    What can't be read becomes a delivery without conversation and sender, so that it ends as a dead letter.
    """
    try:
        content = decode(raw)
    except ValueError:
        return _dead_letter(raw, account)
    seen = understand(content, raw)
    if not seen.kind or (team and seen.team and seen.team != team):
        if content.get("type") == "app_rate_limited":
            _log.warning("Slack withholds events: the app gets more than 30,000 an hour.")
        return None
    text = said(content)
    stops = _STOP.fullmatch(text) if seen.kind == "command" else _SLASH_STOP.match(text)
    lane: Lane = "control" if seen.kind in _NO_TURN or stops else "turn"
    press = seen.kind == "actions"
    return Delivery(
        channel="slack",
        account=account,
        dedupe_key=seen.key,
        conversation=seen.conversation,
        sender=seen.user,
        lane=lane,
        raw=raw,
        hint=plain(text) if seen.kind in ("message", "mention") else "",
        wants_typing=seen.kind in ("message", "mention", "assistant"),
        press_id=press_id(seen.channel, seen.thread, seen.user, content) if press else "",
        form=str(first_action(content)["value"]) if press and pressed(content) == "edit" else "",
    )


def pressed(content: dict[str, Any]) -> str:
    """What the pressed button is for; empty when it is none of ours."""
    value = first_action(content).get("value")
    found = Press.decode(value) if isinstance(value, str) else None
    return found.verb if found else ""


def press_id(channel: str, thread: str, user: str, content: dict[str, Any]) -> str:
    """Where a press is answered: `channel thread user response_url`, with - for what is not there."""
    url = content.get("response_url")
    return " ".join(part or "-" for part in (channel, thread, user, url if isinstance(url, str) else ""))


def _dead_letter(raw: bytes, account: str) -> Delivery:
    return Delivery("slack", account, digest(raw), "", "", "turn", raw)


class SlackReceiver:
    """Socket Mode when there is an app token, and the signs of life. In HTTP mode `run` returns at once.

    An envelope is acknowledged after `accept` has stored it; one cut off in between comes again and is known by its
    payload's own key (the envelope's id changes).
    """

    name = "slack"
    typing_s = 60.0

    def __init__(self, access: SlackAccess) -> None:
        guard_logs()
        self._access = access
        self._http = guarded_client(
            access.rules, timeout=httpx.Timeout(5.0), limits=httpx.Limits(keepalive_expiry=60.0)
        )
        self._sign = Signs()

    async def run(self, accept: Accept) -> None:
        """Listen until cancelled. Trouble is logged once, with one sentence, and waited out."""
        failures = 0
        while self._access.app_token:
            try:
                wait = await self._listen(accept)
                failures = 0
            except asyncio.CancelledError:
                raise
            except Exception as trouble:  # noqa: BLE001  # the loop outlives everything; what is not accepted comes again
                failures += 1
                wait = min(60.0, 2.0 ** min(failures, 6) / 2)
                if failures == 1 or failures % 20 == 0:
                    told = hide_tokens(f"{type(trouble).__name__}: {trouble}")[:200]
                    _log.warning("Slack's socket is down (%s). Trying again in %.0f s.", told, wait)
            await asyncio.sleep(wait * random.uniform(1.0, 1.2))

    async def _listen(self, accept: Accept) -> float:
        """One connection's life; how long to wait before the next."""
        opened = await self._call("apps.connections.open", {}, self._access.app_token)
        async with connect(opened["url"], self._access.socket_rules(opened["url"])) as socket:
            while True:
                try:
                    envelope = json.loads(await socket.receive())
                except Closed:
                    return 0.0
                if envelope.get("type") == "disconnect":
                    if envelope.get("reason") == "link_disabled":
                        _log.warning("Slack has Socket Mode switched off for this app. Switch it on under Socket Mode.")
                        return 60.0
                    return 0.0
                if not isinstance(ident := envelope.get("envelope_id"), str):
                    continue
                sorted_ = sort(json.dumps(envelope.get("payload") or {}).encode(), self._access)
                answer: dict[str, Any] = {"envelope_id": ident}
                if isinstance(sorted_, Delivery):
                    await accept([sorted_])
                elif sorted_.body:
                    answer["payload"] = json.loads(sorted_.body)
                await socket.send(json.dumps(answer))

    async def show_typing(self, delivery: Delivery) -> None:
        """The “is thinking…” line of a thread, or what to try in a fresh one; plain messages have none. Returns at once."""
        channel, _, thread = delivery.conversation.partition("/")[0].partition(":")
        if understand(decode(delivery.raw), delivery.raw).kind == "assistant":
            prompts = {"channel_id": channel, "thread_ts": thread, "title": "For example", "prompts": list(_PROMPTS)}
            self._sign(self._call("assistant.threads.setSuggestedPrompts", prompts))
        elif thread:
            asked = {"channel_id": channel, "thread_ts": thread, "status": "is thinking…"}
            self._sign(self._call("assistant.threads.setStatus", asked))

    async def confirm_press(self, delivery: Delivery, fields: tuple[Field, ...] = ()) -> None:
        """Open the edit form, while its three seconds run; other presses need no confirmation. Returns at once."""
        self._sign(self._open_form(delivery, fields))

    async def tell(self, conversation: str, text: str) -> None:
        """Say plain text in the receiver's own voice. Raises ConnectionError when not taken."""
        channel, _, thread = conversation.partition("/")[0].partition(":")
        asked = {"channel": channel, "text": text[:2000], "mrkdwn": False} | ({"thread_ts": thread} if thread else {})
        try:
            await self._call("chat.postMessage", asked)
        except (ConnectionError, httpx.HTTPError) as trouble:
            raise ConnectionError(hide_tokens(f"{type(trouble).__name__}: {trouble}")) from None

    async def close(self) -> None:
        await self._sign.close()
        await self._http.aclose()

    async def _open_form(self, delivery: Delivery, fields: tuple[Field, ...]) -> None:
        content = decode(delivery.raw) if delivery.form else {}
        trigger = content.get("trigger_id")
        if not isinstance(trigger, str):
            return
        seen = understand(content, delivery.raw)
        try:
            await self._call("views.open", {"trigger_id": trigger, "view": form(delivery.form, seen, fields)})
        except ConnectionError as trouble:
            if "expired_trigger_id" not in str(trouble):  # else a second click: the form stands open already
                return
            asked = {"channel": seen.channel, "user": seen.user, "text": TOO_LATE}
            await self._call("chat.postEphemeral", asked | ({"thread_ts": seen.thread} if seen.thread else {}))

    async def _call(self, method: str, asked: dict[str, Any], token: str = "") -> dict[str, Any]:
        """Raises ConnectionError. With a bot token that has run out meanwhile it asks once more with a fresh one."""
        try:
            using = token or await self._access.token()
            answer = await self._once(method, asked, using)
            if not token and answer.get("error") == EXPIRED and (fresh := await self._access.token(refused=using)):
                answer = await self._once(method, asked, fresh)
        except (Reauthenticate, SealTrouble) as trouble:
            raise ConnectionError(hide_tokens(str(trouble))) from None
        if answer.get("ok") is not True:
            raise ConnectionError(f"{method} answered {answer.get('status', '')} {answer.get('error') or ''}".strip())
        return answer

    async def _once(self, method: str, asked: dict[str, Any], token: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token}"}
        response = await self._http.post(f"{self._access.url}/{method}", json=asked, headers=headers)
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = None
        if isinstance(answer, dict) and answer.get("ok") is True:
            return answer
        return {"status": response.status_code, "error": answer.get("error") if isinstance(answer, dict) else ""}
