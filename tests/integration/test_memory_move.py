"""`steward reindex --to`: the index of a home goes to a Qdrant server and comes back, and search answers all the while."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.fakes.qdrant_api import FakeQdrant
from tests.fakes.steward_process import ROOT

pytestmark = pytest.mark.integration


async def steward(home: Path, *arguments: str, **more: str) -> tuple[int, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("STEWARD_")}
    own = {"STEWARD_HOME": str(home), "STEWARD_EMBEDDINGS__PATH": str(home / "none"), **more}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "bot.cli", *arguments, cwd=ROOT, env=kept | own, stdout=-1, stderr=-2
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, said.decode()


async def test_the_index_goes_to_a_server_and_comes_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "plumber.md").write_text("The plumber comes on Tuesdays.")
    assert (await steward(home, "ingest", str(tmp_path / "plumber.md")))[0] == 0
    async with FakeQdrant(key="k") as server:
        at = {"STEWARD_QDRANT__URL": server.url, "STEWARD_QDRANT__API_KEY": "k"}
        code, said = await steward(home, "reindex", "--to", "server", **at)
        assert (code, "1 passages" in said, "in the home is gone" in said) == (0, True, True), said
        assert len(await server.collections()) == 1
        code, said = await steward(home, "search", "plumber", **at)
        assert (code, "Tuesdays" in said) == (0, True), said
        assert "POST collections * points query batch" in server.calls
        code, said = await steward(home, "reindex", "--to", "edge", **at)
        assert (code, "Take STEWARD_QDRANT__URL out" in said) == (0, True), said
        assert await server.collections() == []
        assert (home / "index" / "current").is_dir()
        server.down = True
        code, said = await steward(home, "search", "plumber", **at)
        assert (code, said.count("\n"), "does not answer" in said) == (1, 1, True), said
