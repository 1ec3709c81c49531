"""kill -9 while memory takes in, replaces, withdraws and forgets for good: nothing acknowledged is lost, the index equals
SQL after, and facts follow the documents that they stand on."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from knowledge import forgetting
from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.facts import store as facts
from knowledge.index.base import Scope
from knowledge.memory import Memory
from tests.fakes.embedder import WordEmbedder

pytestmark = pytest.mark.integration

ROUNDS = 200 if os.environ.get("STEWARD_SOAK") else 12
CHILD = """
import asyncio, random, sys
from pathlib import Path
from knowledge import forgetting
from knowledge.database.engine import Database
from knowledge.memory import Memory
from tests.fakes.embedder import WordEmbedder

async def main(home, seed):
    db = Database(home / "steward.db")
    memory = Memory(db, home / "index", WordEmbedder(), now=lambda: 1)
    await memory.open()
    rng = random.Random(seed)
    log = (home / "log").open("ab", buffering=0)
    print("ready", flush=True)
    for n in range(100_000):
        name = f"n{rng.randrange(40)}"
        log.write(f"begin {name} {seed}.{n}\\n".encode())
        chance = rng.random()
        if chance < 0.04:
            async with db.write() as tx:
                found = [f.id for f in await forgetting.find(tx, name)]
                await forgetting.begin(tx, found, name, now=1, id=f"e{seed}x{n}")
            await forgetting.finish(db, memory.rebuild, now=1)
            log.write(f"gone {name}\\n".encode())
        elif chance < 0.25:
            await memory.forget("note", name)
            log.write(f"gone {name}\\n".encode())
        else:
            text = f"Garden {name} version v{seed}x{n}.\\nThe {name}'s code is v{seed}x{n}."
            await memory.remember(
                source="note", external_id=name, title="", text=text, dated_at=n + 1_000_000 * seed, integrity="principal"
            )
            log.write(f"kept {name} v{seed}x{n}\\n".encode())
        if rng.random() < 0.03:
            await memory.project()

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def acknowledged(log: Path) -> tuple[dict[str, str | None], set[str]]:
    """What each note has to be (None: gone), and those whose last change was never acknowledged."""
    wanted: dict[str, str | None] = {}
    unsure: set[str] = set()
    for line in log.read_text().splitlines():
        verb, name, *version = line.split()
        if verb == "begin":
            unsure.add(name)
        else:
            unsure.discard(name)
            wanted[name] = version[0] if verb == "kept" else None
    return wanted, unsure


async def check(home: Path) -> int:
    """Open what was left behind and compare it with what was acknowledged. Returns how many notes there are."""
    wanted, unsure = acknowledged(home / "log")
    db = Database(home / "steward.db")
    memory = Memory(db, home / "index", WordEmbedder(), now=lambda: 1)
    await memory.open()
    await forgetting.finish(db, memory.rebuild, now=1)
    status = await memory.status()
    assert status.waiting == 0
    assert await memory.index.count(Scope(("principal",))) == status.chunks
    hits = {h.name: h.text for h in await memory.search("garden version", k=100)}
    assert len(hits) == status.chunks
    for name, version in wanted.items():
        if name not in unsure:
            assert (version is None) == (name not in hits), name
            assert version is None or version in hits[name], name
            async with db.read() as tx:
                held = await facts.about(tx, name, "code", readers=("principal",), now=2**50)
                assert [f.value for f in held] == ([version] if version else []), name
    async with db.read() as tx:
        assert not await forgetting.waiting(tx)
    await memory.close()
    await db.close()
    return status.chunks


async def prepare(home: Path) -> None:
    db = Database(home / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    await db.close()


def test_nothing_acknowledged_is_lost_whenever_the_process_dies(tmp_path: Path) -> None:
    asyncio.run(prepare(tmp_path))
    rng = random.Random(4)
    notes = round = 0
    while round < ROUNDS or (notes <= 5 and round < 10 * ROUNDS):  # a busy machine may do little in a round
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(round)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.0, 0.4))
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        notes = asyncio.run(check(tmp_path))
        round += 1
    assert notes > 5
