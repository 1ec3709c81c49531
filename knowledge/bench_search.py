"""How search grows: the time of a filtered question at 1,000, 10,000 and 100,000 points, through the product's own way."""

from __future__ import annotations

import asyncio
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.documents.pieces import Piece
from knowledge.documents.store import NewDocument
from knowledge.embedding.base import Embedder, Vectors
from knowledge.index.base import Ask, Scope
from knowledge.index.bm25 import query_vector, tokens
from knowledge.memory import Memory
from knowledge.retriever.finder import POOL

SIZES = (1_000, 10_000, 100_000)
QUESTIONS = 200
AT_ONCE = 500
_SUBJECTS = (
    "accountant",
    "garden",
    "contract",
    "dentist",
    "holiday",
    "school",
    "invoice",
    "bicycle",
    "meeting",
    "flat",
)
_VERBS = ("prefers", "needs", "moved", "costs", "ends", "begins", "changed", "offers", "wants", "found")
_OBJECTS = ("mornings", "a new roof", "the blue folder", "in March", "two weeks", "on Friday", "the old price", "help")


async def bench_search(
    embedder: Embedder, *, sizes: Sequence[int] = SIZES, questions: int = QUESTIONS, fitted: Path | None = None
) -> dict[str, Any]:
    """Figures at each size, embedding of the question and the filter by readers included. Needs minutes at 100,000.

    `fitted` is the folder of what was fitted to the embedder's model: the second look is then a whole one.
    `over_mb` is what memory takes over the process without it, at that moment; `idle_over_mb` once the model has gone.

    Points get random vectors (making real ones is measured by `chunks_per_s`, on 300 real texts); questions real ones.
    """
    rng = random.Random(1)
    curve = []
    with tempfile.TemporaryDirectory(prefix="steward-bench-") as home:
        db = Database(Path(home) / "steward.db")
        async with db.write() as tx:
            await tx.run_sync(metadata.create_all)
        bare = resident()
        mixed = _Mixed(embedder)
        memory = Memory(db, Path(home) / "index", mixed, now=lambda: int(time.time() * 1000), fitted=fitted)
        await memory.open()
        real = await _ingest(memory, rng, 0, 300)
        filled = 300
        for size in sorted(sizes):
            mixed.random = True
            stalls = await stalled(_ingest(memory, rng, filled, size - filled))
            mixed.random = False
            filled = max(size, filled)
            asked = await _ask(memory, rng, questions, embedder.size)
            curve.append(
                {
                    "points": filled,
                    **asked,
                    "over_mb": round(resident() - bare, 1),
                    "ingest_stall_ms": stalls.worst_ms,
                    "ingest_busy_ms": stalls.busy_ms,
                }
            )
        await embedder.rest()
        await memory.index.flush()
        idle = round(resident() - bare, 1)
        began = time.perf_counter()
        await memory.search("when does the accountant like to meet?")
        wake = time.perf_counter() - began
        await memory.close()
        await db.close()
    return {"curve": curve, "chunks_per_s": real, "first_after_unload_ms": round(wake * 1000, 1), "idle_over_mb": idle}


async def _ask(memory: Memory, rng: random.Random, questions: int, size: int) -> dict[str, float]:
    """Times of whole searches; `cpu_ms` is what one costs this process, and `engine_ms` the index alone takes of p50.

    On a machine that does other things too, these two tell more than the clock.
    """
    whole, cpu, engine = [], [], []
    for n in range(questions + 5):
        question = f"What did we hear about the {rng.choice(_SUBJECTS)} number {rng.randrange(1_000)}?"
        began, worked = time.perf_counter(), time.process_time()
        await memory.search(question, readers=("principal",))
        ended, done = time.perf_counter(), time.process_time()
        words = query_vector(tokens(question))
        towards = np.array([rng.gauss(0, size**-0.5) for _ in range(size)], np.float32)
        made = time.perf_counter()
        await memory.index.query(Ask(Scope(("principal",)), towards, words, words, POOL))
        if n >= 5:
            whole.append(ended - began)
            cpu.append(done - worked)
            engine.append(time.perf_counter() - made)
    whole.sort()
    return {
        "p50_ms": round(1000 * statistics.median(whole), 2),
        "p99_ms": round(1000 * whole[min(len(whole) - 1, int(0.99 * len(whole)))], 2),
        "cpu_ms": round(1000 * statistics.median(cpu), 2),
        "engine_ms": round(1000 * statistics.median(engine), 2),
    }


def resident() -> float:
    """Megabytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * resource.getpagesize() / 2**20, 1)


async def _ingest(memory: Memory, rng: random.Random, first: int, many: int) -> float:
    """Remember `many` short notes; chunks a second."""
    began = time.perf_counter()
    for start in range(first, first + many, AT_ONCE):
        documents = []
        for n in range(start, min(start + AT_ONCE, first + many)):
            text = (
                f"The {rng.choice(_SUBJECTS)} {rng.choice(_VERBS)} {rng.choice(_OBJECTS)}, says number {n} of {n % 97}."
            )
            readers = ("principal", "notes") if n % 3 else ("principal",)
            documents.append(
                NewDocument("note", f"{n}.md", "", (Piece(text, 0, len(text)),), 1_000 + n, readers=readers)
            )
        await memory.remember_all(documents)
    return round(many / (time.perf_counter() - began), 1) if many > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Stalls:
    """How long an event loop kept others waiting, in ms: by the clock the longest, and what one wait in a hundred exceeds.

    `busy_ms` is the most that it computed itself between two waits: on a machine that does other things too, this is ours.
    """

    worst_ms: float
    p99_ms: float
    busy_ms: float


async def stalled(work: Awaitable[object]) -> Stalls:
    """Run `work` and watch the event loop meanwhile."""
    late: list[float] = []
    busy = [0.0]
    task = asyncio.ensure_future(work)
    while not task.done() or not late:
        began, worked = time.perf_counter(), time.thread_time()
        await asyncio.sleep(0.001)
        late.append(max(0.0, time.perf_counter() - began - 0.001))
        busy.append(time.thread_time() - worked)
    await task
    late.sort()
    return Stalls(*(round(1000 * s, 1) for s in (late[-1], late[int(0.99 * (len(late) - 1))], max(busy))))


class _Mixed:
    """The real model for questions and the first notes; random vectors for the mass."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.fingerprint = embedder.fingerprint
        self.size = embedder.size
        self.random = False
        self._rng = np.random.default_rng(1)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if not self.random:
            return await self._embedder.embed(texts)
        rows = self._rng.normal(size=(len(texts), self.size)).astype(np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    async def rest(self) -> None:
        await self._embedder.rest()

    async def close(self) -> None: ...
