"""The same passage from several sources is one hit that names them all; news fades in the ranking and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.memory import Memory
from knowledge.retriever.finder import FADE, HALF_LIFE, faded
from tests.fakes.embedder import WordEmbedder

SAID = "The offer for the old mill stands until Friday, at two hundred thousand."
DAY = 86_400_000


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    made = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: 1_000 * DAY)
    await made.open()
    yield made
    await made.close()
    await db.close()


async def tell(memory: Memory, name: str, text: str, source: str = "note", at: int = 0, **more: object) -> None:
    await memory.remember(source=source, external_id=name, title=name, text=text, dated_at=at, **more)  # type: ignore[arg-type]


async def sources(memory: Memory, query: str = "offer for the mill", **more: object) -> list[list[str]]:
    hits = await memory.search(query, **more)  # type: ignore[arg-type]
    return [[h.name, *(o.name for o in h.also)] for h in hits]


async def test_the_same_from_two_sources_is_one_hit_and_forgetting_one_leaves_the_other(memory: Memory) -> None:
    await tell(memory, "offer.md", SAID)
    await tell(memory, "m1", f"From Eve: {SAID.upper()}", "mail")
    await tell(memory, "other.md", "The offer for the new mill stands until Monday, at one hundred thousand.")
    (folded, other) = await sources(memory)
    assert (sorted(folded), other) == (["m1", "offer.md"], ["other.md"])
    hit = (await memory.search("offer for the mill"))[0]
    assert hit.text.startswith("From Eve")  # what is shown says all that is folded into it
    assert hit.also[0].dated.year == 1970
    await memory.forget("mail", "m1")
    assert await sources(memory) == [["offer.md"], ["other.md"]]


@pytest.mark.parametrize(
    "nearly",
    [
        SAID.replace("Friday", "Monday"),
        SAID.replace("stands", "no longer stands"),
        SAID.replace("two", "three"),
        f"{SAID} But only if the roof is repaired by the seller before the winter comes.",
    ],
)
async def test_what_says_another_thing_is_never_folded_away(memory: Memory, nearly: str) -> None:
    await tell(memory, "a.md", SAID)
    await tell(memory, "b.md", nearly)
    assert sorted(map(sorted, await sources(memory))) == [["a.md"], ["b.md"]]


async def test_short_passages_and_those_of_one_document_stay_apart(memory: Memory) -> None:
    await tell(memory, "a.md", "Yes, the offer is fine.")
    await tell(memory, "b.md", "Yes, the offer is fine.")
    assert len(await sources(memory)) == 2


async def test_only_what_the_reader_may_see_is_named(memory: Memory) -> None:
    await tell(memory, "a.md", SAID, readers=("clerk",))
    await tell(memory, "b.md", SAID, readers=("hr",))
    assert await sources(memory, readers=("clerk",)) == [["a.md"]]
    assert sorted((await sources(memory, readers=("clerk", "hr")))[0]) == ["a.md", "b.md"]


async def test_many_copies_take_one_place_of_the_answer(memory: Memory) -> None:
    for n in range(30):
        await tell(memory, f"{n}.md", SAID)
    await tell(memory, "else.md", "The mill has a roof.")
    found = await sources(memory, k=2)
    assert [len(names) for names in found] == [30, 1]


def test_news_fades_with_age_and_the_rest_does_not() -> None:
    assert faded("mail", 0, 0) == 0
    assert faded("mail", 0, HALF_LIFE) == -FADE / 2
    assert -FADE <= faded("turn", 0, 100 * HALF_LIFE) < -0.99 * FADE
    assert faded("mail", 5, 0) == 0  # dated ahead
    assert faded("note", 0, 100 * HALF_LIFE) == 0


async def test_of_two_mails_that_fit_alike_the_newer_comes_first_and_the_older_is_still_found(memory: Memory) -> None:
    await tell(memory, "old", "The meeting room is the blue one.", "mail", at=0)
    await tell(memory, "new", "The meeting room is the green one.", "mail", at=990 * DAY)
    assert [names[0] for names in await sources(memory, "which meeting room")] == ["new", "old"]
    hits = await memory.search("which meeting room")
    assert hits[0].parts["faded"] > hits[1].parts["faded"]
    assert all("faded" not in h.parts for h in await memory.search("which meeting room last year"))
