"""Every index engine passes the same suite: Qdrant Edge, qdrant-client's own engine, and a server when one is given."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from knowledge.index.base import Ask, Index, IndexBusy, Point, Scope, Sparse, Vector
from knowledge.index.bm25 import document_vector, query_vector, tokens
from tests.fakes.qdrant_api import FakeQdrant

pytestmark = pytest.mark.slow

ENGINES = ["edge", "client", "http", *(["server"] if os.environ.get("STEWARD_TEST_QDRANT_URL") else [])]
Opener = Callable[[], Awaitable[Index]]


@pytest.fixture(params=ENGINES)
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Index]:
    made: Index
    fake = FakeQdrant(key="a-key")
    if request.param == "edge":
        from knowledge.index.edge import EdgeIndex

        made = EdgeIndex(tmp_path / "index", 4)
    else:
        from knowledge.index.client import ClientIndex

        location = ":memory:" if request.param == "client" else os.environ.get("STEWARD_TEST_QDRANT_URL", "")
        if request.param == "http":
            location = (await fake.__aenter__()).url
        made = await ClientIndex.connect(
            location, api_key="a-key", collection=f"steward-test-{random.random()}", size=4
        )
    yield made
    if request.param == "server":
        await made.drop()  # type: ignore[attr-defined]
    await made.close()
    if request.param == "http":
        await fake.__aexit__()


def a_point(
    id: int,
    text: str = "lunch with ada",
    *,
    readers: tuple[str, ...] = ("principal",),
    source: str = "note",
    at: int = 1_000,
    document: int = 1,
    direction: int | None = 0,
) -> Point:
    words = document_vector(tokens(text))
    dense = None if direction is None else np.eye(4, dtype=np.float32)[direction]
    return Point(
        id=id, words=words, around=words, readers=readers, source=source, at=at, document=document, ordinal=id,
        dense=dense, length=3, traits=5, speaker=77,
    )  # fmt: skip


def an_ask(text: str = "lunch", *, direction: int | None = 0, limit: int = 10, **scope: object) -> Ask:
    words = query_vector(tokens(text))
    dense = None if direction is None else np.eye(4, dtype=np.float32)[direction]
    return Ask(Scope(**{"readers": ("principal",), **scope}), dense, words, words, limit)  # type: ignore[arg-type]


async def ids(index: Index, ask: Ask) -> set[int]:
    return {f.id for f in (await index.query(ask)).found}


async def test_a_point_is_found_right_after_it_was_upserted_with_its_fields_and_scores(index: Index) -> None:
    await index.upsert([a_point(7), a_point(8, "dentist on monday", direction=1)])
    found = {f.id: f for f in (await index.query(an_ask())).found}
    hit = found[7]
    assert (hit.document, hit.ordinal, hit.at, hit.source, hit.length, hit.traits, hit.speaker) == (
        1, 7, 1_000, "note", 3, 5, 77,
    )  # fmt: skip
    assert hit.scores["dense"] == pytest.approx(1.0)
    assert hit.scores["words"] > 0
    assert hit.scores["around"] == pytest.approx(hit.scores["words"])
    assert "words" not in found[8].scores  # it shares no word with the question


async def test_a_point_without_a_vector_is_found_by_its_words(index: Index) -> None:
    await index.upsert([a_point(1, direction=None), a_point(2, "nothing alike")])
    assert 1 in await ids(index, an_ask("lunch", direction=None))
    assert await ids(index, an_ask("lunch", direction=None)) == {1}


async def test_upserting_again_replaces_and_removing_twice_is_harmless(index: Index) -> None:
    await index.upsert([a_point(1)])
    await index.upsert([a_point(1, "swimming", source="mail")])
    assert await index.count() == 1
    assert await ids(index, an_ask("lunch", direction=None)) == set()
    assert await ids(index, an_ask("swimming", direction=None, sources=("mail",))) == {1}
    await index.remove([1, 99])
    await index.remove([1])
    assert await index.count() == 0
    assert await ids(index, an_ask("swimming")) == set()


async def test_many_points_go_in_and_out(index: Index) -> None:
    await index.upsert([a_point(n) for n in range(1, 201)])
    assert await index.count() == 200
    await index.remove(list(range(1, 151)))
    assert await index.count(Scope(("principal",))) == 50


async def test_the_scope_narrows_by_source_date_and_document(index: Index) -> None:
    await index.upsert(
        [
            a_point(1, source="note", at=1_000, document=1),
            a_point(2, source="mail", at=2_000, document=2),
            a_point(3, source="web", at=3_000, document=3),
        ]
    )
    assert await ids(index, an_ask(sources=("note", "mail"))) == {1, 2}
    assert await ids(index, an_ask(without=("mail",))) == {1, 3}
    assert await ids(index, an_ask(after=2_000)) == {2, 3}
    assert await ids(index, an_ask(before=2_000)) == {1}
    assert await ids(index, an_ask(after=1_500, before=2_500)) == {2}
    assert await ids(index, an_ask(documents=(1, 3))) == {1, 3}
    assert await ids(index, an_ask(sources=("mail",), documents=(1,))) == set()


async def test_only_named_readers_and_everyone_see_a_point(index: Index) -> None:
    await index.upsert(
        [a_point(1, readers=("principal",)), a_point(2, readers=("principal", "notes")), a_point(3, readers=("*",))]
    )
    assert await ids(index, an_ask(readers=("principal",))) == {1, 2, 3}
    assert await ids(index, an_ask(readers=("notes",))) == {2, 3}
    assert await ids(index, an_ask(readers=("stranger",))) == {3}
    assert await ids(index, an_ask(readers=())) == set()
    assert await index.count(Scope(("stranger",))) == 1
    assert await index.count(Scope(())) == 0


async def test_every_candidate_is_scored_by_every_channel_and_tells_the_words_it_shares(index: Index) -> None:
    near = [a_point(n, "dentist") for n in range(10, 20)]
    await index.upsert([a_point(1, "lunch with bo", direction=1), *near, a_point(3, readers=("other",))])
    pool = {f.id: f for f in (await index.query(an_ask("lunch bo", limit=10))).found}
    assert set(pool) == {1, *range(10, 20)}
    assert pool[1].scores["dense"] == pytest.approx(0.0)  # the eleventh nearest, found by its words
    assert set(pool[1].shared) == set(query_vector(tokens("lunch bo")).indices)
    assert all(weight > 0 for weight in pool[1].shared.values())
    assert pool[10].shared == {}
    assert "words" not in pool[10].scores


@pytest.mark.parametrize("limit", [2, 10])
async def test_a_question_whose_vector_is_still_being_made_finds_what_it_would_with_it(
    index: Index, limit: int
) -> None:
    texts = ("lunch with bo", "lunch", "bo", "dentist", "dentist and lunch", "garden")
    points = []
    for n, text in enumerate(texts, 1):
        vector = np.array([np.cos(n / 5), np.sin(n / 5), 0, 0], np.float32)
        points.append(dataclasses.replace(a_point(n, text), dense=vector, window=vector, span=1))
    await index.upsert(points)
    ask = an_ask("lunch bo", limit=limit)

    async def made(vector: Vector | None) -> Vector | None:
        await asyncio.sleep(0)
        return vector

    for dense in (ask.dense, None):
        at_once = await index.query(dataclasses.replace(ask, dense=dense))
        later = await index.query(dataclasses.replace(ask, dense=None), made(dense))
        assert {f.id: f for f in later.found} == {f.id: f for f in at_once.found}
        assert later.windows == at_once.windows
        assert len(later.windows) == (0 if dense is None else limit if limit == 2 else len(points))


async def test_windows_come_nearest_first_and_only_to_those_who_may_see_them(index: Index) -> None:
    window = np.eye(4, dtype=np.float32)
    await index.upsert(
        [
            dataclasses.replace(a_point(1), window=window[1], span=3),
            dataclasses.replace(a_point(4), window=window[0], span=2),
            dataclasses.replace(a_point(6, readers=("other",)), window=window[0], span=5),
        ]
    )
    pool = await index.query(an_ask())
    assert [(w.document, w.ordinal, w.span) for w in pool.windows] == [(1, 4, 2), (1, 1, 3)]
    assert pool.windows[0].score == pytest.approx(1.0)


async def test_how_rare_a_word_is_depends_on_what_the_reader_may_see(index: Index) -> None:
    visible = [a_point(n, "budget meeting" if n == 1 else "garden") for n in range(1, 11)]
    await index.upsert(visible)
    (before,) = [f.scores["words"] for f in (await index.query(an_ask("budget", direction=None))).found]
    await index.upsert([a_point(100 + n, "budget", readers=("other",)) for n in range(50)])
    (after,) = [f.scores["words"] for f in (await index.query(an_ask("budget", direction=None))).found]
    assert after == pytest.approx(before)


async def test_an_empty_question_finds_nothing(index: Index) -> None:
    await index.upsert([a_point(1)])
    assert (await index.query(Ask(Scope(("principal",)), None, Sparse(), Sparse()))).found == []


async def test_edge_keeps_its_points_and_admits_one_owner(tmp_path: Path) -> None:
    from knowledge.index.edge import EdgeIndex

    first = EdgeIndex(tmp_path / "index", 4)
    await first.upsert([a_point(1)])
    with pytest.raises(IndexBusy):
        EdgeIndex(tmp_path / "index", 4)
    await first.close()
    again = EdgeIndex(tmp_path / "index", 4)
    assert await ids(again, an_ask()) == {1}
    await again.close()
