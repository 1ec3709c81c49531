"""Leases with fencing: who may write for a conversation or a turn, until when, and under which number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from knowledge.database import Tx
from knowledge.database.schema import lease


class StaleLease(Exception):
    """Somebody else holds the lease now: this worker must stop writing and forget what it was doing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A held lease. `fence` grows with every change of hands, so an older holder can be told from the present one."""

    key: str
    owner: str
    fence: int


def conversation_key(channel: str, conversation: str) -> str:
    return f"conversation:{channel}:{conversation}"


def turn_key(turn: str) -> str:
    return f"turn:{turn}"


_BY_KEY = select(lease).where(lease.c.key == bindparam("wanted"))
_NEW = insert(lease)
_TAKE = _NEW.on_conflict_do_update(
    index_elements=["key"], set_={name: _NEW.excluded[name] for name in ("owner", "fence", "until")}
)


async def take(tx: Tx, key: str, owner: str, now: int, ttl: int) -> Lease | None:
    """The lease on `key` for `ttl` ms, or None while somebody else's is alive."""
    row = (await tx.execute(_BY_KEY, {"wanted": key})).first()
    if row is not None and row.until > now and row.owner != owner:
        return None
    fence = (row.fence if row is not None else 0) + 1
    await tx.execute(_TAKE, {"key": key, "owner": owner, "fence": fence, "until": now + ttl})
    return Lease(key, owner, fence)


_HELD = update(lease).where(lease.c.key == bindparam("held"), lease.c.fence == bindparam("its_fence"))


async def guard(tx: Tx, held: Lease, now: int, ttl: int) -> None:
    """Renew `held` inside the caller's transaction. Raises `StaleLease` when it has changed hands: nothing is written."""
    result = await tx.execute(_HELD, {"held": held.key, "its_fence": held.fence, "until": now + ttl})
    if result.rowcount != 1:
        raise StaleLease(f"the lease {held.key} has passed to another worker")


async def release(tx: Tx, held: Lease) -> None:
    """Give it back. The row stays (its fence must never fall); the time does not."""
    await tx.execute(_HELD, {"held": held.key, "its_fence": held.fence, "until": 0})


async def free_dead(tx: Tx, owners: set[str]) -> None:
    """End the leases of owners known to be dead, so that a restart need not wait for them to run out."""
    if owners:
        await tx.execute(update(lease).where(lease.c.owner.in_(owners)).values(until=0))


async def holders(tx: Tx, now: int) -> set[str]:
    """Owners of leases that are alive at `now`."""
    return set((await tx.execute(select(lease.c.owner).where(lease.c.until > now).distinct())).scalars())


async def next_end(tx: Tx, now: int) -> int | None:
    """When the next lease that is alive at `now` runs out (ms), unless it is renewed."""
    found: int | None = (await tx.execute(select(func.min(lease.c.until)).where(lease.c.until > now))).scalar_one()
    return found


async def prune(tx: Tx, before: int) -> None:
    """Forget turn leases that ended before `before`; a finished turn never needs its fence again."""
    await tx.execute(delete(lease).where(lease.c.key.startswith("turn:"), lease.c.until < before))


def process_owner(pid: int) -> str:
    """`pid:start`: unique to one process of this boot (a reused pid has another start time)."""
    return f"{pid}:{_start_of(pid) or 0}"


def is_dead(owner: str) -> bool:
    """Whether the process of `owner` is surely gone on this machine. Owners of other machines count as alive."""
    pid, _, start = owner.partition(":")
    if not pid.isdecimal() or not start.isdecimal():
        return False
    return _start_of(int(pid)) != int(start)


def _start_of(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rsplit(")", 1)[-1].split()
    return None if fields[0] == "Z" else int(fields[19])
