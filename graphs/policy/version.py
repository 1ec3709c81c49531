"""Which policy is in force, told in the ledger when it changes."""

from __future__ import annotations

from knowledge import ledger
from knowledge.database import Tx
from knowledge.store import settings

_KEY = "policy:version"


async def note(tx: Tx, version: str, now: int) -> bool:
    """Write a ledger line when `version` is not the one that was in force before; whether it is new."""
    before = await settings.get(tx, _KEY, now)
    if before == version:
        return False
    await settings.put(tx, _KEY, version)
    await ledger.append(tx, now, ledger.Entry("system", "policy.changed", f"from {before or 'none'}", version))
    return True
