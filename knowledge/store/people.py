"""Identities: which account on which platform is the principal, who is a stranger, and one-time link codes."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert

from knowledge.database import Tx
from knowledge.database.schema import identity
from knowledge.store import settings

CODE_LIFE_MS = 15 * 60 * 1000
CODE_TRIES = 5
ITEM_LIFE_MS = 30 * 24 * 3600 * 1000
"""So long somebody's message can be answered by its number."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the principal can be reached: a channel and the conversation there."""

    channel: str
    conversation: str


_STANDING = select(identity.c.standing).where(
    identity.c.channel == bindparam("channel"), identity.c.external == bindparam("external")
)


async def standing(tx: Tx, channel: str, external: str) -> str:
    """principal | allowed | blocked | ignored, or stranger when the account is unknown."""
    found = await tx.execute(_STANDING, {"channel": channel, "external": external})
    return str(found.scalar_one_or_none() or "stranger")


async def set_standing(
    tx: Tx, channel: str, external: str, value: str, now: int, *, conversation: str | None = None
) -> None:
    new = {"standing": value, "made_at": now} | ({"conversation": conversation} if conversation else {})
    statement = insert(identity).values(channel=channel, account="", external=external, **new)
    await tx.execute(statement.on_conflict_do_update(index_elements=["channel", "account", "external"], set_=new))


async def addresses(tx: Tx) -> list[Address]:
    """Every linked place of the principal, the latest first."""
    query = select(identity).where(identity.c.standing == "principal", identity.c.conversation.is_not(None))
    rows = await tx.execute(query.order_by(identity.c.made_at.desc()))
    return [Address(row.channel, row.conversation) for row in rows]


def item_key(item: str) -> str:
    """Where it is kept who wrote the message of that number (`s12`), and where they can be answered."""
    return f"item:{item}"


async def offer_code(tx: Tx, channel: str, code: str, now: int) -> None:
    """Let `code` link one account of `channel` for a quarter of an hour."""
    await settings.put(tx, f"link:{channel}", {"code": code, "tries": 0}, now + CODE_LIFE_MS)


async def redeem_code(tx: Tx, channel: str, external: str, conversation: str, text: str, now: int) -> bool:
    """Link this account when `text` is the open code (spaces and case ignored). Five wrong tries void the code."""
    offer = await settings.get(tx, f"link:{channel}", now)
    if offer is None:
        return False
    said = "".join(text.split()).lower().removeprefix("/")
    for opening in ("start", "link"):  # `/start CODE` is what Telegram's deep links send
        if len(said) > len(str(offer["code"])):
            said = said.removeprefix(opening)
    if hmac.compare_digest(said.encode("utf-8", "replace"), str(offer["code"]).lower().encode()):
        await settings.drop(tx, f"link:{channel}")
        await set_standing(tx, channel, external, "principal", now, conversation=conversation)
        return True
    if len(said) == len(str(offer["code"])):
        tries = int(offer["tries"]) + 1
        if tries >= CODE_TRIES:
            await settings.drop(tx, f"link:{channel}")
        else:
            await settings.put(tx, f"link:{channel}", {"code": offer["code"], "tries": tries}, now + CODE_LIFE_MS)
    return False
