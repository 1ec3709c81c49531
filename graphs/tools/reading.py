"""Reading tools: they change nothing, so they need neither a card nor a receipt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from graphs.tools.base import Arguments, Receipt, Tool


def reading(name: str, purpose: str, run: Callable[[Arguments, str], Awaitable[Receipt]]) -> Tool:
    """A tool of effect class "read": what a card would say is its purpose."""
    return Tool(name, "read", purpose, run, render=lambda _a: purpose, report=lambda _a, _r: "")
