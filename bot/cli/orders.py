"""Commands that do: each is given to the worker as an order, stored and decided like one from a chat."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from bot.cli import show
from bot.cli.beside import alone, ask_worker
from bot.cli.rows import look_at
from bot.cli.serve import CliTrouble
from bot.home import Home
from bot.settings import Settings
from knowledge.ids import random_id

CHATS = ("telegram", "slack", "whatsapp")


def house(line: str) -> int:
    """Give a house command and print what came of it. Exit code 1 when something that it began did not succeed."""
    return asyncio.run(_order({"line": line}))


def remedy(number: int, verb: str) -> int:
    """Retry or dismiss a failure. Raises CliTrouble when there is none of this number."""
    with look_at(Settings()) as look:
        if number not in {failure["id"] for failure in look.failures()}:
            raise CliTrouble(f"There is no open failure {number}. `steward failures list` shows those that are.")
    return asyncio.run(_order({"failure": number, "verb": verb}))


def link(channel: str) -> int:
    name = channel.strip().lower()
    if name not in CHATS:
        raise CliTrouble(f"There is no chat called {channel}: it is {', '.join(CHATS[:-1])} or {CHATS[-1]}.")
    return house(f"/link {name}")


async def _order(order: dict[str, Any]) -> int:
    settings = Settings()
    home = Home(settings.home)
    key = random_id(16)
    answer = await ask_worker(home, "order", key=key, **order)
    if answer is not None:
        return _told(answer["said"], ok=answer["good"])
    from bot.orders import Orders, OrderTrouble

    async with alone(settings) as steward:
        orders = Orders(steward)
        try:
            if "failure" in order:
                outcome = await orders.remedy(order["failure"], order["verb"], key)
            else:
                outcome = await orders.take(order["line"], key=key)
        except OrderTrouble as trouble:
            raise CliTrouble(str(trouble)) from trouble
        return _told(outcome.said, ok=outcome.ok)


def _told(said: list[str], *, ok: bool) -> int:
    for sentence in said:
        print(show.plain(sentence), file=sys.stdout if ok else sys.stderr)
    return 0 if ok else 1
