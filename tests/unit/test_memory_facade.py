"""Memory keeps, supersedes, forgets and finds, and is level with SQL after any interruption."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge.database import schema_memory
from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.documents.pieces import Turn
from knowledge.index.base import Scope
from knowledge.memory import Memory
from tests.fakes.embedder import WordEmbedder

pytestmark = pytest.mark.slow

DAY = 86_400_000
EVERYTHING = Scope(("principal",))


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "steward.db")
    async with database.write() as tx:
        await tx.run_sync(metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
async def memory(db: Database, tmp_path: Path) -> AsyncIterator[Memory]:
    made = a_memory(db, tmp_path)
    await made.open()
    yield made
    await made.close()


def a_memory(db: Database, home: Path, embedder: WordEmbedder | None = None) -> Memory:
    return Memory(db, home / "index", embedder or WordEmbedder(), now=lambda: 7 * DAY)


async def note(memory: Memory, name: str, text: str, **more: object) -> int:
    return await memory.remember(
        source="note",
        external_id=name,
        title="",
        text=text,
        dated_at=DAY,
        **more,  # type: ignore[arg-type]
    )


async def test_no_passage_is_embedded_when_a_question_is_asked(db: Database, tmp_path: Path) -> None:
    embedder = WordEmbedder()
    memory = a_memory(db, tmp_path, embedder)
    await memory.open()
    for name in ("Ada", "Bo", "Cleo", "Dan", "Eve"):
        await note(memory, f"{name}.md", f"{name} likes the mountains.")
    embedder.texts.clear()
    hit = (await memory.search("which mountains does Ada like?"))[0]
    assert embedder.texts == ["which mountains does Ada like?", "which does"]
    assert {"cover", "match"} <= hit.parts.keys()
    await memory.close()


async def test_a_note_is_found_with_its_name_place_and_date(memory: Memory) -> None:
    await note(memory, "accountant.md", "The accountant prefers mornings.", integrity="principal")
    await note(memory, "dentist.md", "The dentist is in Graz.")
    hit = (await memory.search("the accountant's mornings"))[0]
    assert (hit.text, hit.name, hit.place, hit.source, hit.integrity) == (
        "The accountant prefers mornings.", "accountant.md", "line 1", "note", "principal",
    )  # fmt: skip
    assert hit.dated.isoformat() == "1970-01-02T00:00:00+00:00"


async def test_one_note_costs_one_commit(db: Database, memory: Memory) -> None:
    for n in range(5):
        before = db.commits
        await note(memory, f"{n}.md", f"Note number {n}.")
        assert db.commits == before + 1


async def test_the_same_again_changes_nothing_and_costs_nothing(db: Database, memory: Memory) -> None:
    first = await note(memory, "a.md", "Alpha.")
    before = db.commits
    assert await note(memory, "a.md", "Alpha.") == first
    assert db.commits == before


async def test_a_new_version_takes_the_place_of_the_old(memory: Memory) -> None:
    await note(memory, "plan.md", "The launch is in spring.")
    await note(memory, "plan.md", "The launch is in autumn.")
    texts = [h.text for h in await memory.search("launch")]
    assert texts == ["The launch is in autumn."]
    assert await memory.index.count() == 1


async def test_what_is_forgotten_is_found_no_more(memory: Memory) -> None:
    await note(memory, "a.md", "The safe opens with 4711.")
    assert await memory.forget("note", "a.md")
    assert not await memory.forget("note", "a.md")
    assert await memory.search("safe") == []
    assert await memory.index.count() == 0


async def test_readers_see_what_names_them_and_nobody_sees_nothing(memory: Memory) -> None:
    await note(memory, "a.md", "Salary of Ada.", readers=("principal",))
    await note(memory, "b.md", "Salary of Bo.", readers=("principal", "hr"))
    assert {h.name for h in await memory.search("salary")} == {"a.md", "b.md"}
    assert {h.name for h in await memory.search("salary", readers=("hr",))} == {"b.md"}
    assert await memory.search("salary", readers=()) == []


async def test_sources_and_dates_narrow_a_search(memory: Memory) -> None:
    await note(memory, "a.md", "Budget alpha.")
    await memory.remember(source="mail", external_id="m1", title="Re: budget", text="Budget beta.", dated_at=5 * DAY)
    assert [h.name for h in await memory.search("budget", sources=("mail",))] == ["Re: budget"]
    assert [h.name for h in await memory.search("budget", before=2 * DAY)] == ["a.md"]


async def test_a_conversation_keeps_its_speakers_and_neighbours(memory: Memory) -> None:
    turns = [
        Turn("Ada", "Where is the tent?", DAY),
        Turn("Bo", "In the cellar.", DAY + 1_000),
        Turn("Ada", "Thanks.", DAY + 2_000),
    ]
    await memory.remember_turns(source="chat", external_id="c1", title="Camping", turns=turns)
    hit = next(h for h in await memory.search("cellar") if "cellar" in h.text)
    assert (hit.speaker, hit.name, hit.place) == ("Bo", "Camping", "1970-01-02 00:00 Bo")
    assert [h.text for h in await memory.neighbours(hit, span=1)] == ["Where is the tent?", "In the cellar.", "Thanks."]
    assert await memory.neighbours(hit, readers=("stranger",)) == []


async def test_without_a_model_words_alone_find_and_status_says_so(db: Database, tmp_path: Path) -> None:
    memory = Memory(db, tmp_path / "index", None, now=lambda: DAY)
    await memory.open()
    await note(memory, "a.md", "The accountant prefers mornings.")
    assert (await memory.search("accountant"))[0].name == "a.md"
    assert (await memory.status()).lexical == "no embedding model is set up"
    await memory.close()
    later = a_memory(db, tmp_path)
    await later.open()
    assert (await later.status()).lexical == ""
    await later.idle()
    assert (await later.search("accountant"))[0].parts["dense"] > 0
    await later.close()


async def test_a_model_that_fails_loses_no_note(db: Database, tmp_path: Path) -> None:
    embedder = WordEmbedder()
    memory = a_memory(db, tmp_path, embedder)
    await memory.open()
    embedder.missing = True
    await note(memory, "a.md", "The accountant prefers mornings.")
    assert (await memory.search("accountant"))[0].name == "a.md"
    assert "gone" in (await memory.status()).lexical
    embedder.missing = False
    assert await memory.embed_missing() == 1
    assert (await memory.search("accountant"))[0].parts["dense"] > 0
    assert (await memory.status()).lexical == ""
    await memory.close()


async def test_another_model_takes_over_without_mixing_vectors(db: Database, tmp_path: Path) -> None:
    memory = a_memory(db, tmp_path, WordEmbedder("words-1"))
    await memory.open()
    await note(memory, "a.md", "Alpha centauri.")
    await memory.close()
    memory = a_memory(db, tmp_path, WordEmbedder("words-2"))
    await memory.open()
    assert (await memory.search("alpha"))[0].parts["dense"] == 0  # the old vector is left out
    await memory.idle()
    assert (await memory.search("alpha"))[0].parts["dense"] > 0
    await memory.close()


async def test_what_a_crash_kept_from_the_index_is_there_after_the_next_open(db: Database, tmp_path: Path) -> None:
    memory = a_memory(db, tmp_path)
    await memory.open()
    await note(memory, "old.md", "Old words.")
    await note(memory, "gone.md", "Gone words.")

    async def crash(*_: object) -> None:
        raise RuntimeError("killed")

    memory._projection.learn = crash  # type: ignore[method-assign]
    for change in (
        note(memory, "new.md", "New words."),
        memory.forget("note", "gone.md"),
        note(memory, "old.md", "Late words."),
    ):
        with pytest.raises(RuntimeError):
            await change
    await memory.index.close()
    memory = a_memory(db, tmp_path)
    await memory.open()
    assert {h.text for h in await memory.search("words")} == {"New words.", "Late words."}
    assert await memory.index.count() == 2
    assert (await memory.status()).waiting == 0
    await memory.close()


async def test_an_index_that_lost_points_or_everything_is_made_anew(db: Database, tmp_path: Path) -> None:
    memory = a_memory(db, tmp_path)
    await memory.open()
    for n in range(5):
        await note(memory, f"{n}.md", f"Word {n}.")
    await memory.index.remove([1, 2])
    await memory.close()
    memory = a_memory(db, tmp_path)
    await memory.open()
    assert await memory.index.count(EVERYTHING) == 5
    await memory.close()


async def test_rebuilding_changes_no_answer(memory: Memory) -> None:
    for n in range(12):
        await note(memory, f"{n}.md", f"Box {n} holds item {n * n}.")
    before = [(h.chunk, round(h.score, 5)) for h in await memory.search("box 7 item")]
    assert await memory.rebuild() == 12
    assert [(h.chunk, round(h.score, 5)) for h in await memory.search("box 7 item")] == before


async def test_ids_are_never_given_twice(db: Database, memory: Memory) -> None:
    await note(memory, "a.md", "Alpha.")
    first = (await memory.search("alpha"))[0].chunk
    await memory.forget("note", "a.md")
    await note(memory, "a.md", "Alpha.")
    assert (await memory.search("alpha"))[0].chunk > first
    assert schema_memory.chunk.dialect_options["sqlite"]["autoincrement"]


@pytest.mark.parametrize("query", ["", "   ", "\x00", "the", "?" * 5_000, "🙂" * 300])
async def test_odd_questions_find_without_complaint(memory: Memory, query: str) -> None:
    await note(memory, "a.md", "Alpha.")
    assert len(await memory.search(query)) <= 1


async def test_conversations_are_found_by_words_alone(db: Database, tmp_path: Path) -> None:
    memory = Memory(db, tmp_path / "index", None, now=lambda: DAY)
    await memory.open()
    turns = [Turn("Ada", f"We talked about topic {n}.", DAY + n * 1_000) for n in range(80)]
    await memory.remember_turns(source="chat", external_id="long", title="", turns=turns)
    await memory.remember_turns(source="chat", external_id="short", title="", turns=turns[:3])
    assert "topic 42" in (await memory.search("topic 42"))[0].text
    await memory.close()
