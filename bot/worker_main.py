"""The worker process: composes everything heavy, serves the local socket, works, and exits when it has slept in."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from bot.slim import leave_out

gc.disable()  # until `settle`: imports make nothing that it would find, and take an eighth less time
leave_out()

from bot.local import LocalServer  # noqa: E402
from bot.logs import set_up_logs  # noqa: E402
from bot.secrets import strongbox  # noqa: E402
from bot.settings import Settings  # noqa: E402
from knowledge.strongbox import no_core_dumps  # noqa: E402

PR_SET_PDEATHSIG = 1  # prctl(2)

COURTESY = 5
"""How much nicer a supervised worker is: where cores are few, what arrives is acknowledged before more is thought about."""


def main() -> int:
    """Exit code 0: went to sleep or was asked to stop. Anything else is a crash for the supervisor."""
    no_core_dumps()
    _serve_the_receiver()
    settings = Settings()
    set_up_logs(settings.log, strongbox(settings))
    return asyncio.run(_work(settings))


def _serve_the_receiver() -> None:
    """Give way to the receiver that supervises us, and have the kernel send SIGTERM when it dies, however it dies (Linux)."""
    parent = os.environ.get("STEWARD_SUPERVISED_BY", "")
    if not parent.isdecimal():
        return
    os.nice(COURTESY)
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):  # it died before we asked
        os.kill(os.getpid(), signal.SIGTERM)


async def _work(settings: Settings) -> int:
    from bot import anchoring, backups
    from bot.compose import compose
    from bot.desk import handlers
    from knowledge.pages import settle

    async with compose(settings) as steward:
        worker = steward.worker
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, worker.stop)

        async def poke(request: Mapping[str, Any]) -> Mapping[str, Any]:
            worker.poke()
            return {}

        server = LocalServer(steward.home.own_socket(), {**handlers(steward), "poke": poke})
        await server.start()
        try:
            await worker.recover()
            await worker.announce()
            async with steward.crew.db.write() as tx:
                await anchoring.arm(tx, steward.crew)
                if settings.backup.to:
                    await backups.arm(tx, steward.crew)
            settle()
            await worker.run(settings.worker.idle_s)
        finally:
            await server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
