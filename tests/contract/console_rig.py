"""The console as a rig: what is printed is kept, lines and keys become deliveries."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from channels import render
from channels.base import Answer, Delivery, RawRequest, ReceivingChannel, Refused
from channels.console import SENDER, ConsoleSpeaker, console_delivery
from knowledge.ids import random_id
from knowledge.words import Outbound
from tests.contract.channel_rigs import Rig


class ConsoleRig:
    conversation = "terminal"
    secrets: tuple[str, ...] = ()
    receiving: ReceivingChannel

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed: dict[str, Outbound] = {}
        self.speaking = ConsoleSpeaker(self._show, self.conversation)

    async def _show(self, message: Outbound, ref: str) -> None:
        self.printed[ref] = message

    def shown(self) -> list[str]:
        return [render.to_plain(render.read(m.text)) for m in self.printed.values() if not m.toast_for]

    def labels(self) -> list[str]:
        return [b.label for m in self.printed.values() for row in m.buttons for b in row]

    def toasts(self) -> list[str]:
        return [m.text for m in self.printed.values() if m.toast_for]

    def violations(self) -> list[str]:
        return []

    def fails(self, how: str) -> None:
        raise NotImplementedError(how)  # a terminal takes everything

    def last_ref(self) -> str:
        return next(reversed(self.printed), "")

    def typed(self, text: str) -> Delivery:
        return self._delivery("turn", console_delivery(text), text)

    def pressed(self, label: str) -> Delivery:
        for message in reversed(self.printed.values()):
            for row in message.buttons:
                for button in row:
                    if button.label == label:
                        return self._delivery("control", console_delivery("", button.data), "")
        raise LookupError(f"no key {label!r}")

    def filed(self, name: str, content: str, size: int = -1) -> Delivery:
        path = self.folder / name
        path.write_text(content)
        return self.typed(f"file: {path}")

    def receive(self, request: RawRequest) -> Delivery | Answer | Refused:
        raise NotImplementedError(request.path)  # nothing comes to a terminal over HTTP

    authentic = message = receive  # type: ignore[assignment]

    def _delivery(self, lane: str, raw: bytes, hint: str) -> Delivery:
        return Delivery("console", "", random_id(16), self.conversation, SENDER, lane, raw, hint)  # type: ignore[arg-type]


@asynccontextmanager
async def console_rig() -> AsyncIterator[Rig]:
    with tempfile.TemporaryDirectory() as folder:
        yield ConsoleRig(Path(folder))  # type: ignore[misc]
