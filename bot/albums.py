"""Several files sent as one arrive as several deliveries: those of a moment are gathered into the first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from channels.base import Inbound
from knowledge.database import Tx
from knowledge.store import inbox
from knowledge.store.inbox import Stored

GATHER_MS = 1200
"""After the first of an album, its others count for so long; one that comes later stands for itself."""

Parse = Callable[[Stored], Inbound]


def ready_at(stored: Stored, inbound: Inbound) -> int:
    """When (ms) this delivery may be handled: an album waits for its other parts."""
    return stored.received_at + GATHER_MS if inbound.album else 0


async def whole(tx: Tx, stored: Stored, inbound: Inbound, parse: Parse) -> Inbound | None:
    """The inbound with every file of its album and the album's words; None when it is a later part of one.

    Computed from the rows alone, so that a resumed turn finds the same album.
    """
    if not inbound.album:
        return inbound
    parts: list[tuple[Stored, Inbound]] = []
    for near in await inbox.around(tx, stored, GATHER_MS * 2):
        try:
            part = inbound if near.id == stored.id else parse(near)
        except ValueError:
            continue
        if part.album != inbound.album:
            continue
        if parts and near.received_at > parts[0][0].received_at + GATHER_MS:
            if parts[-1][0].id >= stored.id:
                break
            parts = []
        parts.append((near, part))
    if parts[0][0].id != stored.id:
        return None
    files = tuple(file for _, part in parts for file in part.files)
    return replace(inbound, files=files, text=next((part.text for _, part in parts if part.text), ""))
