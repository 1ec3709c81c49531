"""Mails find their thread by what their headers name: in any order, without a quote, and round one that never came."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import func, select

from knowledge import forgetting, graph
from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.database.schema_memory import mention
from knowledge.documents import mail, store, threads
from knowledge.documents.store import NewDocument, Vectored
from knowledge.ingest import document as document_of
from knowledge.memory import Memory

NOW, DAY = 1_800_000_000_000, 86_400_000


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", None, now=lambda: NOW)
    await memory.open()
    yield memory
    await memory.close()
    await db.close()


def letter(name: str, text: str = "Yes.", *, replies: str = "", names: str = "", subject: str = "Offer") -> NewDocument:
    message = EmailMessage()
    message["Message-ID"] = f"<{name}@x>"
    message["From"], message["Subject"], message["Date"] = "Ada <ada@x.org>", subject, "Mon, 3 Nov 2025 10:00:00 +0000"
    for header, ids in (("In-Reply-To", replies), ("References", names)):
        if ids:
            message[header] = " ".join(f"<{one}@x>" for one in ids.split())
    message.set_content(text)
    part = mail.parse(message.as_bytes())
    return document_of(Path("m.eml"), part, now=NOW, integrity="untrusted", readers=("principal",))


def thread(tag: str = "") -> list[NewDocument]:
    return [
        letter(f"1{tag}", "Is 400 too much?"),
        letter(f"2{tag}", "It is fine.", replies=f"1{tag}"),  # no quote, and no references
        letter(f"4{tag}", "Then send it.", replies=f"3{tag}", names=f"1{tag} 3{tag}"),  # the third never came
        letter(f"5{tag}", "It is sent.", replies=f"3{tag}"),
    ]


async def test_mails_come_in_any_order_and_are_one_thread(memory: Memory) -> None:
    other = await memory.remember_all([letter("9", "Lunch?", subject="Offer")])
    seen = {0}
    for tag, order in enumerate(itertools.permutations(range(4))):
        mails, ids = thread(f"-{tag}"), {}
        async with memory._db.write() as tx:
            for n in order:
                ids[n], _ = await store.put(tx, mails[n], [Vectored() for _ in mails[n].pieces], None, now=NOW)
            found = await threads.of(tx, [*ids.values(), *other])
            assert await threads.answered(tx, list(ids.values())) == {ids[1]: ids[0]}
        assert len({found[id] for id in ids.values()} | {found[other[0]]}) == 2, order
        assert found[ids[0]] not in seen
        seen.add(found[ids[0]])


async def test_a_new_version_stays_in_the_thread_and_forgetting_takes_what_it_names(memory: Memory) -> None:
    first, reply = await memory.remember_all(thread()[:2])
    (changed,) = await memory.remember_all([letter("1", "Is 500 too much?")])
    async with memory._db.read() as tx:
        assert len({*(await threads.of(tx, [first, reply, changed])).values()}) == 1
        assert await threads.answered(tx, [reply]) == {reply: changed}
    async with memory._db.write() as tx:
        assert {f.id for f in await forgetting.find(tx, "1@x")} == {first, reply, changed}
        await forgetting.begin(tx, [first, changed], "", now=NOW, id="e")
        left = (await tx.execute(select(func.count()).where(mention.c.document.in_([first, changed])))).scalar_one()
        assert left == 0
        assert await threads.answered(tx, [reply]) == {}
    assert await memory.forget("mail", "<2@x>")
    async with memory._db.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(mention))).scalar_one() == 0


def test_a_mail_that_names_itself_or_thousands_keeps_the_first_and_the_latest() -> None:
    assert "parent" not in letter("1", replies="1", names="1").meta
    many = letter("1", names=" ".join(f"n{n}" for n in range(2_000)))
    named = str(many.meta["names"]).split()
    assert (named[0], named[-1], len(named)) == ("<n0@x>", "<n1999@x>", 61)


def told(
    name: str, writer: str, day: int, text: str, *, to: str = "", replies: str = "", **more: object
) -> NewDocument:
    kept = letter(name, text, replies=replies, subject="Offer" if not replies else "Re: Offer")
    meta = {**kept.meta, "from": writer, "to": to}
    return replace(kept, dated_at=NOW + day * DAY, meta=meta, **more)  # type: ignore[arg-type]


CORRESPONDENCE = [
    told("1", "Ada Brown <ada@acme.example>", 0, "Is 400 too much for Acme?", to="Bob Meier <bob@example.org>"),
    told("2", "Bob Meier <bob@example.org>", 1, "It is fine.", to="ada@acme.example", replies="1"),
    told("3", "Cleo Sand <cleo@example.org>", 2, "Acme must never hear that we would pay 500.", replies="2",
         readers=("hr",)),
    told("4", "Ada Brown <ada@acme.example>", 3, "Then we send it.", replies="2"),
    told("9", "Ada Brown <ada@acme.example>", 4, "Lunch at Acme?", to="Bob Meier <bob@example.org>"),
]  # fmt: skip


async def test_everything_about_a_name_tells_threads_and_not_each_of_their_mails(memory: Memory) -> None:
    await memory.remember_all(CORRESPONDENCE)
    async with memory._db.read() as tx:
        found = await graph.around(tx, "Acme", readers=("principal",), now=NOW)
        (thread,) = found.threads
        assert (thread.subject, thread.people, len(thread.mails)) == (
            "Offer", ("Ada Brown", "Bob Meier", "ada@acme.example"), 3,
        )  # fmt: skip
        assert (thread.first, thread.last) == (NOW, NOW + 3 * DAY)
        assert [name for name, _, _ in found.documents] == ["<9@x>"]
        assert {(e.a, e.b) for e in found.edges if e.what == graph.IN_THREAD} >= {("Ada Brown", "✉ Offer")}
        of_bob = await graph.around(tx, "Bob Meier", readers=("principal",), now=NOW)
        assert ("Bob Meier", graph.IN_THREAD, "✉ Offer") in {(e.a, e.what, e.b) for e in of_bob.edges}
        of_hr = await graph.around(tx, "Acme", readers=("hr",), now=NOW)
        assert (of_hr.threads, [name for name, _, _ in of_hr.documents]) == ((), ["<3@x>"])
        assert (await graph.around(tx, "Acme", readers=("clerk",), now=NOW)).nodes == ["Acme"]


async def test_what_stands_around_a_mail_are_the_mails_of_its_thread_that_one_may_read(memory: Memory) -> None:
    await memory.remember_all(CORRESPONDENCE)
    (hit,) = [h for h in await memory.search("Then we send it") if h.name == "Re: Offer" and "send" in h.text]
    around = [h.text.partition(": ")[2] for h in await memory.neighbours(hit, span=1)]
    assert around == ["It is fine.", "Then we send it."]
    wide = [h.text.partition(": ")[2] for h in await memory.neighbours(hit, span=5)]
    assert wide == ["Is 400 too much for Acme?", "It is fine.", "Then we send it."]
    both = await memory.neighbours(hit, span=1, readers=("principal", "hr"))
    assert len(both) == 3  # the one before it in time, and the one that it answers
    assert await memory.neighbours(hit, readers=("clerk",)) == []
