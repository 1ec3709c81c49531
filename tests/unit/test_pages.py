"""Memory that is not needed goes back to the system, and what stays for good costs no time."""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path

import numpy as np
import pytest

from knowledge.index.base import Ask, Point, Scope
from knowledge.index.bm25 import document_vector, query_vector
from knowledge.index.edge import EdgeIndex
from knowledge.pages import settle
from tests.fakes.waiting import until


def test_what_was_there_when_a_process_settled_is_never_collected_again() -> None:
    there: list[object] = []
    there.append(there)
    before = gc.get_freeze_count()
    gc.disable()
    settle()
    try:
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
        assert not any(one is there for one in gc.get_objects())
    finally:
        gc.unfreeze()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is mapped")
async def test_the_pages_of_the_index_go_back_once_nobody_searches_any_more(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path / "index", 4)
    lunch = document_vector(["lunch"])
    dense = np.ones(4, np.float32) / 2
    await index.upsert([Point(n, lunch, lunch, ("principal",), "note", 1_000, 1, n, dense) for n in range(1, 100)])
    words = query_vector(["lunch"])
    for _ in range(2):
        assert (await index.query(Ask(Scope(("principal",)), dense, words, words))).found
        assert held(tmp_path) > 0
        await asyncio.sleep(0.2)
    await until(lambda: held(tmp_path) == 0)
    await index.close()


def held(folder: Path) -> int:
    """Kilobytes of the files mapped from a folder that are in this process's memory."""
    found, own = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        fields = line.split()
        if "-" in fields[0] and not fields[0].endswith(":"):
            own = fields[1].endswith("s") and f"{folder.resolve()}/" in line
        elif own and fields[0] == "Rss:":
            found += int(fields[1])
    return found
