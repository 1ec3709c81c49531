"""The local console: lines in, messages out. No network, no SDK; the same verbs as every other channel."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from channels.base import FileRef, Finding, Inbound, Kind, Limits, Receipt, Refusal
from knowledge.words import Outbound, Press

CONVERSATION = "local"
SENDER = "local"
_FILE = re.compile(r"(file|voice):\s*(\S.*)", re.IGNORECASE)

Show = Callable[[Outbound, str], Awaitable[None]]
"""Print a message under its number; returns when it is on the screen."""


def console_delivery(text: str = "", press: str = "") -> bytes:
    """The raw bytes of a console line or a pressed key."""
    return json.dumps({"text": text, "press": press, "at": datetime.now(UTC).isoformat()}).encode()


class ConsoleSpeaker:
    """Speaks to whoever sits at the terminal; `show` does the printing."""

    name = "console"
    limits = Limits(text=1_000_000, unit="chars", buttons_per_row=8, button_rows=20, can_edit=True, toast=2_000)

    def __init__(self, show: Show, conversation: str = CONVERSATION) -> None:
        self._show = show
        self.conversation = conversation
        self._count = 0

    def parse(self, raw: bytes, account: str) -> Inbound:
        """Raises ValueError for bytes that no console wrote."""
        body = json.loads(raw)
        if not isinstance(body, dict) or not isinstance(body.get("text"), str):
            raise ValueError("not a console line")
        at = datetime.fromisoformat(body["at"])
        data = str(body.get("press") or "")
        if data:
            press = Press.decode(data)
            return Inbound(
                "press",
                self.name,
                account,
                self.conversation,
                SENDER,
                "",
                at,
                press=press,
                press_id=data,
                text=body["text"],
            )
        text = body["text"]
        if found := _FILE.fullmatch(text.strip()):
            return self._file(found[1].lower(), Path(found[2]).expanduser(), account, at)
        head, _, rest = text.strip().removeprefix("/").partition(" ")
        if text.strip().startswith("/") and head.replace("_", "").isalnum() and head.isascii():
            return Inbound(
                "command",
                self.name,
                account,
                self.conversation,
                SENDER,
                "",
                at,
                command=head.lower(),
                text=rest.strip(),
            )
        return Inbound("text", self.name, account, self.conversation, SENDER, "", at, text=text)

    def _file(self, word: str, path: Path, account: str, at: datetime) -> Inbound:
        size = path.stat().st_size if path.is_file() else 0
        mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        kind: Kind = "voice" if word == "voice" else "file"
        file = FileRef(str(path), path.name, mime, size, spoken=word == "voice")
        return Inbound(kind, self.name, account, self.conversation, SENDER, "", at, files=(file,))

    def fit(self, message: Outbound) -> list[Outbound]:
        return [message]

    async def send(self, message: Outbound, conversation: str) -> Receipt:
        self._count += 1
        ref = message.edit_of or f"{int(datetime.now(UTC).timestamp() * 1000)}{self._count:03d}"
        await self._show(message, ref)
        return Receipt(ref, datetime.now(UTC))

    async def find(
        self, message: Outbound, conversation: str, after_ref: str
    ) -> Receipt | Literal["absent", "unknown"]:
        """A terminal keeps nothing: showing it once more is harmless and better than hiding it."""
        return "absent"

    async def fetch(self, file: FileRef) -> AsyncIterator[bytes]:
        """The bytes of a file that the principal named at this terminal. Raises Refusal when it can't be read."""
        try:
            data = await asyncio.to_thread(Path(file.id).read_bytes)
        except OSError as trouble:
            raise Refusal(f"{file.id} cannot be read ({trouble.strerror}).") from None
        yield data

    async def probe(self) -> list[Finding]:
        return [Finding("console: always there", ok=True)]

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None
