"""WhatsApp's receiving part (through Twilio): signature on the raw bytes, sorting, delivery reports; no SDK."""

from __future__ import annotations

import hashlib
import logging
import re

import httpx

from channels.base import Accept, Answer, Delivery, Hook, Lane, RawRequest, Refused, Report
from channels.signs import Signs
from channels.whatsapp_access import STATUS, STORED, TITLE, WEBHOOK, WhatsAppAccess, guard_logs
from channels.whatsapp_signature import algorithm, is_signed, parameters
from channels.whatsapp_state import reported
from knowledge.egress import guarded_client
from knowledge.words import Field, Press

__all__ = ["STORED", "WhatsAppAccess", "WhatsAppReceiver", "fields", "hooks", "peek", "receive", "report", "verify"]

_STOP = re.compile(r"\s*/stop(?:\s|$)", re.IGNORECASE)
_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_log = logging.getLogger("steward.whatsapp")


def fields(raw: bytes) -> dict[str, str]:
    """The form's fields as text, first value each; what is not UTF-8 is replaced."""
    found: dict[str, str] = {}
    for name, value in parameters(raw):
        found.setdefault(name.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
    return found


def verify(request: RawRequest, access: WhatsAppAccess, path: str = WEBHOOK) -> Refused | None:
    """None when Twilio signed this body for our public address and the account and number are ours. Never raises."""
    if request.method != "POST":
        return Refused(405, "Twilio posts.")
    settings = request.headers.get("x-twilio-webhooks-signature-settings", "")
    name = algorithm(settings)
    key = access.shared_key if access.shared_key and "key=" in settings else access.auth_token
    url = f"{access.public_url.rstrip('/')}{path}" + (f"?{request.query}" if request.query else "")
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    signature = request.headers.get("x-twilio-signature", "")
    try:
        signed = bool(access.public_url) and is_signed(url, request.body, form, signature, key, name)
    except (ValueError, UnicodeError):  # a query that makes no address
        signed = False
    if not signed:
        return Refused(403, "The signature is missing or wrong, or STEWARD_PUBLIC_URL is not the address Twilio calls.")
    if form and fields(request.body).get("AccountSid") != access.account:
        return Refused(403, "The account is not ours.")
    return None


def receive(request: RawRequest, access: WhatsAppAccess) -> Delivery | Refused:
    """The delivery of a signed message webhook, or why it is refused. Answer `STORED` once it is stored."""
    if refused := verify(request, access, WEBHOOK):
        return refused
    to = fields(request.body).get("To", access.number)
    return Refused(403, "The number is not ours.") if to != access.number else peek(request.body, access.account)


def hooks(access: WhatsAppAccess) -> dict[str, Hook]:
    """The webhooks of messages and of delivery reports, by path."""
    return {WEBHOOK: lambda request: receive(request, access), STATUS: lambda request: report(request, access)}


def report(request: RawRequest, access: WhatsAppAccess) -> Report | Answer | Refused:
    """What a signed status callback says of a message of ours; one that names none is answered and forgotten."""
    if refused := verify(request, access, STATUS):
        return refused
    found = fields(request.body)
    error = found.get("ErrorCode", "")
    code = int(error) if error.isascii() and error.isdecimal() and len(error) < 9 else 0
    ref, status = found.get("MessageSid") or found.get("SmsSid", ""), found.get("MessageStatus", "")
    return reported(ref, status, code) if ref and status else STORED


def peek(raw: bytes, account: str) -> Delivery:
    """Where an authentic message belongs. Never raises; what is no message ends as a dead letter.

    The sender is `From`; when WhatsApp hides the number, it is the business-scoped id (`whatsapp:ID.…`).
    """
    found = fields(raw)
    sid = found.get("MessageSid") or found.get("SmsMessageSid") or found.get("SmsSid", "")
    sender = found.get("From") or found.get("ExternalUserId", "")
    if not sid or not sender:
        return Delivery("whatsapp", account, "sha256:" + hashlib.sha256(raw).hexdigest(), "", "", "turn", raw)
    text = found.get("Body", "")
    pressed = Press.decode(found.get("ButtonPayload", "")) is not None
    own = found.get("Forwarded") != "true"
    lane: Lane = "control" if pressed or (own and _STOP.match(text)) else "turn"
    is_text = own and not pressed and found.get("NumMedia", "0") == "0"
    return Delivery(
        channel="whatsapp",
        account=account,
        dedupe_key=sid,
        conversation=sender,
        sender=sender,
        lane=lane,
        raw=raw,
        hint=text if is_text else "",
        wants_typing=not pressed,
        press_id=sid if pressed else "",
        numbered=is_text and len(text.strip()) <= TITLE,
    )


class WhatsAppReceiver:
    """The signs of life; messages come by webhook alone, so `run` returns at once."""

    name = "whatsapp"
    typing_s = 20.0

    def __init__(self, access: WhatsAppAccess) -> None:
        guard_logs()
        self._access = access
        self._http = guarded_client(
            access.rules,
            timeout=httpx.Timeout(5.0),
            auth=(access.account, access.auth_token),
            limits=httpx.Limits(keepalive_expiry=60.0),
        )
        self._sign = Signs()

    async def run(self, accept: Accept) -> None:
        return None

    async def show_typing(self, delivery: Delivery) -> None:
        """Show “typing…” for up to 25 seconds, which also marks the message as read. Returns at once."""
        if _SID.fullmatch(delivery.dedupe_key):
            asked = {"messageId": delivery.dedupe_key, "channel": "whatsapp"}
            self._sign(self._post("messaging", "/v2/Indicators/Typing.json", asked))

    async def confirm_press(self, delivery: Delivery, fields: tuple[Field, ...] = ()) -> None:
        """WhatsApp's buttons need no confirmation; the answer is a message."""

    async def tell(self, conversation: str, text: str) -> None:
        """Say plain text in the receiver's own voice. Raises ConnectionError when not taken."""
        path = f"/2010-04-01/Accounts/{self._access.account}/Messages.json"
        try:
            await self._post("api", path, {"From": self._access.number, "To": conversation, "Body": text[:1600]})
        except httpx.HTTPError as trouble:
            raise ConnectionError(type(trouble).__name__) from None

    async def close(self) -> None:
        await self._sign.close()
        await self._http.aclose()

    async def _post(self, domain: str, path: str, asked: dict[str, str]) -> None:
        response = await self._http.post(self._access.host(domain) + path, data=asked)
        if response.status_code >= 400:
            raise ConnectionError(f"Twilio answered {response.status_code}")
