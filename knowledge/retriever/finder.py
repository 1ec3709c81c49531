"""From a question to hits: one function asks the engine, and it takes a scope; there is no search without one."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from knowledge.database.engine import Database
from knowledge.documents import store
from knowledge.documents.pieces import normalise
from knowledge.documents.store import Row
from knowledge.embedding.base import from_blob
from knowledge.embedding.encoder import Encoder
from knowledge.hits import Hit
from knowledge.index.base import Ask, Index, Pool, Scope
from knowledge.index.bm25 import plain_words, query_vector
from knowledge.retriever.attributes import Attributes
from knowledge.retriever.cross import DEEP, Reranker, RerankerUnavailable
from knowledge.retriever.focus import CLOSER, Remainder, remainder
from knowledge.retriever.fold import Fold
from knowledge.retriever.lexicon import glossed
from knowledge.retriever.points import context_parts
from knowledge.retriever.question import Names, Question, dissect, english, has_time
from knowledge.retriever.rank import Ranked, Weights, rank
from knowledge.retriever.weights import AGREE, DEFAULT, LEXICAL, REST

log = logging.getLogger(__name__)

POOL = 120  # candidates of each of the three searches
SLACK = 8  # rows read beyond those wanted, should the index be behind SQL
LONGEST = 2_000  # characters of a question
NEWS = frozenset({"mail", "turn"})  # sources whose passages are of their day
FADE = 0.15  # of a score
HALF_LIFE = 180 * 86_400_000  # ms


class Finder:
    """Finds passages. `names` are the speakers it knows; memory teaches them."""

    def __init__(
        self,
        db: Database,
        encoder: Encoder,
        *,
        now: Callable[[], int],
        weights: Weights = DEFAULT,
        fitted: Path | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self._now = now
        self._reranker = reranker
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
        question = dissect(normalise(query)[:LONGEST], self.names, scope.names)
        if not question.text.strip() or not scope.names or k < 1:
            return []
        pool = await self.candidates(index, question, scope)
        dense = any("dense" in f.scores for f in pool.found)
        ranked = rank(question, pool, self._weights if dense else LEXICAL)
        wanted = max(k, DEEP if self._reranker else CLOSER)
        fold = Fold()
        while some := list(islice(ranked, wanted + SLACK)):
            async with self._db.read() as tx:
                rows = await store.rows(tx, [r.found.id for r in some], vectors=True)
            for r in some:
                row = rows.get(r.found.id)
                if row is not None and scope.admits(row.readers, row.source, row.at, row.document):
                    fold.take(row, r)
            if len(fold.kept) >= wanted:
                break
        kept, others = fold.kept, fold.others()
        order = await self._crossed(question, kept)
        if order is None:
            order = await self._closer(question, kept[:CLOSER]) + kept[CLOSER:]
        return [hit(row, r, others.get(row.chunk, ())) for row, r in order[:k]]

    async def candidates(self, index: Index, question: Question, scope: Scope) -> Pool:
        """The pool that ranking chooses from."""
        making = asyncio.ensure_future(self._encoder.one(glossed(question.meant)))
        await asyncio.sleep(0)  # it begins
        words = query_vector(question.words)
        try:
            return await index.query(Ask(scope, words=words, around=words, limit=POOL), making)
        finally:
            making.cancel()

    async def _crossed(self, question: Question, kept: Sequence[tuple[Row, Ranked]]) -> list[tuple[Row, Ranked]] | None:
        """The candidates in the order of the reranker; None without one. The best get their second look for its parts."""
        if self._reranker is None:
            return None
        try:
            scores = await self._reranker.score(question.text, [row.text for row, _ in kept])
        except RerankerUnavailable as trouble:
            log.warning("%s", trouble)
            return None
        by_chunk = {row.chunk: score for (row, _), score in zip(kept, scores, strict=True)}
        best = sorted(kept, key=lambda pair: -by_chunk[pair[0].chunk])
        best[:CLOSER] = await self._closer(question, best[:CLOSER])
        crossed = [
            (row, dataclasses.replace(r, score=score, looks={**r.looks, "cross": score}))
            for row, r in best
            for score in [by_chunk[row.chunk]]
        ]
        return sorted(crossed, key=lambda pair: -pair[1].score)

    async def _closer(self, question: Question, kept: Sequence[tuple[Row, Ranked]]) -> list[tuple[Row, Ranked]]:
        """The best candidates in the order that a second look gives them; their parts say what it saw.

        It reads the vectors that were made when the passages were remembered: only the question's remainder is embedded.
        """
        if sum(row.speaker is None for row, _ in kept) * 2 <= len(kept):
            return list(kept)  # conversations: what a question shares with a turn is rarely its subject alone
        left = remainder(question.text, [row.text for row, _ in kept])
        seen = await self._told(left, [row for row, _ in kept], english(question.text))
        timed = has_time(plain_words(question.text))
        looked = []
        for (row, r), cover in zip(kept, left.cover, strict=True):
            age = 0.0 if timed else faded(row.source, row.at, self._now())
            looks = {"cover": cover, **({"faded": age} if age else {}), **seen.get(row.chunk, {})}
            score = r.score + age + REST * looks.get("match", 0.0) + AGREE * min(0.0, looks.get("agree", 0.0))
            looked.append((row, dataclasses.replace(r, score=score, looks=looks)))
        return sorted(looked, key=lambda pair: -pair[1].score)

    async def _told(self, left: Remainder, rows: Sequence[Row], understood: bool) -> dict[int, dict[str, float]]:
        """By chunk: how near the question's remainder is to the passage, and how far both are of one attribute."""
        vectors = {
            row.chunk: from_blob(row.vector)
            for row in rows
            if row.vector is not None and row.fingerprint == self._encoder.fingerprint
        }
        own = await self._encoder.one(glossed(left.question)) if vectors else None
        if own is None:
            return {}
        passages = np.stack(list(vectors.values()))
        seen = [{"match": float(match)} for match in passages @ own]
        if understood and left.asks and self.attributes is not None:
            seen = [near | more for near, more in zip(seen, self.attributes.parts(own, passages), strict=True)]
        return dict(zip(vectors, seen, strict=True))


def faded(source: str, at: int, now: int) -> float:
    """What age takes from the score of news: nothing today, `FADE` in the end. Truth does not age, so it only ranks."""
    return FADE * (0.5 ** (max(0, now - at) / HALF_LIFE) - 1) if source in NEWS else 0.0


def hit(row: Row, ranked: Ranked | None = None, others: Sequence[Row] = ()) -> Hit:
    """A row as agents see it, with the `others` that say the same elsewhere."""
    return Hit(
        text=row.text,
        name=row.external_id if row.source in {"note", "file"} else row.title or row.external_id,
        place=row.place,
        dated=datetime.fromtimestamp(row.at / 1000, UTC),
        source=row.source,
        integrity=row.integrity,
        score=ranked.score if ranked else 0.0,
        parts=ranked.parts if ranked else {},
        why=ranked.why if ranked else {},
        chunk=row.chunk,
        document=row.document,
        ordinal=row.ordinal,
        readers=row.readers,
        speaker=row.speaker or "",
        context=context_parts(row.context)[0],
        also=tuple(map(hit, others)),
    )
