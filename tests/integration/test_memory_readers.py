"""10,000 random pairs of reader and document on every engine: nobody finds, counts or learns of what is not theirs."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest

from knowledge import graph
from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.documents import store
from knowledge.documents.pieces import Turn, cut, cut_turns
from knowledge.documents.store import NewDocument
from knowledge.facts import store as facts
from knowledge.facts.words import Claim
from knowledge.index.base import Scope
from knowledge.index.home import ClientHome, EdgeHome, IndexHome
from knowledge.memory import Memory
from tests.fakes.embedder import SIZE, WordEmbedder

pytestmark = pytest.mark.integration

READERS = ("principal", "notes", "calendar", "hr", "clerk", "guest", "bot7", "*")
WORDS = ("budget", "garden", "salary", "holiday", "lawyer", "invoice", "surgery", "school")
DOCUMENTS, QUERIES = 250, 40  # 10,000 pairs
ENGINES = ["edge", "client", *(["server"] if os.environ.get("STEWARD_TEST_QDRANT_URL") else [])]


def the_home(engine: str, path: Path) -> IndexHome:
    if engine == "edge":
        return EdgeHome(path / "index", SIZE)
    location = ":memory:" if engine == "client" else os.environ["STEWARD_TEST_QDRANT_URL"]
    return ClientHome(location, SIZE)


@pytest.mark.parametrize("engine", ENGINES)
async def test_no_reader_ever_sees_what_does_not_name_them(engine: str, tmp_path: Path) -> None:
    rng = random.Random(f"readers-{engine}")
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: 1, home=the_home(engine, tmp_path))
    await memory.open()
    allowed: dict[str, set[str]] = {}
    new = []
    for n in range(DOCUMENTS):
        readers = tuple(rng.sample(READERS, rng.randint(1, 3)))
        allowed[f"d{n}.md"] = set(readers)
        text = f"The {rng.choice(WORDS)} of {rng.choice(WORDS)} number {n}. Marker{n} Smith works at Acme.\n"
        text += f"The thing{n}'s code is {n + 5000}.\nThe door's code is {n + 5000}."
        source = rng.choice(("note", "turn", "mail"))
        new.append(NewDocument(source, f"d{n}.md", "", tuple(cut(text)), 1, readers=readers))
    await memory.remember_all(new)
    async with db.write() as tx:
        for n in range(DOCUMENTS):
            claim = Claim(f"thing {n}", "hobby", str(n), "principal", readers=tuple(allowed[f"d{n}.md"]))
            await facts.tell(tx, claim, now=1, new_id=lambda n=n: f"f{n}")  # type: ignore[misc]
    pairs = leaks = 0
    for _ in range(QUERIES):
        readers = tuple(rng.sample([*READERS[:-1], "stranger"], rng.randint(0, 2)))
        mine = {name for name, named in allowed.items() if readers and (named & set(readers) or "*" in named)}
        hits = await memory.search(f"{rng.choice(WORDS)} {rng.choice(WORDS)}", k=DOCUMENTS, readers=readers)
        leaks += sum(h.name not in mine for h in hits)
        assert await memory.index.count(Scope(readers)) == len(mine)
        for h in hits[:5]:
            leaks += sum(n.name not in mine for n in await memory.neighbours(h, readers=readers))
        leaks += await _through_graph_and_facts(db, readers, mine, rng)
        async with db.read() as tx:
            for n in range(DOCUMENTS):
                known = await facts.about(tx, f"thing {n}", readers=readers, now=2) if n % 10 == 0 else []
                leaks += bool(known) and f"d{n}.md" not in mine
                pairs += 1
    assert pairs == 10_000
    assert leaks == 0
    await memory.close()
    await db.close()


async def _through_graph_and_facts(db: Database, readers: tuple[str, ...], mine: set[str], rng: random.Random) -> int:
    """Leaks through the graph, its suggestions, open facts, and the history of documents."""
    allowed = {int(name[1:-3]) for name in mine}
    async with db.read() as tx:
        around = await graph.around(tx, "Acme", readers=readers, now=2)
        doubted = await facts.open_ones(tx, readers=readers, now=2)
        kept = await store.versions(tx, "d", readers=readers)
        near = [
            name
            for n in (rng.randrange(DOCUMENTS) for _ in range(3))
            for name in await graph.suggest(tx, f"Markr{n}", readers=readers, now=2)
        ]
    numbers = [int(found) for node in around.nodes for found in re.findall(r"Marker(\d+)", node)]
    numbers += [int(found) for e in around.edges for found in re.findall(r"Marker(\d+)", e.quote)]
    numbers += [int(name[1:-3]) for name, _, _ in around.documents] + [int(v.external_id[1:-3]) for v in kept]
    numbers += [int(f.value) - 5000 for f in doubted]
    numbers += [int(found) for name in near for found in re.findall(r"(?:Marker|thing ?)(\d+)", name)]
    if len(mine) > DOCUMENTS // 2:
        assert near, "nothing was suggested to somebody who may see much"
    assert {int(v.external_id[1:-3]) for v in kept} == allowed
    return sum(n not in allowed for n in numbers)


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_row_whose_readers_changed_is_not_shown_though_the_index_lags(engine: str, tmp_path: Path) -> None:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: 1, home=the_home(engine, tmp_path))
    await memory.open()
    await memory.remember(
        source="note", external_id="a", title="", text="Salary of Ada.", dated_at=1, readers=("hr", "clerk")
    )
    async with db.write() as tx:
        await tx.exec_driver_sql("""UPDATE document SET readers = '["hr"]'""")
    assert [h.name for h in await memory.search("salary", readers=("hr",))] == ["a"]
    assert await memory.search("salary", readers=("clerk",)) == []
    await memory.close()
    await db.close()


@pytest.mark.parametrize("engine", ENGINES)
async def test_what_a_reader_may_not_see_changes_no_score_and_no_order_of_theirs(engine: str, tmp_path: Path) -> None:
    """Not through the rarity of words, not through who is known to speak, not through passages that say the same."""
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: 1, home=the_home(engine, tmp_path))
    await memory.open()
    rng = random.Random(engine)

    def talk(n: int, readers: tuple[str, ...], speakers: tuple[str, ...]) -> NewDocument:
        turns = [
            Turn(rng.choice(speakers), f"The {rng.choice(WORDS)} of Rosamund is number {m} about the {rng.choice(WORDS)}.", m)
            for m in range(1, 5)
        ]  # fmt: skip
        return NewDocument("chat", f"{readers[0]}{n}", "", tuple(cut_turns(turns)), 1, readers=readers)

    async def asked() -> list[object]:
        questions = [f"What did Rosamund say of the {word}?" for word in WORDS] + ["garden", "Who is Bo?"]
        hits = [await memory.search(q, k=20, readers=("clerk",)) for q in questions]
        return [[(h.chunk, round(h.score, 9), [o.chunk for o in h.also]) for h in some] for some in hits]

    await memory.remember_all([talk(n, ("clerk",), ("Ada", "Bo")) for n in range(10)])
    before = await asked()
    hidden = [talk(n, ("hr",), ("Rosamund", "Garden")) for n in range(30)]
    mine = (await memory.search("garden", k=1, readers=("clerk",)))[0].text
    hidden.append(NewDocument("note", "copy", "", tuple(cut(f"Somebody wrote: {mine}")), 1, readers=("hr",)))
    await memory.remember_all(hidden)
    assert await asked() == before
    assert any(h.speaker == "Rosamund" for h in await memory.search("What did Rosamund say?", readers=("hr",)))
    await memory.close()
    await db.close()
