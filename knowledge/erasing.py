"""What holds the words outside of documents: chats, values, records, decisions, effects, reminders, and a few files."""

from __future__ import annotations

import json
import quopri
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, delete, select, update

from knowledge.database.engine import Tx
from knowledge.database.schema import (
    card,
    delivery,
    effect,
    failure,
    message,
    proposal,
    proposal_version,
    record,
    setting,
    timer,
    value,
)
from knowledge.database.schema_memory import fact, fact_evidence
from knowledge.ids import canonical
from knowledge.needle import Needle
from knowledge.sealed import replace
from knowledge.store import cards, messages, people
from knowledge.store.cards import Decider
from knowledge.words import Outbound

FORGOTTEN = "(forgotten)"
_BODY = canonical({"text": FORGOTTEN})
_BATCH = 500


async def holders(tx: Tx, table: Table, columns: Sequence[Column[Any]], holds: Callable[[Any], bool]) -> list[Any]:
    """Rows (with the given columns) for which `holds` says so; read in batches, so that no table is in memory whole."""
    found: list[Any] = []
    key = columns[0]  # the primary key, where there is one
    batch = select(*columns).order_by(*(table.primary_key.columns or columns[:1])).limit(_BATCH)
    by_key = list(table.primary_key.columns) == [key]
    start, last = 0, None
    while True:
        following = batch.where(key > last) if last is not None else batch
        rows = (await tx.execute(following if by_key else batch.offset(start))).all()
        found += [row for row in rows if holds(row)]
        if len(rows) < _BATCH:
            return found
        start, last = start + _BATCH, rows[-1][0]


async def facts_with(tx: Tx, needle: Needle) -> list[Any]:
    """Facts, ended ones too, that speak of the words."""
    columns = (fact.c.id, fact.c.subject, fact.c.predicate, fact.c.value, fact.c.evidence, fact.c.retracted_at)
    return await holders(
        tx, fact, columns,
        lambda r: any(map(needle.within, (r.subject, r.predicate, r.value))) or needle.within_json(r.evidence),
    )  # fmt: skip


async def reminders_with(tx: Tx, needle: Needle) -> list[Any]:
    """Timers of any state whose text holds the words."""
    columns = (timer.c.id, timer.c.kind, timer.c.state, timer.c.payload)
    return await holders(tx, timer, columns, lambda r: needle.within_json(r.payload))


async def open_proposals_with(tx: Tx, needle: Needle, spare: str) -> list[Any]:
    """Open proposals about the words, those of the turn `spare` left out."""
    columns = (proposal.c.id, proposal.c.card, proposal.c.ordinal, proposal.c.turn, proposal.c.state,
               proposal.c.arguments, proposal.c.rendering)  # fmt: skip
    return await holders(
        tx, proposal, columns,
        lambda r: r.state == "open" and r.turn != spare and (needle.within_json(r.arguments) or needle.within(r.rendering)),
    )  # fmt: skip


async def end_what_lives(tx: Tx, needle: Needle, by: Decider, *, spare: str, now: int) -> int:
    """Facts go, reminders are called off, open approvals about it are withdrawn, and so is the way to answer a message
    with the words. Returns how many facts went."""
    await _delete(tx, setting, setting.c.key, [row.key for row in await answerable_with(tx, needle)])
    gone = [row.id for row in await facts_with(tx, needle)]
    await _delete(tx, fact_evidence, fact_evidence.c.fact, gone)
    await _delete(tx, fact, fact.c.id, gone)
    for row in await reminders_with(tx, needle):
        kept = {name: FORGOTTEN for name in json.loads(row.payload) if name == "text"}
        state = "cancelled" if row.state == "armed" else row.state
        await tx.execute(update(timer).where(timer.c.id == row.id).values(payload=canonical(kept), state=state))
    for row in await open_proposals_with(tx, needle, spare):
        await cards.decide(tx, row.card or "", 0, row.ordinal, "stopped", by, now)
    return len(gone)


async def answerable_with(tx: Tx, needle: Needle) -> list[Any]:
    """Messages of others that can be answered by number, where the words name who wrote or stand in what they wrote."""
    kept = select(setting.c.key, setting.c.value).where(setting.c.key.startswith(people.item_key(""), autoescape=True))
    rows = (await tx.execute(kept.order_by(setting.c.key))).all()
    ids = {row.key: int(number) for row in rows if (number := row.key.removeprefix(people.item_key("s"))).isdecimal()}
    wrote = (await tx.execute(select(delivery.c.id, delivery.c.raw).where(delivery.c.id.in_(ids.values())))).all()
    about = {row.id for row in wrote if needle.within_bytes(row.raw)}
    return [row for row in rows if ids.get(row.key) in about or needle.within_json(row.value)]


