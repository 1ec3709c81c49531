"""What is held about something: out of the house, drawn, in all its versions, or gone for good."""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bot.cli import show
from bot.cli.beside import alone, ask_worker
from bot.cli.serve import CliTrouble
from bot.home import Home
from bot.settings import Settings
from knowledge.database import bare
from knowledge.ids import random_id

if TYPE_CHECKING:
    from knowledge.database import Tx

T = TypeVar("T")
SHOWN = 30
TRIES, PAUSE_S = 60, 1.0  # until every store has confirmed

Ask = Callable[..., Awaitable[Mapping[str, Any]]]


def forget(words: str, *, yes: bool, as_json: bool) -> int:
    """Exit code 1 when there was nothing, or the principal said no."""
    if len(words.strip()) < 2:
        raise CliTrouble("Say what to forget, for example: steward forget Project Falcon")
    return asyncio.run(_forget(words.strip(), yes=yes, as_json=as_json))


async def _forget(words: str, *, yes: bool, as_json: bool) -> int:
    settings = Settings()
    async with AsyncExitStack() as stack:
        ask = await _worker(settings, stack)
        found = await ask("forgettable", words=words)
        if not found["documents"] and not found["events"] and not found["also"]:
            print(f"Steward holds nothing that contains “{words}”.", file=sys.stderr)
            return 1
        if not yes and not await _agreed(words, found):
            print("Nothing was forgotten.", file=sys.stderr)
            return 1
        key = random_id(16)
        events = [one["uid"] for one in found["events"]]
        await ask("erase", words=words, documents=[one["id"] for one in found["documents"]], key=key, events=events)
        for _ in range(TRIES):
            done = await ask("erased", key=key)
            if done["complete"]:
                break
            await asyncio.sleep(PAUSE_S)
    if as_json:
        show.as_json({"receipt": key, **done})
    elif done["complete"]:
        print(done["said"])
    else:
        print(f"Forgotten, but not every store has confirmed yet; Steward goes on with it (receipt {key}).")
    return 0


async def _worker(settings: Settings, stack: AsyncExitStack) -> Ask:
    """Asks the process that holds memory: the running one, else this."""
    home = Home(settings.home)
    if await ask_worker(home, "status", timeout_s=10.0) is not None:

        async def beside(do: str, **body: Any) -> Mapping[str, Any]:
            answer = await ask_worker(home, do, timeout_s=300.0, **body)
            if answer is None:
                raise CliTrouble("Steward was stopped meanwhile. Give the same command again.")
            return answer

        return beside
    from bot.desk import handlers

    here = handlers(await stack.enter_async_context(alone(settings)))

    async def own(do: str, **body: Any) -> Mapping[str, Any]:
        return await here[do](body)

    return own


async def _agreed(words: str, found: Mapping[str, Any]) -> bool:
    names = [one["name"] for one in found["documents"]] + [f"the event “{one['name']}”" for one in found["events"]]
    names += found["also"]
    print(f"What holds “{words}” and would go for good:")
    for name in names[:SHOWN]:
        print(f"  - {show.plain(name)}")
    if len(names) > SHOWN:
        print(f"  - and {len(names) - SHOWN} more")
    print("and every line of chat, record and log that holds the words. There is no way back.")
    if not sys.stdin.isatty():
        raise CliTrouble("This is not a terminal, so nobody can be asked. Add --yes to forget it.")
    return (await asyncio.to_thread(input, "Forget it? [y/N] ")).strip().lower() in ("y", "yes", "j", "ja")


def export(subject: str, out: Path | None) -> int:
    """Exit code 1 when nothing is held."""
    if len(subject.strip()) < 2:
        raise CliTrouble("Say about whom or what, for example: steward export Acme")
    found = asyncio.run(_export(subject.strip()))
    if not any(found[name] for name in found if name not in ("subject", "made")):
        print(f"Steward holds nothing about “{subject}”.", file=sys.stderr)
        return 1
    text = json.dumps(found, ensure_ascii=False, indent=2)
    if out is None:
        print(text)
        return 0
    try:
        with open(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        raise CliTrouble(f"{out} cannot be written: {error.strerror}.") from error
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in found.items() if isinstance(rows, list) and rows)
    print(f"{counts} about “{subject}” are in {out}.")
    return 0


