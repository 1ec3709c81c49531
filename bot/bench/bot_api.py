"""A fake Telegram Bot API for several bots at once, with a clock at the two ends of a turn: the update and the answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from bot.bench.loopback import Loopback

PRINCIPAL = 42
LONGEST_POLL_S = 50.0
PATIENCE_S = 120.0
"""How long an answer may take before it counts as lost: a busy machine is slow, and loses nothing."""


@dataclass(slots=True)
class Answered:
    """A turn as the person saw it: milliseconds from the update to the answer and to the first sign of typing."""

    ms: float
    typing_ms: float | None
    text: str


class NoAnswer(Exception):
    """The bot said nothing in time."""


@dataclass
class Chat:
    """One bot with its one person. `first_poll` is when it began to listen (perf_counter)."""

    number: int
    first_poll: float | None = None
    _updates: list[dict[str, Any]] = field(default_factory=list)
    _last_update: int = 1000
    _last_message: int = 1
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _said: asyncio.Queue[tuple[float, str]] = field(default_factory=asyncio.Queue)
    _typed: list[float] = field(default_factory=list)

    async def turn(self, text: str, timeout_s: float = PATIENCE_S) -> Answered:
        """The person writes `text`; the bot's next message that is no word of progress. Raises NoAnswer."""
        while not self._said.empty():
            self._said.get_nowait()
        self._typed.clear()
        began = time.perf_counter()
        self._write(text)
        try:
            at, answer = await asyncio.wait_for(self._said.get(), timeout_s)
        except TimeoutError as error:
            raise NoAnswer(f"no answer to “{text}” within {timeout_s:.0f} s") from error
        signs = [(typed - began) * 1000 for typed in self._typed[:1]]
        return Answered((at - began) * 1000, signs[0] if signs else None, answer)

    async def listening(self, timeout_s: float = PATIENCE_S) -> float:
        """When the bot first asked for updates (perf_counter). Raises NoAnswer."""
        deadline = time.perf_counter() + timeout_s
        while self.first_poll is None:
            if time.perf_counter() > deadline:
                raise NoAnswer(f"the bot did not ask for updates within {timeout_s:.0f} s")
            await asyncio.sleep(0.002)
        return self.first_poll

    def _write(self, text: str) -> None:
        self._last_update += 1
        who = {"id": PRINCIPAL, "is_bot": False, "first_name": "Bench", "language_code": "en"}
        message = self._message(text) | {"from": who}
        self._updates.append({"update_id": self._last_update, "message": message})
        self._arrived.set()

    def _message(self, text: str) -> dict[str, Any]:
        self._last_message += 1
        chat = {"id": PRINCIPAL, "type": "private", "first_name": "Bench"}
        return {"message_id": self._last_message, "date": int(time.time()), "chat": chat, "text": text}

    async def call(self, method: str, asked: dict[str, Any]) -> Any:
        """One Bot API call. What a bench does not need is answered with true."""
        match method.lower():
            case "getupdates":
                return await self._poll(int(asked.get("offset") or 0), float(asked.get("timeout") or 0))
            case "sendmessage":
                text = str(asked.get("text", ""))
                if not text.startswith("⏳"):  # a busy machine may say that it takes long
                    self._said.put_nowait((time.perf_counter(), text))
                return self._message(text) | {"from": self._me()}
            case "editmessagetext":
                return self._message(str(asked.get("text", ""))) | {"message_id": int(asked.get("message_id") or 1)}
            case "sendchataction":
                self._typed.append(time.perf_counter())
            case "getme":
                return self._me()
            case "getwebhookinfo":
                return {"url": "", "has_custom_certificate": False, "pending_update_count": len(self._updates)}
        return True

    async def _poll(self, offset: int, timeout_s: float) -> list[dict[str, Any]]:
        self.first_poll = self.first_poll or time.perf_counter()
        self._updates = [update for update in self._updates if update["update_id"] >= offset]
        deadline = time.perf_counter() + min(timeout_s, LONGEST_POLL_S)
        while not self._updates and (left := deadline - time.perf_counter()) > 0:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                break
        return list(self._updates)

    def _me(self) -> dict[str, Any]:
        return {"id": self.number, "is_bot": True, "first_name": "Bench", "username": f"bench{self.number}_bot"}


class BotApi:
    """The server: `chat(number)` is the bot of that number, its token `token(number)`."""

    def __init__(self) -> None:
        self._chats: dict[int, Chat] = {}
        self._server = Loopback(self._answer)

    @staticmethod
    def token(number: int) -> str:
        return f"{number}:bench-token-that-is-no-secret-0000000"

    @property
    def url(self) -> str:
        return self._server.url

    def chat(self, number: int) -> Chat:
        """A fresh bot under its number."""
        self._chats[number] = Chat(number)
        return self._chats[number]

    async def __aenter__(self) -> BotApi:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()

    async def _answer(self, path: str, asked: dict[str, Any]) -> tuple[int, Any]:
        _, token, method = (*path.split("/"), "", "")[:3]
        number = token.removeprefix("bot").partition(":")[0]
        chat = self._chats.get(int(number)) if number.isdecimal() else None
        if chat is None or token != f"bot{self.token(chat.number)}":
            return 401, {"ok": False, "error_code": 401, "description": "Unauthorized"}
        return 200, {"ok": True, "result": await chat.call(method, asked)}
