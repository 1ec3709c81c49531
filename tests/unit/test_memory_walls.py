"""Sensitive matter is recognised, and an agent that is walled off from a class neither finds nor is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge import forgetting, graph
from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.facts import store as facts
from knowledge.facts.words import DAY
from knowledge.memory import Memory
from knowledge.walls import CLASSES, classes_of, labelled, readers_of
from tests.fakes.embedder import WordEmbedder

MATTER = {
    "The surgery is on Monday; the clinic wants the blood values and the medication list.": ("health",),
    "Please pay the invoice to CH93 0076 2011 6238 5295 7 by Friday.": ("finance",),
    "The court set the hearing; our attorney answers the lawsuit.": ("legal",),
    "The wifi password is hunter2": ("credentials",),
    "My daughter starts school in August, the teacher is Frau Weiss.": ("children",),
    "Die Diagnose steht, das Rezept und die Krankschreibung folgen.": ("health",),
    "La facture de la clinique: paiement et ordonnance, diagnostic joint.": ("finance", "health"),
    "Lunch with Ada at the mill on Friday.": (),
    "The salary of trust is patience.": (),
}


@pytest.mark.parametrize(("text", "classes"), MATTER.items(), ids=lambda v: str(v)[:30])
def test_classes_are_recognised_by_their_words(text: str, classes: tuple[str, ...]) -> None:
    assert classes_of(text) == classes


def test_who_is_walled_off_has_no_token_of_that_class() -> None:
    assert readers_of(()) == ("principal",)
    some = readers_of(("health", "legal"))
    assert "open" in some
    assert "class:children+credentials+finance" in some
    assert not any("health" in r or "legal" in r for r in some)
    assert readers_of(CLASSES) == ("open",)
    assert labelled(("hr",), "a password is x") == ("hr",)
    assert labelled(labelled(("principal",), "plain"), "the pin is 4711") == ("principal", "class:credentials")


async def test_a_walled_agent_neither_finds_documents_nor_facts_of_the_class(tmp_path: Path) -> None:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: 1)
    await memory.open()
    for n, text in enumerate(MATTER):
        await memory.remember(
            source="note", external_id=f"{n}", title="", text=f"matter {text}", dated_at=1, integrity="principal"
        )
    await memory.remember(
        source="note", external_id="f", title="", text="The safe's code is 4711. The pin code is 4711.", dated_at=1,
        integrity="principal",
    )  # fmt: skip
    everything = {h.name for h in await memory.search("matter", k=50)}
    assert {str(n) for n in range(len(MATTER))} <= everything
    for walled in CLASSES:
        seen = await memory.search("matter", k=50, readers=readers_of((walled,)))
        assert {h.name for h in seen} - {"f"} == {str(n) for n, c in enumerate(MATTER.values()) if walled not in c}
    async with db.read() as tx:
        assert await facts.about(tx, "safe", "code", readers=("principal",), now=2)
        assert not await facts.about(tx, "safe", "code", readers=readers_of(("credentials",)), now=2)
    await memory.close()
    await db.close()


async def test_a_fact_is_for_no_more_readers_than_the_newest_version_of_what_it_stands_on(tmp_path: Path) -> None:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: DAY)
    await memory.open()

    async def told(text: str, *readers: str) -> list[bool]:
        await memory.remember(source="note", external_id="n", title="", text=text, dated_at=1, integrity="principal",
                              readers=readers)  # fmt: skip
        async with db.read() as tx:
            seen = (("principal",), ("clerk",), readers_of(("health",)))
            return [bool(await facts.about(tx, "ada", "phone", readers=some, now=DAY + 1)) for some in seen]

    number = "Ada's number is 044 111 22 33."
    assert await told(number, "principal", "clerk") == [True, True, True]
    assert await told(number + " Tea.", "principal") == [True, False, True]
    assert await told(number + " Her surgery at the clinic went well.", "principal") == [True, False, False]
    assert await told(number, "clerk") == [False, True, False]
    await memory.close()
    await db.close()


async def test_what_belongs_to_a_class_can_be_kept_for_a_time_and_notes_stay(tmp_path: Path) -> None:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: DAY)
    await memory.open()
    secret = "The wifi password is hunter2"
    names = [("mail", "m", secret), ("note", "n", secret), ("mail", "o", "Lunch with Ada."), ("file", "f", secret)]
    ids = [
        await memory.remember(source=source, external_id=name, title="", text=text, dated_at=1)
        for source, name, text in names
    ]
    async with db.read() as tx:
        assert await forgetting.expired(tx, {"credentials": 30, "health": 1, "mail": 0}, 31 * DAY) == []
        assert await forgetting.expired(tx, {"credentials": 30, "health": 1}, 32 * DAY) == [ids[0], ids[3]]
        assert await forgetting.expired(tx, {"credentials": 30, "mail": 30}, 32 * DAY) == [ids[0], ids[2], ids[3]]
    await memory.close()
    await db.close()


async def test_who_wrote_to_whom_is_a_relation_for_those_who_may_read_the_mail(tmp_path: Path) -> None:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: DAY)
    await memory.open()
    await memory.remember(
        source="mail", external_id="m1", title="Offer", text="Here is the offer.", dated_at=1,
        meta={"from": "Ada Brown <ada@acme.example>", "to": "Bob Meier <bob@example.org>, x@example.org"},
    )  # fmt: skip
    async with db.read() as tx:
        found = await graph.around(tx, "Bob Meier", readers=("principal",), now=DAY)
        assert [(e.a, e.what, e.b, e.source) for e in found.edges] == [("Ada Brown", "wrote to", "Bob Meier", "Offer")]
        assert [title for _, title, _ in found.documents] == ["Offer"]
        assert len((await graph.around(tx, "Ada Brown", readers=("principal",), now=DAY)).edges) == 2
        assert (await graph.around(tx, "Bob Meier", readers=("clerk",), now=DAY)).edges == ()
    await memory.close()
    await db.close()
