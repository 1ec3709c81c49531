"""What a worker does for commands beside it: one handler for each request of the local socket."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.librarian import hit_to_json
from bot.local import Handler

if TYPE_CHECKING:
    from bot.compose import Steward


def handlers(steward: Steward) -> dict[str, Handler]:
    """Requests that need the process which holds memory."""

    async def search(request: Mapping[str, Any]) -> Mapping[str, Any]:
        hits = await steward.librarian.search(
            str(request["query"]),
            k=int(request.get("k", 8)),
            sources=list(request.get("sources", [])),
            readers=list(request.get("readers", ["principal"])),
        )
        return {"hits": [hit_to_json(hit) for hit in hits]}

    async def ingest(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"sentence": await steward.librarian.ingest(Path(str(request["path"])))}

    async def status(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"pid": os.getpid(), "turns": steward.worker.turns_done, **await steward.librarian.status()}

    return {"search": search, "ingest": ingest, "status": status}
