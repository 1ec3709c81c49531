"""Reading tools: they change nothing, so they need neither a card nor a receipt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from graphs.tools.base import Arguments, Receipt, Tool


def reading(
    name: str,
    purpose: str,
    run: Callable[[Arguments, str], Awaitable[Receipt]],
    *,
    foreign: bool = False,
    names: Collection[str] = (),
    issued: Collection[str] = (),
) -> Tool:
    """A tool of effect class "read": what a card would say is its purpose. The rest is as `Tool` says it."""
    return Tool(
        name, "read", purpose, run, render=lambda _a: purpose, report=lambda _a, _r: "", foreign=foreign,
        names=frozenset(names), issued=frozenset(issued),
    )  # fmt: skip
