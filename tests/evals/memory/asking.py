"""Asks generated notes with the real model: is the right note first, and is a question without an answer refused?

`python -m tests.evals.memory.asking` prints every family of notes, `--misses` the questions that went wrong.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.documents.pieces import cut
from knowledge.documents.store import NewDocument
from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from knowledge.hits import Hit
from knowledge.memory import Memory
from knowledge.retriever.passage import answerable, confidence
from tests.evals.memory.notes_set import notes_set

WHEN = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the text of the note that answers it ("": none does), and what memory found."""

    question: str
    wanted: str
    hits: list[Hit]

    @property
    def right(self) -> bool:
        return bool(self.hits) and self.hits[0].text == self.wanted

    @property
    def answered(self) -> bool:
        return answerable(self.question, self.hits)


async def ask_all(seed: int, family: str, home: Path) -> list[Asked]:
    """Remember a set in an empty `home` and ask every question of it. Needs the prepared model."""
    folder = model_folder()
    if folder is None:
        raise FileNotFoundError("no prepared embedding model")
    made = notes_set(seed, family)
    db = Database(home / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, home / "index", OnnxEmbedder(folder), now=lambda: WHEN, fitted=folder)
    await memory.open()
    texts = [(f"notes/{n.name}", n.text) for n in made.notes]
    texts += [(f"notes/d{i}.md", text) for i, text in enumerate(made.distractors)]
    await memory.remember_all([NewDocument("note", name, "", tuple(cut(text)), WHEN) for name, text in texts])
    asked = [Asked(n.question, n.text, await memory.search(n.question)) for n in made.notes]
    asked += [Asked(question, "", await memory.search(question)) for question in made.unanswerable]
    await memory.close()
    await db.close()
    return asked


def summary(asked: list[Asked]) -> dict[str, int]:
    told = [a for a in asked if a.wanted]
    untold = [a for a in asked if not a.wanted]
    return {
        "questions": len(told),
        "right": sum(a.right for a in told),
        "right and answered": sum(a.right and a.answered for a in told),
        "wrong and answered": sum(not a.right and a.answered for a in told),
        "without an answer": len(untold),
        "of them refused": sum(not a.answered for a in untold),
    }


async def main() -> None:
    for family, seed in (
        ("first", 1),
        ("first", 2),
        ("second", 1),
        ("second", 2),
        ("third", 1),
        ("third", 2),
        ("fourth", 1),
        ("fourth", 2),
    ):
        with tempfile.TemporaryDirectory() as home:
            asked = await ask_all(seed, family, Path(home))
        print(family, seed, summary(asked))
        if "--misses" in sys.argv:
            for a in asked:
                if a.answered if not a.wanted else not (a.right and a.answered):
                    sure = confidence(a.question, a.hits)
                    print(f"   {sure:.2f} {a.question} | wanted: {a.wanted or 'nothing'} | first: {a.hits[0].text}")


if __name__ == "__main__":
    asyncio.run(main())
