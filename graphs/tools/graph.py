"""The knowledge graph as reading tools: what is around a name, and who stands in a relation to somebody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime

from graphs.tools.base import Arguments, Receipt, Tool
from graphs.tools.reading import reading
from knowledge import graph
from knowledge.database import Database
from knowledge.facts.assertion import Issuers

READERS = ("principal",)


def graph_tools(
    db: Database,
    clock: Callable[[], datetime],
    level: Callable[[], Awaitable[object]],
    issuers: Issuers | None = None,
) -> list[Tool]:
    """graph.around (name, since, until: ms or null) and graph.who (what, of); memory is brought level first."""

    def now() -> int:
        return int(clock().timestamp() * 1000)

    async def around(arguments: Arguments, _key: str) -> Receipt:
        await level()
        span = {name: arguments.get(name) for name in ("since", "until")}
        name, readers = str(arguments["name"]), _readers(arguments)
        async with db.read() as tx:
            found = await graph.around(tx, name, readers=readers, now=now(), issuers=issuers, **span)
            empty = not found.edges and not found.documents and not found.threads
            near = await graph.suggest(tx, name, readers=readers, now=now(), issuers=issuers) if empty else []
        documents = [{"name": n, "title": t, "at": at} for n, t, at in found.documents]
        threads = [
            {"subject": t.subject, "people": list(t.people), "first": t.first, "last": t.last, "mails": len(t.mails)}
            for t in found.threads
        ]
        edges = [asdict(e) for e in found.edges]
        return {"edges": edges, "documents": documents, "threads": threads, "near": near}

    async def who(arguments: Arguments, _key: str) -> Receipt:
        await level()
        async with db.read() as tx:
            found = await graph.who(
                tx,
                str(arguments["what"]),
                str(arguments["of"]),
                readers=_readers(arguments),
                now=now(),
                issuers=issuers,
            )
        return {"edges": [asdict(e) for e in found]}

    return [
        reading("graph.around", "look up everything around a name", around),
        reading("graph.who", "look up who stands in a relation to somebody", who),
    ]


def _readers(arguments: Arguments) -> tuple[str, ...]:
    return tuple(arguments.get("readers", READERS))
