"""A Steward that starts while a command holds memory waits for it, and has memory itself afterwards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.playbooks.kit import lay_out, open_book, says, user

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import asyncio, sys
from pathlib import Path
from knowledge.database.engine import Database
from knowledge.memory import Memory

async def hold(home):
    memory = Memory(Database(home / "steward.db"), home / "index", None, now=lambda: 1)
    await memory.open()
    print("held", flush=True)
    sys.stdin.read()
    await memory.close()

asyncio.run(hold(Path(sys.argv[1])))
"""


async def test_memory_that_was_held_at_the_start_is_taken_over_when_it_is_let_go(
    tmp_path: Path, empty_database: Path
) -> None:
    home = tmp_path / "home"
    lay_out(home, empty_database)
    holder = subprocess.Popen(  # noqa: ASYNC220  # it starts before anything is awaited
        [sys.executable, "-c", HOLDER, str(home)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert (await asyncio.to_thread(holder.stdout.readline)).strip() == b"held"
        async with open_book(home, empty_database) as book:
            assert book.steward.librarian.remote
            await book(user("note: the accountant prefers mornings"), says("Noted"))
            asyncio.get_running_loop().call_later(1, holder.stdin.close)
            await book(user("what does the accountant prefer?"), says("mornings"))
            assert not book.steward.librarian.remote
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
