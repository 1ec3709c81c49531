"""Chunks that have no vector yet, or another model's, are given one: here a few at a time, for many by a child process.

SQL says which they are. Whoever is killed in the middle loses the batch in hand, and the next one goes on from there.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from knowledge import cipher
from knowledge.confined import SaidTooMuch, confined
from knowledge.database import bare
from knowledge.database.engine import Database, Tx
from knowledge.documents import store, threads
from knowledge.documents.store import Row, Vectored
from knowledge.documents.threads import Above
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
            above = await _above(tx, rows)
            wide = {
                r.chunk: await store.neighbours(tx, r.document, r.ordinal, r.ordinal + r.span - 1)
                for r in rows
                if r.span
            }
        texts = [_embedded(r, above.get(r.document)) for r in rows] + [
            " ".join(map(_embedded, own)) for own in wide.values()
        ]
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
            now = await _above(tx, rows)  # one that went meanwhile leaves nothing in a vector
            stale = {r.chunk for r in rows if now.get(r.document) != above.get(r.document)}
            await store.set_vectors(tx, {c: v for c, v in ready.items() if c not in stale}, encoder.fingerprint)
        done += len(ready)
    return done


async def _above(tx: Tx, rows: Sequence[Row]) -> dict[int, Above]:
    """Mail → what the mail above it says, where memory holds that."""
    parents = await threads.parents(tx, [r.document for r in rows if r.source == "mail"])
    known = await threads.above(tx, set(parents.values()))
    return {child: known[name] for child, name in parents.items() if name in known}


def _embedded(row: Row, above: Above | None = None) -> str:
    context = above.over(row.context, row.readers) if above else row.context
    return embedded_text(context, row.text, turn=row.speaker is not None)


async def in_child(database: Path, model: Path) -> int:
    """Have a niced child give all chunks of `database` that lack a vector the one of the `model` in that folder.

    Returns how many it gave, 0 also when it came to grief. It dies with the one who waits.
    """
    key = cipher.key_for(database)
    opens = f"{key.hex() if key else ''}\n{bare.url_of(database)}"
    try:
        said = await confined(
            _START, os.fspath(database), os.fspath(model), data=opens.encode(), most=1_000,
            seconds=LONGEST_S,
        )  # fmt: skip
    except (SaidTooMuch, TimeoutError):
        return 0
    lines = said.split()
    return int(lines[-1]) if lines and lines[-1].isdigit() else 0


def main(database: str, model: str) -> None:
    """The child: the database's key and its URL come on stdin, the number of chunks goes to stdout."""
    os.nice(NICE)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    path = Path(database)
    key, _, url = sys.stdin.read().partition("\n")
    cipher.unlock(path.parent, key)
    bare.serve(path, url)
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
