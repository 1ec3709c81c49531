"""A change of policy leaves a line in the ledger, once."""

from __future__ import annotations

from pathlib import Path

from graphs.policy.version import note
from knowledge import ledger
from knowledge.database import Database
from knowledge.database.migrate import ensure


async def test_a_new_version_is_told_once_and_names_the_one_before(tmp_path: Path) -> None:
    ensure(tmp_path / "s.db")
    db = Database(tmp_path / "s.db")
    try:
        for version, new in (("aaaa", True), ("aaaa", False), ("bbbb", True)):
            async with db.write() as tx:
                assert await note(tx, version, 1) is new
        async with db.read() as tx:
            told = [line.entry for line in await ledger.lines(tx)]
        assert [(e.what, e.why, e.ref) for e in told] == [
            ("policy.changed", "from none", "aaaa"),
            ("policy.changed", "from aaaa", "bbbb"),
        ]
    finally:
        await db.close()
