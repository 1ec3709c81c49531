"""Fills the memory of a throw-away home with generated passages: `python -m bot.bench.seed CHUNKS` in that home."""

from __future__ import annotations

import asyncio
import random
import sys
import time

from bot.home import Home
from bot.settings import Settings
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


def documents(chunks: int) -> list[NewDocument]:
    """The same passages every time."""
    chance = random.Random(7)
    found = []
    for start in range(0, chunks, A_DOCUMENT):
        size = min(A_DOCUMENT, chunks - start)
        texts = [sentence(chance, start + n) for n in range(size)]
        pieces = tuple(Piece(text, n * 80, n * 80 + len(text), place=f"line {n + 1}") for n, text in enumerate(texts))
        name = f"bench/{start}.txt"
        found.append(NewDocument("file", name, name, pieces, 1_700_000_000_000 + start))
    return found


async def fill(settings: Settings, chunks: int) -> float:
    """Remember `chunks` passages; how many a second. The index is written when this returns."""
    home = Home(settings.home)
    home.prepare()
    ensure(home.database)
    db = Database(home.database)
    folder = model_folder(settings.embeddings.path)
    memory = Memory(
        db, home.index, OnnxEmbedder(folder) if folder else None, fitted=folder, now=lambda: int(time.time() * 1000)
    )
    await memory.open()
    wanted = documents(chunks)
    began = time.perf_counter()
    for start in range(0, len(wanted), AT_ONCE):
        await memory.remember_all(wanted[start : start + AT_ONCE])
    took = time.perf_counter() - began
    await memory.idle()
    await memory.close()
    await db.close()
    return chunks / took if took else 0.0


if __name__ == "__main__":
    print(asyncio.run(fill(Settings(), int(sys.argv[1]))))
