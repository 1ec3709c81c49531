"""From a question to hits: one function asks the engine, and it takes a scope; there is no search without one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from knowledge.database.engine import Database
from knowledge.documents import store
from knowledge.documents.pieces import normalise
from knowledge.documents.store import Row
from knowledge.embedding.base import from_blob
from knowledge.embedding.encoder import Encoder
from knowledge.hits import Hit
from knowledge.index.base import Ask, Index, Pool, Scope
from knowledge.index.bm25 import query_vector
from knowledge.retriever.attributes import Attributes
from knowledge.retriever.focus import CLOSER, remainder
from knowledge.retriever.lexicon import glossed
from knowledge.retriever.question import Names, Question, dissect, english
from knowledge.retriever.rank import Ranked, Weights, rank
from knowledge.retriever.weights import AGREE, DEFAULT, LEXICAL, REST

POOL = 120  # candidates of each of the three searches
SLACK = 8  # rows read beyond those wanted, should the index be behind SQL
LONGEST = 2_000  # characters of a question


class Finder:
    """Finds passages. `names` are the speakers it knows; memory teaches them."""

    def __init__(
        self, db: Database, encoder: Encoder, *, weights: Weights = DEFAULT, fitted: Path | None = None
    ) -> None:
        self._db = db
        self._encoder = encoder
        self._weights = weights
        self._fitted = fitted
        self.names = Names()

    @cached_property
    def attributes(self) -> Attributes | None:
        return Attributes.load(self._fitted, self._encoder.fingerprint) if self._fitted else None

    async def find(self, index: Index, query: str, scope: Scope, k: int) -> list[Hit]:
        """The best `k` passages that `scope` admits, best first; none for a question without words."""
        question = dissect(normalise(query)[:LONGEST], self.names)
        if not question.text.strip() or not scope.names or k < 1:
            return []
        pool = await self.candidates(index, question, scope)
        dense = any("dense" in f.scores for f in pool.found)
        ranked = rank(question, pool, self._weights if dense else LEXICAL)
        wanted = max(k, CLOSER)
        kept: list[tuple[Row, Ranked]] = []
        for start in range(0, len(ranked), wanted + SLACK):
            some = ranked[start : start + wanted + SLACK]
            async with self._db.read() as tx:
                rows = await store.rows(tx, [r.found.id for r in some], vectors=True)
            for r in some:
                row = rows.get(r.found.id)
                if row is not None and scope.admits(row.readers, row.source, row.at, row.document):
                    kept.append((row, r))
            if len(kept) >= wanted:
                break
        closer = await self._closer(question, kept[:CLOSER])
        return [hit(row, r) for row, r in (closer + kept[CLOSER:])[:k]]

    async def candidates(self, index: Index, question: Question, scope: Scope) -> Pool:
        """The pool that ranking chooses from."""
        vectors = await self._encoder.encode([glossed(question.meant)])
        words = query_vector(question.words)
        return await index.query(Ask(scope, vectors[0] if vectors is not None else None, words, words, POOL))

    async def _closer(self, question: Question, kept: Sequence[tuple[Row, Ranked]]) -> list[tuple[Row, Ranked]]:
        """The best candidates in the order that a second look gives them; their parts say what it saw."""
        if sum(row.speaker is None for row, _ in kept) * 2 <= len(kept):
            return list(kept)  # conversations: what a question shares with a turn is rarely its subject alone
        left = remainder(question.text, [row.text for row, _ in kept])
        own = await self._encoder.encode(
            [glossed(text) for text in (left.question, *(left.of(row.text) for row, _ in kept))]
        )
        fits = self._encoder.fingerprint
        known = self.attributes if left.asks and english(question.text) else None
        attributes = known.parts(own[0], own[1:]) if own is not None and known is not None else None
        looked = []
        for i, ((row, r), cover) in enumerate(zip(kept, left.cover, strict=True)):
            looks = {"cover": cover}
            score = r.score
            if own is not None and row.vector is not None and row.fingerprint == fits:
                looks["rest"] = float(own[0] @ from_blob(row.vector))
                looks["match"] = float(own[0] @ own[i + 1])
                score += REST * looks["rest"]
            if attributes is not None:
                looks |= attributes[i]
                score += AGREE * looks["agree"]
            looked.append((row, dataclasses.replace(r, score=score, looks=looks)))
        looked.sort(key=lambda pair: -pair[1].score)
        return looked


def hit(row: Row, ranked: Ranked | None = None) -> Hit:
    """A row as agents see it."""
    return Hit(
        text=row.text,
        name=row.external_id if row.source in {"note", "file"} else row.title or row.external_id,
        place=row.place,
        dated=datetime.fromtimestamp(row.at / 1000, UTC),
        source=row.source,
        integrity=row.integrity,
        score=ranked.score if ranked else 0.0,
        parts=ranked.parts if ranked else {},
        chunk=row.chunk,
        document=row.document,
        ordinal=row.ordinal,
        readers=row.readers,
        speaker=row.speaker or "",
        context=row.context,
    )
