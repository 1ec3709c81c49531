"""Forgetting for good, as a tool: what would go is on the card by name, and nothing brings it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from graphs.tools.base import Arguments, Receipt, Tool
from graphs.tools.reading import reading
from graphs.tools.wording import escaped, quoted

SHOWN = 12  # documents named on a card; the rest is counted


class Forgetter(Protocol):
    """Who can find and erase what memory holds. `forget` may be repeated under the same key."""

    async def forgettable(self, words: str) -> list[Mapping[str, Any]]: ...
    async def erase(self, words: str, documents: Sequence[int], key: str) -> Mapping[str, Any]: ...


def forget_tools(forgetter: Forgetter) -> list[Tool]:
    """memory.forget (delete; arguments: words, documents [ids], names) and memory.forgettable (read; words)."""

    async def find(arguments: Arguments, _key: str) -> Receipt:
        return {"documents": await forgetter.forgettable(str(arguments["words"]))}

    async def run(arguments: Arguments, key: str) -> Receipt:
        return await forgetter.erase(str(arguments["words"]), [int(i) for i in arguments["documents"]], key)

    forget = Tool(
        name="memory.forget",
        effect="delete",
        purpose="forget documents for good, in every store",
        run=run,
        render=_render,
        report=lambda _a, r: f"Forgotten: {_count(int(r['documents']))}, in every store. There is no way back.",
        roles={"words": "target", "documents": "target", "names": "benign"},
    )
    return [forget, reading("memory.forgettable", "find what memory holds about something", find)]


def _render(arguments: Arguments) -> str:
    names = [str(name) for name in arguments["names"]]
    lines = [f"**Forget for good** what holds {quoted(arguments['words'])}: {_count(len(names))}"]
    lines += [f"- {escaped(name)}" for name in names[:SHOWN]]
    if len(names) > SHOWN:
        lines.append(f"- and {len(names) - SHOWN} more")
    return "\n".join(lines)


def _count(number: int) -> str:
    return f"{number} document{'' if number == 1 else 's'}"
