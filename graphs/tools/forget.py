"""Forgetting for good, as a tool: what would go is on the card by name, and nothing brings it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from graphs.tools.base import Arguments, Receipt, Tool
from graphs.tools.reading import reading
from graphs.tools.wording import escaped, plain, quoted

SHOWN = 12  # documents named on a card; the rest is counted


class Forgetter(Protocol):
    """Who can find and erase what memory holds. `forget` may be repeated under the same key."""

    async def forgettable(self, words: str) -> Mapping[str, Any]: ...
    async def erase(
        self, words: str, documents: Sequence[int], key: str, events: Sequence[str] = ()
    ) -> Mapping[str, Any]: ...


def forget_tools(forgetter: Forgetter) -> list[Tool]:
    """memory.forget (delete; arguments: words, documents [ids], names, events [uids], also) and memory.forgettable (read).

    `also` says in words what goes with the documents; every other row that holds the words goes untold.
    """

    async def find(arguments: Arguments, _key: str) -> Receipt:
        return await forgetter.forgettable(str(arguments["words"]))

    async def run(arguments: Arguments, key: str) -> Receipt:
        return await forgetter.erase(
            str(arguments["words"]),
            [int(i) for i in arguments["documents"]],
            key,
            [str(u) for u in arguments["events"]],
        )

    forget = Tool(
        name="memory.forget",
        effect="delete",
        purpose="forget documents for good, in every store",
        run=run,
        render=_render,
        report=lambda _a, r: (
            f"Forgotten: {_count(int(r['documents']))}. The receipt comes when every store has confirmed."
        ),
        roles={"words": "target", "documents": "target", "names": "benign", "events": "target", "also": "benign"},
    )
    return [forget, reading("memory.forgettable", "find what memory holds about something", find)]


def _render(arguments: Arguments) -> str:
    names = [str(name) for name in arguments["names"]]
    lines = [f"**Forget for good** what holds {quoted(arguments['words'])}: {_count(len(names))}"]
    lines += _listed(names)
    if arguments["also"]:
        lines += ["and with it", *_listed([str(one) for one in arguments["also"]])]
    return "\n".join([*lines, "as well as every line of chat, record and log that holds the words."])


def _listed(names: list[str]) -> list[str]:
    lines = [f"- {escaped(plain(name, 100))}" for name in names[:SHOWN]]
    return lines + ([f"- and {len(names) - SHOWN} more"] if len(names) > SHOWN else [])


def _count(number: int) -> str:
    return f"{number} document{'' if number == 1 else 's'}"
