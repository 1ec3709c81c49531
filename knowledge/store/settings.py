"""Small durable facts under a key: link codes, paused agents, a card that waits for its edit."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.dialects.sqlite import insert

from knowledge.database import Tx
from knowledge.database.schema import setting
from knowledge.ids import canonical


async def put(tx: Tx, key: str, value: Any, expires_at: int | None = None) -> None:
    text = canonical(value)
    statement = insert(setting).values(key=key, value=text, expires_at=expires_at)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_={"value": text, "expires_at": expires_at})
    )


_BY_KEY = select(setting).where(setting.c.key == bindparam("key"))


async def get(tx: Tx, key: str, now: int = 0) -> Any:
    """The value, or None when there is none or it has expired at `now` (0: never mind expiry)."""
    row = (await tx.execute(_BY_KEY, {"key": key})).first()
    if row is None or (now and row.expires_at is not None and row.expires_at <= now):
        return None
    return json.loads(row.value)


async def under(tx: Tx, prefix: str, now: int) -> dict[str, Any]:
    """All unexpired values whose key begins with `prefix`."""
    live = or_(setting.c.expires_at.is_(None), setting.c.expires_at > now)
    rows = await tx.execute(select(setting).where(setting.c.key.startswith(prefix, autoescape=True), live))
    return {row.key: json.loads(row.value) for row in rows}


async def drop_under(tx: Tx, prefix: str) -> None:
    """Forget everything whose key begins with `prefix`."""
    await tx.execute(delete(setting).where(setting.c.key.startswith(prefix, autoescape=True)))


async def drop(tx: Tx, key: str) -> bool:
    return (await tx.execute(delete(setting).where(setting.c.key == key))).rowcount == 1
