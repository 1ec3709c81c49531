"""Fills the memory of a throw-away home with generated passages: `python -m bot.bench.seed CHUNKS` in that home."""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.home import Home
from bot.settings import Settings
from knowledge.bench_search import stalled
from knowledge.database import Database
from knowledge.database.migrate import ensure
from knowledge.documents.pieces import Piece
from knowledge.documents.store import NewDocument
from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from knowledge.memory import Memory

A_DOCUMENT = 40  # passages
AT_ONCE = 5  # documents a commit

_WHO = ("gardener", "plumber", "lawyer", "landlord", "dentist", "baker", "courier", "neighbour", "tutor", "printer")
_DOES = ("comes", "calls", "writes", "delivers", "asks", "pays", "waits", "answers", "measures", "repairs")
_WHAT = ("the hedge", "an invoice", "a new key", "the contract", "two samples", "the old boiler", "a second offer")
_WHEN = ("on Monday", "before noon", "after the holidays", "every second week", "at the end of May", "by letter")


def sentence(chance: random.Random, number: int) -> str:
    """A sentence of its own: the number makes it differ from all others."""
    who, does, what, when = (chance.choice(words) for words in (_WHO, _DOES, _WHAT, _WHEN))
    return f"The {who} {does} {when} about {what}, file {number}."


def documents(chunks: int, sentences: int = 1) -> list[NewDocument]:
    """The same passages every time, each of so many sentences."""
    chance = random.Random(7)
    found = []
    for start in range(0, chunks, A_DOCUMENT):
        size = min(A_DOCUMENT, chunks - start)
        texts = [" ".join(sentence(chance, start + n) for _ in range(sentences)) for n in range(size)]
        wide = 80 * sentences
        pieces = tuple(
            Piece(text, n * wide, n * wide + len(text), place=f"line {n + 1}") for n, text in enumerate(texts)
        )
        name = f"bench/{start}.txt"
        found.append(NewDocument("file", name, name, pieces, 1_700_000_000_000 + start))
    return found


@asynccontextmanager
async def _memory(settings: Settings) -> AsyncIterator[Memory]:
    """The memory of a home that need not be there yet. The index is written when this ends."""
    home = Home(settings.home)
    home.prepare()
    ensure(home.database)
    db = Database(home.database)
    folder = model_folder(settings.embeddings.path)
    memory = Memory(
        db, home.index, OnnxEmbedder(folder) if folder else None, fitted=folder, now=lambda: int(time.time() * 1000)
    )
    await memory.open()
    try:
        yield memory
        await memory.idle()
    finally:
        await memory.close()
        await db.close()


async def fill(settings: Settings, chunks: int) -> float:
    """Remember `chunks` passages; how many a second. The index is written when this returns."""
    async with _memory(settings) as memory:
        wanted = documents(chunks)
        began = time.perf_counter()
        for start in range(0, len(wanted), AT_ONCE):
            await memory.remember_all(wanted[start : start + AT_ONCE])
        took = time.perf_counter() - began
    return chunks / took if took else 0.0


async def ingest(settings: Settings, chunks: int, sentences: int) -> dict[str, float]:
    """Remember passages as `steward ingest` does with many: stored here, embedded by a niced child, learned as they come.

    `per_s` by the clock, `per_cpu_s` by the processor time of both: what one core would do that does nothing else.
    The stalls are those of this process's event loop.
    """
    async with _memory(settings) as memory:
        wanted = documents(chunks, sentences)

        async def work() -> None:
            for start in range(0, len(wanted), AT_ONCE):
                await memory.remember_all(wanted[start : start + AT_ONCE], later=True)
            await memory.embed_rest()
            await memory.project()

        began, worked = time.perf_counter(), _cpu_s()
        stalls = await stalled(work())
        took, cost = time.perf_counter() - began, _cpu_s() - worked
    return {
        "per_s": round(chunks / took, 1),
        "per_cpu_s": round(chunks / cost, 1),
        "stall_ms": stalls.worst_ms,
        "stall_p99_ms": stalls.p99_ms,
        "stall_busy_ms": stalls.busy_ms,
    }


def _cpu_s() -> float:
    return sum(
        one.ru_utime + one.ru_stime
        for one in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    print(asyncio.run(fill(Settings(), int(sys.argv[1]))))
