"""How a command reaches the worker of this home: over its socket when Steward runs, waking it; else by being one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bot.home import Home
from bot.local import LocalTrouble, NobodyThere, ask
from knowledge.ids import random_id

if TYPE_CHECKING:
    from bot.compose import Steward
    from bot.settings import Settings

WAKE_S = 40.0
TRIES = 3


async def ask_worker(home: Home, do: str, *, timeout_s: float = 90.0, **body: Any) -> dict[str, Any] | None:
    """The worker's answer; None when no Steward runs on this home. Raises LocalTrouble with the worker's sentence."""
    for _ in range(TRIES):
        try:
            return await ask(home.socket("worker"), do, timeout_s=timeout_s, **body)
        except NobodyThere:
            pass
        except TimeoutError as error:
            raise LocalTrouble(f"The running Steward gave no answer within {timeout_s:.0f} seconds.") from error
        try:
            await ask(home.socket("receiver"), "wake", timeout_s=WAKE_S)
        except NobodyThere:
            return None
        except TimeoutError as error:
            raise LocalTrouble("The running Steward could not wake its worker; its log says why.") from error
    raise LocalTrouble("The running Steward's worker does not stay awake; its log says why.")


@asynccontextmanager
async def alone(settings: Settings) -> AsyncIterator[Steward]:
    """A composed Steward at work in this process, for the time of one command."""
    from bot.chat import at_work
    from bot.logs import set_up_logs
    from bot.secrets import strongbox
    from knowledge.words import Outbound

    async def show(message: Outbound, ref: str) -> None: ...

    set_up_logs(settings.log, strongbox(settings))
    name = f"shell-{random_id(6)}"  # a terminal of its own: what waits for the console is left to `steward chat`
    async with at_work(settings, show, name) as steward:
        yield steward
