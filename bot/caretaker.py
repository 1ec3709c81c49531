"""What memory does by itself when nobody asks: puts a contradiction to the principal, once."""

from __future__ import annotations

from datetime import datetime, tzinfo

from graphs.tools.facts import whose
from graphs.tools.wording import day, quoted
from knowledge.database import Database
from knowledge.facts import store as facts
from knowledge.facts.words import Fact
from knowledge.store import messages, people
from knowledge.words import Outbound

AT_ONCE = 5  # contradictions in one message; the rest is counted
READERS = ("principal",)


async def put_questions(db: Database, now: int, zone: tzinfo) -> int:
    """Tell the principal, once, of facts that contradict what is held; how many. Costs one read when there are none."""
    async with db.read() as tx:
        doubted = [f for f in await facts.open_ones(tx, readers=READERS, now=now) if f.state == "contested"]
        fresh = await facts.unasked(tx, [f.id for f in doubted])
        places = await people.addresses(tx)
    if not fresh or not places:
        return 0
    async with db.write() as tx:
        found = await facts.questions(tx, readers=READERS, now=now, states=("contested",))
        if found:
            body = Outbound(_told(found, zone))
            key = f"facts/{found[0][0].id}"
            await messages.enqueue(tx, key, places[0].channel, places[0].conversation, body, now)
    return len(found)


def _told(found: list[tuple[Fact, Fact | None]], zone: tzinfo) -> str:
    lines = ["⚠️ Somebody says otherwise than you. I keep what you told me:"]
    for new, held in found[:AT_ONCE]:
        known = f"; you: {quoted(held.value)}" if held is not None else ""
        at = day(datetime.fromtimestamp(new.valid_from / 1000, zone))
        lines.append(
            f"- {whose(new.subject, new.predicate)}, a text of {at}: {quoted(new.value)}{known}\n"
            f"  `confirm fact {new.id}` · `reject fact {new.id}`"
        )
    if len(found) > AT_ONCE:
        lines.append(f"- and {len(found) - AT_ONCE} more: /facts")
    return "\n".join(lines)
