"""Steward without policy, labels and ledger, for the bench to compare with: `python -m bot.bench.bare`.

It is another program, not a switch: nothing of Steward names this file, and it runs on nothing but a throw-away home that
the bench has marked, against a platform on loopback.
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MARK = ".bench"
REFUSED = "This is a part of `steward bench turn`; it runs on nothing but a throw-away home of the bench."


def main(role: str) -> int:
    """Serve (`run`), or work below that (`worker`)."""
    if not _is_bench():
        print(REFUSED, file=sys.stderr)
        return 2
    if role == "worker":
        from bot import worker_main

        _bare()
        return worker_main.main()
    import bot.supervisor
    from bot.cli import serve

    command = [sys.executable, "-P", "-m", "bot.bench.bare", "worker"]
    bot.supervisor.Supervisor = partial(bot.supervisor.Supervisor, command)  # type: ignore[misc, assignment]
    return serve.run("all")


def _is_bench() -> bool:
    from bot.surfaces import is_loopback

    home = Path(os.environ.get("STEWARD_HOME", "/")).resolve()
    thrown_away = Path(tempfile.gettempdir()).resolve() in home.parents and (home / MARK).is_file()
    return thrown_away and is_loopback(urlsplit(os.environ.get("STEWARD_TELEGRAM__API_BASE", "")).hostname or "")


def _bare() -> None:
    """Take policy, labels and ledger out of this process."""
    import bot.outbox
    import graphs.nodes
    from graphs.judging import Judged
    from graphs.policy.engine import Verdict
    from knowledge import ledger
    from knowledge.store.turns import Labels, Value

    async def nothing(*_: Any, **__: Any) -> str:
        return ""

    async def allowed(_tx: Any, _ctx: Any, task: Any, wish: Any, **_: Any) -> Judged:
        return Judged(task.id, task.agent, wish, Verdict("allow", "bench"), {}, {})

    def made_from(value_id: str, turn: str, content: str, _parents: Any, *, maker: str) -> Value:
        return Value(value_id, turn, content, Labels((maker,), "trusted"))

    put: list[tuple[Any, str, Any]] = [
        (ledger, "append", nothing), (bot.outbox, "broken_bond", nothing), (graphs.nodes, "judge_wish", allowed),
        (graphs.nodes, "made_from", made_from),
    ]  # fmt: skip
    for module, name, instead in put:
        getattr(module, name)  # a name that is gone would leave the real one in force
        setattr(module, name, instead)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["run"]))
