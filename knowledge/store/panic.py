"""Panic: the principal has stopped everything. Every door at which something is decided or done looks at this row."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge import ledger
from knowledge.database import Tx
from knowledge.store import effects, settings

_NOW, _LIFTED = "panic", "panic:lifted"
_SESSIONS = ("edit:", "link:")
"""What waits for somebody's next words: a form of a card, a code that links an account."""


@dataclass(frozen=True, slots=True)
class Panic:
    """Begun at `at` (ms); `on` are the channels from which it was called: none of them may end it."""

    at: int
    on: tuple[str, ...]


async def standing(tx: Tx) -> Panic | None:
    """The panic that has not been lifted, or None."""
    found = await settings.get(tx, _NOW)
    if found is None:
        return None
    on = found["on"]
    return Panic(int(found["at"]), (on.partition(":")[0],) if isinstance(on, str) else tuple(on))


async def begin(tx: Tx, by: str, on: str, now: int) -> int:
    """From this commit on nothing is decided and nothing begins; how many effects that had not begun are cancelled.

    `on` is who called it, as `channel:sender`. Called once more from elsewhere, that channel may not lift it either.
    """
    known = await standing(tx)
    channels = dict.fromkeys((*(known.on if known else ()), on.partition(":")[0]))
    await settings.put(tx, _NOW, {"on": list(channels), "at": known.at if known else now})
    await ledger.append(tx, now, ledger.Entry(by, "panic.begun", on, _NOW))
    for prefix in _SESSIONS:
        await settings.drop_under(tx, prefix)
    stopped = await effects.cancel_all(tx)
    for key in stopped:
        await ledger.append(tx, now, ledger.Entry(by, "effect.cancelled", on, key))
    return len(stopped)


async def lift(tx: Tx, by: str, on: str, now: int) -> bool:
    """End it; only from the console or a channel from which it was not called. Both leave a record."""
    begun = await standing(tx)
    if begun is None:
        return False
    channel = on.partition(":")[0]
    if channel != "console" and channel in begun.on:
        await ledger.append(tx, now, ledger.Entry(by, "panic.kept", on, _NOW))
        return False
    await settings.drop(tx, _NOW)
    await settings.put(tx, _LIFTED, now)
    await ledger.append(tx, now, ledger.Entry(by, "panic.lifted", on, _NOW))
    return True


async def stops(tx: Tx, made_at: int) -> bool:
    """Whether an effect that was decided at `made_at` (ms) may not begin: now, or because a panic came in between."""
    lifted: int | None = await settings.get(tx, _LIFTED)
    return (lifted is not None and made_at < lifted) or await standing(tx) is not None
