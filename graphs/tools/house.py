"""What only the house knows (open approvals, …), as a reading tool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from graphs.tools.base import Arguments, Receipt, Tool
from graphs.tools.reading import reading


def house_tools(read_house: Callable[[str], Awaitable[Any]] | None) -> list[Tool]:
    """house.open_cards: {"cards": [...]}, empty where nobody answers."""

    async def open_cards(_arguments: Arguments, _key: str) -> Receipt:
        return {"cards": await read_house("open_cards") if read_house else []}

    return [reading("house.open_cards", "list the approvals that wait", open_cards)]
