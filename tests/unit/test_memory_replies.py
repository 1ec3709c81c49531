"""A reply that quotes nothing is remembered with what it answers, as one that quotes is, and only while that may be known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from knowledge import forgetting
from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.database.schema_memory import chunk, document
from knowledge.documents import mail
from knowledge.documents.store import NewDocument
from knowledge.ingest import document as document_of
from knowledge.memory import Memory
from tests.fakes.embedder import WordEmbedder

NOW = 1_800_000_000_000
ASKED = "May I keep the broken kettle?"


class House:
    def __init__(self, db: Database, memory: Memory) -> None:
        self.db, self.memory = db, memory

    async def vector(self, name: str) -> bytes | None:
        """The vector of a mail, after everything that waits was done."""
        await self.memory.idle()
        wanted = select(chunk.c.vector).join(document, chunk.c.document == document.c.id)
        async with self.db.read() as tx:
            return (await tx.execute(wanted.where(document.c.external_id == f"<{name}@x>"))).scalar_one()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: NOW)
    await memory.open()
    yield House(db, memory)
    await memory.close()
    await db.close()


def letter(name: str, text: str, *, replies: str = "", quotes: str = "") -> NewDocument:
    message = EmailMessage()
    message["Message-ID"] = f"<{name}@x>"
    message["From"], message["Subject"], message["Date"] = "Ada <ada@x.org>", "Kettle", "Mon, 3 Nov 2025 10:00:00 +0000"
    if replies:
        message["In-Reply-To"] = f"<{replies}@x>"
    message.set_content(f"{text}\n\nOn Monday, Ada wrote:\n> {quotes}" if quotes else text)
    part = mail.parse(message.as_bytes())
    return document_of(Path("m.eml"), part, now=NOW, integrity="untrusted", readers=("principal",))


QUESTION = letter("asked", ASKED)
REPLY = letter("reply", "At once, you may.", replies="asked")
QUOTING = letter("quoting", "At once, you may.", replies="nobody", quotes=ASKED)
ALONE = letter("alone", "At once, you may.")


async def test_a_reply_without_a_quote_means_what_one_with_it_does_in_whatever_order_they_come(house: House) -> None:
    await house.memory.remember_all([QUOTING, ALONE, REPLY])
    assert await house.vector("reply") == await house.vector("alone") != await house.vector("quoting")
    await house.memory.remember_all([QUESTION])
    assert await house.vector("reply") == await house.vector("quoting")
    later = replace(REPLY, external_id="<later@x>")
    await house.memory.remember_all([later])
    assert await house.vector("later") == await house.vector("quoting")
    first, second = letter("first", ASKED), letter("second", "At once, you may.", replies="first")
    await house.memory.remember_all([first, second])
    assert await house.vector("second") == await house.vector("quoting")


async def test_what_is_forgotten_is_in_the_vector_of_no_reply(house: House) -> None:
    await house.memory.remember_all([ALONE, QUESTION, REPLY])
    with_it, alone = await house.vector("reply"), await house.vector("alone")
    assert with_it != alone
    await house.memory.forget("mail", "<asked@x>")
    assert await house.vector("reply") == alone
    await house.memory.remember_all([QUESTION])
    assert await house.vector("reply") == with_it
    async with house.db.write() as tx:
        asked = await tx.execute(select(document.c.id).where(document.c.external_id == "<asked@x>"))
        await forgetting.begin(tx, list(asked.scalars()), "", now=NOW, id="e1")
        kept = select(chunk.c.vector).where(chunk.c.vector == with_it)
        assert (await tx.execute(kept)).first() is None  # gone with the mail, in the same transaction
    assert await house.vector("reply") == alone


async def test_what_a_readers_mail_says_stays_out_of_a_reply_that_others_may_read(house: House) -> None:
    await house.memory.remember_all([replace(QUESTION, readers=("ada",)), ALONE, REPLY])
    assert await house.vector("reply") == await house.vector("alone")