async def being_said(tx: Tx, needle: Needle) -> bool:
    """Whether a message with the words is on its way at this moment."""
    rows = (await tx.execute(select(message.c.body).where(message.c.state == "running"))).all()
    return any(needle.within_json(row.body) for row in rows)


async def blank_the_house(tx: Tx, needle: Needle, *, now: int) -> int:
    """Take the words out of every row of the house. The rows stay where others lead to them. Returns how many."""
    gone = await _delete(tx, setting, setting.c.key, [row.key for row in await answerable_with(tx, needle)])
    texts = holders
    gone += await _delete(tx, value, value.c.id, [
        r.id for r in await texts(tx, value, (value.c.id, value.c.content, value.c.source),
                                  lambda r: needle.within_json(r.content) or needle.within_json(r.source))
    ])  # fmt: skip
    gone += await _delete(tx, record, record.c.turn, [
        r.turn for r in await texts(tx, record, (record.c.turn, record.c.body), lambda r: _in_record(needle, r.body))
    ])  # fmt: skip
    for row in await texts(tx, delivery, (delivery.c.id, delivery.c.state, delivery.c.raw, delivery.c.error),
                           lambda r: r.state not in ("new", "running")
                           and (needle.within_bytes(r.raw) or needle.within(r.error or ""))):  # fmt: skip
        await tx.execute(update(delivery).where(delivery.c.id == row.id).values(raw=b"", error=None))
        gone += 1
    gone += await _blank_messages(tx, needle)
    gone += await _blank_decisions(tx, needle, now)
    for row in await texts(tx, failure, (failure.c.id, failure.c.what, failure.c.done, failure.c.not_done),
                           lambda r: any(map(needle.within, (r.what, r.done, r.not_done)))):  # fmt: skip
        blank = {"what": FORGOTTEN, "done": "", "not_done": "", "state": "closed", "dedupe_key": f"forgotten:{row.id}"}
        await tx.execute(update(failure).where(failure.c.id == row.id).values(**blank))
        gone += 1
    gone += await _delete(tx, setting, setting.c.key, [
        r.key for r in await texts(tx, setting, (setting.c.key, setting.c.value),
                                   lambda r: needle.within_json(r.value, keys=True))
    ])  # fmt: skip
    return gone


async def _blank_messages(tx: Tx, needle: Needle) -> int:
    columns = (message.c.id, message.c.state, message.c.body, message.c.error)
    rows = await holders(
        tx, message, columns,
        lambda r: r.state != "running" and (needle.within_json(r.body) or needle.within(r.error or "")),
    )  # fmt: skip
    for row in rows:
        edit = json.loads(row.body).get("edit_of", "")
        blank: dict[str, Any] = {
            "body": canonical({"text": FORGOTTEN, **({"edit_of": edit} if edit else {})}),
            "error": None,
        }
        if row.state == "pending" and not edit:
            blank |= {"body": _BODY, "state": "cancelled"}
        await tx.execute(update(message).where(message.c.id == row.id).values(**blank))
    return len(rows)


async def _blank_decisions(tx: Tx, needle: Needle, now: int) -> int:
    """Proposals, their versions and effects: who decided what and when stays, what it was about goes."""
    columns = (proposal.c.id, proposal.c.arguments, proposal.c.rendering, proposal.c.labels, proposal.c.evidence)
    hit = [
        row.id
        for row in await holders(
            tx, proposal, columns,
            lambda r: needle.within(r.rendering) or any(map(needle.within_json, (r.arguments, r.labels, r.evidence))),
        )
    ]  # fmt: skip
    shown = proposal_version.c
    versions = await holders(
        tx, proposal_version, (shown.proposal, shown.arguments, shown.rendering, shown.question),
        lambda r: needle.within(r.rendering) or needle.within_json(r.arguments) or needle.within_json(r.question or "{}"),
    )  # fmt: skip
    hit = list(dict.fromkeys([*hit, *(row.proposal for row in versions)]))
    blank = {"arguments": "{}", "rendering": FORGOTTEN}
    for start in range(0, len(hit), _BATCH):
        some = hit[start : start + _BATCH]
        await tx.execute(
            update(proposal).where(proposal.c.id.in_(some)).values(**blank, labels="{}", evidence="[]", undo=None)
        )
        await tx.execute(
            update(proposal_version).where(proposal_version.c.proposal.in_(some)).values(**blank, question="")
        )
        await _blank_copies(tx, some, now)
    columns = (effect.c.id, effect.c.state, effect.c.arguments, effect.c.receipt, effect.c.error)
    done = await holders(
        tx, effect, columns,
        lambda r: r.state not in ("pending", "running")
        and (needle.within_json(r.arguments) or needle.within_json(r.receipt or "{}") or needle.within(r.error or "")),
    )  # fmt: skip
    for row in done:  # without a receipt nothing is offered to be undone
        await tx.execute(update(effect).where(effect.c.id == row.id).values(arguments="{}", receipt=None, error=None))
    return len(hit) + len(done)


