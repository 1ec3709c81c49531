"""A chat platform in memory: what people do to it becomes deliveries, what Steward says is kept to be read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Literal

from channels.base import Delivery, FileRef, Finding, Inbound, Limits, Receipt, Refusal
from knowledge.words import Outbound, Press

PRINCIPAL = "42"


class Recorder:
    """The speaking part of a channel called `name`. `fails` are raised by the next sends, one each.

    `lost` holds errors raised after the message has arrived: the answer got lost on the way back. `refuses` says of
    which messages none is taken.
    """

    limits = Limits(text=4096, unit="chars")

    def __init__(self, name: str, now: Callable[[], datetime]) -> None:
        self.name = name
        self._now = now
        self._count = 100
        self.posted: dict[str, Outbound] = {}  # message id → as it looks now
        self.said: list[tuple[str, str]] = []  # (conversation, message id) in order, edits left out
        self.toasts: list[str] = []
        self.edits: list[str] = []
        self.fails: list[Exception] = []
        self.lost: list[Exception] = []
        self.refuses: Callable[[Outbound], bool] = lambda _message: False

    # --- what people do ------------------------------------------------------------------------------------------

    def typed(
        self, text: str, *, sender: str = PRINCIPAL, forwarded: bool = False, reply_to: str = "", name: str = ""
    ) -> Delivery:
        """Someone types `text` in their own private chat."""
        body = {"text": text, "forwarded": forwarded, "reply_to": reply_to, "name": name}
        hint = "" if forwarded else text
        return self._delivery(body, sender, "control" if hint.strip().startswith("/stop") else "turn", hint=hint)

    def pressed(self, data: str, ref: str, *, sender: str = PRINCIPAL, text: str = "", **fields: str) -> Delivery:
        """Someone presses a button with `data` on the message `ref`, or sends its form with `text` and `fields`."""
        query = f"q{self._next()}"
        body = {"press": data, "query": query, "on": ref, "text": text, "fields": fields}
        return self._delivery(body, sender, "control", press_id=query)

    def _delivery(
        self, body: dict[str, Any], sender: str, lane: Any, *, hint: str = "", press_id: str = ""
    ) -> Delivery:
        ref = str(self._next())
        raw = json.dumps({**body, "ref": ref, "sender": sender, "at": self._now().isoformat()})
        return Delivery(
            self.name, "bot", ref, sender, sender, lane, raw.encode("utf-8", "surrogatepass"), hint, True, press_id
        )

    def _next(self) -> int:
        self._count += 1
        return self._count

    # --- the protocol --------------------------------------------------------------------------------------------

    def parse(self, raw: bytes, account: str) -> Inbound:
        body = json.loads(raw)
        sender = body["sender"]
        at = datetime.fromisoformat(body["at"])
        if "press" in body:
            press = Press.decode(body["press"])
            return Inbound(
                "press", self.name, account, sender, sender, body["ref"], at, press=press, press_id=body["query"],
                pressed_ref=body["on"], text=body["text"], fields=tuple(body["fields"].items()),
            )  # fmt: skip
        text = body["text"]
        more = {"forwarded": body["forwarded"], "reply_to": body["reply_to"], "sender_name": body["name"]}
        head, _, rest = text.removeprefix("/").partition(" ")
        if text.startswith("/") and not body["forwarded"]:
            command = head.lower()
            return Inbound("command", self.name, account, sender, sender, body["ref"], at, rest, command, **more)
        return Inbound("text", self.name, account, sender, sender, body["ref"], at, text, **more)

    def fit(self, message: Outbound) -> list[Outbound]:
        return [message]

    async def send(self, message: Outbound, conversation: str) -> Receipt:
        if self.refuses(message):
            raise Refusal("blocked")
        if self.fails:
            raise self.fails.pop(0)
        ref = self._keep(message, conversation)
        if self.lost:
            raise self.lost.pop(0)
        return Receipt(ref, self._now())

    def _keep(self, message: Outbound, conversation: str) -> str:
        if message.toast_for:
            self.toasts.append(message.text)
            return message.toast_for
        if message.edit_of:
            self.posted[message.edit_of] = message
            self.edits.append(message.edit_of)
            return message.edit_of
        ref = str(self._next())
        self.posted[ref] = message
        self.said.append((conversation, ref))
        return ref

    async def find(
        self, message: Outbound, conversation: str, after_ref: str
    ) -> Receipt | Literal["absent", "unknown"]:
        if message.toast_for or message.edit_of:
            return "absent"
        for where, ref in reversed(self.said):
            if where == conversation and int(ref) > int(after_ref or 0) and self.posted[ref].text == message.text:
                return Receipt(ref, self._now())
        return "absent"

    async def fetch(self, file: FileRef) -> AsyncIterator[bytes]:
        raise FileNotFoundError(file.name)
        yield b""

    async def probe(self) -> list[Finding]:
        return []

    async def start(self) -> None: ...

    async def close(self) -> None: ...
