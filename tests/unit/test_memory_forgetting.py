"""A canary that was forgotten is in no byte of any file, and everything else still answers."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from knowledge import forgetting
from knowledge.database.engine import Database
from knowledge.database.schema import delivery, message, metadata, record, value
from knowledge.database.schema_memory import erasure
from knowledge.embedding.base import from_blob, to_blob
from knowledge.facts import store as facts
from knowledge.facts.words import Claim, Evidence
from knowledge.index.bm25 import stem, token_id
from knowledge.memory import Memory
from tests.fakes.embedder import WordEmbedder
from tests.fakes.waiting import read_all

pytestmark = pytest.mark.slow

CANARY = "xylokanthor"
DAY = 86_400_000


async def a_home(home: Path) -> tuple[Database, Memory]:
    db = Database(home / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, home / "index", WordEmbedder(), now=lambda: DAY)
    await memory.open()
    return db, memory


def bytes_under(home: Path) -> bytes:
    return b"\0".join(read_all(home).values())


async def traces() -> dict[str, list[bytes]]:
    """Every form in which the canary could lie in a file."""
    (vector,) = await WordEmbedder().embed([f"The {CANARY} sleeps under the stairs."])
    text, token = CANARY.encode(), token_id(stem(CANARY))
    return {
        "text": [text, text.capitalize(), text.upper()],
        "wide": [CANARY.encode("utf-16-le"), CANARY.encode("utf-16-be")],
        "base64": [base64.b64encode(b"x" * n + text)[4:12] for n in range(3)],
        "token": [struct.pack("<I", token), struct.pack(">I", token)],
        "vector": [to_blob(vector)[:16], from_blob(to_blob(vector))[:4].tobytes(), vector[:4].tobytes()],
    }


def seen(everything: bytes, forms: dict[str, list[bytes]]) -> list[str]:
    return [name for name, some in forms.items() if any(form in everything for form in some)]


async def test_a_forgotten_canary_is_in_no_file_and_the_rest_answers(tmp_path: Path) -> None:
    db, memory = await a_home(tmp_path)
    for n in range(8):
        await memory.remember(source="note", external_id=f"{n}.md", title="", text=f"Note {n} on gardens.", dated_at=n)
    secret = await memory.remember(
        source="note", external_id="c.md", title="", text=f"The {CANARY} sleeps under the stairs.", dated_at=DAY
    )
    await memory.remember(source="note", external_id="c.md", title="", text=f"The {CANARY} woke up.", dated_at=DAY)
    async with db.write() as tx:
        claim = Claim("pet", "name", CANARY, "structured", evidence=(Evidence(secret),))
        await facts.tell(tx, claim, now=DAY, new_id=lambda: "f1")
        body = {"turn": "t1", "content": f"about {CANARY}", "source": "x", "integrity": "trusted", "readers": "[]"}
        await tx.execute(insert(value).values(id="v1", derived_from="[]", made_at=DAY, **body))
        packed = zlib.compress(json.dumps({"read": f"the {CANARY.upper()}"}).encode())
        await tx.execute(insert(record).values(turn="t1", body=packed, made_at=DAY, expires_at=DAY))
        await tx.execute(
            insert(delivery).values(
                channel="console", account="", dedupe_key="1", conversation="c", sender="s", lane="turn", received_at=DAY,
                raw=f'{{"text":"note: {CANARY}"}}'.encode(), state="done",
            )
        )  # fmt: skip
        await tx.execute(
            insert(message).values(
                key="m1", channel="console", conversation="c", body=f'{{"text":"{CANARY}"}}', state="sent", made_at=DAY
            )
        )
    await memory.index.flush()
    assert CANARY.encode() in bytes_under(tmp_path)
    async with db.read() as tx:
        found = await forgetting.find(tx, CANARY.upper())
    assert [(f.external_id, f.state) for f in found] == [("c.md", "superseded"), ("c.md", "current")]
    async with db.write() as tx:
        receipt = await forgetting.begin(tx, [f.id for f in found], CANARY, now=DAY, id="e1")
    assert (receipt.documents, receipt.chunks, receipt.facts, receipt.others) == (2, 2, 1, 0)
    assert not receipt.complete
    assert all(CANARY not in h.text for h in await memory.search(CANARY))  # SQL decides, though the index still knows
    (done,) = await forgetting.finish(db, memory.rebuild, now=DAY)
    assert (done.complete, done.others) == (True, 4)
    await memory.index.flush()
    everything = bytes_under(tmp_path)
    assert seen(everything, await traces()) == []
    assert len(await memory.search("gardens", k=50)) == 8
    await memory.close()
    await db.close()
    everything = bytes_under(tmp_path)
    assert seen(everything, await traces()) == []


async def test_the_traces_would_be_found_if_they_were_there(tmp_path: Path) -> None:
    db, memory = await a_home(tmp_path)
    await memory.remember(
        source="note", external_id="c.md", title="", text=f"The {CANARY} sleeps under the stairs.", dated_at=DAY
    )
    await memory.index.flush()
    everything = bytes_under(tmp_path)
    assert seen(everything, await traces()) == ["text", "token", "vector"]
    await memory.close()
    await db.close()


async def test_a_crash_between_the_rows_and_the_files_is_made_good(tmp_path: Path) -> None:
    db, memory = await a_home(tmp_path)
    await memory.remember(source="note", external_id="c.md", title="", text=f"A {CANARY}.", dated_at=DAY)
    async with db.write() as tx:
        found = await forgetting.find(tx, CANARY)
        await forgetting.begin(tx, [f.id for f in found], CANARY, now=DAY, id="e1")

    async def crash() -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await forgetting.finish(db, crash, now=DAY)
    await memory.index.close()
    await db.close()
    db = Database(tmp_path / "steward.db")
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: DAY)
    await memory.open()
    (receipt,) = await forgetting.finish(db, memory.rebuild, now=2 * DAY)
    assert receipt.complete
    assert await forgetting.finish(db, memory.rebuild, now=3 * DAY) == []
    assert CANARY.encode() not in bytes_under(tmp_path)
    async with db.read() as tx:
        (row,) = (await tx.execute(select(erasure))).mappings()
    assert (row["words"], row["files_at"]) == (None, 2 * DAY)
    await memory.close()
    await db.close()


async def test_nothing_is_found_for_no_words_and_signs_are_no_wildcards(tmp_path: Path) -> None:
    db, memory = await a_home(tmp_path)
    await memory.remember(source="note", external_id="c.md", title="", text="Hundred % sure.", dated_at=DAY)
    await memory.remember(source="note", external_id="d.md", title="", text="Nothing.", dated_at=DAY)
    async with db.read() as tx:
        assert await forgetting.find(tx, "  ") == []
        assert await forgetting.find(tx, "%") == []
        assert [f.external_id for f in await forgetting.find(tx, "hundred %")] == ["c.md"]
    await memory.close()
    await db.close()


CONTENT = {
    "chunk": {"text", "context", "place", "speaker", "vector", "window"},
    "delivery": {"raw", "error"},
    "document": {"external_id", "title", "meta"},
    "effect": {"arguments", "receipt", "error"},
    "erasure": {"words"},
    "fact": {"subject", "predicate", "value", "norm", "evidence"},
    "failure": {"what", "done", "not_done"},
    "mention": {"message_id"},
    "message": {"body", "error"},
    "proposal": {"arguments", "rendering", "labels", "evidence"},
    "proposal_version": {"arguments", "rendering", "question"},
    "record": {"body"},
    "setting": {"value"},
    "timer": {"payload"},
    "value": {"content", "source"},
}
"""Columns that hold what somebody said, wrote or is called. All others hold ids, states, digests and names of ours."""

_OTHERS = """
id turn nonce state channel conversation card ref fingerprint dedupe_key account sender lane source content_hash integrity
readers proposal undoes tool owner undone_by fact authority supersedes against issuer signature remedies external standing
key who what why seal previous hash receipts agent undo verdict rule decided_by decided_on status outcome kind zone wait
derived_from
"""
OTHERS = frozenset(_OTHERS.split())


def test_every_column_is_known_to_hold_content_or_not() -> None:
    for name, table in metadata.tables.items():
        texts = {c.name for c in table.columns if str(c.type) in ("TEXT", "BLOB")}
        own = CONTENT.get(name, set())
        assert own <= texts, f"{name} has no {own - texts} any more"
        assert texts - own <= OTHERS, (
            f"does {name}.{texts - own - OTHERS} hold content? Then forgetting has to reach it"
        )


async def test_every_column_with_content_is_reached(tmp_path: Path) -> None:
    db, memory = await a_home(tmp_path)
    said = json.dumps({"text": f"the {CANARY}"})
    async with db.write() as tx:
        await tx.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for name, columns in CONTENT.items():
            if name in ("chunk", "document", "mention", "erasure"):  # go by document
                continue
            table = metadata.tables[name]
            row: dict[str, object] = {}
            for c in table.columns:
                kind = str(c.type)
                if c.name in columns:
                    row[c.name] = zlib.compress(said.encode()) if name == "record" else said
                elif c.name == "state" or (not c.nullable and c.default is None):
                    row[c.name] = 1 if kind in ("INTEGER", "BIGINT") else "done"
                if c.name in columns and kind == "BLOB" and name != "record":
                    row[c.name] = said.encode()
            await tx.execute(insert(table).values(**row))
        await forgetting.begin(tx, [], CANARY, now=DAY, id="e1")
    (done,) = await forgetting.finish(db, memory.rebuild, now=DAY)
    assert done.complete
    async with db.read() as tx:
        for name in CONTENT:
            for row in (await tx.execute(select(metadata.tables[name]))).mappings():
                assert CANARY not in repr(dict(row)), name
    await memory.close()
    await db.close()
    assert seen(bytes_under(tmp_path), await traces()) == []