async def _blank_copies(tx: Tx, proposals: Sequence[str], now: int) -> None:
    """What a decided card shows in the chats becomes one word, by an edit of each copy."""
    of = select(proposal.c.card).where(proposal.c.id.in_(proposals))
    rows = (await tx.execute(select(card).where(card.c.id.in_(of), card.c.state != "open"))).all()
    for row in rows:
        revision = row.revision + 1
        await tx.execute(update(card).where(card.c.id == row.id).values(revision=revision))
        for copy in await cards.copies(tx, row.id):
            edit = Outbound(FORGOTTEN, edit_of=copy.ref, card=row.id, card_version=revision)
            key = f"card/{row.id}/r{revision}/{copy.channel}/{copy.ref}"
            await messages.enqueue(tx, key, copy.channel, copy.conversation, edit, now, turn=row.turn, urgent=True)


async def _delete(tx: Tx, table: Table, key: Column[Any], ids: Sequence[Any]) -> int:
    for start in range(0, len(ids), _BATCH):
        await tx.execute(delete(table).where(key.in_(ids[start : start + _BATCH])))
    return len(ids)


def _in_record(needle: Needle, body: bytes) -> bool:
    try:
        return needle.within_json(zlib.decompress(body).decode("utf-8", "replace"), keys=True)
    except zlib.error:
        return False


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def events_with(path: Path, needle: Needle) -> list[tuple[str, str]]:
    """(uid, title) of the events in an iCalendar file that hold the words."""
    found: dict[str, str] = {}
    for block in _blocks(_read(path), "VEVENT"):
        text = re.sub(r"\r?\n[ \t]", "", block)
        if needle.within(text.replace("\\n", " ").replace("\\", "")):
            found.setdefault(_line(text, "UID"), _line(text, "SUMMARY"))
    return list(found.items())


def drop_events(path: Path, uids: Sequence[str]) -> None:
    """Take every event with one of these ids out of the file; all other lines stay byte for byte."""
    text = _read(path)
    for block in _blocks(text, "VEVENT"):
        if _line(re.sub(r"\r?\n[ \t]", "", block), "UID") in set(uids):
            text = text.replace(block, "")
    if path.exists():
        replace(path, text.encode("utf-8", "surrogateescape"))


def cards_with(path: Path, needle: Needle) -> list[str]:
    """The names on the cards of an address book that hold the words."""
    found = [unfolded for block in _blocks(_read(path), "VCARD") if needle.within(unfolded := _card(block))]
    return list(dict.fromkeys(_line(one, "FN") or _line(one, "ORG") for one in found))


def drop_cards(path: Path, needle: Needle) -> None:
    """Take every card with the words out of the file; all other lines stay byte for byte."""
    text = _read(path) if needle else ""
    kept = text
    for block in _blocks(text, "VCARD"):
        if needle.within(_card(block)):
            kept = kept.replace(block, "")
    if kept != text:
        replace(path, kept.encode("utf-8", "surrogateescape"))


def _card(block: str) -> str:
    """A card's lines as they are meant: unfolded, unescaped, quoted-printable read."""
    text = re.sub(r"\r?\n[ \t]", "", block)
    if "QUOTED-PRINTABLE" in text.upper():
        text = quopri.decodestring(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
    return text.replace("\\n", " ").replace("\\", "")


def drop_history(path: Path, needle: Needle) -> None:
    """Take the lines with the words out of the console's history of typed lines."""
    text = _read(path)
    entries = re.split(r"(?m)(?=^\n?# \d{4}-)", text)
    kept = "".join(e for e in entries if not needle.within(re.sub(r"(?m)^\+", "", e)))
    if kept != text:
        replace(path, kept.encode("utf-8", "surrogateescape"))


def _blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"(?ims)^BEGIN:{kind}[ \t]*\r?\n.*?^END:{kind}[ \t]*(?:\r?\n|\Z)", text)


def _line(text: str, name: str) -> str:
    found = re.search(rf"(?m)^{name}(?:;[^:\r\n]*)?:(.*?)\r?$", text)
    return found[1].strip() if found else ""


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