async def _export(subject: str) -> dict[str, Any]:
    from knowledge import exporting

    calendar = Settings().calendar_path
    return await _read(lambda tx: exporting.about(tx, subject, calendar=calendar))


async def _read(look: Callable[[Tx], Awaitable[T]]) -> T:
    """What `look` reads from the database of this home, beside whoever runs."""
    from knowledge.database import Database

    home = Home(Settings().home)
    if not bare.is_there(home.database):
        raise CliTrouble(f"There is no Steward at {home.path} yet.")
    db = Database(home.database)
    try:
        async with db.read() as tx:
            return await look(tx)
    finally:
        await db.close()


def graph(name: str, out: Path | None, *, as_json: bool) -> int:
    """Exit code 1 when nothing is known about the name."""
    from bot.contacts import issuers_of
    from knowledge import graph as graphs
    from knowledge.graph_picture import svg

    now, issuers = int(time.time() * 1000), issuers_of(Settings())
    asked: dict[str, Any] = {"readers": ("principal",), "now": now, "issuers": issuers}
    found = asyncio.run(_read(lambda tx: graphs.around(tx, name, **asked)))
    if not found.edges and not found.documents and not found.threads:
        near = asyncio.run(_read(lambda tx: graphs.suggest(tx, name, **asked)))
        meant = f" Did you mean {' or '.join(f'“{one}”' for one in near)}?" if near else ""
        print(f"Steward holds nothing about “{name}”.{meant}", file=sys.stderr)
        return 1
    if as_json:
        seen = [
            {
                "subject": t.subject,
                "people": t.people,
                "first": t.first,
                "last": t.last,
                "mails": [m.name for m in t.mails],
            }
            for t in found.threads
        ]
        show.as_json({**asdict(found), "threads": seen})
        return 0
    path = out or Path(re.sub(r"[^\w.-]+", "-", name).strip("-.").lower() + ".svg")
    try:
        path.write_text(svg(found), "utf-8")
    except OSError as error:
        raise CliTrouble(f"{path} cannot be written: {error.strerror}.") from error
    for edge in found.edges:
        if edge.what != "named with":
            print(f"{edge.a} · {edge.what}: {edge.b}  ({edge.source})")
    counts = f"{len(found.nodes)} names and {len(found.edges)} relations from {len(found.documents)} documents"
    counts += (
        f" and {len(found.threads)} thread{'' if len(found.threads) == 1 else 's'} of mail" if found.threads else ""
    )
    print(f"{counts} are drawn in {path}.")
    return 0


def history(name: str, *, as_json: bool) -> int:
    """Exit code 1 when there is no such document."""
    from knowledge.documents import store

    found = asyncio.run(_read(lambda tx: store.versions(tx, name)))
    if as_json:
        show.as_json([{**asdict(v), "readers": list(v.readers)} for v in found])
        return 0 if found else 1
    if not found:
        print(f"Memory keeps no document called “{name}”.", file=sys.stderr)
        return 1
    last: dict[tuple[str, str], str] = {}
    for v in found:
        taken = f"{datetime.fromtimestamp(v.made_at / 1000).astimezone():%Y-%m-%d %H:%M}"
        print(
            f"{v.external_id} ({v.source}), version {v.number}, taken in {taken}{'' if v.current else ', superseded'}"
        )
        before = last.get((v.source, v.external_id))
        if before is not None:
            for line in difflib.unified_diff(before.splitlines(), v.text.splitlines(), lineterm="", n=0):
                if not line.startswith(("---", "+++", "@@")):
                    print(f"  {line[:160]}")
        last[v.source, v.external_id] = v.text
    return 0
