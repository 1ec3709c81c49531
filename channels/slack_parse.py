"""Slack's payloads in our words: who said what, where, and whose words they are."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from channels.base import FORM_OPEN, FileRef, Inbound
from channels.slack_payload import (
    HOME,
    Payload,
    changed_in,
    decode,
    first_action,
    metadata,
    plain,
    said,
    typed_in,
    understand,
)
from channels.slack_receive import press_id
from knowledge.words import Press

_COMMAND = re.compile(r"\s*/(\w{1,32})(?:\s+(.*))?$", re.DOTALL | re.ASCII)
_UNREADABLE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, OSError)
_EMOJI = {
    "+1": "👍",
    "thumbsup": "👍",
    "-1": "👎",
    "thumbsdown": "👎",
    "white_check_mark": "✅",
    "x": "❌",
    "eyes": "👀",
}


def parse(raw: bytes, account: str, bot: str, commands: Collection[str], now: datetime) -> Inbound:
    """The inbound of a stored payload. `bot` is the bot's user id; `commands` what `/steward WORD` takes for commands.

    Raises ValueError for what can't be read.
    """
    from channels.slack_hears import hear  # 6 MB and 0.2 s, for the worker that hears something from Slack

    try:
        seen = understand(decode(raw), raw)
        if not seen.kind:
            raise ValueError("a payload that concerns nobody")
        return hear(seen, _Reader(account, bot, commands, now))
    except _UNREADABLE as trouble:
        raise ValueError(f"not a readable Slack payload: {type(trouble).__name__}") from None


class _Reader:
    def __init__(self, account: str, bot: str, commands: Collection[str], now: datetime) -> None:
        self._account = account
        self._bot = bot
        self._commands = commands
        self._now = now

    def reaction(self, seen: Payload) -> Inbound:
        event = seen.content["event"]
        item = str(event["item"].get("ts") or "")
        emoji = str(event["reaction"]).partition("::")[0]  # after it comes a tone of skin
        return self._inbound(seen, kind="reaction", ref=item, text=_EMOJI.get(emoji, emoji), pressed_ref=item)

    def shortcut(self, seen: Payload) -> Inbound:
        message = seen.content.get("message") or {}
        quoted = plain(str(message.get("text") or ""))
        ref = str(message.get("ts") or "")
        return self._inbound(seen, kind="text", ref=ref, text=quoted, quoted=quoted, forwarded=True)

    def home(self, seen: Payload) -> Inbound:
        return self._inbound(seen, kind="home")

    def sign(self, seen: Payload) -> Inbound:
        note = "form closed" if seen.kind == "closed" else "thread opened"
        return self._inbound(seen, kind="sign", note=note)

    def message(self, seen: Payload) -> Inbound:
        event = seen.content["event"]
        ref = str(event.get("ts") or "")
        words, mentioned = self._without_mention(said(seen.content))
        text = plain(words)
        files = tuple(_file(found) for found in event.get("files") or () if isinstance(found, dict))
        more: dict[str, Any] = {"mentioned": seen.direct or mentioned or seen.kind == "mention", "files": files}
        if event.get("thread_ts") and event["thread_ts"] != ref:
            more["reply_to"] = str(event["thread_ts"])
        if files:
            voice = any(file.mime.startswith("audio/") for file in files)
            return self._inbound(seen, kind="voice" if voice else "file", ref=ref, text=text, **more)
        if called := _COMMAND.match(text):
            return self._inbound(
                seen, kind="command", ref=ref, command=called[1].lower(), text=(called[2] or "").strip(), **more
            )
        return self._inbound(seen, kind="text" if text.strip() else "unsupported", ref=ref, text=text, **more)

    def command(self, seen: Payload) -> Inbound:
        text = plain(said(seen.content)).strip()
        word, _, rest = text.partition(" ")
        name = str(seen.content.get("user_name") or "")
        if not text:
            return self._inbound(seen, kind="command", command="help", sender_name=name)
        command = word.removeprefix("/").lower()
        if command in self._commands:
            return self._inbound(seen, kind="command", command=command, text=rest.strip(), sender_name=name)
        return self._inbound(seen, kind="text", text=text, sender_name=name)

    def press(self, seen: Payload) -> Inbound:
        value = first_action(seen.content).get("value")
        press = Press.decode(value) if isinstance(value, str) else None
        container = seen.content.get("container") or {}
        ref = str(container.get("message_ts") or "")
        answer_at = press_id(seen.channel, seen.thread, seen.user, seen.content)
        note = FORM_OPEN if press and press.verb == "edit" else ""
        return self._inbound(seen, kind="press", ref=ref, press=press, press_id=answer_at, pressed_ref=ref, note=note)

    def submission(self, seen: Payload) -> Inbound:
        kept = metadata(seen.content.get("view") or {})
        press, ref = Press.decode(kept.get("press", "")), kept.get("ref", "")
        text, fields = typed_in(seen.content), tuple(changed_in(seen.content).items())
        return self._inbound(seen, kind="press", ref=ref, press=press, pressed_ref=ref, text=text, fields=fields)

    def _inbound(self, seen: Payload, ref: str = "", **more: Any) -> Inbound:
        return Inbound(
            channel="slack",
            account=self._account,
            conversation=seen.conversation,
            sender=seen.user,
            message_ref=ref,
            sent_at=_when(ref) or self._now,
            board=seen.conversation.startswith(f"{HOME}/"),
            private=seen.direct or seen.kind not in ("message", "mention"),
            **{"kind": "unsupported"} | more,
        )

    def _without_mention(self, text: str) -> tuple[str, bool]:
        named = f"<@{self._bot}>" if self._bot else ""
        if named and named in text:
            return text.replace(named, "", 1).strip(" ,:"), True
        return text, False


def _file(found: dict[str, Any]) -> FileRef:
    """A file by its private address, or by its id where Slack wants to be asked first (shared channels)."""
    url = found.get("url_private_download") or found.get("url_private")
    asks = found.get("file_access") == "check_file_info" or not isinstance(url, str)
    mime = str(found.get("mimetype") or ("" if asks else "application/octet-stream"))
    if found.get("subtype") == "slack_audio":
        mime = "audio/mp4"
    size = found.get("size")
    return FileRef(
        str(found.get("id")) if asks else str(url),
        str(found.get("name") or "file"),
        mime,
        size if isinstance(size, int) else 0,
        spoken=found.get("subtype") == "slack_audio",
    )


def _when(ref: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(ref), UTC) if ref else None
    except (ValueError, OverflowError, OSError):
        return None
