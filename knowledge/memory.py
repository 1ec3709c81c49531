"""Memory as the rest of Steward uses it: remember, forget, search. SQL is written first; the index follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import partial
from pathlib import Path

from knowledge import vectors
from knowledge.database.engine import Database
from knowledge.documents import store, threads
from knowledge.documents.letter import briefly
from knowledge.documents.pieces import BLOCK, Turn, cut, cut_turns, normalise, windows
from knowledge.documents.store import NewDocument, Vectored
from knowledge.documents.threads import Above
from knowledge.embedding.base import Embedder
from knowledge.embedding.encoder import Encoder
from knowledge.embedding.onnx import OnnxEmbedder
from knowledge.facts import derive
from knowledge.hits import Hit
from knowledge.index.base import Index, IndexUnreachable, Scope
from knowledge.index.home import EdgeHome, IndexHome
from knowledge.projection import Projection
from knowledge.retriever.cross import Reranker
from knowledge.retriever.finder import Finder, hit
from knowledge.retriever.points import embedded_text
from knowledge.retriever.rank import Weights
from knowledge.retriever.weights import DEFAULT
from knowledge.walls import labelled
from knowledge.words import Integrity

BULK = 256
"""Chunks that are embedded while one waits for them; of more, `later` is meant."""

LEVEL_S = 1.0  # between two looks at what a child has made


@dataclass(frozen=True, slots=True)
class Status:
    """How memory is. `waiting` chunks are not in the index yet; `lexical` says why search goes by words alone."""

    documents: int
    chunks: int
    waiting: int
    lexical: str
    fingerprint: str


def text_document(
    *,
    source: str,
    external_id: str,
    title: str,
    text: str,
    dated_at: int,
    integrity: Integrity = "untrusted",
    readers: Sequence[str] = ("principal",),
    meta: Mapping[str, object] | None = None,
) -> NewDocument:
    """A text, cut into the passages in which it is remembered."""
    pieces = tuple(cut(normalise(text), normalise(title)))
    return NewDocument(source, external_id, title, pieces, dated_at, integrity, tuple(readers), meta or {})


class Memory:
    """Everything remembered. One per process; `open` it before use, `close` it after.

    Times are milliseconds in UTC; `now` is the clock. A crash at any instant loses nothing that `remember` returned
    for, and brings nothing back that `forget` returned for: the next `open` makes the index level with SQL.
    """

    def __init__(
        self,
        db: Database,
        index_path: Path,
        embedder: Embedder | None,
        *,
        now: Callable[[], int],
        home: IndexHome | None = None,
        weights: Weights = DEFAULT,
        zone: tzinfo = UTC,
        fitted: Path | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        """`fitted` is the folder of what was fitted to the embedder's model, if anything was."""
        self._db = db
        self._zone = zone  # in which "in March" is meant
        self._encoder = Encoder(embedder)
        self._projection = Projection(db, home or EdgeHome(index_path, self._encoder.size), self._encoder.fingerprint)
        self._model = embedder.folder if isinstance(embedder, OnnxEmbedder) else None  # that a child can load, too
        self._finder = Finder(db, self._encoder, now=now, weights=weights, fitted=fitted, reranker=reranker)
        self._reranker = reranker
        self._now = now

    @property
    def away(self) -> str:
        """Why the index does not answer, in a sentence; empty when it does."""
        return self._projection.away

    @property
    def index(self) -> Index:
        """Raises `IndexUnreachable` while it is away."""
        return self._projection.index

    async def open(self) -> None:
        """Open the index and make it level with SQL. Raises `IndexBusy` when another process holds it.

        One that does not answer is tried again by whatever is asked of memory; until then it is `away`.
        """
        await self._projection.open()
        async with self._db.read() as tx:
            for name, readers in await store.speakers(tx):
                self._finder.names.learn([name], readers)

    async def close(self) -> None:
        await self._projection.close()
        await self._encoder.close()
        if self._reranker is not None:
            await self._reranker.close()

    # ── remembering ──────────────────────────────────────────────────────────────────────────────────────────────

    async def remember(
        self,
        *,
        source: str,
        external_id: str,
        title: str,
        text: str,
        dated_at: int,
        integrity: Integrity = "untrusted",
        readers: Sequence[str] = ("principal",),
        meta: Mapping[str, object] | None = None,
    ) -> int:
        """Remember a text; the same source and external id again supersedes the former version. Returns its id."""
        made = partial(
            text_document, source=source, external_id=external_id, title=title, text=text, dated_at=dated_at,
            integrity=integrity, readers=readers, meta=meta,
        )  # fmt: skip
        new = await asyncio.to_thread(made) if len(text) > BLOCK else made()
        return (await self.remember_all([new]))[0]

    async def remember_turns(
        self,
        *,
        source: str,
        external_id: str,
        title: str,
        turns: Sequence[Turn],
        integrity: Integrity = "untrusted",
        readers: Sequence[str] = ("principal",),
        meta: Mapping[str, object] | None = None,
    ) -> int:
        """Remember a conversation, one chunk a turn, dated by its first turn. Returns the document's id."""
        pieces = tuple(cut_turns(list(turns), title))
        dated_at = turns[0].at if turns else self._now()
        new = NewDocument(source, external_id, title, pieces, dated_at, integrity, tuple(readers), meta or {})
        return (await self.remember_all([new]))[0]

    async def remember_all(self, documents: Sequence[NewDocument], *, later: bool = False) -> list[int]:
        """Remember documents in one transaction: all of them or none. Returns their ids in order.

        Their readers get the token of the sensitive classes that their text belongs to (`knowledge.walls`). `later`
        leaves their vectors to `idle` and `embed_rest`, where a child can make them: they are found by words until then.
        """
        documents = await asyncio.to_thread(_labelled, documents) if _long(documents) else _labelled(documents)
        known = []
        async with self._db.read() as tx:
            for d in documents:
                known.append(await store.current(tx, d.source, d.external_id))
                await asyncio.sleep(0)  # quick statements run on the loop: others get their turn in between
        fresh = [d for d, old in zip(documents, known, strict=True) if old is None or old[1] != d.content_hash]
        if not fresh:
            return [old[0] for old in known if old is not None]
        replied = {parent for d in fresh if (parent := _parent(d))}
        above = await self._above(replied, fresh)
        vectored = iter(await self._vectors(fresh, above, later=later and self._model is not None))
        ids: list[int] = []
        made: list[int] = []
        async with self._db.write() as tx:
            await self._projection.mark_in(tx)
            for d, old in zip(documents, known, strict=True):
                if old is not None and old[1] == d.content_hash:
                    ids.append(old[0])
                    continue
                id, chunks = await store.put(tx, d, next(vectored), self._encoder.fingerprint, now=self._now())
                await derive.learn(tx, d, id, former=old[0] if old else None, now=self._now(), zone=self._zone)
                ids.append(id)
                made += chunks
                await asyncio.sleep(0)
            now = await threads.above(tx, replied)  # one that went meanwhile leaves nothing in a vector
            await threads.unsettle(tx, [name for name, was in above.items() if now.get(name) != was])
            gone = await store.removals(tx)
        for d in fresh:
            self._finder.names.learn({p.speaker for p in d.pieces if p.speaker}, d.readers)
        await self._projection.learn(made, gone)
        return ids

    async def _above(self, names: Collection[str], fresh: Sequence[NewDocument]) -> dict[str, Above]:
        """What the mails of these ids say, those among the `fresh` ones included."""
        if not names:
            return {}
        async with self._db.read() as tx:
            known = await threads.above(tx, names)
        coming = {
            d.external_id: Above(frozenset(d.readers), briefly(d.pieces[0].text))
            for d in fresh
            if d.source == "mail" and d.external_id in names and d.pieces
        }
        return known | coming

    async def _vectors(
        self, documents: Sequence[NewDocument], above: Mapping[str, Above], *, later: bool
    ) -> list[list[Vectored]]:
        """The vectors of each document's chunks; in conversations also those of its windows. `later`: none yet."""
        texts, spans = [], []
        for d in documents:
            answered = above.get(_parent(d))
            contexts = [answered.over(p.context, d.readers) if answered else p.context for p in d.pieces]
            own = [
                embedded_text(context, p.text, turn=p.speaker is not None)
                for context, p in zip(contexts, d.pieces, strict=True)
            ]
            await asyncio.sleep(0)
            texts.append(own)
            spans.append(windows(own) if len(own) > 1 and all(p.speaker is not None for p in d.pieces) else {})
        joined = [
            " ".join(own[n : n + span]) for own, wide in zip(texts, spans, strict=True) for n, span in wide.items()
        ]
        every = [text for own in texts for text in own] + joined
        blobs = iter([None] * len(every) if later else await self._encoder.blobs(every))
        alone = [[next(blobs) for _ in own] for own in texts]
        return [
            [Vectored(v, wide.get(n, 0), next(blobs) if n in wide else None) for n, v in enumerate(own)]
            for own, wide in zip(alone, spans, strict=True)
        ]

    async def forget(self, source: str, external_id: str) -> bool:
        """Delete every version of a document from SQL and the index. False when there was none."""
        async with self._db.write() as tx:
            current = await store.current(tx, source, external_id)
            existed = current is not None
            await derive.withdraw(tx, [current[0]] if current else [], now=self._now())
            await store.drop(tx, source, external_id)
            gone = await store.removals(tx)
        await self._projection.learn([], gone)
        return existed

    # ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def search(
        self,
        query: str,
        *,
        k: int = 8,
        sources: Sequence[str] = (),
        readers: Sequence[str] = ("principal",),
        without: Sequence[str] = (),
        after: int | None = None,
        before: int | None = None,
        documents: Sequence[int] = (),
    ) -> list[Hit]:
        """The best `k` passages for a question, best first; only what `readers` may see. Nothing for an empty query."""
        scope = Scope(tuple(readers), tuple(sources), tuple(without), after, before, tuple(documents))
        await self._projection.reach()
        try:
            return await self._finder.find(self.index, query, scope, k)
        except IndexUnreachable as trouble:
            self._projection.lost(trouble)
            raise

    async def neighbours(self, of: Hit, *, span: int = 2, readers: Sequence[str] = ("principal",)) -> list[Hit]:
        """What stands around a hit, itself included, in order: passages of its document, and of a mail those of its thread.

        Of a thread, the `span` mails before and after it, and the one that it answers.
        """
        scope = Scope(tuple(readers))
        async with self._db.read() as tx:
            own = (await store.rows(tx, [of.chunk])).get(of.chunk)
            if own is None:
                return []
            rows = []
            for mail in await threads.around(tx, own.document, span, scope):
                first, last = (own.ordinal - span, own.ordinal + span) if mail == own.document else (0, span - 1)
                rows += await store.neighbours(tx, mail, first, last)
        return [hit(r) for r in rows if scope.admits(r.readers, r.source, r.at, r.document)]

    # ── keeping house ────────────────────────────────────────────────────────────────────────────────────────────

    async def status(self) -> Status:
        async with self._db.read() as tx:
            documents, chunks, waiting = await store.counts(tx)
        waiting = max(0, waiting - self._projection.unmarked)
        return Status(documents, chunks, waiting, self._encoder.trouble, self._encoder.fingerprint)

    async def project(self) -> int:
        """Bring the index level with SQL. Returns how many points changed; when level, nothing is written."""
        return await self._projection.level()

    async def rebuild(self) -> int:
        """Make the index anew from SQL; searches go on meanwhile. Returns its number of points. Raises `IndexUnreachable`."""
        await self._projection.reach()
        return await self._projection.rebuild()

    async def idle(self) -> bool:
        """What can wait until nobody does: levelling, missing vectors, writing the index to disk.

        Whether vectors are left over that `embed_rest` had better make.
        """
        await self._projection.level()
        while (done := await self.embed_missing()) and not (self._model and done >= BULK):
            pass
        await self._projection.flush()
        return done > 0

    async def embed_rest(self) -> int:
        """Have a niced child make all missing vectors; the index learns them as they come. Returns how many it made.

        A child that comes to grief is the last one: `idle` makes the rest.
        """
        if self._model is None:
            return 0
        making = asyncio.ensure_future(vectors.in_child(self._db.path, self._model))
        try:
            while not making.done():
                await asyncio.wait([making], timeout=LEVEL_S)
                await self._projection.level()
            made = await making
        finally:
            making.cancel()
            await asyncio.wait([making])
        if not made:
            self._model = None
        return made

    async def embed_missing(self, most: int = BULK) -> int:
        """Give up to `most` chunks the vector they lack (none yet, or another model's). Returns how many it gave."""
        # marked first, or it would be marked what is to be learned again
        done = await vectors.give(self._db, self._encoder, most, first=self._projection.mark_in)
        if done:
            await self._projection.level()
        return done


def _parent(new: NewDocument) -> str:
    return str(new.meta.get("parent", "")) if new.source == "mail" else ""


def _labelled(documents: Sequence[NewDocument]) -> list[NewDocument]:
    return [replace(d, readers=labelled(d.readers, d.title + "\n" + d.text)) for d in documents]


def _long(documents: Sequence[NewDocument]) -> bool:
    """Whether reading them all takes so long that nothing else should wait for it."""
    return sum(len(d.pieces) for d in documents) > BULK
