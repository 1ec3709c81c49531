"""What a worker does for commands beside it: one handler for each request of the local socket."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot import shelf
from bot.librarian import hit_to_json
from bot.local import Handler
from bot.orders import Orders

if TYPE_CHECKING:
    from bot.compose import Steward


def handlers(steward: Steward) -> dict[str, Handler]:
    """Requests that need the process which holds memory, or which carries out effects."""
    orders = Orders(steward)

    async def search(request: Mapping[str, Any]) -> Mapping[str, Any]:
        hits = await steward.librarian.search(
            str(request["query"]),
            k=int(request.get("k", 8)),
            sources=list(request.get("sources", [])),
            readers=list(request.get("readers", ["principal"])),
        )
        around = await steward.librarian.around(hits, int(request.get("around", 0)))
        return {
            "hits": [hit_to_json(hit) for hit in hits],
            "around": [[hit_to_json(one) for one in some] for some in around],
        }

    async def ingest(request: Mapping[str, Any]) -> Mapping[str, Any]:
        taken = await shelf.take(steward.librarian, Path(str(request["file"])), later=bool(request.get("later")))
        steward.worker.poke()  # the index is flushed when the worker is idle again
        return shelf.as_json(taken)

    async def reindex(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"points": await shelf.rebuild(steward.librarian)}

    async def order(request: Mapping[str, Any]) -> Mapping[str, Any]:
        key = str(request.get("key", ""))
        if "failure" in request:
            outcome = await orders.remedy(int(request["failure"]), str(request["verb"]), key)
        else:
            outcome = await orders.take(str(request["line"]), key=key)
        return {"said": outcome.said, "good": outcome.ok}

    async def erase(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return await steward.librarian.erase(
            str(request["words"]), [int(i) for i in request["documents"]], str(request["key"]),
            [str(uid) for uid in request["events"]],
        )  # fmt: skip

    async def forgettable(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return await steward.librarian.forgettable(str(request["words"]))

    async def erased(request: Mapping[str, Any]) -> Mapping[str, Any]:
        receipt = await steward.librarian.erased(str(request["key"]))
        return {"complete": receipt is not None and receipt.complete, "said": receipt.sentence() if receipt else ""}

    async def status(request: Mapping[str, Any]) -> Mapping[str, Any]:
        """`commits` counts this process's synced commits, `modules` the top-level packages it has imported."""
        return {
            "pid": os.getpid(), "turns": steward.worker.turns_done, "commits": steward.crew.db.commits,
            "modules": sorted({name.partition(".")[0] for name in sys.modules}), **await steward.librarian.status(),
        }  # fmt: skip

    return {
        "search": search, "forgettable": forgettable, "erase": erase, "erased": erased, "ingest": ingest,
        "reindex": reindex, "order": order, "status": status,
    }  # fmt: skip
