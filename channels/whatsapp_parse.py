"""Twilio's WhatsApp webhooks in our words: texts, buttons, voice notes, files, and whose words they are."""

from __future__ import annotations

import mimetypes
import re
from datetime import datetime
from typing import Any

from channels.base import FileRef, Inbound, Kind
from channels.whatsapp_receive import fields
from knowledge.words import Press

_COMMAND = re.compile(r"\s*/(\w{1,32})(?:\s+(.*))?$", re.DOTALL | re.ASCII)
_NAMES = {"audio": "voice.ogg", "image": "photo.jpg", "video": "video.mp4", "text/vcard": "contact.vcf"}


def parse(raw: bytes, account: str, now: datetime) -> Inbound:
    """The inbound of a stored webhook; it carries no time, so `now` dates it. Raises ValueError for what is no message."""
    found = fields(raw)
    ref = found.get("MessageSid") or found.get("SmsMessageSid") or found.get("SmsSid", "")
    sender = found.get("From") or found.get("ExternalUserId", "")
    if not ref or not sender:
        raise ValueError("not a readable WhatsApp webhook: no message or no sender")
    text = found.get("Body", "")
    more = _content(found, text)
    return Inbound(
        channel="whatsapp",
        account=account,
        conversation=sender,
        sender=sender,
        message_ref=ref,
        sent_at=now,
        sender_name=found.get("ProfileName", ""),
        forwarded=found.get("Forwarded") == "true" or found.get("FrequentlyForwarded") == "true",
        reply_to=found.get("OriginalRepliedMessageSid", ""),
        also=found.get("ExternalUserId", "") if found.get("From") else "",
        **{"text": text} | more,
    )


def _content(found: dict[str, str], text: str) -> dict[str, Any]:
    ref = found.get("OriginalRepliedMessageSid", "")
    press = Press.decode(found.get("ButtonPayload", ""))
    if press:
        sid = found.get("MessageSid") or found.get("SmsMessageSid") or found.get("SmsSid", "")
        return {"kind": "press", "press": press, "press_id": sid, "pressed_ref": ref, "text": ""}
    if files := _files(found):
        if files[0].mime == "image/webp":
            return {"kind": "unsupported", "note": "a sticker"}
        kind: Kind = "voice" if all(file.mime.startswith("audio/") for file in files) else "file"
        return {"kind": kind, "files": files}
    if found.get("MessageType") == "reaction":
        return {"kind": "reaction", "pressed_ref": ref, "text": text.strip()}
    if found.get("Latitude"):
        return {"kind": "unsupported", "note": "a location"}
    forwarded = found.get("Forwarded") == "true" or found.get("FrequentlyForwarded") == "true"
    if (called := _COMMAND.match(text)) and not forwarded:
        return {"kind": "command", "command": called[1].lower(), "text": (called[2] or "").strip()}
    if not text.strip():
        return {"kind": "unsupported", "note": "a message without text"}
    return {"kind": "text"}


def _files(found: dict[str, str]) -> tuple[FileRef, ...]:
    count = found.get("NumMedia", "0")
    files = []
    for n in range(min(int(count), 10) if count.isascii() and count.isdecimal() and len(count) < 4 else 0):
        url = found.get(f"MediaUrl{n}", "")
        mime = found.get(f"MediaContentType{n}", "").partition(";")[0].strip() or "application/octet-stream"
        name = _NAMES.get(mime) or _NAMES.get(mime.partition("/")[0]) or _named(url, mime)
        if url:
            files.append(FileRef(url, name, mime, 0, spoken=mime == "audio/ogg"))
    return tuple(files)


def _named(url: str, mime: str) -> str:
    """Twilio does not tell a file's name: one of its own, so that two files are two."""
    mark = "".join(c for c in url.rpartition("/")[2] if c.isalnum())[-6:]
    return f"file-{mark}{mimetypes.guess_extension(mime) or ''}"
