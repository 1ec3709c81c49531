"""Chunks that have no vector yet, or another model's, are given one: here a few at a time, for many by a child process.

SQL says which they are. Whoever is killed in the middle loses the batch in hand, and the next one goes on from there.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from knowledge import cipher
from knowledge.confined import SaidTooMuch, confined
from knowledge.database.engine import Database, Tx
from knowledge.documents import store
from knowledge.documents.store import Row, Vectored
from knowledge.embedding.encoder import Encoder
from knowledge.retriever.points import embedded_text

AT_ONCE = 32  # chunks a commit
NICE = 10
LONGEST_S = 24 * 3600.0
PR_SET_PDEATHSIG = 1  # prctl(2)
_START = "from knowledge.vectors import main; main(*sys.argv[1:])"


async def give(
    db: Database, encoder: Encoder, most: int, *, first: Callable[[Tx], Awaitable[None]] | None = None
) -> int:
    """Give up to `most` chunks the vector they lack, the newest first. Returns how many it gave.

    `first` is done in each transaction before anything else.
    """
    done = 0
    while encoder.fingerprint and done < most:
        async with db.read() as tx:
            rows = await store.without_vector(tx, encoder.fingerprint, AT_ONCE)
            wide = {
                r.chunk: await store.neighbours(tx, r.document, r.ordinal, r.ordinal + r.span - 1)
                for r in rows
                if r.span
            }
        texts = [_embedded(r) for r in rows] + [" ".join(map(_embedded, own)) for own in wide.values()]
        vectors = await encoder.blobs(texts)
        joined = dict(zip(wide, vectors[len(rows) :], strict=True))
        ready = {
            r.chunk: Vectored(v, r.span, joined.get(r.chunk))
            for r, v in zip(rows, vectors[: len(rows)], strict=True)
            if v is not None
        }
        if not ready:
            break
        async with db.write() as tx:
            if first is not None:
                await first(tx)
            await store.set_vectors(tx, ready, encoder.fingerprint)
        done += len(ready)
    return done


def _embedded(row: Row) -> str:
    return embedded_text(row.context, row.text, turn=row.speaker is not None)


async def in_child(database: Path, model: Path) -> int:
    """Have a niced child give all chunks of `database` that lack a vector the one of the `model` in that folder.

    Returns how many it gave, 0 also when it came to grief. It dies with the one who waits.
    """
    key = cipher.key_for(database)
    try:
        said = await confined(
            _START, os.fspath(database), os.fspath(model), data=key.hex().encode() if key else b"", most=1_000,
            seconds=LONGEST_S,
        )  # fmt: skip
    except (SaidTooMuch, TimeoutError):
        return 0
    lines = said.split()
    return int(lines[-1]) if lines and lines[-1].isdigit() else 0


def main(database: str, model: str) -> None:
    """The child: the database's key comes on stdin, the number of chunks goes to stdout."""
    os.nice(NICE)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    path = Path(database)
    cipher.unlock(path.parent, sys.stdin.read())
    print(asyncio.run(_give_all(path, Path(model))), flush=True)


async def _give_all(database: Path, model: Path) -> int:
    from knowledge.embedding.onnx import OnnxEmbedder

    db, encoder = Database(database), Encoder(OnnxEmbedder(model))
    try:
        total = 0
        while done := await give(db, encoder, 8 * AT_ONCE):
            total += done
        return total
    finally:
        await encoder.close()
        await db.close()
