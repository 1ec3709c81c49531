"""`steward run`: the receiver with its supervised worker, or one of them alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sqlite3
import sys
import time
from typing import TYPE_CHECKING

from bot.home import Home
from bot.logs import set_up_logs
from bot.secrets import strongbox
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.channels import Ears
    from bot.receiver import Receiver

log = logging.getLogger(__name__)


NO_CHAT = "reminders only (no chat is set up: steward init)"

COMES_UP_S = 60.0
"""A start waits so long for its PostgreSQL: after a power cut both come up at once."""


class CliTrouble(Exception):
    """The command cannot do what was asked: one sentence."""


def run(role: str) -> int:
    """Serve until SIGINT or SIGTERM. Raises HomeTrouble, CliTrouble."""
    if role not in ("all", "receiver", "worker"):
        raise CliTrouble(f"There is no role called {role}: it is all, receiver or worker.")
    settings = Settings()
    set_up_logs("info" if settings.log == "warning" else settings.log, strongbox(settings))
    if role == "worker":
        from bot.worker_main import main

        return main()
    return asyncio.run(_receive(settings, alone=role == "receiver"))


async def _receive(settings: Settings, *, alone: bool) -> int:
    from bot.channels import ears
    from bot.surfaces import SurfaceTrouble, check_surfaces

    try:
        check_surfaces(settings)
    except SurfaceTrouble as trouble:
        raise CliTrouble(str(trouble)) from None
    home = Home(settings.home)
    home.prepare()
    lock = home.own("receiver") if not alone else None
    heard = ears(settings)
    receiver = await _opened(settings, home, heard, alone=alone)
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    assert main is not None
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, main.cancel)
    _greet(settings, heard)
    with contextlib.suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as group:
            group.create_task(receiver.run())
            if heard.hooks or settings.http.port:
                from bot import http

                application = http.app(heard.hooks, heard.answers, receiver, heard.doors)
                tls = {"cert": settings.http.tls_cert, "key": settings.http.tls_key}
                serving = http.serve(application, settings.http.host, settings.http.port or 8080, **tls)
                group.create_task(serving)
    if lock is not None:
        lock.free()
    return 0


async def _opened(settings: Settings, home: Home, heard: Ears, *, alone: bool) -> Receiver:
    """The receiver on its database. Where that is a server which is not up yet, says so and waits `COMES_UP_S` for it."""
    from bot.receiver import Receiver
    from bot.supervisor import Supervisor
    from knowledge.database import bare

    began, said = time.monotonic(), False
    while True:
        try:
            await _ensure(home)
            receiver = Receiver(home, heard.receivers, None if alone else Supervisor())
            receiver.intake.link_configured(_principals(settings))
        except sqlite3.OperationalError as trouble:
            if not bare.url_of(home.database) or time.monotonic() - began > COMES_UP_S:
                raise
            if not said:
                log.warning("%s Trying again for %d seconds.", trouble, COMES_UP_S)
                said = True
            await asyncio.sleep(0.25)
        else:
            return receiver


async def _ensure(home: Home) -> None:
    """Make or upgrade the database in a child, so that what migrating imports does not stay in the receiver."""
    from knowledge.database.migrate import is_current

    if is_current(home.database):
        return
    code = (
        "import sys; from pathlib import Path; from bot.settings import Settings; Settings(); "
        "from knowledge.database.migrate import ensure; ensure(Path(sys.argv[1]))"
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-P", "-c", code, str(home.database))
    if await child.wait() != 0:
        raise CliTrouble(f"The database {home.database} could not be brought to this version; see the lines above.")


def _principals(settings: Settings) -> dict[str, str]:
    configured = {
        "telegram": settings.telegram.principal,
        "slack": settings.slack.principal,
        "whatsapp": settings.whatsapp.principal,
    }
    return {channel: external for channel, external in configured.items() if external}


def _greet(settings: Settings, heard: Ears) -> None:
    names = ", ".join(f"{name} ({settings.telegram.mode})" if name == "telegram" else name for name in heard.receivers)
    listens = heard.hooks or settings.http.port
    scheme = "https" if settings.http.tls_cert else "http"
    where = f"; listening on {scheme}://{settings.http.host}:{settings.http.port or 8080}" if listens else ""
    print(f"Steward serves {names or NO_CHAT}{where}. Ctrl-C stops it.", flush=True)
